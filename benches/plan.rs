//! Measures planning: a million people must be a matter of seconds, and memory a matter of what differs.
//!
//! `cargo bench --bench plan`. Compare the ratios between sizes, which should be those of the sizes themselves.
#![expect(clippy::unwrap_used, reason = "a benchmark may stop at its first surprise")]

use std::collections::BTreeMap;
use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use insightctl::model::{
    ActualPerson, ActualState, ActualTenant, BySetting, Catalogue, DesiredGroup, DesiredState, Held, Kind,
    Known, Ledger, Licences, Mode, OnLeave, OnUserChoice, PersonId, ServicePlanId, Settings, Sku, SkuId,
    Source, Switch, TenantId, TenantSetting, Value,
};
use insightctl::plan::budget::Speed;
use insightctl::plan::{Context, plan};
use jiff::Timestamp;
use uuid::Uuid;

fn main() {
    divan::main();
}

fn person(number: u128) -> PersonId {
    PersonId(Uuid::from_u128(number))
}

/// Makes a tenant in which the defaults go off, a tenth of the people is pinned, and the rest moves with them.
fn tenant(people: u128) -> (DesiredState, ActualState) {
    let on = Some(Value::ON);
    let group = |name: &str, wants| DesiredGroup {
        name: name.into(),
        wants,
        on_user_choice: OnUserChoice::Respect,
        on_leave: OnLeave::Keep,
        named: None,
        re_opt_in: None,
        closed: None,
    };
    let pilot = BySetting { dashboard: on, outlook_add_in: on, ..BySetting::default() };
    let rest = BySetting { digest_email: Some(Value::OFF), ..BySetting::default() };
    let defaults = [TenantSetting::Dashboard, TenantSetting::DigestEmail, TenantSetting::OutlookAddIn];
    let desired = DesiredState {
        tenant: defaults.into_iter().map(|setting| (setting, Value::OFF)).collect(),
        groups: vec![group("pilot", pilot), group("rest", rest)],
        people: (0..people)
            .map(|number| (person(number), Held { group: u32::from(number % 10 != 0), certain: true }))
            .collect(),
        ..DesiredState::default()
    };
    let (sku, insights) = (SkuId(Uuid::from_u128(1)), ServicePlanId(Uuid::from_u128(2)));
    let e3 =
        Sku { name: "SPE_E3".into(), insights: vec![insights], mailbox: Vec::new(), plans: vec![insights] };
    let licences =
        Arc::new(Licences(vec![Source { sku, by_group: None, disabled: Vec::new(), active: true }]));
    let settings = Settings {
        mode: Mode::OptIn,
        dashboard: Switch::On,
        digest_email: Switch::On,
        outlook_add_in: Switch::On,
    };
    let describe = |number| ActualPerson {
        upn: format!("person{number}@contoso.com").into(),
        kind: Kind::Member,
        enabled: true,
        mailbox: true,
        licences: Arc::clone(&licences),
        settings: Known::Is(settings),
    };
    let actual = ActualState {
        tenant: ActualTenant {
            id: TenantId(Uuid::from_u128(3)),
            name: "Contoso".into(),
            settings: defaults.into_iter().map(|setting| (setting, Known::Is(Value::ON))).collect(),
            people: Known::Is(u64::try_from(people).unwrap()),
        },
        catalogue: Catalogue { skus: BTreeMap::from([(sku, e3)]), groups: BTreeMap::new() },
        people: (0..people).map(|number| (person(number), describe(number))).collect(),
        exists: BTreeMap::new(),
        licensing: BTreeMap::new(),
        read_at: Timestamp::UNIX_EPOCH,
    };
    (desired, actual)
}

#[divan::bench(args = [10_000, 100_000, 1_000_000], sample_count = 5)]
fn first_plan(bencher: Bencher<'_, '_>, people: u64) {
    let (desired, actual) = tenant(people.into());
    let ledger = Ledger::default();
    let context = Context {
        now: Timestamp::UNIX_EPOCH,
        as_of: Timestamp::UNIX_EPOCH,
        manifest: String::new(),
        store: None,
        keeps_ledger: true,
        newest_run: 0,
        re_pin: false,
        speed: Speed::default(),
    };
    bencher.counter(ItemsCount::new(people)).bench_local(|| plan(&desired, &actual, &ledger, &context));
}

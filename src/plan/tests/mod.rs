//! Stories of one person, through the whole plan.

mod consent;
mod flapping;

use jiff::SignedDuration;
use uuid::Uuid;

use super::*;
use crate::model::rollout::{Closed, ClosedBy};
use crate::model::{
    Accepted, ActualTenant, By, BySetting, Catalogue, Found, Kind, Licences, Mode, OnLeave, OnUserChoice,
    PersonRecord, ReOptIn, Refusal, RefusalKind, ServicePlanId, Settings, Sku, SkuId, Source, Switch,
    TenantEntry, TenantId, TenantSetting, Tried,
};

const ADA: PersonId = PersonId(Uuid::from_u128(0xada));
const E5: SkuId = SkuId(Uuid::from_u128(5));
const INSIGHTS: ServicePlanId = ServicePlanId(Uuid::from_u128(1));

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn minutes_ago(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

/// Ada, licensed; the group `pilot`; every default is on.
struct Story {
    wants: BySetting<Option<Value>>,
    on_user_choice: OnUserChoice,
    /// Whether the group holds her still.
    held: bool,
    have: Known<Settings>,
    remembered: BySetting<Option<Entry>>,
    re_opt_in: Option<ReOptIn>,
    /// Since when the ledger knows that decision.
    known_since: Option<Timestamp>,
    accepted: Vec<Accepted>,
    /// What else the ledger remembers of her.
    record: PersonRecord,
    /// When the default of the dashboard came back.
    default_returned: Vec<Timestamp>,
    /// What the manifest wants that default to be, and what is remembered of it.
    dashboard_default: Option<(Value, TenantEntry)>,
    keeps_ledger: bool,
    /// Whether nothing of the group may be changed now.
    closed: bool,
}

impl Story {
    fn new(mode: Mode, features: Switch) -> Self {
        let [dashboard, digest_email, outlook_add_in] = [features; 3];
        Self {
            wants: BySetting::default(),
            on_user_choice: OnUserChoice::Respect,
            held: true,
            have: Known::Is(Settings { mode, dashboard, digest_email, outlook_add_in }),
            remembered: BySetting::default(),
            re_opt_in: None,
            known_since: None,
            accepted: Vec::new(),
            record: PersonRecord { group: Some("pilot".into()), ..PersonRecord::default() },
            default_returned: Vec::new(),
            dashboard_default: None,
            keeps_ledger: true,
            closed: false,
        }
    }

    fn plan(self) -> Plan {
        let Self { wants, on_user_choice, held, have, remembered, accepted, keeps_ledger, .. } = self;
        let mark = self.re_opt_in.as_ref().map(|rule| rule.mark);
        let default = self.dashboard_default.map(|default| (TenantSetting::Dashboard, default));
        let desired = DesiredState {
            groups: vec![DesiredGroup {
                name: "pilot".into(),
                wants,
                on_user_choice,
                on_leave: OnLeave::Restore,
                named: Some(1),
                re_opt_in: self.re_opt_in,
                closed: self.closed.then(|| Closed { by: ClosedBy::Window("nights".into()), opens: None }),
            }],
            accepted,
            tenant: default.iter().map(|(setting, (want, _))| (*setting, *want)).collect(),
            people: held.then_some((ADA, Held { group: 0, certain: true })).into_iter().collect(),
            ..DesiredState::default()
        };
        let sku =
            Sku { name: "E5".into(), insights: vec![INSIGHTS], mailbox: Vec::new(), plans: vec![INSIGHTS] };
        let source = Source { sku: E5, by_group: None, disabled: Vec::new(), active: true };
        let ada = ActualPerson {
            upn: "ada@contoso.com".into(),
            kind: Kind::Member,
            enabled: true,
            mailbox: true,
            licences: Arc::new(Licences(vec![source])),
            settings: have,
        };
        let defaults = [TenantSetting::Dashboard, TenantSetting::DigestEmail, TenantSetting::OutlookAddIn];
        let actual = ActualState {
            tenant: ActualTenant {
                id: TenantId(Uuid::from_u128(1)),
                name: "Contoso".into(),
                settings: defaults.map(|setting| (setting, Known::Is(Value::ON))).into(),
                people: Known::Is(1),
            },
            catalogue: Catalogue { skus: BTreeMap::from([(E5, sku)]), groups: BTreeMap::new() },
            people: BTreeMap::from([(ADA, ada)]),
            exists: BTreeMap::new(),
            licensing: BTreeMap::new(),
            read_at: now(),
        };
        let record = PersonRecord { settings: remembered, ..self.record };
        let ledger = Ledger {
            people: BTreeMap::from([(ADA, record)]),
            tenant: default.iter().map(|(setting, (_, entry))| (*setting, *entry)).collect(),
            returned: BTreeMap::from([(TenantSetting::Dashboard, self.default_returned)]),
            re_opt_ins: mark.zip(self.known_since).into_iter().collect(),
            announced: BTreeMap::new(),
            drafts: std::collections::BTreeSet::new(),
            waves: BTreeMap::new(),
        };
        let context = Context {
            now: now(),
            as_of: now(),
            manifest: String::new(),
            store: Some("store".to_owned()),
            keeps_ledger,
            newest_run: 0,
            re_pin: false,
            speed: crate::plan::budget::Speed::default(),
        };
        plan(&desired, &actual, &ledger, &context)
    }
}

fn written(value: Value, was: Value, minutes: i64, confirmed: bool) -> Entry {
    let found = Some(Found { value: was, chosen: false });
    Entry { by: By::Us, confirmed, found, ..Entry::seen(value, Some(was), false, minutes_ago(minutes)) }
}

fn words(plan: &Plan) -> String {
    let word = |operation: &Operation| {
        let Target::Person(person) = &operation.target else { return "a default".to_owned() };
        format!("{:?} {} {}", operation.phase, person.setting, operation.to)
    };
    plan.operations.iter().map(word).collect::<Vec<_>>().join("; ")
}

/// Says whether the plan lets go of Ada, who left.
fn lets_go(plan: &Plan) -> bool {
    plan.observations.people.get(&ADA).is_some_and(|observed| observed.group.is_none())
}

#[test]
fn nothing_is_switched_on_while_an_opt_out_of_ours_is_on_its_way() {
    let story = |mode| {
        let mut story = Story::new(Mode::OptIn, Switch::Off);
        story.wants = BySetting { mode: Some(Value::OPT_OUT), dashboard: Some(Value::ON), ..story.wants };
        story.on_user_choice = OnUserChoice::Override;
        story.remembered.mode = Some(mode);
        story.plan()
    };
    assert_eq!(words(&story(written(Value::OPT_OUT, Value::OPT_IN, 1, false))), "");
    let tried = Some(Tried { value: Value::OPT_OUT, at: minutes_ago(1) });
    let unheard = Entry { tried, ..Entry::seen(Value::OPT_IN, Some(Value::OPT_IN), false, minutes_ago(9)) };
    assert_eq!(words(&story(unheard)), "");
}

#[test]
fn an_opt_in_states_what_the_person_chose_while_they_were_out() {
    let story = |on_user_choice| {
        let mut story = Story::new(Mode::OptOut, Switch::Off);
        story.wants = BySetting { mode: Some(Value::OPT_IN), dashboard: Some(Value::ON), ..story.wants };
        story.on_user_choice = on_user_choice;
        story.remembered.mode = Some(written(Value::OPT_OUT, Value::OPT_IN, 500, true));
        // It was on when we last looked, so somebody has switched it off since.
        story.remembered.dashboard = Some(Entry::seen(Value::ON, Some(Value::ON), false, minutes_ago(500)));
        words(&story.plan())
    };
    assert_eq!(story(OnUserChoice::Respect), "Grant mode opt-in; Grant dashboard off");
    assert_eq!(story(OnUserChoice::Override), "Grant mode opt-in; Grant dashboard on");
}

#[test]
fn who_leaves_and_is_opted_in_again_gets_no_feature_on_the_way() {
    let mut story = Story::new(Mode::OptOut, Switch::Off);
    story.held = false;
    story.remembered.mode = Some(written(Value::OPT_OUT, Value::OPT_IN, 500, true));
    story.remembered.dashboard = Some(written(Value::OFF, Value::ON, 500, true));
    let plan = story.plan();
    assert_eq!(
        words(&plan),
        "Grant mode opt-in; Grant dashboard on; Grant digest-email off; Grant outlook-add-in off"
    );
    assert!(!lets_go(&plan));
}

#[test]
fn who_leaves_is_not_let_go_while_a_write_of_ours_may_still_show() {
    let story = |minutes| {
        let mut story = Story::new(Mode::OptIn, Switch::On);
        story.held = false;
        story.remembered.mode = Some(written(Value::OPT_OUT, Value::OPT_IN, minutes, false));
        story.plan()
    };
    assert_eq!((words(&story(20)).as_str(), lets_go(&story(20))), ("", false));
    assert_eq!((words(&story(31)).as_str(), lets_go(&story(31))), ("", true), "it never took effect");
}

#[test]
fn who_leaves_is_not_let_go_while_the_service_fails() {
    let story = |kind| {
        let mut story = Story::new(Mode::OptOut, Switch::On);
        story.held = false;
        story.have = Known::Unknown(Arc::new(Refusal { kind, message: "no".to_owned(), request_id: None }));
        story.remembered.mode = Some(written(Value::OPT_OUT, Value::OPT_IN, 500, true));
        lets_go(&story.plan())
    };
    assert!(!story(RefusalKind::Failed));
    assert!(story(RefusalKind::Forbidden), "nobody can reach them any more");
}

#[test]
fn who_leaves_gets_back_what_a_write_that_nobody_heard_of_changed() {
    let mut story = Story::new(Mode::OptOut, Switch::On);
    story.held = false;
    let tried = Some(Tried { value: Value::OPT_OUT, at: minutes_ago(20) });
    let found = Some(Found { value: Value::OPT_IN, chosen: false });
    let seen = Entry::seen(Value::OPT_IN, Some(Value::OPT_IN), false, minutes_ago(500));
    story.remembered.mode = Some(Entry { found, tried, ..seen });
    assert!(words(&story.plan()).starts_with("Grant mode opt-in; "));
}

#[test]
fn what_could_not_be_read_is_told_in_a_closed_window_as_well() {
    let reasons = |have: Option<Known<Settings>>| {
        let mut story = Story::new(Mode::OptIn, Switch::On);
        story.wants.mode = Some(Value::OPT_OUT);
        story.closed = true;
        story.have = have.unwrap_or(story.have);
        let plan = story.plan();
        assert_eq!(plan.operations, []);
        plan.summary.left_alone.into_keys().collect::<Vec<_>>()
    };
    assert_eq!(reasons(None), [Reason::OutsideWindow]);
    let refusal = Refusal { kind: RefusalKind::Failed, message: "no".to_owned(), request_id: None };
    assert_eq!(reasons(Some(Known::Unknown(refusal.into()))), [Reason::Unknown]);
}

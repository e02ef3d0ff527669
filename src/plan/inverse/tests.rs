//! What goes back and what stays, case by case.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::*;
use crate::model::{
    ActualTenant, By, BySetting, Catalogue, DesiredGroup, Entry, Found, Held, Known, Licences, Mark, OnLeave,
    OnUserChoice, PersonRecord, Refusal, RefusalKind, ServicePlanId, Settings, Sku, SkuId, Source, Switch,
    TenantEntry, TenantId, TenantSetting,
};
use crate::plan::guard::review;
use crate::plan::{Because, LicenceChange, PersonDeeds, Phase, Reason, Wrote, is_consistent, plan};

const ADA: PersonId = PersonId(Uuid::from_u128(0xada));
const E5: SkuId = SkuId(Uuid::from_u128(5));
const INSIGHTS: ServicePlanId = ServicePlanId(Uuid::from_u128(1));
const TEAMS: ServicePlanId = ServicePlanId(Uuid::from_u128(2));
const MANIFEST: &str = "the manifest in force";

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

/// The run wrote two hours ago.
fn then() -> Timestamp {
    now() - SignedDuration::from_hours(2)
}

/// Ada, licensed and in the group `pilot`; run 1 wrote to her, and nobody has touched anything since.
struct Story {
    desired: DesiredState,
    actual: ActualState,
    ledger: Ledger,
    deeds: Deeds,
    manifest: &'static str,
}

impl Story {
    fn new() -> Self {
        let group = DesiredGroup {
            name: "pilot".into(),
            wants: BySetting::default(),
            on_user_choice: OnUserChoice::Respect,
            on_leave: OnLeave::Keep,
            named: Some(1),
            re_opt_in: None,
            closed: None,
        };
        let desired = DesiredState {
            groups: vec![group],
            people: BTreeMap::from([(ADA, Held { group: 0, certain: true })]),
            ..DesiredState::default()
        };
        let sku =
            Sku { name: "E5".into(), insights: vec![INSIGHTS], mailbox: Vec::new(), plans: vec![INSIGHTS] };
        let source = Source { sku: E5, by_group: None, disabled: Vec::new(), active: true };
        let on = Switch::On;
        let ada = ActualPerson {
            upn: "ada@contoso.com".into(),
            kind: Kind::Member,
            enabled: true,
            mailbox: true,
            licences: Arc::new(Licences(vec![source])),
            settings: Known::Is(Settings {
                mode: Mode::OptIn,
                dashboard: on,
                digest_email: on,
                outlook_add_in: on,
            }),
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
        let record = PersonRecord { group: Some("pilot".into()), ..PersonRecord::default() };
        let ledger = Ledger { people: BTreeMap::from([(ADA, record)]), ..Ledger::default() };
        let deeds = Deeds {
            run: 1,
            at: then(),
            tenant: BTreeMap::new(),
            people: BTreeMap::new(),
            licensing_groups: Vec::new(),
        };
        Self { desired, actual, ledger, deeds, manifest: MANIFEST }
    }

    /// The run wrote this, and it shows.
    fn wrote(mut self, setting: Setting, from: Value, to: Value) -> Self {
        let deeds = self.deeds.people.entry(ADA).or_default();
        let taken = Some(Wrote { value: to, at: then() });
        *deeds.settings.get_mut(setting) = Some(Deed { from: Some(from), taken, ..Deed::default() });
        let default = setting.feature().map(|_| Value::ON).or(Some(Value::OPT_IN));
        let found = Some(Found { value: from, chosen: default != Some(from) });
        let seen = Entry::seen(to, default, false, then());
        *self.entry(setting) = Some(Entry { by: By::Us, confirmed: true, found, ..seen });
        *self.desired.groups[0].wants.get_mut(setting) = Some(to);
        self.shows(setting, to)
    }

    fn wrote_default(mut self, from: Value, to: Value) -> Self {
        let setting = TenantSetting::Dashboard;
        let taken = Some(Wrote { value: to, at: then() });
        self.deeds.tenant.insert(setting, Deed { from: Some(from), taken, ..Deed::default() });
        let entry = TenantEntry {
            value: to,
            by: By::Us,
            at: then(),
            confirmed: true,
            previous: Some(from),
            changed_at: Some(then()),
            rolled_back: None,
        };
        self.ledger.tenant.insert(setting, entry);
        self.actual.tenant.settings.insert(setting, Known::Is(to));
        self.desired.tenant.insert(setting, to);
        self
    }

    fn entry(&mut self, setting: Setting) -> &mut Option<Entry> {
        self.ledger.people.entry(ADA).or_default().settings.get_mut(setting)
    }

    fn deed(&mut self, setting: Setting) -> &mut Deed {
        self.deeds.people.entry(ADA).or_default().settings.get_mut(setting).get_or_insert_default()
    }

    fn shows(mut self, setting: Setting, value: Value) -> Self {
        let ada = self.actual.people.get_mut(&ADA).unwrap();
        if let Known::Is(settings) = &mut ada.settings {
            match (setting, value) {
                (Setting::Mode, Value::Mode(mode)) => settings.mode = mode,
                (Setting::Dashboard, Value::Switch(to)) => settings.dashboard = to,
                (Setting::DigestEmail, Value::Switch(to)) => settings.digest_email = to,
                (Setting::OutlookAddIn, Value::Switch(to)) => settings.outlook_add_in = to,
                (_, _) => {}
            }
        }
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn context(&self) -> Context {
        Context {
            now: now(),
            as_of: now(),
            manifest: self.manifest.to_owned(),
            store: Some("store".to_owned()),
            keeps_ledger: true,
            newest_run: 1,
            re_pin: false,
            speed: crate::plan::budget::Speed::default(),
        }
    }

    fn inverse(&self) -> Plan {
        let plan = inverse(&self.deeds, &self.desired, &self.actual, &self.ledger, &self.context());
        assert!(is_consistent(&plan));
        for operation in &plan.operations {
            assert_eq!((operation.because, operation.mark), (Because::RolledBack, Some(Mark::of(MANIFEST))));
        }
        plan
    }

    /// Says what is written, and what stays.
    fn told(&self) -> String {
        let plan = self.inverse();
        let name = |target: &Target| match target {
            Target::Tenant(setting) => format!("tenant {setting}"),
            Target::Person(person) => person.setting.to_string(),
        };
        let written = plan
            .operations
            .iter()
            .map(|operation| format!("{:?} {} {}", operation.phase, name(&operation.target), operation.to));
        let left = left_out(&plan);
        let left = left.iter().map(|left| format!("{} stays: {:?}", name(&left.target), left.why));
        written.chain(left).collect::<Vec<_>>().join("; ")
    }
}

fn left_out(plan: &Plan) -> Vec<LeftOut> {
    match &plan.occasion {
        Some(Occasion::Rollback(undone)) => undone.left_out.clone(),
        Some(Occasion::Recording(_)) | None => Vec::new(),
    }
}

fn switched_off() -> Story {
    Story::new().wrote(Setting::Dashboard, Value::ON, Value::OFF)
}

fn opted_out() -> Story {
    Story::new().wrote(Setting::Mode, Value::OPT_IN, Value::OPT_OUT)
}

#[test]
fn what_nobody_has_changed_goes_back() {
    assert_eq!(switched_off().told(), "Grant dashboard on");
    assert_eq!(
        Story::new().wrote(Setting::Dashboard, Value::OFF, Value::ON).told(),
        "Withdraw dashboard off"
    );
}

#[test]
fn an_opt_in_that_comes_back_states_every_feature() {
    assert_eq!(
        opted_out().told(),
        "Grant mode opt-in; Grant dashboard on; Grant digest-email on; Grant outlook-add-in on"
    );
    let chosen = opted_out().shows(Setting::DigestEmail, Value::OFF).told();
    assert!(chosen.contains("Grant digest-email off"), "{chosen}");
}

#[test]
fn an_opt_in_of_the_run_is_withdrawn_with_its_features() {
    let story = Story::new().wrote(Setting::Mode, Value::OPT_OUT, Value::OPT_IN).wrote(
        Setting::Dashboard,
        Value::ON,
        Value::OFF,
    );
    assert_eq!(story.told(), "Withdraw mode opt-out; Grant dashboard on");
}

#[test]
fn what_somebody_changed_since_is_theirs() {
    assert_eq!(switched_off().shows(Setting::Dashboard, Value::ON).told(), "dashboard stays: IsBack");
    let changed_and_back = switched_off().with(|story| {
        *story.entry(Setting::Dashboard) = Some(Entry::seen(Value::OFF, Some(Value::ON), true, now()));
    });
    assert_eq!(changed_and_back.told(), "dashboard stays: Because(OwnChoice)");
    let out_by_themselves = opted_out().with(|story| {
        *story.entry(Setting::Mode) = Some(Entry::seen(Value::OPT_OUT, Some(Value::OPT_IN), true, now()));
    });
    assert_eq!(out_by_themselves.told(), "mode stays: Because(ConsentFloor)");
}

#[test]
fn nobody_is_opted_in_whose_opt_out_the_manifest_has_let_go_of() {
    let released = opted_out().with(|story| {
        let entry = story.entry(Setting::Mode).as_mut().unwrap();
        entry.released = true;
    });
    assert_eq!(released.told(), "mode stays: Because(ConsentFloor)");
}

#[test]
fn what_a_later_run_wrote_again_is_named() {
    let again = switched_off().with(|story| story.deed(Setting::Dashboard).again = Some(7));
    assert_eq!(again.told(), "dashboard stays: WrittenAgain(7)");
    assert_eq!(again.shows(Setting::Dashboard, Value::ON).told(), "dashboard stays: IsBack");
}

#[test]
fn a_pin_stays() {
    let pin = Story::new().wrote(Setting::Dashboard, Value::ON, Value::ON);
    assert_eq!(pin.told(), "dashboard stays: WasSo");
}

#[test]
fn what_has_not_shown_yet_settles_first() {
    let settling = |minutes| {
        switched_off().shows(Setting::Dashboard, Value::ON).with(|story| {
            let at = now() - SignedDuration::from_mins(minutes);
            story.deed(Setting::Dashboard).taken = Some(Wrote { value: Value::OFF, at });
            let entry = story.entry(Setting::Dashboard).as_mut().unwrap();
            (entry.at, entry.confirmed) = (at, false);
        })
    };
    assert_eq!(settling(5).told(), "dashboard stays: Because(Settling)");
    assert_eq!(settling(20).told(), "dashboard stays: IsBack", "it never took");
}

#[test]
fn a_write_of_which_nothing_was_heard_goes_back_once_it_is_known_to_be_ours() {
    let unheard = |at: Timestamp| {
        switched_off().with(|story| {
            let wrote = Wrote { value: Value::OFF, at };
            *story.deed(Setting::Dashboard) =
                Deed { from: Some(Value::ON), unheard: Some(wrote), ..Deed::default() };
            let tried = Some(crate::model::Tried { value: Value::OFF, at });
            *story.entry(Setting::Dashboard) =
                Some(Entry { tried, ..Entry::seen(Value::ON, Some(Value::ON), false, at) });
        })
    };
    assert_eq!(unheard(then()).told(), "Grant dashboard on");
    let lately = now() - SignedDuration::from_mins(5);
    assert_eq!(unheard(lately).told(), "dashboard stays: Because(Settling)");
}

#[test]
fn people_who_are_left_alone_by_any_plan_are_left_alone_by_this_one() {
    let ada = |change: fn(&mut ActualPerson)| {
        switched_off().with(|story| change(story.actual.people.get_mut(&ADA).unwrap())).told()
    };
    assert_eq!(ada(|ada| ada.enabled = false), "dashboard stays: Because(Disabled)");
    assert_eq!(ada(|ada| ada.licences = Arc::default()), "dashboard stays: Because(Unlicensed)");
    let refusal =
        |kind| Known::Unknown(Arc::new(Refusal { kind, message: "no".to_owned(), request_id: None }));
    let unread = switched_off().with(|story| {
        story.actual.people.get_mut(&ADA).unwrap().settings = refusal(RefusalKind::Failed);
    });
    assert_eq!(unread.told(), "dashboard stays: Because(Unknown)");
    let protected = switched_off().with(|story| {
        story.desired.protected.insert(ADA);
    });
    assert_eq!(protected.told(), "dashboard stays: Because(Protected)");
    let gone = switched_off().with(|story| story.actual.people.clear());
    assert_eq!(gone.told(), "dashboard stays: Because(NotFound)");
    let uncertain = switched_off().with(|story| {
        story.desired.people.get_mut(&ADA).unwrap().certain = false;
    });
    assert_eq!(uncertain.told(), "dashboard stays: Because(Unknown)");
}

#[test]
fn features_of_somebody_who_opted_out_since_stay() {
    let out = switched_off().shows(Setting::Mode, Value::OPT_OUT);
    assert_eq!(out.told(), "dashboard stays: Because(OptedOut)");
}

#[test]
fn a_default_goes_back_and_counts_who_moves_with_it() {
    let story = Story::new().wrote_default(Value::ON, Value::OFF).shows(Setting::Dashboard, Value::OFF);
    assert_eq!(story.told(), "DefaultsOn tenant dashboard on");
    let plan = story.inverse();
    assert_eq!(plan.moves_with_default.and_then(|moves| moves.people), Some(1));
    let objections = review(&plan, &BTreeMap::new(), &std::collections::BTreeSet::new());
    assert_eq!(objections.len(), 1, "it needs consent as ever");
}

#[test]
fn a_default_that_does_not_show_yet_is_written_back_at_once() {
    let story = Story::new().wrote_default(Value::ON, Value::OFF).with(|story| {
        story.actual.tenant.settings.insert(TenantSetting::Dashboard, Known::Is(Value::ON));
        story.ledger.tenant.get_mut(&TenantSetting::Dashboard).unwrap().confirmed = false;
    });
    assert_eq!(story.told(), "DefaultsOn tenant dashboard on");
}

#[test]
fn a_default_that_somebody_changed_stays() {
    let story = Story::new().wrote_default(Value::ON, Value::OFF).with(|story| {
        let entry = story.ledger.tenant.get_mut(&TenantSetting::Dashboard).unwrap();
        (entry.by, entry.at) = (By::Seen, now());
    });
    assert_eq!(story.told(), "tenant dashboard stays: DefaultChanged");
}

#[test]
fn a_rate_that_cannot_be_read_goes_back_to_what_the_ledger_knows() {
    let rate = |share| Value::Rate(crate::model::Rate::new(share).unwrap());
    let story = |previous| {
        Story::new().with(|story: &mut Story| {
            let setting = TenantSetting::SurveySamplingRate;
            let taken = Some(Wrote { value: rate(0.2), at: then() });
            story.deeds.tenant.insert(setting, Deed { taken, ..Deed::default() });
            let entry = TenantEntry {
                value: rate(0.2),
                by: By::Us,
                at: then(),
                confirmed: true,
                previous,
                changed_at: Some(then()),
                rolled_back: None,
            };
            story.ledger.tenant.insert(setting, entry);
        })
    };
    assert_eq!(story(Some(rate(0.5))).told(), "DefaultsOn tenant sampling-rate 0.5");
    assert_eq!(story(None).told(), "tenant sampling-rate stays: NothingKnown");
}

#[test]
fn licences_go_back_only_if_they_are_as_the_run_left_them() {
    let story = |disabled: &[ServicePlanId]| {
        Story::new().wrote(Setting::ServicePlan, Value::ASSIGNED, Value::REMOVED).with(|story| {
            let change = LicenceChange {
                sku: E5,
                name: "E5".into(),
                disabled_before: Vec::new(),
                disabled_after: vec![INSIGHTS],
            };
            story.deeds.people.entry(ADA).or_insert_with(PersonDeeds::default).licences = vec![change];
            let source = Source { sku: E5, by_group: None, disabled: disabled.to_vec(), active: true };
            story.actual.people.get_mut(&ADA).unwrap().licences = Arc::new(Licences(vec![source]));
        })
    };
    assert_eq!(story(&[INSIGHTS]).told(), "PlanAssign service-plan assigned");
    let plan = story(&[INSIGHTS]).inverse();
    assert_eq!(plan.operations[0].licences[0].disabled_after, []);
    assert_eq!(story(&[INSIGHTS, TEAMS]).told(), "service-plan stays: OtherLicences");
    let with_mode = story(&[INSIGHTS]).wrote(Setting::Mode, Value::OPT_IN, Value::OPT_OUT);
    assert_eq!(with_mode.told(), "PlanAssign service-plan assigned; mode stays: AfterThePlan");
}

#[test]
fn what_was_undone_stays_until_the_manifest_changes() {
    let undone = |manifest| {
        Story::new()
            .wrote(Setting::Dashboard, Value::ON, Value::OFF)
            .shows(Setting::Dashboard, Value::ON)
            .with(|story| {
                story.manifest = manifest;
                let entry = story.entry(Setting::Dashboard).as_mut().unwrap();
                (entry.value, entry.rolled_back) = (Value::ON, Some(Mark::of(MANIFEST)));
            })
    };
    let next = |story: &Story| plan(&story.desired, &story.actual, &story.ledger, &story.context());
    let same = next(&undone(MANIFEST));
    assert_eq!((same.operations.len(), same.left_alone[0].reason), (0, Reason::RolledBack));
    assert_eq!(same.left_alone[0].settings.len(), 1, "it tells what is otherwise");
    let changed = next(&undone("another manifest"));
    assert_eq!(
        (changed.operations[0].because, changed.operations[0].to),
        (Because::ManifestChanged, Value::OFF)
    );
    let choice = undone(MANIFEST).shows(Setting::Dashboard, Value::OFF);
    assert_eq!(next(&choice).left_alone[0].reason, Reason::InSync, "changed to what the manifest asks for");
}

#[test]
fn a_default_that_was_undone_moves_nobody_and_stays_until_the_manifest_changes() {
    let undone = |manifest| {
        Story::new().wrote_default(Value::ON, Value::OFF).with(|story| {
            story.manifest = manifest;
            story.desired.groups[0].wants.dashboard = Some(Value::OFF);
            let entry = story.ledger.tenant.get_mut(&TenantSetting::Dashboard).unwrap();
            (entry.value, entry.previous) = (Value::ON, Some(Value::OFF));
            entry.rolled_back = Some(Mark::of(MANIFEST));
            entry.changed_at = Some(now() - SignedDuration::from_hours(48));
            story.actual.tenant.settings.insert(TenantSetting::Dashboard, Known::Is(Value::ON));
        })
    };
    let next = |story: &Story| plan(&story.desired, &story.actual, &story.ledger, &story.context());
    let same = next(&undone(MANIFEST));
    assert_eq!((same.operations.len(), same.left_alone[0].reason), (0, Reason::RolledBack));
    let changed = next(&undone("another manifest"));
    assert_eq!(changed.operations[0].phase, Phase::DefaultsOff);
    assert_eq!(changed.left_alone[0].reason, Reason::MovesWithDefault);
}

#[test]
fn the_same_run_gives_the_same_plan() {
    let story = opted_out().wrote_default(Value::ON, Value::OFF);
    assert_eq!(story.inverse(), story.inverse());
}

//! Makes plans and reports for the tests of this room.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::licensing::tests::{group_row, inherited, licensing_group};
use crate::apply::{self, Outcome, Report, Row, Stopped, Why};
use crate::model::{
    Class, Limit, Overlap, PersonId, PlanHash, RefusalKind, Setting, TenantId, TenantSetting, Value, Waiver,
};
use crate::plan::guard::Objection;
use crate::plan::{
    self, Attribution, Basis, Because, Deviation, Inquiry, Leaving, LeftAlone, MovesWithDefault, Note,
    Observations, Operation, OutsideChange, PersonTarget, Phase, Plan, Quarantined, Reason, Refused, Silence,
    Summary, Target, Who,
};

/// Is text that attacks every form at once: terminal, direction of writing, Markdown, HTML, mention, formula.
pub(super) const HOSTILE: &str =
    "=cmd()\u{1b}[2J\u{202e}`|<img src=x>@everyone\n# [x](javascript:y)@contoso.com";

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

pub(super) fn id(number: u128) -> PersonId {
    PersonId(Uuid::from_u128(number))
}

pub(super) fn target(number: u128, upn: &str, group: &str, setting: Setting) -> Target {
    Target::Person(PersonTarget { upn: Arc::from(upn), id: id(number), group: Arc::from(group), setting })
}

pub(super) fn operation(
    phase: Phase,
    target: Target,
    from: Option<Value>,
    to: Value,
    class: Class,
    because: Because,
) -> Operation {
    Operation {
        phase,
        target,
        from,
        to,
        class,
        because,
        mark: None,
        licences: Vec::new(),
        after_opt_out: false,
        through: Vec::new(),
    }
}

fn default_off(setting: TenantSetting) -> Operation {
    operation(
        Phase::DefaultsOff,
        Target::Tenant(setting),
        Some(Value::ON),
        Value::OFF,
        Class::Defaults,
        Because::Differs,
    )
}

pub(super) fn left_alone(upn: &str, number: Option<u128>, group: &str, reason: Reason) -> LeftAlone {
    LeftAlone {
        upn: Arc::from(upn),
        id: number.map(id),
        group: Arc::from(group),
        reason,
        refusal: None,
        settings: Vec::new(),
    }
}

fn chose(upn: &str, number: u128, group: &str, reason: Reason, want: Value, have: Value) -> LeftAlone {
    let deviation =
        Deviation { setting: Setting::Mode, want, have, reason, ours_released: false, until: None, by: None };
    LeftAlone { settings: vec![deviation], ..left_alone(upn, Some(number), group, reason) }
}

/// Makes a plan without any operation.
pub(super) fn empty() -> Plan {
    Plan {
        format: plan::FORMAT,
        hash: PlanHash::default(),
        basis: Basis {
            version: "0.1.0".to_owned(),
            manifest: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
            tenant: TenantId(Uuid::from_u128(0x3f25_04e0_4f89_41d3_9a0c_0305_e82c_3301)),
            tenant_name: Arc::from("Contoso Ltd"),
            store: None,
            as_of: at("2026-11-21T09:14:05Z"),
            newest_run: 0,
            read_at: at("2026-11-21T09:14:05Z"),
        },
        occasion: None,
        operations: Vec::new(),
        licensing_groups: Vec::new(),
        left_alone: Vec::new(),
        outside_changes: Vec::new(),
        quarantined: Vec::new(),
        leaving: Vec::new(),
        overlaps: Vec::new(),
        moves_with_default: None,
        notes: Vec::new(),
        observations: Observations::default(),
        standings: Vec::new(),
        summary: Summary {
            in_scope: 1_208,
            left_alone: BTreeMap::from([(Reason::InSync, 1_208)]),
            ..Summary::default()
        },
    }
}

fn operations() -> Vec<Operation> {
    let mut operations = Vec::new();
    for (index, name) in COUNCIL.into_iter().enumerate() {
        let upn = format!("{name}@contoso.com");
        let target = target(100 + index as u128, &upn, "works-council", Setting::Mode);
        let because = if index == 1 { Because::Overridden } else { Because::FirstTouch };
        operations.push(operation(
            Phase::Withdraw,
            target,
            Some(Value::OPT_IN),
            Value::OPT_OUT,
            Class::OptOut,
            because,
        ));
    }
    for (index, name) in ["ada.lovelace", "alan.turing", "barbara.liskov"].into_iter().enumerate() {
        for setting in [Setting::Dashboard, Setting::OutlookAddIn] {
            let target = target(200 + index as u128, &format!("{name}@contoso.com"), "pilot", setting);
            operations.push(operation(
                Phase::Pin,
                target,
                Some(Value::ON),
                Value::ON,
                Class::Features,
                Because::Pinned,
            ));
        }
    }
    operations.push(default_off(TenantSetting::Dashboard));
    operations.push(default_off(TenantSetting::OutlookAddIn));
    let mut removal = operation(
        Phase::PlanRemove,
        target(300, "temp.worker@contoso.com", "contractors", Setting::ServicePlan),
        Some(Value::ASSIGNED),
        Value::REMOVED,
        Class::ServicePlanRemoved,
        Because::Differs,
    );
    removal.after_opt_out = true;
    operations.push(removal);
    operations.push(operation(
        Phase::DefaultsOn,
        Target::Tenant(TenantSetting::SurveySamplingRate),
        None,
        Value::Rate(crate::model::Rate::new(0.2).expect("a share")),
        Class::Defaults,
        Because::Differs,
    ));
    let grace = "grace.brewster.murray.hopper.of.the.navy@subsidiary.contoso.com";
    for (setting, from, to, class) in [
        (Setting::Mode, Value::OPT_OUT, Value::OPT_IN, Class::OptIn),
        (Setting::Dashboard, Value::OFF, Value::ON, Class::Features),
        (Setting::DigestEmail, Value::OFF, Value::OFF, Class::Features),
        (Setting::OutlookAddIn, Value::OFF, Value::ON, Class::Features),
    ] {
        let because = if setting == Setting::Mode { Because::ManifestChanged } else { Because::WithOptIn };
        let target = target(400, grace, "pilot", setting);
        operations.push(operation(Phase::Grant, target, Some(from), to, class, because));
    }
    operations
}

fn everyone_left_alone() -> Vec<LeftAlone> {
    let mut unreadable = left_alone("fay@contoso.com", Some(503), "pilot", Reason::Unknown);
    unreadable.refusal = Some(Box::new(Refused {
        kind: RefusalKind::Throttled,
        message: "Request is throttled. Please retry later.".to_owned(),
    }));
    let mut left = vec![
        chose("eve@contoso.com", 500, "pilot", Reason::ConsentFloor, Value::OPT_IN, Value::OPT_OUT),
        chose("mallory@contoso.com", 501, "pilot", Reason::OwnChoice, Value::OPT_IN, Value::OPT_OUT),
        left_alone("nobody@contoso.com", None, "pilot", Reason::NotFound),
        unreadable,
        left_alone("guest_example.org#EXT#@contoso.com", Some(504), "pilot", Reason::Guest),
    ];
    left.extend(
        (0..1_186)
            .map(|n| left_alone(&format!("u{n:04}@contoso.com"), Some(1_000 + n), "rest", Reason::InSync)),
    );
    left
}

/// Makes a plan in which nearly everything happens.
pub(super) fn full() -> Plan {
    Plan {
        operations: operations(),
        left_alone: everyone_left_alone(),
        outside_changes: vec![
            OutsideChange {
                target: Target::Tenant(TenantSetting::DigestEmail),
                was: Value::OFF,
                is: Value::ON,
                by: None,
            },
            OutsideChange {
                target: target(500, "eve@contoso.com", "pilot", Setting::Mode),
                was: Value::OPT_IN,
                is: Value::OPT_OUT,
                by: None,
            },
        ],
        leaving: vec![Leaving {
            group: Arc::from("works-council"),
            held: 18,
            left: 2,
            moved: BTreeMap::from([(Arc::from("pilot"), 1)]),
        }],
        overlaps: vec![Overlap {
            winner: Arc::from("works-council"),
            loser: Arc::from("pilot"),
            people: 3,
            same_outcome: false,
        }],
        moves_with_default: Some(MovesWithDefault {
            people: Some(4_312),
            of: Some(5_000),
            in_groups: 0,
            protected: 7,
        }),
        notes: vec![
            Note::Unreadable {
                group: Arc::from("pilot"),
                selector: "group: sales@contoso.com".to_owned(),
                message: "insufficient privileges to complete the operation".to_owned(),
            },
            Note::RemovedStillCounts { group: Arc::from("contractors") },
            Note::WelcomeMail,
        ],
        summary: Summary {
            in_scope: 1_208,
            people: 17,
            outside_scope: 0,
            tenant_settings: 3,
            by_class: BTreeMap::from([
                (Class::OptIn, 1),
                (Class::OptOut, 12),
                (Class::Features, 1),
                (Class::ServicePlanRemoved, 1),
            ]),
            pinned: 3,
            left_alone: BTreeMap::from([
                (Reason::Unknown, 1),
                (Reason::NotFound, 1),
                (Reason::Guest, 1),
                (Reason::ConsentFloor, 1),
                (Reason::OwnChoice, 1),
                (Reason::InSync, 1_186),
            ]),
            groups: BTreeMap::new(),
            calls: 24,
            reads: 41,
            seconds: 8,
        },
        ..empty()
    }
}

const COUNCIL: [&str; 12] = [
    "anna.berg",
    "bo.ek",
    "cara.dahl",
    "dan.falk",
    "elin.gren",
    "finn.holm",
    "gro.lind",
    "hal.moe",
    "ida.nord",
    "jon.ohlin",
    "kim.palm",
    "lea.quist",
];

/// Makes the objection to the flip of the defaults.
pub(super) fn objections() -> Vec<Objection> {
    vec![Objection {
        class: Class::Defaults,
        group: None,
        people: Some(4_312),
        of: 5_000,
        limit: Limit { percent: 0, people: 0 },
        floor: 0,
    }]
}

/// Makes a waiver that answers them.
pub(super) fn waiver() -> Waiver {
    Waiver {
        plan: PlanHash::new([0x5a; 32]),
        class: [Class::Defaults].into(),
        reason: "agreed".to_owned(),
        by: "ada@contoso.com".to_owned(),
        until: jiff::civil::date(2026, 11, 30),
    }
}

/// Makes a plan of which every name is hostile.
pub(super) fn hostile() -> Plan {
    let mut plan = full();
    plan.basis.tenant_name = Arc::from(HOSTILE);
    plan.basis.manifest = HOSTILE.to_owned();
    for operation in &mut plan.operations {
        spoil(&mut operation.target);
    }
    let spoilt = || {
        let at = at("2026-11-20T09:00:00Z");
        Some(Box::new(Attribution { who: Who::Administrator, name: Some(Arc::from(HOSTILE)), at }))
    };
    for change in &mut plan.outside_changes {
        spoil(&mut change.target);
        change.by = spoilt();
    }
    for person in &mut plan.left_alone {
        person.upn = Arc::from(HOSTILE);
        person.group = Arc::from(HOSTILE);
        if let Some(refusal) = &mut person.refusal {
            refusal.message = HOSTILE.to_owned();
        }
        for deviation in &mut person.settings {
            deviation.by = spoilt();
        }
    }
    plan.leaving = vec![Leaving {
        group: Arc::from(HOSTILE),
        held: 1,
        left: 0,
        moved: BTreeMap::from([(Arc::from(HOSTILE), 1)]),
    }];
    plan.overlaps[0].winner = Arc::from(HOSTILE);
    plan.overlaps[0].loser = Arc::from(HOSTILE);
    plan.notes = vec![
        Note::Unreadable {
            group: Arc::from(HOSTILE),
            selector: HOSTILE.to_owned(),
            message: HOSTILE.to_owned(),
        },
        Note::TenantUnreadable { setting: TenantSetting::Dashboard, message: HOSTILE.to_owned() },
        Note::GroupNowEmpty { group: Arc::from(HOSTILE) },
        Note::RemovedStillCounts { group: Arc::from(HOSTILE) },
        Note::AcceptedNotFound { address: Arc::from(HOSTILE) },
        Note::AcceptanceEnds {
            selector: HOSTILE.to_owned(),
            setting: Setting::Dashboard,
            value: Value::ON,
            until: at("2026-12-01T00:00:00Z"),
            ended: false,
        },
        Note::OptsInAgain {
            group: Arc::from(HOSTILE),
            reason: Arc::from(HOSTILE),
            until: at("2026-12-01T00:00:00Z"),
        },
        Note::OptsNobodyInAgain { group: Arc::from(HOSTILE) },
        Note::WhoChanged { inquiry: Inquiry::Silent(Silence::Refused { message: HOSTILE.to_owned() }) },
    ];
    plan.notes.extend(inherited(HOSTILE));
    plan.licensing_groups = vec![licensing_group(HOSTILE)];
    let mut target = target(1, HOSTILE, HOSTILE, Setting::Dashboard);
    spoil(&mut target);
    let returned = vec![at("2026-11-01T09:00:00Z")];
    plan.quarantined =
        vec![Quarantined { target: target.clone(), want: Value::ON, have: Value::OFF, returned }];
    let again = (Class::ReOptIn, Because::ReOptIn);
    let (from, to) = (Some(Value::OPT_OUT), Value::OPT_IN);
    plan.operations.push(operation(Phase::Grant, target, from, to, again.0, again.1));
    plan
}

fn spoil(target: &mut Target) {
    match target {
        Target::Tenant(_) => {}
        Target::Person(person) => {
            person.upn = Arc::from(HOSTILE);
            person.group = Arc::from(HOSTILE);
        }
    }
}

/// Makes a plan with so many operations, one for each person.
pub(super) fn huge(operations: u128) -> Plan {
    let many = (0..operations).map(|n| {
        let target =
            target(n, &format!("person{n:06}@contoso.com"), &format!("group-{}", n % 40), Setting::Mode);
        operation(
            Phase::Withdraw,
            target,
            Some(Value::OPT_IN),
            Value::OPT_OUT,
            Class::OptOut,
            Because::FirstTouch,
        )
    });
    Plan { operations: many.collect(), ..empty() }
}

/// Makes the report of a run of [`full`] in which one person was refused and one had moved.
pub(super) fn report() -> Report {
    let plan = full();
    let rows = plan.operations.into_iter().enumerate().map(|(index, operation)| {
        let (outcome, attempts, why) = match index {
            2 => (
                Outcome::Failed,
                3,
                Some(Why::Refused(refused(
                    "The operation couldn't be performed because object 'cara.dahl' couldn't be found",
                ))),
            ),
            3 => (Outcome::Moved, 0, Some(Why::Found { setting: Setting::Mode, value: Value::OPT_OUT })),
            5 => (Outcome::Settling, 1, None),
            20 => (Outcome::Waiting, 0, Some(Why::OptOutNotSeen)),
            _ => (Outcome::Done, 1, None),
        };
        Row {
            operation,
            outcome,
            attempts,
            request_id: (outcome == Outcome::Failed)
                .then(|| "b7c1f5de-0000-4000-8000-0123456789ab".to_owned()),
            why,
            at: at("2026-11-21T09:20:09Z"),
        }
    });
    Report {
        format: apply::FORMAT,
        run: "20261121T092000Z-7f3a".to_owned(),
        plan: None,
        waivers: Vec::new(),
        started: at("2026-11-21T09:20:00Z"),
        ended: at("2026-11-21T09:20:11Z"),
        planned: plan.summary,
        rows: rows.collect(),
        licensing_groups: Vec::new(),
        stopped: None,
        calls: 26,
    }
}

fn refused(message: &str) -> Refused {
    Refused { kind: RefusalKind::Missing, message: message.to_owned() }
}

/// Makes a report of which every text is hostile.
pub(super) fn hostile_report() -> Report {
    let mut report = report();
    report.run = HOSTILE.to_owned();
    report.stopped = Some(Stopped::Tenant(refused(HOSTILE)));
    report.waivers = vec![Waiver { reason: HOSTILE.to_owned(), by: HOSTILE.to_owned(), ..waiver() }];
    for row in &mut report.rows {
        spoil(&mut row.operation.target);
        row.why = Some(Why::Refused(refused(HOSTILE)));
        row.request_id = Some(HOSTILE.to_owned());
    }
    report.licensing_groups = vec![group_row(HOSTILE)];
    let upn: Arc<str> = Arc::from(HOSTILE);
    report.rows[4].why =
        Some(Why::GroupJoined { group: Arc::clone(&upn), people: 2, id: id(1), upn: Arc::clone(&upn) });
    report.rows[3].why = Some(Why::PinNotStanding { id: id(1), upn, outcome: Outcome::Moved });
    report
}

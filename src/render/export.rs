//! Writes everyone in scope with their settings, in the columns of `Get-MyAnalyticsFeatureConfig`.

use std::io::{self, Write};

use serde::Serialize;

use super::json;
use super::table::Table;
use crate::model::{ActualState, DesiredState, Mode, ServicePlan};

/// Names the columns.
const HEADER: [&str; 7] = [
    "UserId",
    "PrivacyMode",
    "IsDashboardEnabled",
    "IsAddInEnabled",
    "IsDigestEmailEnabled",
    "ServicePlan",
    "Group",
];

/// Is one person; `None` is unknown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Record<'a> {
    user_id: &'a str,
    privacy_mode: Option<&'static str>,
    is_dashboard_enabled: Option<bool>,
    is_add_in_enabled: Option<bool>,
    is_digest_email_enabled: Option<bool>,
    service_plan: Option<&'static str>,
    group: &'a str,
}

/// Writes everyone in scope as CSV, sorted by `UserId`.
///
/// Values are spelt as the cmdlet prints them: `opt-in`, `True`, `False`. `ServicePlan` is `assigned`, `partial`,
/// `removed`, or `none` when no licence carries it. What is unknown is an empty cell; that includes everything about
/// an address that the directory does not know. Cells that a spreadsheet would read as a formula begin with an
/// apostrophe.
pub fn csv(out: &mut dyn Write, desired: &DesiredState, actual: &ActualState) -> io::Result<()> {
    let mut table = Table::new(out, &HEADER)?;
    for_each(desired, actual, |record| {
        table.row([
            record.user_id,
            record.privacy_mode.unwrap_or_default(),
            switch(record.is_dashboard_enabled),
            switch(record.is_add_in_enabled),
            switch(record.is_digest_email_enabled),
            record.service_plan.unwrap_or_default(),
            record.group,
        ])
    })?;
    table.end()
}

/// Writes everyone in scope as a JSON array with one person on each line, sorted by `UserId`.
///
/// Modes are spelt as the cmdlet prints them, switches are booleans, and what is unknown is `null`.
pub fn json(out: &mut dyn Write, desired: &DesiredState, actual: &ActualState) -> io::Result<()> {
    let mut first = true;
    write!(out, "[")?;
    for_each(desired, actual, |record| {
        write!(out, "{}  ", if first { "\n" } else { ",\n" })?;
        first = false;
        json::compact(out, record)
    })?;
    writeln!(out, "{}]", if first { "" } else { "\n" })
}

fn switch(on: Option<bool>) -> &'static str {
    match on {
        Some(true) => "True",
        Some(false) => "False",
        None => "",
    }
}

/// Hands out everyone in scope, sorted by address; only the order is held in memory.
fn for_each(
    desired: &DesiredState,
    actual: &ActualState,
    mut each: impl FnMut(&Record<'_>) -> io::Result<()>,
) -> io::Result<()> {
    // A person who is in scope and was not answered about is shown by object id.
    let ids: Vec<_> = desired
        .people
        .iter()
        .filter(|(id, _)| !actual.people.contains_key(id))
        .map(|(id, held)| (id.to_string(), held.group))
        .collect();
    let known = desired.people.iter().filter_map(|(id, held)| {
        actual.people.get(id).map(|person| (&*person.upn, held.group, Some(person)))
    });
    let unanswered = ids.iter().map(|(id, group)| (id.as_str(), *group, None));
    let not_found = desired.not_found.iter().map(|missing| (&*missing.address, missing.group, None));
    let mut order: Vec<_> = known.chain(unanswered).chain(not_found).collect();
    order.sort_by_key(|(user_id, group, _)| (*user_id, *group));
    for (user_id, group, person) in order {
        let group = desired.groups.get(group as usize).map_or("", |group| &*group.name);
        let settings = person.and_then(|person| person.settings.known());
        each(&Record {
            user_id,
            privacy_mode: settings.map(|settings| mode(settings.mode)),
            is_dashboard_enabled: settings.map(|settings| settings.dashboard.into()),
            is_add_in_enabled: settings.map(|settings| settings.outlook_add_in.into()),
            is_digest_email_enabled: settings.map(|settings| settings.digest_email.into()),
            service_plan: person.map(|person| service_plan(person.licences.service_plan(&actual.catalogue))),
            group,
        })?;
    }
    Ok(())
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::OptIn => "opt-in",
        Mode::OptOut => "opt-out",
    }
}

fn service_plan(plan: Option<ServicePlan>) -> &'static str {
    match plan {
        None => "none",
        Some(ServicePlan::Assigned) => "assigned",
        Some(ServicePlan::Partial) => "partial",
        Some(ServicePlan::Removed) => "removed",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Arc;

    use super::*;
    use crate::model::desired::NotFound;
    use crate::model::{
        ActualPerson, ActualTenant, BySetting, Catalogue, DesiredGroup, Held, Kind, Known, Licences, OnLeave,
        OnUserChoice, PersonId, Refusal, RefusalKind, Settings, Sku, SkuId, Source, Switch, TenantId,
    };
    use crate::render::sample::{HOSTILE, at, id};

    fn group(name: &str) -> DesiredGroup {
        DesiredGroup {
            name: Arc::from(name),
            wants: BySetting::default(),
            on_user_choice: OnUserChoice::Respect,
            on_leave: OnLeave::Keep,
            named: None,
            re_opt_in: None,
            closed: None,
        }
    }

    fn desired(people: &[PersonId]) -> DesiredState {
        DesiredState {
            groups: vec![group("pilot"), group("rest")],
            people: people.iter().map(|id| (*id, Held { group: 0, certain: true })).collect(),
            not_found: BTreeSet::from([NotFound { address: Arc::from("nobody@contoso.com"), group: 1 }]),
            ..DesiredState::default()
        }
    }

    fn actual() -> ActualState {
        let sku = SkuId(uuid::Uuid::from_u128(7));
        let insights = vec![crate::model::licence::PERSONAL_INSIGHTS[0]];
        let carried = Licences(vec![Source { sku, by_group: None, disabled: Vec::new(), active: true }]);
        let person = |upn: &str, licences: Licences, settings| ActualPerson {
            upn: Arc::from(upn),
            kind: Kind::Member,
            enabled: true,
            mailbox: true,
            licences: Arc::new(licences),
            settings,
        };
        let settings = Settings {
            mode: Mode::OptIn,
            dashboard: Switch::On,
            digest_email: Switch::Off,
            outlook_add_in: Switch::On,
        };
        let refusal =
            Refusal { kind: RefusalKind::Throttled, message: "throttled".to_owned(), request_id: None };
        ActualState {
            tenant: ActualTenant {
                id: TenantId(uuid::Uuid::from_u128(1)),
                name: Arc::from("Contoso"),
                settings: BTreeMap::new(),
                people: Known::Is(3),
            },
            catalogue: Catalogue {
                skus: BTreeMap::from([(
                    sku,
                    Sku { name: Arc::from("SPE_E5"), plans: insights.clone(), insights, mailbox: Vec::new() },
                )]),
                groups: BTreeMap::new(),
            },
            people: BTreeMap::from([
                (id(1), person("zoe@contoso.com", carried, Known::Is(settings))),
                (id(2), person("ada@contoso.com", Licences::default(), Known::Unknown(Arc::new(refusal)))),
                (id(3), person(HOSTILE, Licences::default(), Known::Is(settings))),
            ]),
            exists: BTreeMap::new(),
            licensing: BTreeMap::new(),
            read_at: at("2026-11-21T09:14:05Z"),
        }
    }

    fn written(
        write: fn(&mut dyn Write, &DesiredState, &ActualState) -> io::Result<()>,
        desired: &DesiredState,
    ) -> String {
        let mut out = Vec::new();
        write(&mut out, desired, &actual()).expect("memory");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn everyone_in_scope_has_a_row_and_the_unknown_is_empty() {
        let people = desired(&[id(1), id(2), id(9)]);
        insta::assert_snapshot!(written(csv, &people), @r"
        UserId,PrivacyMode,IsDashboardEnabled,IsAddInEnabled,IsDigestEmailEnabled,ServicePlan,Group
        00000000-0000-0000-0000-000000000009,,,,,,pilot
        ada@contoso.com,,,,,none,pilot
        nobody@contoso.com,,,,,,rest
        zoe@contoso.com,opt-in,True,True,False,assigned,pilot
        ");
    }

    #[test]
    fn in_json_the_unknown_is_null() {
        let people = desired(&[id(1), id(2)]);
        insta::assert_snapshot!(written(json, &people), @r#"
        [
          {"UserId":"ada@contoso.com","PrivacyMode":null,"IsDashboardEnabled":null,"IsAddInEnabled":null,"IsDigestEmailEnabled":null,"ServicePlan":"none","Group":"pilot"},
          {"UserId":"nobody@contoso.com","PrivacyMode":null,"IsDashboardEnabled":null,"IsAddInEnabled":null,"IsDigestEmailEnabled":null,"ServicePlan":null,"Group":"rest"},
          {"UserId":"zoe@contoso.com","PrivacyMode":"opt-in","IsDashboardEnabled":true,"IsAddInEnabled":true,"IsDigestEmailEnabled":false,"ServicePlan":"assigned","Group":"pilot"}
        ]
        "#);
    }

    #[test]
    fn nobody_in_scope_is_an_empty_array() {
        assert_eq!(written(json, &DesiredState::default()), "[]\n");
    }

    #[test]
    fn a_hostile_address_is_inert() {
        let people = desired(&[id(3)]);
        for text in [written(csv, &people), written(json, &people)] {
            assert!(!text.contains(|c: char| c != '\n' && crate::render::inert::acts(c)), "{text:?}");
        }
        assert!(written(csv, &people).contains("'=cmd()"));
    }
}

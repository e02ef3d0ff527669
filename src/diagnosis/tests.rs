//! What is judged how: one thing is spoilt at a time.

use super::sample::{amiss, bearer, spoilt, well};
use super::{Bearer, Blame, Check, Diagnosis, Finding, Seen, State, StoreSeen, Unverified, judge};
use crate::model::{AdminRole, Permission, Purpose};

const GRAPH: [&str; 4] = [
    "GroupMember.Read.All",
    "User.Read.All",
    "LicenseAssignment.Read.All",
    "LicenseAssignment.ReadWrite.All",
];

/// Lists what is not well, and how the whole ends.
fn told(seen: Seen) -> (Vec<(Check, State)>, Option<Blame>) {
    let diagnosis = judge(seen);
    let lines = diagnosis.lines.iter().map(|line| (line.check, line.finding.state()));
    (lines.filter(|(_, state)| *state != State::Ok).collect(), diagnosis.blame())
}

fn finding(diagnosis: &Diagnosis, check: Check) -> &Finding {
    &diagnosis.lines.iter().find(|line| line.check == check).expect("every check has a line").finding
}

fn directory(seen: &mut super::TenantSeen, roles: &[&str]) {
    seen.directory = Some(Ok(bearer(roles, &[AdminRole::Exchange])));
}

#[test]
fn every_check_has_one_line_in_order_and_an_id_of_its_own() {
    for seen in [well(), spoilt(|tenant| tenant.directory = None)] {
        let lines: Vec<Check> = judge(seen).lines.iter().map(|line| line.check).collect();
        assert_eq!(lines, Check::ALL);
    }
    let mut ids: Vec<&str> = Check::ALL.iter().map(|check| check.id()).collect();
    ids.extend(
        Unverified::ALL.iter().map(|what| what.id()).filter(|id| !ids.contains(id)).collect::<Vec<_>>(),
    );
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
    assert!(Check::ALL.is_sorted_by(|one, other| one < other));
}

#[test]
fn where_all_is_well_nothing_is_said() {
    let (not_well, blame) = told(well());
    assert_eq!(
        (not_well, blame),
        (vec![(Check::PowerShell, State::Skipped)], None),
        "it carries nothing here"
    );
}

#[test]
fn a_manifest_that_is_wrong_leaves_nothing_to_look_at() {
    let mut seen = well();
    let no = super::NoManifest { file: "x.yaml".to_owned(), errors: 2, first: "no".to_owned() };
    (seen.manifest, seen.tenant, seen.store) = (Err(no), None, None);
    let diagnosis = judge(seen);
    assert_eq!(diagnosis.blame(), Some(Blame::Wrong));
    for line in &diagnosis.lines[1..] {
        assert_eq!(line.finding, Finding::Skipped(Check::Manifest), "{:?}", line.check);
    }
}

#[test]
fn a_missing_permission_is_named_and_the_exit_code_is_that_of_access() {
    let weak = spoilt(|tenant| directory(tenant, &GRAPH[..3]));
    let diagnosis = judge(weak.clone());
    assert_eq!(finding(&diagnosis, Check::Permissions), &Finding::Missing(vec![Permission::LicenceWrites]));
    assert_eq!(diagnosis.blame(), Some(Blame::Access));
    let mut plan = weak;
    plan.purpose = Purpose::Plan;
    assert_eq!(judge(plan).blame(), None, "looking does not need it");
    let none = judge(spoilt(|tenant| {
        directory(tenant, &[]);
        tenant.exchange = Some(Ok(bearer(&[], &[])));
    }));
    let Finding::Missing(missing) = finding(&none, Check::Permissions) else { panic!("{none:?}") };
    assert_eq!(missing.len(), 5, "all at once: {missing:?}");
    assert_eq!(finding(&none, Check::Role), &Finding::NoRole);
}

#[test]
fn what_no_token_tells_of_is_not_called_granted() {
    let half = judge(spoilt(|tenant| tenant.exchange = None));
    let Finding::Granted { granted, untold } = finding(&half, Check::Permissions) else { panic!("{half:?}") };
    assert!(!granted.contains(&Permission::Exchange));
    assert_eq!(untold, &[Permission::Exchange]);
    assert_eq!(finding(&half, Check::Permissions).state(), State::Warning);
}

#[test]
fn a_wider_permission_does_and_is_told_to_be_more_than_needed() {
    let wide = judge(spoilt(|tenant| {
        directory(tenant, &["Directory.ReadWrite.All", "AuditLogsQuery.Read.All", "Member.Read.Hidden"]);
        let roles = [AdminRole::Global, AdminRole::Insights];
        tenant.exchange = Some(Ok(bearer(&["Exchange.ManageAsApp"], &roles)));
    }));
    assert!(
        matches!(finding(&wide, Check::Permissions), Finding::Granted { granted, untold } if granted.len() == 5 && untold.is_empty()),
        "{wide:?}"
    );
    assert_eq!(
        finding(&wide, Check::Surplus),
        &Finding::Surplus {
            permissions: vec!["Directory.ReadWrite.All".to_owned()],
            roles: vec![AdminRole::Global]
        }
    );
    assert_eq!(wide.blame(), None);
    let mut plan = well();
    plan.purpose = Purpose::Plan;
    assert_eq!(
        finding(&judge(plan), Check::Surplus),
        &Finding::Surplus { permissions: vec!["LicenseAssignment.ReadWrite.All".to_owned()], roles: vec![] },
        "whoever only looks could do without"
    );
}

#[test]
fn a_manifest_with_licences_alone_wants_no_exchange_and_says_that_a_role_is_too_much() {
    let mut seen = well();
    if let Ok(manifest) = &mut seen.manifest {
        manifest.needs.0.retain(|need| need.permission != Permission::Exchange);
    }
    let diagnosis = judge(seen);
    for check in [Check::Role, Check::Settings] {
        assert_eq!(finding(&diagnosis, check), &Finding::NotNeeded);
    }
    let beyond = Finding::Surplus {
        permissions: vec!["Exchange.ManageAsApp".to_owned()],
        roles: vec![AdminRole::Exchange],
    };
    assert_eq!(finding(&diagnosis, Check::Surplus), &beyond);
}

#[test]
fn a_token_that_cannot_be_read_is_left_to_what_is_tried() {
    let opaque = spoilt(|tenant| {
        (tenant.directory, tenant.exchange) = (Some(Ok(Bearer::default())), Some(Ok(Bearer::default())));
    });
    let diagnosis = judge(opaque.clone());
    assert_eq!(finding(&diagnosis, Check::Permissions), &Finding::GrantsUntold { personal: false });
    assert_eq!(finding(&diagnosis, Check::Role), &Finding::RolesUntold);
    assert_eq!((diagnosis.blame(), diagnosis.granted), (None, None));
    let mut nameless = opaque;
    let tenant = nameless.tenant.as_mut().unwrap();
    tenant.organization = Some(Err(amiss("not allowed", Blame::Access)));
    assert_eq!(finding(&judge(nameless), Check::Tenant), &Finding::TenantUntold);
}

#[test]
fn the_tenants_name_need_not_be_read_where_the_token_says_which_it_is() {
    let refused = Some(Err(amiss("not allowed", Blame::Access)));
    let diagnosis = judge(spoilt(|tenant| tenant.organization = refused));
    assert_eq!(finding(&diagnosis, Check::Tenant), &Finding::Tenant(super::sample::TENANT, None));
    assert_eq!(diagnosis.blame(), None);
}

#[test]
fn what_hangs_on_a_sign_in_that_failed_is_skipped_and_the_rest_is_looked_at() {
    let (not_well, blame) = told(spoilt(|tenant| {
        tenant.directory = Some(Err(amiss("no", Blame::Access)));
        (tenant.organization, tenant.people, tenant.groups, tenant.products) = (None, None, None, None);
    }));
    assert_eq!(blame, Some(Blame::Access));
    let failed: Vec<_> = not_well.iter().filter(|(_, state)| *state != State::Skipped).collect();
    assert_eq!(failed, [&(Check::DirectorySignIn, State::Failure(Blame::Access))]);
    let skipped =
        [Check::Tenant, Check::Permissions, Check::Surplus, Check::People, Check::Groups, Check::Products];
    for check in skipped {
        assert!(not_well.contains(&(check, State::Skipped)), "{check:?}");
    }
    assert!(!not_well.iter().any(|(check, _)| *check == Check::Settings), "Exchange is another service");
}

#[test]
fn a_clock_that_is_off_is_told_at_a_minute_and_fails_at_five() {
    let state = |ahead| judge(spoilt(|tenant| tenant.ahead = ahead)).lines[5].finding.state();
    assert_eq!(state(Some(60)), State::Ok);
    assert_eq!([state(Some(61)), state(Some(-300))], [State::Warning, State::Warning]);
    assert_eq!(state(Some(-301)), State::Failure(Blame::Unreadable));
    assert_eq!(state(Some(i64::MIN)), State::Failure(Blame::Unreadable));
    assert_eq!(state(None), State::Skipped);
}

#[test]
fn hidden_members_matter_to_whoever_may_not_see_them() {
    let hidden = |roles: &[&str]| {
        let seen = spoilt(|tenant| {
            directory(tenant, roles);
            tenant.groups =
                Some(Ok(super::GroupsSeen { hidden: vec!["council".to_owned()], ..Default::default() }));
        });
        finding(&judge(seen), Check::Groups).state()
    };
    assert_eq!(hidden(&GRAPH), State::Warning);
    assert_eq!(hidden(&[&GRAPH[..], &["Member.Read.Hidden"]].concat()), State::Ok);
}

#[test]
fn a_store_that_is_locked_missing_or_thrown_away_is_no_failure_and_one_that_is_closed_is() {
    let with = |store| {
        let mut seen = well();
        seen.store = Some(store);
        told(seen)
    };
    let place = || "x".to_owned();
    let absent = |by_itself| Ok(StoreSeen::Absent { place: place(), by_itself, throw_away: true });
    let (not_well, blame) = with(absent(false));
    assert!(
        not_well.contains(&(Check::Store, State::Warning))
            && not_well.contains(&(Check::Lasting, State::Warning))
    );
    assert!(not_well.contains(&(Check::Lock, State::Skipped)) && blame.is_none());
    assert!(!with(absent(true)).0.iter().any(|(check, _)| *check == Check::Store));
    let held = Some(("grace".to_owned(), jiff::Timestamp::UNIX_EPOCH));
    let there = StoreSeen::There {
        place: place(),
        newest_run: 0,
        throw_away: false,
        held,
        writes: Some(Err(amiss("read only", Blame::Access))),
    };
    let (not_well, blame) = with(Ok(there));
    assert!(not_well.contains(&(Check::Lock, State::Warning)));
    assert!(not_well.contains(&(Check::StoreWrites, State::Failure(Blame::Access))));
    assert_eq!(blame, Some(Blame::Access));
    let (not_well, blame) = with(Err(amiss("no bucket", Blame::Unreadable)));
    assert_eq!((not_well.len(), blame), (5, Some(Blame::Unreadable)), "{not_well:?}");
    assert_eq!(with(Ok(StoreSeen::Nothing)).1, None);
}

#[test]
fn of_several_failures_the_exit_code_tells_the_one_that_says_most() {
    let (_, blame) = told(spoilt(|tenant| {
        tenant.people = Some(Err(amiss("no answer", Blame::Unreadable)));
        tenant.exchange = Some(Err(amiss("expired", Blame::Access)));
    }));
    assert_eq!(blame, Some(Blame::Access));
    assert!(Blame::Access > Blame::Wrong && Blame::Wrong > Blame::Unreadable);
}

//! What a manifest needs of an application, and which lines ask for it.

use crate::manifest::parse;
use crate::model::{Because, Needs, Permission, Purpose};

const HEAD: &str = "version: 1\ntenant: { id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301 }\n";

fn needs(rest: &str) -> Needs {
    parse(&format!("{HEAD}{rest}"), &[]).expect("a manifest").needs().clone()
}

/// Writes needs on one line each: the permission, what for, and the lines that ask for it.
fn told(rest: &str) -> String {
    let needs = needs(rest);
    let lines = needs.0.iter().map(|need| {
        let because = match &need.because {
            Because::Always => "always".to_owned(),
            Because::Lines(lines) => format!("{lines:?}"),
        };
        format!("{} {:?} {because}", need.permission, need.purpose)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_manifest_of_everything_needs_everything() {
    insta::assert_snapshot!(
        told(
            "defaults:
  dashboard: off
  meeting-survey: { enabled: off, sampling-rate: 0.2 }
groups:
  - name: council
    mode: opt-out
    service-plan: removed
    members: [ { group: council@contoso.com } ]
    except:
      - group: board@contoso.com
  - name: pilot
    features:
      dashboard: on
    members: [ { user: ada@contoso.com } ]
guards:
  protected: [ { group: executives@contoso.com } ]
accept:
  - { group: readers@contoso.com, setting: mode, value: opt-in, reason: agreed, until: 2026-04-01 }
"
        ),
        @"
    GroupMember.Read.All Plan {10, 12, 18, 20}
    User.Read.All Plan always
    LicenseAssignment.Read.All Plan always
    LicenseAssignment.ReadWrite.All Apply {9}
    Exchange.ManageAsApp Plan {4, 5, 8, 15}
    "
    );
}

#[test]
fn a_manifest_with_licences_alone_needs_nothing_of_exchange() {
    insta::assert_snapshot!(
        told("groups:\n  - name: all\n    service-plan: removed\n    members: [ { everyone: true } ]\n"),
        @"
    User.Read.All Plan always
    LicenseAssignment.Read.All Plan always
    LicenseAssignment.ReadWrite.All Apply {5}
    "
    );
}

#[test]
fn a_manifest_with_defaults_alone_needs_no_groups_and_writes_no_licences() {
    let needs = needs("defaults: { dashboard: off }\n");
    let names: Vec<_> = needs.of(Purpose::Apply).map(|need| need.permission.name()).collect();
    assert_eq!(names, ["User.Read.All", "LicenseAssignment.Read.All", "Exchange.ManageAsApp"]);
}

#[test]
fn looking_needs_less_than_writing() {
    let needs =
        needs("groups:\n  - name: all\n    service-plan: removed\n    members: [ { everyone: true } ]\n");
    assert!(needs.include(Permission::LicenceWrites, Purpose::Apply));
    assert!(!needs.include(Permission::LicenceWrites, Purpose::Plan));
    assert!(
        needs.include(Permission::Users, Purpose::Plan) && needs.include(Permission::Users, Purpose::Apply)
    );
}

#[test]
fn licences_that_are_changed_through_groups_need_groups_to_be_read() {
    let needs = needs(
        "licences: { through-groups: true }\ngroups:\n  - name: all\n    service-plan: removed\n    members: [ { everyone: true } ]\n",
    );
    assert!(needs.include(Permission::GroupMembers, Purpose::Plan), "{needs:?}");
}

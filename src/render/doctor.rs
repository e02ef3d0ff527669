//! Renders a diagnosis: a line for each check, what the manifest needs, and what nobody has verified.

use std::io::{self, Write};

use serde::Serialize;

use super::Look;
use super::number::{count, counted, list};
use super::page::{Line as Text, Page};
use super::style::Meaning;
use super::words::doctor as words;
use crate::diagnosis::{Diagnosis, Finding, Line, State, Unverified};
use crate::model::{AdminRole, Because, Need, Needs, Permission, Purpose};

/// Is how many lines of the manifest are told for each permission.
const LINES: usize = 6;

/// Writes it as text.
pub fn text(out: &mut dyn Write, diagnosis: &Diagnosis, look: Look) -> io::Result<()> {
    let Diagnosis { purpose, tenant: _, needs, granted: _, lines, unverified } = diagnosis;
    let mut page = Page::new(out, look);
    let looked_at = match purpose {
        Purpose::Plan => "`plan` needs",
        Purpose::Apply => "`apply` needs",
    };
    let version = env!("CARGO_PKG_VERSION");
    page.line(0, &Text::default().with(Meaning::Heading, format!("insightctl {version}: what {looked_at}")))?;
    page.blank()?;
    for line in lines {
        check(&mut page, line)?;
    }
    if let Some(needs) = needs {
        page.blank()?;
        page.line(0, &Text::default().with(Meaning::Heading, sentence(needs, *purpose)))?;
        for need in needs.of(*purpose) {
            let Need { permission, purpose: since, because } = need;
            let line = Text::default()
                .column(Meaning::Plain, permission.name(), 33)
                .with(Meaning::Quiet, format!("{}; {}", words::serves(*permission), why(because, *since)));
            page.hanging(2, 35, &line)?;
        }
    }
    if !unverified.is_empty() {
        page.heading("Not verified")?;
        for what in unverified {
            page.hanging(2, 4, &Text::of(format!("-\u{a0}{}", words::unverified(*what))))?;
        }
    }
    page.last(&last_line(diagnosis))
}

fn check(page: &mut Page<'_>, Line { check, finding }: &Line) -> io::Result<()> {
    let state = finding.state();
    let meaning = match state {
        State::Ok => Meaning::Granted,
        State::Warning => Meaning::Consent,
        State::Failure(_) => Meaning::Error,
        State::Skipped => Meaning::Quiet,
    };
    let begin =
        Text::default().column(meaning, words::state(state), 9).column(Meaning::Plain, check.id(), 19);
    let hang = begin.width();
    let fact = words::fact(*check, finding);
    let told = if state == State::Skipped { begin.with(Meaning::Quiet, fact) } else { begin.plain(fact) };
    page.hanging(0, hang, &told)?;
    if let Some(remedy) = words::remedy(finding) {
        page.hanging(hang, hang + 6, &Text::default().with(Meaning::Hint, "hint: ").plain(remedy))?;
    }
    Ok(())
}

/// Says in one sentence what a manifest needs: `this manifest needs A, B and C with D`.
fn sentence(needs: &Needs, purpose: Purpose) -> String {
    let named = needs.of(purpose).map(|need| match need.permission {
        Permission::Exchange => format!("{} with {}", need.permission, AdminRole::Exchange),
        other @ (Permission::GroupMembers
        | Permission::Users
        | Permission::Licences
        | Permission::LicenceWrites
        | Permission::HiddenMembers
        | Permission::Organization
        | Permission::AuditLog) => other.name().to_owned(),
    });
    let what = match purpose {
        Purpose::Plan => "To be planned, this manifest",
        Purpose::Apply => "This manifest",
    };
    format!("{what} needs {}", list(&named.collect::<Vec<_>>()))
}

/// Says which lines of the manifest ask for a permission.
fn why(because: &Because, since: Purpose) -> String {
    let asked = match because {
        Because::Always => "always".to_owned(),
        Because::Lines(lines) => {
            let mut told: Vec<String> = lines.iter().take(LINES).map(ToString::to_string).collect();
            if lines.len() > LINES {
                told.push(format!("{} more", count((lines.len() - LINES) as u64)));
            }
            let lines = if lines.len() == 1 { "line" } else { "lines" };
            format!("{lines} {}", list(&told))
        }
    };
    match since {
        Purpose::Plan => asked,
        Purpose::Apply => format!("{asked}, to apply"),
    }
}

/// Writes the last line: `Doctor: 15 ok, 1 warning, 1 failure, 2 skipped.`
pub fn last_line(diagnosis: &Diagnosis) -> String {
    let count = |wanted: fn(State) -> bool| {
        diagnosis.lines.iter().filter(|line| wanted(line.finding.state())).count() as u64
    };
    let parts = [
        (count(|state| state == State::Ok), "ok", "ok"),
        (count(|state| state == State::Warning), "warning", "warnings"),
        (count(|state| matches!(state, State::Failure(_))), "failure", "failures"),
        (count(|state| state == State::Skipped), "skipped", "skipped"),
    ];
    let told: Vec<String> = parts
        .iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, one, many)| counted(*number, one, many))
        .collect();
    format!("Doctor: {}.", told.join(", "))
}

/// Is the version of the JSON.
const FORMAT: u32 = 1;

/// Writes it as JSON; the ids of checks, findings and what is unverified stay as they are.
pub fn json(out: &mut dyn Write, diagnosis: &Diagnosis) -> io::Result<()> {
    let Diagnosis { purpose, tenant, needs, granted, lines, unverified } = diagnosis;
    let needs: Vec<NeedJson> = needs.iter().flat_map(|needs| needs.of(*purpose)).map(NeedJson::of).collect();
    let role = needs.iter().any(|need| need.permission == Permission::Exchange);
    super::json::pretty(
        out,
        &Json {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION"),
            purpose: *purpose,
            tenant: tenant.map(|tenant| tenant.to_string()),
            needs,
            role: role.then(|| AdminRole::Exchange.name()),
            granted: granted.as_deref(),
            checks: lines.iter().map(CheckJson::of).collect(),
            unverified: unverified.iter().map(|what| UnverifiedJson::of(*what)).collect(),
        },
    )
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Json<'d> {
    format: u32,
    version: &'static str,
    #[serde(rename = "for")]
    purpose: Purpose,
    tenant: Option<String>,
    needs: Vec<NeedJson<'d>>,
    role: Option<&'static str>,
    granted: Option<&'d [String]>,
    checks: Vec<CheckJson>,
    unverified: Vec<UnverifiedJson>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct NeedJson<'d> {
    permission: Permission,
    /// Whether `plan` needs it already.
    #[serde(rename = "for")]
    purpose: Purpose,
    /// Absent where every manifest needs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<Vec<&'d u32>>,
}

impl<'d> NeedJson<'d> {
    fn of(need: &'d Need) -> Self {
        let Need { permission, purpose, because } = need;
        let lines = match because {
            Because::Always => None,
            Because::Lines(lines) => Some(lines.iter().collect()),
        };
        Self { permission: *permission, purpose: *purpose, lines }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct CheckJson {
    check: &'static str,
    state: &'static str,
    finding: &'static str,
    fact: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
    /// Permissions and roles that are missing, or beyond need.
    #[serde(skip_serializing_if = "Option::is_none")]
    names: Option<Vec<String>>,
    /// By how many seconds the services' clock is ahead.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<i64>,
}

impl CheckJson {
    fn of(Line { check, finding }: &Line) -> Self {
        let (mut names, mut seconds) = (None, None);
        if let Finding::Missing(missing) = finding {
            names = Some(missing.iter().map(|permission| permission.name().to_owned()).collect());
        } else if let Finding::Surplus { permissions, roles } = finding {
            let roles = roles.iter().map(|role| role.name().to_owned());
            names = Some(permissions.iter().cloned().chain(roles).collect());
        } else if let Finding::Clock(ahead) = finding {
            seconds = Some(*ahead);
        }
        Self {
            check: check.id(),
            state: words::state(finding.state()),
            finding: words::finding_word(finding),
            fact: words::fact(*check, finding),
            remedy: words::remedy(finding),
            names,
            seconds,
        }
    }
}

#[derive(Serialize)]
struct UnverifiedJson {
    id: &'static str,
    fact: &'static str,
}

impl UnverifiedJson {
    fn of(what: Unverified) -> Self {
        Self { id: what.id(), fact: words::unverified(what) }
    }
}

/// Writes the table of permissions, and what each is for, as `docs/microsoft-365.md` shows it.
pub fn permissions() -> String {
    let rows = Permission::ALL.map(|permission| {
        let with = if permission == Permission::Exchange { " and Exchange Administrator" } else { "" };
        let (serves, when) = (words::serves(permission), words::needed_when(permission));
        format!("| `{permission}`{with} | {serves} | {when} |\n")
    });
    format!("| permission | for | needed when |\n|---|---|---|\n{}", rows.concat())
}

/// Lists in sentences everything that nobody has verified, as `docs/microsoft-365.md` repeats it.
pub fn unverified() -> [&'static str; Unverified::ALL.len()] {
    Unverified::ALL.map(words::unverified)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::sample::{amiss, bearer, needs, spoilt, well};
    use crate::diagnosis::{Amiss, Blame, GroupsSeen, Seen, judge};

    fn told(seen: Seen) -> String {
        let mut out = Vec::new();
        text(&mut out, &judge(seen), Look::default()).expect("memory");
        String::from_utf8(out).expect("UTF-8").replace(env!("CARGO_PKG_VERSION"), "VERSION")
    }

    #[test]
    fn a_tenant_in_which_all_is_well_looks_so() {
        insta::assert_snapshot!(told(well()), @"
        insightctl VERSION: what `apply` needs

        ok       manifest           insights.yaml: 3 groups
        ok       cloud              Microsoft 365, worldwide
        ok       network            straight, without a proxy
        ok       directory-sign-in  application 00000000-0000-0000-0000-00000000c0de
                                    with a secret, until 2026-03-02 10:00 UTC
        ok       settings-sign-in   application 00000000-0000-0000-0000-00000000c0de
                                    with a secret, until 2026-03-02 10:00 UTC
        ok       clock              agrees with that of the services
        ok       tenant             Contoso Ltd. (3f2504e0-4f89-41d3-9a0c-0305e82c3301)
        ok       permissions        all that is needed: GroupMember.Read.All,
                                    User.Read.All, LicenseAssignment.Read.All,
                                    LicenseAssignment.ReadWrite.All and
                                    Exchange.ManageAsApp
        ok       role               Exchange Administrator
        ok       surplus            nothing is granted that could be taken away
        ok       people             people can be read
        ok       groups             2 of 2 groups looked up
        ok       products           2 of 5 products carry personal insights
        skipped  powershell         it does not carry the settings here
        ok       settings           the tenant's defaults can be read
        ok       store              az://contoso/state, up to run 00000004
        ok       lasting            nothing says that it goes with this job
        ok       lock               nobody applies
        ok       store-writes       an object was created on trial, and deleted again

        This manifest needs GroupMember.Read.All, User.Read.All,
          LicenseAssignment.Read.All, LicenseAssignment.ReadWrite.All and
          Exchange.ManageAsApp with Exchange Administrator
          GroupMember.Read.All             groups and their members, and what groups
                                           hand out; lines 9 and 14
          User.Read.All                    people, filters, licences that people hold;
                                           always
          LicenseAssignment.Read.All       the tenant's products (`subscribedSkus`);
                                           always
          LicenseAssignment.ReadWrite.All  `assignLicense`, of people and of groups;
                                           line 12, to apply
          Exchange.ManageAsApp             mode, features, the tenant's defaults; lines
                                           4, 5, 6, 7, 8, 11 and 1 more

        Not verified
          - No request of this version has met a live tenant: all of them are written by
            Microsoft's documents, and tested against the sandbox.
          - The meeting survey's sampling rate has no documented field to read it from:
            it is compared with the ledger alone.

        Doctor: 18 ok, 1 skipped.
        ");
    }

    #[test]
    fn what_is_wrong_comes_with_a_remedy_and_foreign_words_are_inert() {
        let weak = ["GroupMember.Read.All", "User.Read.All", "Directory.Read.All", "Mail\u{202e}.Send"];
        let seen = spoilt(|tenant| {
            tenant.directory = Some(Ok(bearer(&weak, &[])));
            tenant.exchange = Some(Err(Amiss {
                advice: Some("make a new one".to_owned()),
                ..amiss("the secret has expired \u{1b}[2J", Blame::Access)
            }));
            tenant.settings = None;
            tenant.groups = Some(Ok(GroupsSeen {
                looked_up: 2,
                of: 2,
                absent: vec!["=cmd()\u{1b}]0;x".to_owned()],
                hidden: vec!["council".to_owned()],
            }));
            tenant.ahead = Some(4_000);
        });
        insta::assert_snapshot!(told(seen), @r#"
        insightctl VERSION: what `apply` needs

        ok       manifest           insights.yaml: 3 groups
        ok       cloud              Microsoft 365, worldwide
        ok       network            straight, without a proxy
        ok       directory-sign-in  application 00000000-0000-0000-0000-00000000c0de
                                    with a secret, until 2026-03-02 10:00 UTC
        failure  settings-sign-in   the secret has expired \u{1b}[2J
                                    hint: make a new one
        failure  clock              this machine's is 4,000 s behind that of the
                                    services
                                    hint: set this machine's clock: tokens bear a
                                          difference of five minutes at most
        ok       tenant             Contoso Ltd. (3f2504e0-4f89-41d3-9a0c-0305e82c3301)
        failure  permissions        not granted: LicenseAssignment.ReadWrite.All
                                    hint: add application permissions of Microsoft
                                          Graph, and grant admin consent; for plans
                                          alone it is not needed, as `doctor --for plan`
                                          shows
        skipped  role               not looked at, because of `settings-sign-in`
        warning  surplus            could do with less: Directory.Read.All and
                                    Mail\u{202e}.Send
                                    hint: take it away once everything works; the lines
                                          below say what is enough
        ok       people             people can be read
        warning  groups             2 of 2 groups looked up; not there, or not alone
                                    with that name: =cmd()\u{1b}]0;x; hiding their
                                    members: council
                                    hint: check how the manifest spells them; grant
                                          Member.Read.Hidden to see hidden members
        ok       products           2 of 5 products carry personal insights
        skipped  powershell         it does not carry the settings here
        skipped  settings           not looked at, because of `settings-sign-in`
        ok       store              az://contoso/state, up to run 00000004
        ok       lasting            nothing says that it goes with this job
        ok       lock               nobody applies
        ok       store-writes       an object was created on trial, and deleted again

        This manifest needs GroupMember.Read.All, User.Read.All,
          LicenseAssignment.Read.All, LicenseAssignment.ReadWrite.All and
          Exchange.ManageAsApp with Exchange Administrator
          GroupMember.Read.All             groups and their members, and what groups
                                           hand out; lines 9 and 14
          User.Read.All                    people, filters, licences that people hold;
                                           always
          LicenseAssignment.Read.All       the tenant's products (`subscribedSkus`);
                                           always
          LicenseAssignment.ReadWrite.All  `assignLicense`, of people and of groups;
                                           line 12, to apply
          Exchange.ManageAsApp             mode, features, the tenant's defaults; lines
                                           4, 5, 6, 7, 8, 11 and 1 more

        Not verified
          - No request of this version has met a live tenant: all of them are written by
            Microsoft's documents, and tested against the sandbox.
          - The meeting survey's sampling rate has no documented field to read it from:
            it is compared with the ledger alone.

        Doctor: 11 ok, 2 warnings, 3 failures, 3 skipped.
        "#);
    }

    #[test]
    fn the_sentence_names_what_is_needed_for_what_is_to_be_done() {
        assert_eq!(
            sentence(&needs(), Purpose::Apply),
            "This manifest needs GroupMember.Read.All, User.Read.All, LicenseAssignment.Read.All, \
             LicenseAssignment.ReadWrite.All and Exchange.ManageAsApp with Exchange Administrator"
        );
        assert_eq!(
            sentence(&needs(), Purpose::Plan),
            "To be planned, this manifest needs GroupMember.Read.All, User.Read.All, LicenseAssignment.Read.All and \
             Exchange.ManageAsApp with Exchange Administrator"
        );
    }

    #[test]
    fn programs_get_ids_that_stay() {
        let mut out = Vec::new();
        let seen = spoilt(|tenant| tenant.directory = Some(Ok(bearer(&["User.Read.All"], &[]))));
        json(&mut out, &judge(seen)).expect("memory");
        let value: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
        let permissions =
            value["checks"].as_array().expect("a list").iter().find(|one| one["check"] == "permissions");
        insta::assert_snapshot!(serde_json::to_string_pretty(&permissions).expect("JSON"), @r#"
        {
          "check": "permissions",
          "fact": "not granted: GroupMember.Read.All, LicenseAssignment.Read.All and LicenseAssignment.ReadWrite.All",
          "finding": "missing",
          "names": [
            "GroupMember.Read.All",
            "LicenseAssignment.Read.All",
            "LicenseAssignment.ReadWrite.All"
          ],
          "remedy": "add application permissions of Microsoft Graph, and grant admin consent",
          "state": "failure"
        }
        "#);
        insta::assert_snapshot!(value["needs"][0], @r#"{"for":"plan","lines":[9,14],"permission":"GroupMember.Read.All"}"#);
        insta::assert_snapshot!(value["unverified"][1]["id"], @r#""sampling-rate""#);
        assert_eq!((&value["format"], &value["for"]), (&1.into(), &"apply".into()));
    }
}

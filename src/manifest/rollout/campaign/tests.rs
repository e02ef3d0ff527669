use std::path::{Path, PathBuf};

use jiff::civil::date;
use jiff::tz::TimeZone;

use super::*;
use crate::manifest::folder::Folder;
use crate::manifest::problem::Problems;
use crate::manifest::rollout::KEYS;
use crate::manifest::syntax;
use crate::model::rollout::{Audience, Conditions, Percent, Then, Wave};

const WELCOME: &str = "Subject: {{wave}} begins\n\nHello {{name}},\nask {{owner:help-desk-lead}}.\n";
const OWNERS: &str = "owners: { help-desk-lead: Help Desk }\n";

/// Reads a campaign around the waves `pilot`, of 45 days, and `sales`, without end.
fn read(text: &str, files: &[(&str, &str)]) -> (Campaign, Vec<String>) {
    read_with(None, text, files)
}

/// Reads the same where the first wave is approved, or is not.
fn read_with(approved: Option<bool>, text: &str, files: &[(&str, &str)]) -> (Campaign, Vec<String>) {
    let wave = |name: &str, runs_for| Wave {
        name: name.into(),
        groups: vec![0],
        starts: None,
        runs_for,
        after: None,
        approved,
        canary: Percent::ALL,
        when: Conditions::default(),
        then: Then::Stay,
    };
    let waves = [(wave("pilot", Some(45)), At::TOP), (wave("sales", None), At::TOP)];
    let files = files.iter().map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec())).collect();
    let folder = Folder::Memory(files);
    let around =
        Around { groups: &[], folder: &folder, time_zone: &TimeZone::UTC, licence_lead: None, waves: &waves };
    let mut problems = Problems::default();
    let path: Arc<Path> = Path::new("m").into();
    let mut report = Reporter { problems: &mut problems, file: Arc::clone(&path) };
    let root = syntax::read(text, &mut report).expect("YAML");
    let fields = fields(&root, "`rollout`", &KEYS, &mut report).expect("a mapping");
    let read = campaign(&fields, around, &mut report);
    problems.sort(&[path]);
    let told = problems.list().iter().map(|problem| {
        let hint = problem.hint.as_deref().unwrap_or_default();
        format!("{:?} {problem} ({hint})", problem.severity)
    });
    (read, told.collect())
}

/// Reads one milestone with a message.
fn message(files: &[(&str, &str)], rest: &str) -> (Campaign, Vec<String>) {
    let text = format!(
        "{OWNERS}milestones:\n  - name: hello\n    wave: pilot\n    day: -7\n    message: {{ templates: messages/welcome{rest} }}\n"
    );
    read(&text, files)
}

#[test]
fn a_whole_campaign_is_read() {
    let text = format!(
        "{OWNERS}training: HTTPS://learn.contoso.com/insights
goals: {{ opted-in: 60%, opted-out-at-most: 20% }}
checklist:
  - {{ what: privacy review, owner: Help-Desk-Lead, done: yes, evidence: mailto:grace@contoso.com }}
surveys:
  - {{ name: before, wave: pilot, day: -3, link: https://forms.contoso.com/1 }}
milestones:
  - {{ name: assess, wave: pilot, day: 41, until: 45, owner: help-desk-lead, what: decide }}
  - {{ name: hello, wave: sales, day: -7, message: {{ to: participants, templates: messages/welcome }} }}
"
    );
    let (campaign, told) = read(&text, &[("messages/welcome.en.md", WELCOME)]);
    assert_eq!(told, Vec::<String>::new());
    assert_eq!(campaign.owners[&Role::HelpDeskLead].0.as_ref(), "Help Desk");
    assert!(campaign.checklist[0].done && campaign.checklist[0].owner == Some(Role::HelpDeskLead));
    assert_eq!(campaign.goals.opted_in.expect("a goal").hundredths(), 6_000);
    assert_eq!(campaign.surveys[0].date(date(2026, 3, 2)), date(2026, 2, 27));
    let [assess, hello] = campaign.milestones.as_slice() else { unreachable!() };
    assert_eq!(assess.dates(date(2026, 3, 2)), (date(2026, 4, 11), date(2026, 4, 15)));
    assert_eq!((hello.wave, hello.message.as_ref().expect("one").to), (1, Audience::Participants));
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let text = "owners: { ceo: Ada, security-lead: TODO who, help-desk-lead: TODO }
training: learn.contoso.com
checklist:
  - { what: review, done: on, owner: training-lead }
  - { owner: security-lead }
surveys:
  - { name: before, wave: pilot, day: 0, link: 'javascript:x' }
milestones:
  - { name: a/b, wave: pilott, day: 46 }
  - { name: end, wave: pilot, day: 46 }
  - { name: End, wave: sales, day: 9, until: 8 }
  - { name: week, wave: sales, day: monday }
  - { wave: sales }
";
    let (_, told) = read(text, &[]);
    let expected = [
        "Warning m:1:1: nobody is named yet as security-lead, help-desk-lead (write a name or an address for each; messages may speak of them)",
        "Error m:1:11: unknown key `ceo` in `owners` (the keys here are `executive-sponsor`, `security-lead`, `microsoft-365-admin`, `help-desk-lead` or `training-lead`)",
        "Error m:2:11: `learn.contoso.com` is no link (write `https://…`, or `mailto:` with an address)",
        "Warning m:4:21: this is done, and nothing shows it (add `evidence:` with a link, for whoever reviews this)",
        "Warning m:4:38: nobody is named as training-lead (name them under `owners:` as `training-lead`)",
        "Error m:5:7: this check does not say what is to be done (add `what:`)",
        "Error m:7:39: there is no day 0 (1 is the first day of the wave, and -1 the day before it)",
        "Error m:7:48: `javascript:x` is no link (write `https://…`, or `mailto:` with an address)",
        "Error m:9:13: `a/b` cannot be the name of a milestone (files are called after it: use up to 64 letters from a to z, digits, `-` and `_`)",
        "Error m:9:24: there is no wave `pilott` (did you mean `pilot`?)",
        "Error m:10:36: day 46 is after the end of its wave (the wave runs for 45 days: write a day up to 45, or let it run longer)",
        "Error m:11:13: two milestones are called `End` (the first is on line 10)",
        "Error m:11:39: it ends on day 8, before it begins on day 9 (`until` is its last day)",
        "Error m:12:37: `day` must be a whole number, not a text (1 is the first day of the wave, and -1 the day before it)",
        "Error m:13:7: this milestone has no `name` (add `name:`)",
        "Error m:13:7: this milestone has no `day` (add `day:`, 1 being the first day of the wave and -1 the day before it)",
    ];
    assert_eq!(told, expected);
}

#[test]
fn what_is_still_to_be_done_is_noted_where_nothing_holds_the_first_wave() {
    let text = "checklist:\n  - { what: review }\n  - { what: train, done: on, evidence: 'https://a.b' }\n";
    let (campaign, told) = read(text, &[]);
    assert_eq!(campaign.checklist.len(), 2);
    let expected = [
        "Note m:2:5: this is still to be done, and nothing holds the first wave (say `done: true` with its `evidence:`, or hold the wave with `approved: false`)",
    ];
    assert_eq!(told, expected);
    let (_, told) = read_with(Some(false), text, &[]);
    assert_eq!(told, [""; 0], "the wave waits for a reviewer");
}

#[test]
fn everybody_is_told_in_their_own_language_or_else_in_the_default() {
    let files = [
        ("messages/welcome.de.md", WELCOME),
        ("messages/welcome.pt-BR.md", WELCOME),
        ("messages/welcome.en.md", WELCOME),
        ("messages/welcome.md", "not one"),
        ("messages/welcome.draft 2.md", "not one"),
    ];
    let chosen = |rest: &str| {
        let (campaign, told) = message(&files, rest);
        assert_eq!(told, Vec::<String>::new());
        let message = campaign.milestones[0].message.clone().expect("a message");
        let languages = [None, Some("de-AT"), Some("PT-br"), Some("pt"), Some("fr")];
        languages.map(|language| message.template(language).expect("one").language.to_string())
    };
    assert_eq!(chosen(""), ["en", "de", "pt-br", "en", "en"]);
    assert_eq!(chosen(", default: de"), ["de", "de", "pt-br", "de", "de"]);
    let (_, told) = message(&files, ", default: fr");
    assert_eq!(
        told,
        [
            "Error m:6:54: there is no template in the language `fr` (`default` names the language for everybody whose own is missing)"
        ]
    );
}

#[test]
fn a_template_is_a_subject_and_a_text() {
    let hint = "(begin with `Subject: …`, leave a line empty, and write the text below)";
    for (text, place) in [
        ("Hello\n\nthere\n", "1:1: the first line is no subject"),
        ("Subject:\n\nthere\n", "1:1: the first line is no subject"),
        ("Subject: x\nthere\n", "2:1: there is no empty line below the subject"),
        ("Subject: x\n\n \n", "1:1: the template has no text"),
    ] {
        let (_, told) = message(&[("messages/welcome.en.md", text)], "");
        assert_eq!(told, [format!("Error messages/welcome.en.md:{place} {hint}")]);
    }
    let (campaign, told) =
        message(&[("messages/welcome.en.md", "\u{feff}subject: Hi \r\n\r\n\r\nthere\r\nyou")], "");
    assert_eq!(told, Vec::<String>::new());
    let template = &campaign.milestones[0].message.as_ref().expect("one").templates[0];
    assert_eq!((&*template.subject, &*template.body), ("Hi", "there\nyou\n"));
}

#[test]
fn fields_that_stand_for_nothing_are_told_with_their_place() {
    let text = "Subject: {{nam}}\n\nä {{training}} {{survey}}\n{{owner:security-lead}} {{zebra}} {{open\n";
    let (_, told) = message(&[("messages/welcome.en.md", text)], "");
    let expected = [
        "Error messages/welcome.en.md:1:10: there is no field `nam` (did you mean `{{name}}`?)",
        "Note messages/welcome.en.md:3:3: `training` names no link (add `training:` to the rollout)",
        "Note messages/welcome.en.md:3:16: this wave has no survey (add one to `surveys:`)",
        "Note messages/welcome.en.md:4:1: nobody is named as security-lead (name them under `owners:` as `security-lead`)",
        "Error messages/welcome.en.md:4:25: there is no field `zebra` (the fields are name, department, milestone-date, wave, training, survey, owner:executive-sponsor, owner:security-lead, owner:microsoft-365-admin, owner:help-desk-lead, owner:training-lead)",
        "Error messages/welcome.en.md:4:35: this field is not closed (close it on the same line with `}}`)",
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_missing_template_finds_its_neighbour_and_none_is_read_outside() {
    let (_, told) = message(&[("messages/welcom.en.md", WELCOME)], "");
    assert_eq!(
        told,
        ["Error m:6:27: there is no template `messages/welcome.LANGUAGE.md` (did you mean `welcom`?)"]
    );
    let outside = "milestones: [ { name: a, wave: pilot, day: 1, message: { templates: ../welcome } } ]";
    let (_, told) = read(outside, &[]);
    assert!(told[0].contains("leaves the repository"), "{told:?}");
}

//! Shows what people see when a manifest and its list of people are wrong in ten ways at once.

use std::fs;

use insightctl::manifest;
use insightctl::render;

const MANIFEST: &str = "version: 1
tenant:
  id: contoso
scenario: mixed
defaults:
  dashboard: on
  digest_email: off
  outlook-add-in: of
groups:
  - name: contractors
    mode: Excluded
    members:
      - csv: people/contractors.csv
  - name: pilot
    mode: opt-in
    features: { dashboard: on }
    memebers:
      - user: ada
      - csv: people/pilots.csv
guards:
  limits:
    opt-in: { percent: 300 }
store: file:.insightctl
";

const CONTRACTORS: &str = "Name;UserPrincipalName\r\nGrace;grace@contoso.com\r\n\r\nJoan;joan\r\n";

#[test]
fn ten_mistakes_are_told_in_one_run_each_with_its_place() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(folder.path().join("people")).expect("a folder for people");
    fs::write(folder.path().join("insights.yaml"), MANIFEST).expect("a manifest");
    fs::write(folder.path().join("people/contractors.csv"), CONTRACTORS).expect("a list");
    fs::write(folder.path().join("people/pilot.csv"), "UserPrincipalName\n").expect("another list");

    let problems = manifest::read(&folder.path().join("insights.yaml")).expect_err("ten mistakes");
    let drawn = render::problems::text(&problems, false, 100);
    let drawn = drawn.replace(&format!("{}/", folder.path().display()), "");
    insta::assert_snapshot!(drawn, @r"
    error: `contoso` is no tenant id
     --> insights.yaml:3:7
      |
    3 |   id: contoso
      |       ^^^^^^^
      |
      = help: it is a GUID such as 3f2504e0-4f89-41d3-9a0c-0305e82c3301; the Entra admin centre shows it

    error: the scenario `mixed` asks for `dashboard: off` in `defaults`
     --> insights.yaml:6:14
      |
    6 |   dashboard: on
      |              ^^
      |
      = help: change one of them, or remove `scenario`

    error: unknown key `digest_email` in `defaults`
     --> insights.yaml:7:3
      |
    7 |   digest_email: off
      |   ^^^^^^^^^^^^
      |
      = help: did you mean `digest-email`?

    error: `of` is no value of `outlook-add-in`
     --> insights.yaml:8:19
      |
    8 |   outlook-add-in: of
      |                   ^^
      |
      = help: write `on` or `off`

    error: the mode `Excluded` no longer exists
      --> insights.yaml:11:11
       |
    11 |     mode: Excluded
       |           ^^^^^^^^
       |
       = help: Microsoft retired it and turned those users into `opt-out`: write `opt-out`

    note: opting people in can make Microsoft send its own welcome e-mail
      --> insights.yaml:15:11
       |
    15 |     mode: opt-in
       |           ^^^^^^
       |
       = help: tell these people beforehand

    error: unknown key `memebers` in a group
      --> insights.yaml:17:5
       |
    17 |     memebers:
       |     ^^^^^^^^
       |
       = help: did you mean `members`?

    error: `ada` is neither a user principal name nor an object id
      --> insights.yaml:18:15
       |
    18 |       - user: ada
       |               ^^^
       |
       = help: write it as `ada@contoso.com`, or use the object id

    error: the file `people/pilots.csv` does not exist
      --> insights.yaml:19:14
       |
    19 |       - csv: people/pilots.csv
       |              ^^^^^^^^^^^^^^^^^
       |
       = help: did you mean `pilot.csv`?

    error: `percent` cannot be 300
      --> insights.yaml:22:24
       |
    22 |     opt-in: { percent: 300 }
       |                        ^^^
       |
       = help: it goes from 0 to 100

    error: `joan` is neither a user principal name nor an object id
     --> people/contractors.csv:4:6
      |
    4 | Joan;joan
      |      ^^^^

    insights.yaml: 9 errors, 1 note
    people/contractors.csv: 1 error
    ");
}

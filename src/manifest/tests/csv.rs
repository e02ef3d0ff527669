//! Lists of people, in every form and with every mistake.

use std::fmt::Write as _;

use crate::manifest::csv::read;
use crate::manifest::people::person;
use crate::manifest::problem::File;
use crate::manifest::{Problem, Problems, Severity, parse};
use crate::model::Selector;

fn list(text: &str, column: Option<&str>) -> (Vec<Selector>, Problems) {
    let file = File { path: std::path::Path::new("people.csv").into(), text: text.into() };
    let mut problems = Problems::default();
    problems.know(&file);
    let list = read(&file, column, &mut problems);
    let people = list.map(|list| list.rows.iter().map(|row| person(list.spelt(*row), list.column)).collect());
    (people.unwrap_or_default(), problems)
}

fn told(problems: &Problems) -> String {
    let tell = |problem: &Problem| {
        let hint = problem.hint.as_deref().unwrap_or("-");
        format!("{:?} {}:{} {} | {hint}\n", problem.severity, problem.line, problem.column, problem.message)
    };
    problems.list().iter().map(tell).collect()
}

fn users(names: &[&str]) -> Vec<Selector> {
    names.iter().map(|name| Selector::User((*name).to_owned())).collect()
}

#[test]
fn every_form_that_administrators_have_gives_the_same_people() {
    let people = users(&["ada@contoso.com", "grace@contoso.com"]);
    for text in [
        "UserPrincipalName\nada@contoso.com\ngrace@contoso.com",
        "userprincipalname\r\nada@contoso.com\r\ngrace@contoso.com\r\n\r\n",
        "\"Userprincipalname\"\n\"ada@contoso.com\"\n\"Grace@contoso.com\"\n",
        "#TYPE System.Management.Automation.PSCustomObject\r\n\"Name\",\"UserPrincipalName\"\r\n\"Lovelace, Ada\",\"ada@contoso.com\"\r\n\"Grace\",\"grace@contoso.com\"\r\n",
        "Name;UserPrincipalName;Mail\nAda;  ada@contoso.com  ;\n;;\nGrace;grace@contoso.com;x",
        "Name\tUSERPRINCIPALNAME\nAda\tada@contoso.com\nGrace\tgrace@contoso.com \n",
        "\n\nUserPrincipalName,Note\nada@contoso.com,\"two\r\nlines, and a \"\"quote\"\"\"\ngrace@contoso.com,\n",
        "UserPrincipalName\rada@contoso.com\rgrace@contoso.com\r",
    ] {
        let (found, problems) = list(text, None);
        assert_eq!(told(&problems), "", "{text}");
        assert_eq!(found, people, "{text}");
    }
}

#[test]
fn the_column_decides_how_people_are_looked_up() {
    let text = "Mail,Id,Upn\nAda@contoso.com,3f2504e0-4f89-41d3-9a0c-0305e82c3301,ada@c.com\nb@c.com,4f2504e0-4f89-41d3-9a0c-0305e82c3301,b@c.com\n";
    assert_eq!(list(text, Some("mail")).0[0], Selector::Mail("ada@contoso.com".to_owned()));
    assert!(matches!(list(text, Some("Id")).0[0], Selector::Id(_)));
    assert_eq!(list(text, Some("UPN")).0[0], Selector::User("ada@c.com".to_owned()));
}

#[test]
fn rows_are_blamed_by_the_line_that_an_editor_shows() {
    let text = "Name,UserPrincipalName\r\nAda,ada\r\n\"a\r\nb\",grace@@contoso.com\r\nBob\r\nEve,\r\n,eve@contoso.com\r\n,EVE@contoso.com\r\n,m?ller@contoso.com\r\nLove, Ada,ada@contoso.com\r\n";
    insta::assert_snapshot!(told(&list(text, None).1), @r"
    Error 2:5 `ada` is neither a user principal name nor an object id | -
    Error 4:4 `grace@@contoso.com` is neither a user principal name nor an object id | -
    Error 5:1 this row has 1 of 2 columns | complete the row
    Error 6:1 this row has no address | fill it in, or remove the row
    Warning 9:2 `m?ller@contoso.com` has lost a letter | Windows PowerShell's `Export-Csv` turns letters such as `ü` into `?` unless told `-Encoding UTF8`
    Error 10:7 `Ada` is neither a user principal name nor an object id | this row has more columns than the header's 2: put a text with a separator in quotes
    Warning 8:2 `EVE@contoso.com` stands here twice | the first is on line 7
    ");
}

#[test]
fn a_missing_column_finds_the_one_that_was_meant() {
    let hint = |text: &str, column: Option<&str>| list(text, column).1.list()[0].hint.clone().unwrap();
    assert_eq!(
        hint("UserPrincipleName\na@b", None),
        "did you mean `column: UserPrincipleName` in the manifest?"
    );
    assert_eq!(
        hint("User principal name\na@b", None),
        "did you mean `column: User principal name` in the manifest?"
    );
    assert_eq!(hint("Name,EmailAddress\na@b", None), "did you mean `column: EmailAddress` in the manifest?");
    assert_eq!(
        hint("a@b\nc@d", None),
        "the first line looks like a person: write the header `UserPrincipalName` above it"
    );
    assert!(hint("Vorname;Nachname\na;b", None).ends_with("the first here is `Vorname`"));
}

#[test]
fn a_header_that_names_the_column_twice_is_refused() {
    insta::assert_snapshot!(told(&list("Mail,mail\na@b,c@d\n", Some("Mail")).1), @"Error 1:6 two columns are called `Mail` | rename one of them");
    insta::assert_snapshot!(told(&list("Mail,\"\n mail\"\na@b,c@d\n", Some("Mail")).1), @"Error 2:2 two columns are called `Mail` | rename one of them");
}

#[test]
fn an_empty_file_is_refused_and_an_empty_list_is_warned_about() {
    assert_eq!(list("\r\n\n", None).1.list()[0].message, "the file is empty");
    let (people, problems) = list("UserPrincipalName\r\n", None);
    assert!(people.is_empty() && !problems.has_errors());
    assert_eq!(problems.list()[0].message, "this list names nobody");
}

#[test]
fn a_list_of_one_draws_a_note() {
    let (_, problems) = list("UserPrincipalName\nada@contoso.com\n", None);
    assert_eq!(problems.count(Severity::Note), 1);
}

#[test]
fn a_quote_that_is_never_closed_is_an_error() {
    let (people, problems) = list("UserPrincipalName,Note\na@b.c,\"x\nd@e.f,y\n", None);
    assert!(people.is_empty());
    assert_eq!(problems.list()[0].to_string(), "people.csv:2:7: a quote opens here and is never closed");
}

#[test]
fn a_file_that_is_no_text_is_an_error_of_that_file() {
    let text = "version: 1\ntenant: { id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301 }\ngroups:\n  - { name: a, mode: opt-out, members: [ { csv: p.csv } ] }\n";
    let utf16: Vec<u8> = "Mail\na@b".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for bytes in [utf16.as_slice(), b"Mail\n\xEB@b", b"\xFF\xFEa"] {
        let problems = parse(text, &[("p.csv", bytes)]).unwrap_err();
        assert_eq!(problems.list()[0].file.to_str(), Some("p.csv"));
    }
    let marked: Vec<u8> = [&[0xFF, 0xFE], utf16.as_slice()].concat();
    let with_column = text.replace("csv: p.csv", "csv: p.csv, column: mail");
    assert!(parse(&with_column, &[("p.csv", &marked)]).is_ok());
}

#[test]
fn a_long_list_is_read_whole_and_its_doubles_are_found() {
    let mut text = String::from("UserPrincipalName\r\n");
    for number in 0..200_000 {
        write!(text, "person{}@contoso.com\r\n", number % 150_000).unwrap();
    }
    let (people, problems) = list(&text, None);
    assert_eq!((people.len(), problems.list().len()), (200_000, 50_000));
}

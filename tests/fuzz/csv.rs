//! A list of people, in a file that two groups of a manifest name by different columns.

use std::path::Path;

use insightctl::manifest::parse;

use crate::drive::{Target, paths};
use crate::{located, manifest};

const MANIFEST: &str = "version: 1
tenant: { id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301 }
groups:
  - name: one
    mode: opt-out
    members: [ { csv: p.csv } ]
  - name: other
    mode: opt-in
    members: [ { csv: p.csv, column: Mail } ]
";

const WORDS: [&str; 24] = [
    "UserPrincipalName",
    "userprincipalname",
    "Mail",
    "ObjectId",
    "#TYPE Selected.System.Management.Automation.PSCustomObject",
    "ada@contoso.com",
    "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    "zo?@contoso.com",
    "o'neil@contoso.com",
    "liu_fabrikam.com#EXT#@contoso.onmicrosoft.com",
    "ada@contoso.com;ben@contoso.com",
    "=cmd()|' /C calc'!A1",
    ",",
    ";",
    "\t",
    "\"",
    "\"\"",
    "\",\"",
    "\r\n",
    "\r",
    "\n\n",
    " ",
    "\u{a0}",
    "\u{200b}",
];

pub(crate) fn target() -> Target {
    let mut corpus: Vec<Vec<u8>> = ["examples", "tests/stories"]
        .iter()
        .flat_map(|root| paths(Path::new(root)))
        .filter(|path| path.extension().is_some_and(|extension| extension == "csv"))
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    corpus.extend([
        b"UserPrincipalName,Mail\nada@contoso.com,ada.lovelace@contoso.com\n".to_vec(),
        b"#TYPE System.Object\r\n\"Mail\";\"UserPrincipalName\"\r\n\"a@b.c\";\"d@e.f\"\r\n".to_vec(),
        b"Mail\tUserPrincipalName\tName\na@b.c\td@e.f\t\"a\nb\"\n".to_vec(),
        "\u{feff}UserPrincipalName\nzoë@contoso.com\n".encode_utf16().flat_map(u16::to_le_bytes).collect(),
    ]);
    let judge = |input: &[u8]| {
        let known = |file: &Path| match file.to_str() {
            Some("insights.yaml") => Some(MANIFEST.as_bytes().to_vec()),
            Some("p.csv") => Some(input.to_vec()),
            _ => None,
        };
        match parse(MANIFEST, &[("p.csv", input)]) {
            Ok(read) => {
                let _overlaps = read.overlaps();
                located::check(read.warnings(), &known)?;
                Ok(format!("taken; {}", manifest::told(read.warnings())))
            }
            Err(problems) if problems.has_errors() => {
                located::check(&problems, &known)?;
                Ok(manifest::told(&problems))
            }
            Err(_) => Err("it was refused without an error".to_owned()),
        }
    };
    Target { name: "csv", corpus, words: WORDS.to_vec(), giants: giants(), judge: Box::new(judge) }
}

/// Makes input that is huge on purpose: many people, wrong and right, and forms that invite trouble.
fn giants() -> Vec<Vec<u8>> {
    let head = "UserPrincipalName,Mail\n";
    let people = manifest::lines(40_000, |n| format!("person{n}@contoso.com,p{n}@contoso.com\n"));
    vec![
        format!("{head}{people}").into_bytes(),
        format!("{head}{}", "a@b,a@b\n".repeat(40_000)).into_bytes(),
        format!("{head}{}", "wrong,wrong\n".repeat(40_000)).into_bytes(),
        format!("{head}\"{people}").into_bytes(),
        format!("{head}{}", "\"".repeat(1 << 20)).into_bytes(),
        format!("{head}{}", ",".repeat(1 << 20)).into_bytes(),
        vec![b'\n'; 1 << 20],
        format!("{}\n", "Mail,".repeat(1 << 18)).into_bytes(),
    ]
}

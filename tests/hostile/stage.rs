//! Sets a stage on which every name means harm.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// Are names as nobody is called who means well.
pub(crate) const NAMES: [&str; 34] = [
    "\u{1b}[31mred\u{1b}[2J",
    "\u{1b}]8;;http://evil.example/\u{7}click\u{1b}]8;;\u{7}",
    "\u{1b}]52;c;ZXZpbA==\u{7}",
    "\u{9b}31mC1\u{9d}0;title\u{9c}",
    "bell\u{7}\u{8}\u{8}back\u{7f}",
    "over\rwritten",
    "two\nlines\n# Heading\n\n- list",
    "=cmd()|' /C calc'!A1",
    "+1+cmd",
    "-1-cmd",
    "@SUM(A1:A9)",
    "\t=tab()",
    "\r=return()",
    "x;=semicolon()",
    "x;\"=quoted()",
    "x\",=comma()",
    "\u{ff1d}wide()",
    " =space()",
    "[x](javascript:alert(1))",
    "![x](http://evil.example/x.png)",
    "<img src=x onerror=alert(1)>",
    "</code></summary></details><script>alert(1)</script>",
    "`code` ``` **bold** _it_ ~~no~~",
    "a | b |\\| c `|` d",
    "@everyone #123 GH-1 org/repo#1 https://evil.example www.evil.example",
    "&lt;b&gt;&#27;[31m \\u{1b} \\x1b",
    "\u{202e}evil\u{2066}turned\u{2069}\u{200f}",
    "zero\u{200b}\u{200c}\u{200d}\u{feff}\u{2060}width",
    "line\u{2028}para\u{2029}next\u{85}end",
    "nul\0nul",
    "tag\u{e0001}\u{e0041}\u{fe0f}\u{ad}hidden",
    "::error file=x::owned %0A::set-output name=x::y",
    "##vso[task.setvariable variable=x]y",
    "$(reboot) ${HOME} %PATH% {{ '{{' }}",
];

/// Is a name of ten thousand letters.
pub(crate) fn long() -> String {
    format!("{}\u{1b}[31m", "very-long-".repeat(1_000))
}

/// Lists all names.
pub(crate) fn names() -> Vec<String> {
    NAMES.iter().map(|name| (*name).to_owned()).chain([long()]).collect()
}

const TENANT: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
const ID: &str = "00000000-0000-4000-8000";

/// Is a folder with a tenant and manifests, in which the program runs.
pub(crate) struct Stage(tempfile::TempDir);

/// Is how a run ended, and what it said.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Stage {
    pub(crate) fn set() -> Self {
        let stage = Self(tempfile::tempdir().unwrap());
        stage.write("tenant.json", tenant().to_string());
        stage.write("insights.yaml", yaml(&manifest()));
        stage.write("wrong.yaml", yaml(&wrong()));
        // Whoever cannot be read would keep the default on, and then nobody has to consent.
        let mut plain = manifest();
        plain["groups"] =
            json!([{ "name": "all", "mode": "opt-out", "members": [{ "group": "g0@contoso.com" }] }]);
        stage.write("plain.yaml", yaml(&plain));
        stage.write("people.csv", format!("UserPrincipalName\n{}", names().join("\n")));
        let [reading, writing] = faults();
        stage.write("said.yaml", yaml(&reading));
        stage.write("refused.yaml", yaml(&writing));
        stage
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, text: String) {
        fs::write(self.path().join(name), text).unwrap();
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_insightctl"));
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null());
        for name in ["INSIGHTCTL_SANDBOX", "NO_COLOR"] {
            command.env_remove(name);
        }
        // With a clock that stands still, pauses pass at once.
        command.env("CI", "true").env("INSIGHTCTL_NOW", "2026-03-01T08:00:00Z");
        let ended = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { code: ended.status.code(), out: text(ended.stdout), err: text(ended.stderr) }
    }
}

/// Writes YAML as JSON, with everything that YAML does not take as it is escaped.
fn yaml(value: &Value) -> String {
    let mut text = String::new();
    for character in value.to_string().chars() {
        match u32::from(character) {
            0x20..0x7f => text.push(character),
            code => write!(text, "\\U{code:08x}").unwrap(),
        }
    }
    text
}

fn id(kind: &str, number: usize) -> String {
    format!("{ID}-{kind}{number:08}")
}

/// Gives the user principal name of a person.
pub(crate) fn upn(name: &str) -> String {
    format!("{name}@contoso.com")
}

/// Makes a tenant in which everything is called so.
fn tenant() -> Value {
    let plans = |name: &str| {
        json!([
            { "servicePlanId": "33c4f319-9bdd-48d6-9c4d-410b750a4a5a", "servicePlanName": "MYANALYTICS_P2" },
            { "servicePlanId": "efb87545-963c-4e0d-99df-69c6916d9eb0", "servicePlanName": "EXCHANGE_S_ENTERPRISE" },
            { "servicePlanId": "57ff2da0-773e-42df-b2af-ffb7a2317929", "servicePlanName": name },
        ])
    };
    let names = names();
    let skus: Vec<Value> = names
        .iter()
        .enumerate()
        .map(|(n, name)| {
            json!({ "skuId": id("5000", n), "skuPartNumber": name, "enabled": 99, "servicePlans": plans(name) })
        })
        .collect();
    let member = |n: usize| id("7000", n);
    let groups: Vec<Value> = names
        .iter()
        .enumerate()
        .flat_map(|(n, name)| {
            let next = (n + 1) % names.len();
            [
                json!({ "id": id("6000", n), "displayName": name, "mail": format!("g{n}@contoso.com"), "members": [member(n)] }),
                json!({ "id": id("6100", n), "displayName": name, "members": [member(n)], "licenses": [id("5000", next)] }),
            ]
        })
        .collect();
    let users: Vec<Value> = names
        .iter()
        .enumerate()
        .map(|(n, name)| {
            let mode = if n % 5 == 4 { "opt-out" } else { "opt-in" };
            json!({
                "id": member(n), "userPrincipalName": upn(name), "mail": format!("{name}@mail.contoso.com"),
                "displayName": name, "department": name, "licenses": [id("5000", n)],
                "insights": { "mode": mode }, "accountEnabled": n % 11 != 10, "refused": n % 13 == 12,
            })
        })
        .collect();
    let name = names.concat();
    json!({
        "tenant": { "id": TENANT, "name": name, "displayName": name },
        "defaults": { "dashboard": true, "addIn": true, "digestEmail": true },
        "skus": skus, "groups": groups, "users": users,
    })
}

/// Makes a manifest that is right, in which everything that may be called so is; JSON is YAML.
fn manifest() -> Value {
    let names = names();
    // Where a name has to be one short line, the next best is taken.
    let line = |name: &str| {
        let line: String = name.chars().filter(|character| !character.is_control()).collect();
        let cut = (0..=line.len().min(90)).rev().find(|at| line.is_char_boundary(*at)).unwrap();
        line[..cut].trim().to_owned()
    };
    let groups: Vec<Value> = names
        .iter()
        .enumerate()
        .map(|(n, name)| {
            let members = json!([{ "group": format!("g{n}@contoso.com") }, { "user": format!("nobody{n}@contoso.com") }]);
            let name = format!("{}{n}", line(name));
            match n % 3 {
                0 => json!({ "name": name, "mode": "opt-out", "service-plan": "removed", "members": members }),
                1 => json!({ "name": name, "mode": "opt-in", "features": { "dashboard": "on" }, "members": members,
                             "re-opt-in": { "reason": line(&names[n]), "until": "2099-01-01" } }),
                _ => json!({ "name": name, "mode": "opt-out", "on-leave": "restore", "members": members }),
            }
        })
        .collect();
    let accept: Vec<Value> = names
        .iter()
        .enumerate()
        .step_by(6)
        .map(|(n, name)| {
            json!({ "group": format!("g{n}@contoso.com"), "setting": "mode", "value": "opt-in", "reason": line(name), "until": "2099-01-01" })
        })
        .collect();
    json!({
        "version": 1, "tenant": { "id": TENANT, "name": line(&names.concat()) },
        "defaults": { "dashboard": "off" }, "groups": groups, "accept": accept,
        "guards": { "protected": [{ "group": "g1@contoso.com" }] }, "store": "file:.insightctl",
    })
}

/// Cuts a name to what YAML takes for a key.
fn key(name: &str) -> String {
    name.chars().take(90).collect()
}

/// Makes a manifest in which everything is wrong that can be called so.
fn wrong() -> Value {
    let names = names();
    let name = names.concat();
    let groups: Vec<Value> = names
        .iter()
        .map(|name| {
            json!({ "name": name, "mode": name, key(name): name, "features": { "dashboard": name },
                    "members": [{ "group": name }, { "user": name }, { "csv": name }, { "licence": name }, { "filter": name }, name] })
        })
        .chain([json!({ "name": "list", "mode": "opt-out", "members": [{ "csv": "people.csv" }] })])
        .collect();
    json!({ "version": name, "tenant": { "id": name, "name": name }, "scenario": name, "groups": groups, "store": name, key(&name): 1 })
}

/// Lets the services say such things in their refusals, in every dialect: to whoever reads, and to whoever writes.
fn faults() -> [Value; 2] {
    let name = names().concat();
    let graph = json!({ "error": { "code": name, "message": name, "innerError": { "request-id": name } } });
    let backend = json!({ "Code": name, "Message": name, "Details": [{ "Code": name, "Message": name }] });
    let reading = json!({ "faults": [
        { "match": { "service": "graph", "path": "*/$count" }, "every": 1, "status": 400, "body": { "json": graph } },
        { "match": { "service": "graph", "path": "*/transitiveMembers/*" }, "every": 3, "status": 403, "body": { "json": graph } },
        { "match": { "cmdlet": "Get-Default*" }, "every": 1, "status": 403, "body": { "html": format!("<html><title>{name}</title>") } },
        { "match": { "cmdlet": "Get-MyAnalytics*" }, "every": 7, "status": 400, "body": { "json": backend } },
    ] });
    let writing = json!({ "faults": [
        { "match": { "cmdlet": "Set-Default*" }, "every": 1, "status": 400, "body": { "text": name } },
        { "match": { "cmdlet": "Set-MyAnalytics*" }, "every": 2, "status": 400, "body": { "json": backend } },
        { "match": { "path": "*/assignLicense" }, "every": 2, "status": 400, "body": { "json": graph } },
    ] });
    [reading, writing]
}

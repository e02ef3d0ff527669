//! Does with the steps of a handed-over plan what its script does, in Rust: there is no PowerShell here.
//!
//! It reads the same file of steps, calls the same cmdlets of the sandbox with the same parameters, and writes the same
//! rows. What it shows is that the steps hold all that a script needs, and that its rows hold all that the ledger needs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use insightctl::clock::Clock;
use serde_json::{Map, Value, json};

use crate::stage::Stage;
use crate::wire::Wire;

/// Names the columns of a results file.
pub(crate) const COLUMNS: [&str; 15] = [
    "UserPrincipalName",
    "ObjectId",
    "Group",
    "Setting",
    "From",
    "To",
    "Outcome",
    "Attempts",
    "RequestId",
    "Message",
    "At",
    "Before",
    "After",
    "Operation",
    "PlanHash",
];

/// Is what the script has seen: words by setting.
type State = BTreeMap<&'static str, String>;

/// Is one run of the script.
pub(crate) struct Script<'s> {
    pub(crate) wire: &'s Wire,
    plan: String,
    steps: Vec<Value>,
    rows: Vec<Vec<String>>,
    /// What earlier runs said of each operation.
    known: BTreeMap<u64, String>,
    held: BTreeSet<String>,
    flipped: BTreeMap<String, (String, String)>,
    /// The call of each step, from 0, that the service refuses.
    pub(crate) refused: Option<usize>,
}

fn word(value: &Value) -> String {
    match value {
        Value::Bool(true) => "on".to_owned(),
        Value::Bool(false) => "off".to_owned(),
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "opted-in" => "on".to_owned(),
            "false" | "opted-out" => "off".to_owned(),
            other => other.to_owned(),
        },
        Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => panic!("{value}"),
    }
}

fn shown(state: &State) -> String {
    // In the order in which the script has them, which is not that of the alphabet.
    let order = ["mode", "dashboard", "digest-email", "outlook-add-in", "schedule-send", "meeting-survey"];
    let parts = order.iter().filter_map(|name| Some(format!("{name}={}", state.get(name)?)));
    parts.collect::<Vec<_>>().join(" ")
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

impl<'s> Script<'s> {
    /// Reads both files, and what earlier runs have written.
    pub(crate) fn of(stage: &Stage, wire: &'s Wire) -> Self {
        let script = fs::read_to_string(stage.path().join("handover.ps1")).unwrap();
        let plan = script.split("$PlanHash = '").nth(1).unwrap().split('\'').next().unwrap().to_owned();
        let steps = fs::read_to_string(stage.path().join("handover.jsonl")).unwrap();
        let steps = steps.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let mut known = BTreeMap::new();
        let results = stage.path().join("handover.results.csv");
        if results.exists() {
            for row in csv::Reader::from_path(&results).unwrap().records() {
                let row = row.unwrap();
                known.insert(row[13].parse().unwrap(), row[6].to_owned());
            }
        }
        let (held, flipped) = (BTreeSet::new(), BTreeMap::new());
        Self { wire, plan, steps, rows: Vec::new(), known, held, flipped, refused: None }
    }

    /// Does at most so many steps that are not done yet, and appends the rows to the results file.
    pub(crate) async fn run(mut self, stage: &Stage, most: usize) {
        let mut done = 0;
        for step in std::mem::take(&mut self.steps) {
            let operations = step["operations"].as_array().unwrap().clone();
            let is_final = |operation: &&Value| {
                let known = self.known.get(&operation["number"].as_u64().unwrap());
                known.is_some_and(|known| ["done", "already", "moved"].contains(&known.as_str()))
            };
            let open: Vec<Value> =
                operations.iter().filter(|operation| !is_final(operation)).cloned().collect();
            if open.is_empty() {
                self.flip(&step, "done");
                continue;
            }
            if done == most {
                break;
            }
            done += 1;
            let at = Clock::system().now().to_string();
            let before = self.rows.len();
            match text(&step, "kind") {
                "person" => self.person(&step, &open, &at).await,
                "default" => self.default(&step, &open[0], &at).await,
                "licences" => self.licences(&step, &open[0], &at).await,
                other => panic!("{other}"),
            }
            for outcome in self.rows[before..].iter().map(|row| row[6].clone()).collect::<Vec<_>>() {
                self.flip(&step, &outcome);
            }
        }
        self.append(&stage.path().join("handover.results.csv"));
    }

    fn append(&self, path: &Path) {
        let is_new = !path.exists();
        let file = fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        let mut table = csv::WriterBuilder::new().has_headers(false).from_writer(file);
        if is_new {
            table.write_record(COLUMNS).unwrap();
        }
        for row in &self.rows {
            table.write_record(row).unwrap();
        }
        table.flush().unwrap();
    }

    #[expect(clippy::too_many_arguments, reason = "these are the columns of a row")]
    fn row(
        &mut self,
        step: &Value,
        operation: &Value,
        outcome: &str,
        attempts: u32,
        before: &str,
        after: &str,
        at: &str,
    ) {
        let attempts = attempts.to_string();
        let number = operation["number"].to_string();
        let cells = [
            text(step, "identity"),
            text(step, "id"),
            text(step, "group"),
            text(operation, "setting"),
            text(operation, "from"),
            text(operation, "to"),
            outcome,
            &attempts,
            "",
            "",
            at,
            before,
            after,
            &number,
            &self.plan,
        ];
        self.rows.push(cells.iter().map(|cell| (*cell).to_owned()).collect());
        let own = outcome == "moved" && before.contains("mode=opt-out");
        if let Some(pins) = operation["pins"].as_str()
            && outcome != "done"
            && !own
        {
            self.held.insert(pins.to_owned());
        }
    }

    fn flip(&mut self, step: &Value, outcome: &str) {
        let operation = &step["operations"][0];
        if text(step, "kind") == "default" && outcome == "done" {
            let flip = (text(operation, "from").to_owned(), text(operation, "to").to_owned());
            self.flipped.insert(text(operation, "setting").to_owned(), flip);
        }
    }

    async fn read(&self, step: &Value) -> State {
        let (_, body) =
            self.wire.run("Get-MyAnalyticsFeatureConfig", json!({ "Identity": step["identity"] })).await;
        let answer = &body["value"][0];
        BTreeMap::from([
            ("mode", word(&answer["PrivacyMode"])),
            ("dashboard", word(&answer["IsDashboardEnabled"])),
            ("digest-email", word(&answer["IsDigestEmailEnabled"])),
            ("outlook-add-in", word(&answer["IsAddInEnabled"])),
        ])
    }

    async fn person(&mut self, step: &Value, open: &[Value], at: &str) {
        let had = self.read(step).await;
        let before = shown(&had);
        let fits = |operation: &Value| {
            let (from, to) = (text(operation, "from"), text(operation, "to"));
            let have = &had[text(operation, "setting")];
            let flip = self.flipped.get(text(operation, "setting"));
            let followed = flip.is_some_and(|(was, is)| was == from && is == have);
            let begun = || {
                let known = |operation: &Value| self.known.get(&operation["number"].as_u64().unwrap());
                let sent = |known: &String| ["done", "settling", "failed"].contains(&known.as_str());
                let any =
                    step["operations"].as_array().unwrap().iter().any(|one| known(one).is_some_and(sent));
                any && operation["leaves"].as_array().unwrap().iter().any(|left| left == have)
            };
            if have == to && from != to && !followed {
                "already"
            } else if have == from || followed || begun() {
                "write"
            } else {
                "moved"
            }
        };
        let fits: Vec<&str> = open.iter().map(fits).collect();
        // What was done earlier and is no longer so is not done a second time.
        let undone = step["operations"].as_array().unwrap().iter().any(|operation| {
            let known = self.known.get(&operation["number"].as_u64().unwrap());
            known.is_some_and(|known| known == "done")
                && had[text(operation, "setting")] != text(operation, "to")
        });
        if undone {
            for operation in open {
                self.row(step, operation, "moved", 0, &before, "", at);
            }
            return;
        }
        let against = step["notOptedOut"] == json!(true) && had["mode"] == "opt-out";
        let changed = against || fits.iter().any(|fit| ["moved", "already"].contains(fit));
        if changed || !fits.contains(&"write") {
            for (operation, fit) in open.iter().zip(fits) {
                match fit {
                    "already" => self.row(step, operation, "already", 0, &before, "", at),
                    _ => self.row(step, operation, "moved", 0, &before, "", at),
                }
            }
            return;
        }
        let mut taken = 0;
        for (at, call) in step["calls"].as_array().unwrap().iter().enumerate() {
            if self.refused == Some(at) {
                break;
            }
            let mut parameters = Map::from_iter([("Identity".to_owned(), step["identity"].clone())]);
            parameters.extend(call.as_object().unwrap().clone());
            if self.wire.run("Set-MyAnalyticsFeatureConfig", Value::Object(parameters)).await.0 != 200 {
                break;
            }
            taken += 1;
        }
        let has = self.read(step).await;
        let after = shown(&has);
        for operation in open {
            let last = operation["calls"].as_array().unwrap().iter().filter_map(Value::as_u64).max().unwrap();
            let shows = has[text(operation, "setting")] == text(operation, "to");
            let outcome = match (taken > last, shows) {
                (true, true) => "done",
                (true, false) => "settling",
                (false, _) => "failed",
            };
            self.row(step, operation, outcome, 1, &before, &after, at);
        }
    }

    async fn defaults(&self) -> State {
        let (_, body) = self.wire.run("Get-DefaultTenantMyAnalyticsFeatureConfig", json!({})).await;
        let answer = &body["value"][0];
        BTreeMap::from([
            ("dashboard", word(&answer["IsDashboardEnabled"])),
            ("digest-email", word(&answer["IsDigestEmailEnabled"])),
            ("outlook-add-in", word(&answer["IsAddInEnabled"])),
            ("schedule-send", word(&answer["IsScheduleSendEnabled"])),
            ("meeting-survey", word(&answer["IsMeetingEffectivenessSurveyEnabled"])),
        ])
    }

    async fn default(&mut self, step: &Value, operation: &Value, at: &str) {
        let setting = text(operation, "setting");
        if step["held"] == json!(true) || self.held.contains(setting) {
            return self.row(step, operation, "waiting", 0, "", "", at);
        }
        let had = self.defaults().await;
        let before = shown(&had);
        if let Some(from) = operation["from"].as_str()
            && had[setting] != from
        {
            let outcome = if had[setting] == text(operation, "to") { "already" } else { "moved" };
            return self.row(step, operation, outcome, 0, &before, "", at);
        }
        let parameters = step["calls"][0].clone();
        let (status, body) = self.wire.run("Set-DefaultTenantMyAnalyticsFeatureConfig", parameters).await;
        assert_eq!(status, 200, "{body}");
        let has = self.defaults().await;
        let shows = operation["from"].is_null() || has[setting] == text(operation, "to");
        let outcome = if shows { "done" } else { "settling" };
        self.row(step, operation, outcome, 1, &before, &shown(&has), at);
    }

    async fn licences(&mut self, step: &Value, operation: &Value, at: &str) {
        if step["optedOutFirst"] == json!(true) && self.read(step).await["mode"] != "opt-out" {
            return self.row(step, operation, "waiting", 0, "", "", at);
        }
        let [from, to] = ["from", "to"].map(|name| format!("service-plan={}", text(operation, name)));
        let show = async |list: &str| {
            let (_, body) = self
                .wire
                .get(&format!("/users/{}?$select=id,licenseAssignmentStates", text(step, "id")))
                .await;
            step["licences"].as_array().unwrap().iter().all(|change| {
                let states = body["licenseAssignmentStates"].as_array().unwrap();
                let direct = states
                    .iter()
                    .find(|state| state["assignedByGroup"].is_null() && state["skuId"] == change["sku"]);
                direct.is_some_and(|state| sorted(&state["disabledPlans"]) == sorted(&change[list]))
            })
        };
        if show("after").await {
            return self.row(step, operation, "already", 0, &to, "", at);
        }
        if !show("before").await {
            return self.row(step, operation, "moved", 0, "", "", at);
        }
        let add: Vec<_> = step["licences"]
            .as_array()
            .unwrap()
            .iter()
            .map(|change| json!({ "skuId": change["sku"], "disabledPlans": change["after"] }))
            .collect();
        let body = json!({ "addLicenses": add, "removeLicenses": [] });
        let path = format!("/users/{}/assignLicense", text(step, "id"));
        let (status, body) = self.wire.post(&path, &body).await;
        assert_eq!(status, 200, "{body}");
        let shows = show("after").await;
        let (outcome, after) = if shows { ("done", to) } else { ("settling", String::new()) };
        self.row(step, operation, outcome, 1, &from, &after, at);
    }
}

fn sorted(list: &Value) -> BTreeSet<String> {
    list.as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_ascii_lowercase()).collect()
}

//! Reads a script of faults, YAML or JSON, and tells everything that is wrong with it at once.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_yaml::Spanned;

use super::rule::{Body, Canned, Ending, Matching, Moment, Rule, What, When};
use crate::sandbox::choice::Choice;
use crate::sandbox::tenant::Tenant;

/// Is a script that makes sense for a tenant.
#[derive(Debug)]
pub(in crate::sandbox) struct Script {
    pub(super) rules: Vec<Rule>,
}

/// Is one thing that is wrong with a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line, from 1; 0 when the script as a whole is meant.
    pub line: u64,
    /// The fact.
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

const WHEN: [&str; 5] = ["call", "every", "match", "after", "times"];
const WHAT: [&str; 13] = [
    "status",
    "code",
    "body",
    "retry-after",
    "carried-out",
    "cut",
    "hold",
    "slow",
    "stale",
    "person",
    "admin",
    "expire-token",
    "about",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    faults: Vec<Spanned<BTreeMap<String, Spanned<Value>>>>,
}

impl Script {
    /// Reads a script; whom it names must be in the tenant.
    pub(in crate::sandbox) fn read(text: &str, tenant: &Tenant) -> Result<Self, Vec<Mistake>> {
        let options = serde_yaml::options! { with_snippet: false };
        let File { faults } = serde_yaml::from_str_with_options(text, options).map_err(|error| {
            let line = error.location().map_or(0, |location| location.line());
            let what = error.without_snippet().to_string();
            vec![Mistake { line, what: what.lines().next().unwrap_or_default().to_owned() }]
        })?;
        let mut mistakes = Vec::new();
        let mut rules = Vec::with_capacity(faults.len());
        for fault in faults {
            let line = fault.referenced.line();
            let mut fields = Fields { line, left: fault.value, mistakes: &mut mistakes };
            rules.push(fields.rule(tenant));
        }
        mistakes.sort_by_key(|mistake| mistake.line);
        if mistakes.is_empty() { Ok(Self { rules }) } else { Err(mistakes) }
    }
}

/// Is a rule that is being read, field by field.
struct Fields<'m> {
    line: u64,
    left: BTreeMap<String, Spanned<Value>>,
    mistakes: &'m mut Vec<Mistake>,
}

impl Fields<'_> {
    fn rule(&mut self, tenant: &Tenant) -> Rule {
        let has = |names: &[&str]| self.left.keys().any(|name| names.contains(&name.as_str()));
        let (applies, does) = (has(&WHEN[..3]), has(&WHAT[..WHAT.len() - 1]));
        // Tells the reader of the script something.
        let _about: Option<String> = self.take("about");
        let when = self.when(tenant);
        let what = self.what(tenant);
        for (name, value) in std::mem::take(&mut self.left) {
            let keys: Vec<&str> = WHEN.into_iter().chain(WHAT).collect();
            self.wrong(line_of(&value), format!("there is no `{name}`; a rule has {}", keys.join(", ")));
        }
        if !applies {
            self.wrong(self.line, "the rule says nowhere when it applies: name `call`, `every` or `match`");
        }
        if !does {
            self.wrong(self.line, "the rule does nothing");
        }
        Rule { line: self.line, when, what }
    }

    fn when(&mut self, tenant: &Tenant) -> When {
        let call = self.positive("call");
        let every = self.positive("every");
        let matching = self.take_at::<Matching>("match");
        let after = self.take("after");
        let times = self.positive("times");
        if call.is_some() && (every.is_some() || after.is_some() || times.is_some()) {
            self.wrong(
                self.line,
                "a `call` comes once, so `every`, `after` and `times` mean nothing with it",
            );
        }
        let (line, matching) = matching.unwrap_or_default();
        self.known(line, matching.person.as_deref(), tenant);
        let usual = if call.is_none() && every.is_none() { Some(1) } else { None };
        When { call, every, matching, after: after.unwrap_or_default(), times: times.or(usual) }
    }

    fn what(&mut self, tenant: &Tenant) -> What {
        let person = self.take_at::<BTreeMap<String, Value>>("person").and_then(|(line, mut person)| {
            let who = person.remove("who").and_then(|who| who.as_str().map(str::to_owned));
            if who.is_none() {
                self.wrong(line, "`person` needs `who`");
            }
            self.known(line, who.as_deref(), tenant);
            let choice: Option<Choice> = self.decode("person", line, Value::from_iter(person));
            Some((who?, choice?))
        });
        What {
            person,
            admin: self.take("admin"),
            stale: self.take::<u32>("stale").map(i64::from),
            expire_token: self.take("expire-token").unwrap_or_default(),
            slow: Duration::from_millis(self.take("slow").unwrap_or_default()),
            ending: self.ending(),
        }
    }

    fn ending(&mut self) -> Ending {
        let canned = self.canned();
        let cut = self.take::<Moment>("cut").map(Ending::Cut);
        let hold = self.take::<Moment>("hold").map(Ending::Hold);
        let mut endings = [canned.map(Ending::Instead), cut, hold].into_iter().flatten();
        let ending = endings.next().unwrap_or(Ending::Usual);
        if endings.next().is_some() {
            self.wrong(self.line, "a call ends in one way: with another answer, `cut`, or `hold`");
        }
        ending
    }

    fn canned(&mut self) -> Option<Canned> {
        let status = self.take_at::<u16>("status");
        let code = self.take::<String>("code");
        let body = self.take::<Body>("body");
        let retry_after = self.take_at::<Value>("retry-after");
        let carried_out = self.take::<bool>("carried-out");
        if let Some((line, status)) = status
            && !(200..=599).contains(&status)
        {
            self.wrong(line, format!("a status is 200 to 599, not {status}"));
        }
        if status.is_none() && (code.is_some() || retry_after.is_some()) {
            self.wrong(self.line, "`code` and `retry-after` need a `status`");
        }
        if status.is_none() && body.is_none() && carried_out.is_some() {
            self.wrong(self.line, "`carried-out` needs a `status` or a `body`");
        }
        let retry_after = retry_after.and_then(|(line, value)| match value {
            Value::Number(seconds) => Some(seconds.to_string()),
            Value::String(text) if text != "none" => Some(text),
            Value::String(_) | Value::Null => None,
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                self.wrong(line, "`retry-after` is a number of seconds, a date, or none");
                None
            }
        });
        let status = status.map(|(_, status)| status).or(body.is_some().then_some(200))?;
        Some(Canned { status, code, body, retry_after, carried_out: carried_out.unwrap_or_default() })
    }

    fn positive(&mut self, name: &str) -> Option<u64> {
        let (line, number) = self.take_at::<u64>(name)?;
        if number == 0 {
            self.wrong(line, format!("`{name}` counts from 1"));
        }
        Some(number)
    }

    fn take<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        self.take_at(name).map(|(_, value)| value)
    }

    fn take_at<T: DeserializeOwned>(&mut self, name: &str) -> Option<(u64, T)> {
        let value = self.left.remove(name)?;
        let line = line_of(&value);
        Some((line, self.decode(name, line, value.value)?))
    }

    fn decode<T: DeserializeOwned>(&mut self, name: &str, line: u64, value: Value) -> Option<T> {
        serde_json::from_value(value).map_err(|error| self.wrong(line, format!("`{name}`: {error}"))).ok()
    }

    fn known(&mut self, line: u64, who: Option<&str>, tenant: &Tenant) {
        if let Some(who) = who
            && tenant.person_by_identity(who).is_none()
        {
            self.wrong(line, format!("nobody in the tenant is called `{who}`"));
        }
    }

    fn wrong(&mut self, line: u64, what: impl Into<String>) {
        self.mistakes.push(Mistake { line, what: what.into() });
    }
}

fn line_of(value: &Spanned<Value>) -> u64 {
    value.referenced.line()
}

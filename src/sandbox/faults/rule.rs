//! Is one rule of a script: when it applies, and what happens then.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::seen::Seen;
use crate::sandbox::choice::{Choice, DefaultsChoice};
use crate::sandbox::tenant::Tenant;

/// Is a rule, with the line at which it stands.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) line: u64,
    pub(super) when: When,
    pub(super) what: What,
}

/// Says at which calls something happens; all of it must hold.
#[derive(Debug, Default)]
pub(super) struct When {
    /// The call of this number.
    pub(super) call: Option<u64>,
    /// Every so many calls, of those that it is about.
    pub(super) every: Option<u64>,
    pub(super) matching: Matching,
    /// So many calls that it is about go unharmed first.
    pub(super) after: u64,
    /// How often it happens; `None` for ever.
    pub(super) times: Option<u64>,
}

/// Says which calls a rule is about; what is not named may be anything.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Matching {
    pub(super) method: Option<String>,
    /// A part of the path below the service, or a pattern for all of it in which `*` stands for anything.
    pub(super) path: Option<String>,
    pub(super) service: Option<Service>,
    pub(super) write: Option<bool>,
    /// A part of the cmdlet's name, or a pattern as for `path`.
    pub(super) cmdlet: Option<String>,
    /// User principal name, mail address or object id.
    pub(super) person: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Service {
    Login,
    Graph,
    Exchange,
}

/// Is what happens at a call, besides or instead of its answer.
#[derive(Debug)]
pub(super) struct What {
    /// Somebody changes their own settings right before.
    pub(super) person: Option<(String, Choice)>,
    /// Another administrator changes the tenant's defaults right before.
    pub(super) admin: Option<DefaultsChoice>,
    /// Whatever readers see now of those whom the call is about, they see for so many seconds more.
    pub(super) stale: Option<i64>,
    /// The token that the call came with is good for nothing from now on.
    pub(super) expire_token: bool,
    pub(super) slow: Duration,
    pub(super) ending: Ending,
}

/// Says how a call ends.
#[derive(Debug)]
pub(super) enum Ending {
    /// With the service's own answer.
    Usual,
    /// With another answer.
    Instead(Canned),
    /// Without an answer: the connection is closed.
    Cut(Moment),
    /// Without an answer: the connection stays open until the next script is set, and is closed then.
    Hold(Moment),
}

/// Says whether the service has done what it was asked when a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Moment {
    Before,
    After,
}

/// Is an answer that a script makes up.
#[derive(Debug)]
pub(super) struct Canned {
    pub(super) status: u16,
    pub(super) code: Option<String>,
    pub(super) body: Option<Body>,
    pub(super) retry_after: Option<String>,
    /// Whether the service has done it all the same.
    pub(super) carried_out: bool,
}

/// Is the body of an answer, where it is not the service's usual refusal.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Body {
    Text(String),
    Html(String),
    Json(Value),
}

impl When {
    /// Says whether the rule is about a call, whenever it comes.
    pub(super) fn is_about(&self, seen: &Seen, tenant: &Tenant) -> bool {
        let Matching { method, path, service, write, cmdlet, person } = &self.matching;
        let same = |who: &String, other: &String| match (
            tenant.person_by_identity(who),
            tenant.person_by_identity(other),
        ) {
            (Some(one), Some(two)) => one == two,
            (None, _) | (_, None) => who.eq_ignore_ascii_case(other),
        };
        method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(&seen.method))
            && path.as_ref().is_none_or(|pattern| fits(pattern, &seen.path))
            && service.is_none_or(|service| service.word() == seen.service)
            && write.is_none_or(|write| write == seen.write)
            && cmdlet.as_ref().is_none_or(|pattern| seen.cmdlets.iter().any(|name| fits(pattern, name)))
            && person.as_ref().is_none_or(|who| seen.people.iter().any(|other| same(who, other)))
    }

    /// Says whether it is this call's turn: the `met`th that the rule is about, after it was played `played` times.
    pub(super) fn is_due(&self, number: u64, met: u64, played: u64) -> bool {
        self.call.is_none_or(|call| call == number)
            && met > self.after
            && self.every.is_none_or(|every| (met - self.after).is_multiple_of(every))
            && self.times.is_none_or(|times| played < times)
    }
}

impl Service {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Graph => "graph",
            Self::Exchange => "exchange",
        }
    }
}

/// Compares in any letter case: with a pattern if there is a `*` in it, else with a part of the text.
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_lowercase(), text.to_lowercase());
    let Some((first, rest)) = pattern.split_once('*') else { return text.contains(&pattern) };
    let Some(mut left) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_for_the_whole_and_a_word_for_a_part() {
        for (pattern, text, does) in [
            ("$batch", "adminapi/beta/1/$batch", true),
            ("*/$Batch", "adminapi/beta/1/$batch", true),
            ("beta*", "adminapi/beta/1", false),
            ("*users/*/assignLicense", "v1.0/users/ada/assignLicense", true),
            ("*users/*/assignLicense", "v1.0/users/ada", false),
            ("a*a", "a", false),
            ("*", "", true),
        ] {
            assert_eq!(fits(pattern, text), does, "{pattern} on {text}");
        }
    }

    #[test]
    fn a_rule_has_its_turn() {
        let due = |when: &When| -> Vec<u64> {
            let mut played = 0;
            let turn = |met: &u64| {
                let due = when.is_due(*met, *met, played);
                played += u64::from(due);
                due
            };
            (1..=9).filter(turn).collect()
        };
        assert_eq!(due(&When { call: Some(4), ..When::default() }), [4]);
        assert_eq!(due(&When { every: Some(3), ..When::default() }), [3, 6, 9]);
        assert_eq!(due(&When { every: Some(2), after: 3, times: Some(2), ..When::default() }), [5, 7]);
        assert_eq!(due(&When { after: 7, ..When::default() }), [8, 9]);
    }
}

//! Answers the open questions of the vendor's documents, one switch each.

use std::fmt;
use std::str::FromStr;

/// Chooses how the simulated services behave where the documents leave it open.
///
/// Written as `key=value,key=value`. Delays are whole seconds by the sandbox's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct World {
    /// `opt-out-flags=keep|off`: whether opting out also switches the three features off (`keep`).
    pub opt_out_flags: OptOutFlags,
    /// `opt-in-flags=keep|on`: whether opting in also switches the three features on (`keep`).
    pub opt_in_flags: OptInFlags,
    /// `noop=stored|ignored`: whether a write that equals the effective value is stored (`stored`).
    pub noop: Noop,
    /// `unlicensed=answer|forbid`: whether the settings service speaks of people without a plan (`answer`).
    pub unlicensed: Unlicensed,
    /// `person-delay=SECONDS`: how long reads show a person's old settings after any write (0).
    pub person_delay: i64,
    /// `default-delay=SECONDS`: how long reads show the tenant's old defaults after a write (0).
    pub default_delay: i64,
    /// `licence-delay=SECONDS`: how long the directory shows old licences after a write (0).
    pub licence_delay: i64,
    /// `group-delay=SECONDS`: how much longer a change of a group's licences takes to reach its members (0).
    pub group_delay: i64,
    /// `page-size=N`: at most so many objects on a page, whatever `$top` says (as asked for).
    pub page_size: Option<usize>,
    /// `empty-pages=on|off`: whether an empty page stands before every page with something on it (`off`).
    pub empty_pages: bool,
    /// `batch-429=N`: every Nth item of any batch is refused with 429 and a `Retry-After`; 0 for none (0).
    pub batch_429: u64,
    /// `calls-per-second=N`: the settings service refuses more cmdlets than that with 429 and a `Retry-After`; 0 for no
    /// limit (0). Counted in real seconds, whatever the sandbox's clock shows; two batches' worth may come together.
    pub calls_per_second: u32,
    /// `audit-polls=N`: how often a query of the audit log is looked after in vain (1).
    pub audit_polls: u32,
    /// `audit-people=on|off`: whether the audit log records what people change themselves (`on`).
    pub audit_people: bool,
    /// `clock-skew=SECONDS`: how far the clock that answers show is ahead of the sandbox's own; may be negative (0).
    pub clock_skew: i64,
}

impl Default for World {
    fn default() -> Self {
        Self {
            opt_out_flags: OptOutFlags::default(),
            opt_in_flags: OptInFlags::default(),
            noop: Noop::default(),
            unlicensed: Unlicensed::default(),
            person_delay: 0,
            default_delay: 0,
            licence_delay: 0,
            group_delay: 0,
            page_size: None,
            empty_pages: false,
            batch_429: 0,
            calls_per_second: 0,
            audit_polls: 1,
            audit_people: true,
            clock_skew: 0,
        }
    }
}

/// Says what opting out does to a person's features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OptOutFlags {
    /// They stay as they were stored and come back on opting in.
    #[default]
    Keep,
    /// All three are stored as off.
    Off,
}

/// Says what opting in does to a person's features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OptInFlags {
    /// They stay as they were stored.
    #[default]
    Keep,
    /// All three are stored as on.
    On,
}

/// Says what becomes of a write that changes nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Noop {
    /// It is stored, so that the value stays when the tenant's default moves.
    #[default]
    Stored,
    /// It is accepted and forgotten, so that the value goes on following the default.
    Ignored,
}

/// Says how the settings service treats people without a plan for personal insights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unlicensed {
    /// Like everyone else.
    #[default]
    Answer,
    /// With a 403 for that person.
    Forbid,
}

/// Says why a world could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorldError {
    /// There is no such switch.
    #[error("the sandbox has no switch `{0}`")]
    Key(String),
    /// The switch exists, the value does not.
    #[error("the sandbox's switch `{key}` cannot be `{value}`: it takes {takes}")]
    Value {
        /// The switch.
        key: &'static str,
        /// What was asked for.
        value: String,
        /// What it takes.
        takes: &'static str,
    },
    /// Something is not of the form `key=value`.
    #[error("`{0}` is not of the form key=value")]
    Form(String),
}

impl WorldError {
    /// Advises what to write instead.
    pub fn hint(&self) -> String {
        let switches: Vec<String> = KEYS.iter().map(|(key, takes)| format!("{key}={takes}")).collect();
        format!("the switches are {}", switches.join(", "))
    }
}

const KEYS: [(&str, &str); 15] = [
    ("opt-out-flags", "keep|off"),
    ("opt-in-flags", "keep|on"),
    ("noop", "stored|ignored"),
    ("unlicensed", "answer|forbid"),
    ("person-delay", "SECONDS"),
    ("default-delay", "SECONDS"),
    ("licence-delay", "SECONDS"),
    ("group-delay", "SECONDS"),
    ("page-size", "N"),
    ("empty-pages", "on|off"),
    ("batch-429", "N"),
    ("audit-polls", "N"),
    ("audit-people", "on|off"),
    ("clock-skew", "SECONDS"),
    ("calls-per-second", "N"),
];

impl FromStr for World {
    type Err = WorldError;

    fn from_str(text: &str) -> Result<Self, WorldError> {
        let mut world = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=').ok_or_else(|| WorldError::Form(part.to_owned()))?;
            world.turn(key.trim(), value.trim())?;
        }
        Ok(world)
    }
}

impl World {
    fn turn(&mut self, key: &str, value: &str) -> Result<(), WorldError> {
        let Some((key, takes)) = KEYS.into_iter().find(|(known, _)| *known == key) else {
            return Err(WorldError::Key(key.to_owned()));
        };
        let odd = || WorldError::Value { key, value: value.to_owned(), takes };
        let seconds = || value.parse::<u32>().map(i64::from).map_err(|_| odd());
        match (key, value) {
            ("opt-out-flags", "keep") => self.opt_out_flags = OptOutFlags::Keep,
            ("opt-out-flags", "off") => self.opt_out_flags = OptOutFlags::Off,
            ("opt-in-flags", "keep") => self.opt_in_flags = OptInFlags::Keep,
            ("opt-in-flags", "on") => self.opt_in_flags = OptInFlags::On,
            ("noop", "stored") => self.noop = Noop::Stored,
            ("noop", "ignored") => self.noop = Noop::Ignored,
            ("unlicensed", "answer") => self.unlicensed = Unlicensed::Answer,
            ("unlicensed", "forbid") => self.unlicensed = Unlicensed::Forbid,
            ("person-delay", _) => self.person_delay = seconds()?,
            ("default-delay", _) => self.default_delay = seconds()?,
            ("licence-delay", _) => self.licence_delay = seconds()?,
            ("group-delay", _) => self.group_delay = seconds()?,
            ("page-size", _) => {
                self.page_size = Some(value.parse().ok().filter(|size| *size > 0).ok_or_else(odd)?);
            }
            ("empty-pages", "on") => self.empty_pages = true,
            ("empty-pages", "off") => self.empty_pages = false,
            ("batch-429", _) => self.batch_429 = value.parse().map_err(|_| odd())?,
            ("audit-polls", _) => self.audit_polls = value.parse().map_err(|_| odd())?,
            ("audit-people", "on") => self.audit_people = true,
            ("audit-people", "off") => self.audit_people = false,
            ("clock-skew", _) => self.clock_skew = value.parse::<i32>().map(i64::from).map_err(|_| odd())?,
            ("calls-per-second", _) => self.calls_per_second = value.parse().map_err(|_| odd())?,
            _ => return Err(odd()),
        }
        Ok(())
    }
}

impl fmt::Display for World {
    /// Writes only the switches that are not at their default, so that the usual world is empty.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { opt_out_flags, opt_in_flags, noop, unlicensed, .. } = self;
        let mut parts: Vec<String> = Vec::new();
        let mut say = |turned: bool, text: String| turned.then(|| parts.push(text));
        say(*opt_out_flags == OptOutFlags::Off, "opt-out-flags=off".to_owned());
        say(*opt_in_flags == OptInFlags::On, "opt-in-flags=on".to_owned());
        say(*noop == Noop::Ignored, "noop=ignored".to_owned());
        say(*unlicensed == Unlicensed::Forbid, "unlicensed=forbid".to_owned());
        say(self.person_delay > 0, format!("person-delay={}", self.person_delay));
        say(self.default_delay > 0, format!("default-delay={}", self.default_delay));
        say(self.licence_delay > 0, format!("licence-delay={}", self.licence_delay));
        say(self.group_delay > 0, format!("group-delay={}", self.group_delay));
        say(self.page_size.is_some(), format!("page-size={}", self.page_size.unwrap_or_default()));
        say(self.empty_pages, "empty-pages=on".to_owned());
        say(self.batch_429 > 0, format!("batch-429={}", self.batch_429));
        say(self.audit_polls != 1, format!("audit-polls={}", self.audit_polls));
        say(!self.audit_people, "audit-people=off".to_owned());
        say(self.clock_skew != 0, format!("clock-skew={}", self.clock_skew));
        say(self.calls_per_second > 0, format!("calls-per-second={}", self.calls_per_second));
        f.write_str(&parts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_is_read_as_it_is_written() {
        let text = "opt-out-flags=off,opt-in-flags=on,noop=ignored,unlicensed=forbid,person-delay=900,\
                    default-delay=86400,licence-delay=60,group-delay=600,page-size=7,empty-pages=on,batch-429=5,\
                    audit-polls=3,audit-people=off,clock-skew=-90,calls-per-second=20";
        let world: World = text.parse().expect("every switch is known");
        assert_eq!(world.to_string(), text);
        assert_eq!(world.page_size, Some(7));
        assert_eq!("".parse::<World>().expect("nothing is turned"), World::default());
        assert_eq!(World::default().to_string(), "");
    }

    #[test]
    fn a_wrong_switch_names_the_right_ones() {
        let error = "opt-out=off".parse::<World>().expect_err("there is no such switch");
        assert_eq!(error.to_string(), "the sandbox has no switch `opt-out`");
        assert!(error.hint().starts_with("the switches are opt-out-flags=keep|off, opt-in-flags=keep|on"));
        let error = "noop=off".parse::<World>().expect_err("the value is wrong");
        assert_eq!(error.to_string(), "the sandbox's switch `noop` cannot be `off`: it takes stored|ignored");
        assert!("person-delay=-1".parse::<World>().is_err());
        assert!("page-size=0".parse::<World>().is_err());
        assert_eq!("noop".parse::<World>(), Err(WorldError::Form("noop".to_owned())));
    }
}

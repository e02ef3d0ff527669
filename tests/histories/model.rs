//! Remembers, independently of the product, what each person visibly chose and which opt-outs are theirs.
//!
//! The service never says who set a value. So a choice counts as visible once some run has *looked* at a value that
//! is in force, readable, a person's own, and could not come from anywhere else: it differs from a default that has
//! stood still, or from what the last look saw while that default was the same. Three things can hide a choice, and
//! `semantics.md` says so: a write of ours that may still come to show, a write of ours that nobody heard of, and a
//! value that is the same as the one we wrote.

use insightctl::apply::Outcome;
use insightctl::model::{Known, OnLeave, OnUserChoice, ServicePlan, Setting, Value};
use insightctl::plan::calls::{Set, Task, Which, calls};
use insightctl::plan::{Because, Operation, Target};
use insightctl::sandbox::Write;

use crate::stage::{Look, Ran, id, place};
use crate::steps::{PEOPLE, SETTINGS, Want};

const SETTLE: i64 = 15 * 60;
const DAY: i64 = 24 * 3600;

/// Says who set what is in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Whose {
    /// Nobody: it follows the default.
    #[default]
    Nobody,
    Ours,
    Theirs,
}

/// Is a write of ours that may still come to show, or of which nobody heard.
#[derive(Clone, Copy, Debug)]
struct Pending {
    value: bool,
    at: i64,
    repeated: bool,
}

/// Is what is known of one setting of one person.
#[derive(Clone, Copy, Debug, Default)]
struct Remembered {
    whose: Whose,
    /// What the person visibly chose.
    visible: Want,
    /// What we wrote last, as long as nobody visibly changed it.
    ours: Want,
    /// We wrote it, and the manifest has not asked for it since.
    released: bool,
    pending: Option<Pending>,
    /// A write that a dying process may or may not have sent.
    unheard: Option<Pending>,
    /// What was there before our first write.
    found: Want,
    /// What the last look saw, and the default that it saw with it.
    last: Option<(bool, bool)>,
}

/// Is what a look saw of one setting.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about one value")]
struct Seen {
    value: bool,
    /// It is what holds in truth, and not what held a while ago.
    in_force: bool,
    default: bool,
    /// Whether the default has stood still for long enough.
    steady: bool,
    now: i64,
}

/// Is the whole model.
#[derive(Debug)]
pub(crate) struct Model {
    people: Vec<[Remembered; 4]>,
    /// The group that held each person at the last run.
    groups: Vec<Option<String>>,
    /// When each default last changed, by anyone.
    changed: [i64; 3],
    ignores_noop: bool,
    person_delay: i64,
    default_delay: i64,
}

/// Gives a value as a switch; `opt-in` is on.
fn switch(value: Value) -> Want {
    match value {
        Value::OPT_IN | Value::ON => Some(true),
        Value::OPT_OUT | Value::OFF => Some(false),
        Value::ServicePlan(_) | Value::Rate(_) => None,
    }
}

/// Lists a plan's operations on a person's mode and features, as who, which and what.
fn of_people(operations: &[Operation]) -> impl Iterator<Item = (usize, usize, bool, &Operation)> {
    operations.iter().filter_map(|operation| match &operation.target {
        Target::Person(person) => {
            let who = (0..PEOPLE).find(|who| id(*who) == person.id)?;
            Some((who, place(person.setting)?, switch(operation.to)?, operation))
        }
        Target::Tenant(_) => None,
    })
}

/// Gives what a write to a person names: who, and each setting with its value; `None` for any other write.
fn named(write: &Write) -> Option<(usize, Vec<(usize, bool)>)> {
    if write.call != "Set-MyAnalyticsFeatureConfig" {
        return None;
    }
    let who = (0..PEOPLE).find(|who| id(*who).to_string() == write.target)?;
    let mut named = Vec::new();
    if let Some(mode) = write.what["PrivacyMode"].as_str() {
        named.push((0, mode.eq_ignore_ascii_case("opt-in")));
    }
    if let Some(on) = write.what["IsEnabled"].as_bool() {
        match write.what["Feature"].as_str().unwrap_or("all").to_ascii_lowercase().as_str() {
            "dashboard" => named.push((1, on)),
            "digest-email" => named.push((2, on)),
            "add-in" => named.push((3, on)),
            _ => named.extend([(1, on), (2, on), (3, on)]),
        }
    }
    Some((who, named))
}

impl Model {
    pub(crate) fn new(world: &str, chosen: &[[Want; 4]]) -> Self {
        let number = |key: &str| {
            let value = world.split(',').find_map(|part| part.strip_prefix(key));
            value.map_or(0, |value| value.parse().unwrap())
        };
        let theirs = |want: &Want| Remembered {
            whose: if want.is_some() { Whose::Theirs } else { Whose::Nobody },
            ..Remembered::default()
        };
        Self {
            people: chosen.iter().map(|wants| std::array::from_fn(|at| theirs(&wants[at]))).collect(),
            groups: vec![None; PEOPLE],
            changed: [i64::MIN / 2; 3],
            ignores_noop: world.contains("noop=ignored"),
            person_delay: number("person-delay="),
            default_delay: number("default-delay="),
        }
    }

    /// Takes in what a person did: what they had before, and what they have now.
    pub(crate) fn chose(&mut self, who: usize, setting: usize, before: [bool; 4], after: [bool; 4]) {
        for at in 0..4 {
            let known = &mut self.people[who][at];
            if before[at] != after[at] {
                known.whose = Whose::Theirs;
                known.visible = None;
            } else if at == setting && known.whose == Whose::Nobody && !self.ignores_noop {
                known.whose = Whose::Theirs;
            }
        }
    }

    /// Takes in that a default changed.
    pub(crate) fn moved(&mut self, feature: usize, now: i64) {
        self.changed[feature] = now;
    }

    /// Judges a run: takes in what it saw and wrote, and says which promise it broke.
    pub(crate) fn ran(
        &mut self,
        ran: &Ran,
        before: &[[bool; 4]],
        after: &[[bool; 4]],
        now: i64,
    ) -> Result<(), String> {
        self.looked(&ran.look, before, now);
        self.consent_floor(ran, before)?;
        within_plan(ran)?;
        self.left(&ran.look)?;
        self.release(&ran.look);
        self.wrote(ran, before, after, now);
        for (who, settings) in self.people.iter().enumerate() {
            for (at, known) in settings.iter().enumerate() {
                if let Some(chosen) = known.visible
                    && after[who][at] != chosen
                {
                    return Err(format!(
                        "p{who} had visibly chosen {} {}, and it was reverted",
                        SETTINGS[at],
                        word(chosen)
                    ));
                }
            }
        }
        if self.ignores_noop { Ok(()) } else { pins(ran, before, after) }
    }

    fn looked(&mut self, look: &Look, truth: &[[bool; 4]], now: i64) {
        let defaults: [Want; 3] = std::array::from_fn(|feature| {
            let (_, value) = look
                .actual
                .tenant
                .settings
                .iter()
                .find(|(setting, _)| setting.word() == SETTINGS[feature + 1])?;
            switch(*value.known()?)
        });
        for (who, truth) in truth.iter().enumerate() {
            let wants = look.desired.people.get(&id(who)).map(|held| &look.desired.group(*held).wants);
            let settings = look.actual.people.get(&id(who)).map(|person| &person.settings);
            let mode_goes = of_people(&look.plan.operations).find(|(p, at, ..)| (*p, *at) == (who, 0));
            for at in 0..4 {
                let wanted = wants.and_then(|wants| {
                    wants.iter().find(|(setting, _)| place(*setting) == Some(at)).and_then(|(_, want)| *want)
                });
                let on_its_way = self.people[who][0].may_become(false);
                let known = &mut self.people[who][at];
                if wanted.is_none() {
                    continue;
                }
                let Some(Known::Is(settings)) = settings else { continue };
                let value = |at: usize| {
                    let setting =
                        Setting::ALL.into_iter().find(|setting| place(*setting) == Some(at)).unwrap();
                    switch(settings.get(setting).unwrap()).unwrap()
                };
                let opted_in = mode_goes.as_ref().map_or_else(|| value(0), |(_, _, to, _)| *to);
                if at > 0 && (!opted_in || on_its_way) {
                    continue;
                }
                let steady = at == 0 || now - self.changed[at - 1] > DAY + self.default_delay;
                let Some(default) = (if at == 0 { Some(true) } else { defaults[at - 1] }) else { continue };
                let seen = Seen { value: value(at), in_force: value(at) == truth[at], default, steady, now };
                known.look(seen);
                if wanted.and_then(switch) == Some(value(at)) {
                    known.released = false;
                }
            }
        }
    }

    /// Who leaves a group that gives things back is not let go while an opt-out of ours is still in force.
    fn left(&mut self, look: &Look) -> Result<(), String> {
        let restoring = |name: &str| {
            look.desired.groups.iter().any(|group| &*group.name == name && group.on_leave == OnLeave::Restore)
        };
        for who in 0..PEOPLE {
            let Some(observed) = look.plan.observations.people.get(&id(who)) else { continue };
            let was = std::mem::replace(&mut self.groups[who], observed.group.as_deref().map(str::to_owned));
            let known = &self.people[who][0];
            let kept = known.whose == Whose::Ours && known.ours == Some(false) && !known.released;
            if observed.group.is_none()
                && was.as_deref().is_some_and(restoring)
                && kept
                && known.found == Some(true)
            {
                return Err(format!("p{who} was let go with an opt-out that we wrote"));
            }
        }
        Ok(())
    }

    /// What the manifest no longer asks for is released, except where it is coming back.
    fn release(&mut self, look: &Look) {
        for who in 0..PEOPLE {
            let held = look.desired.people.get(&id(who));
            // Who left counts as leaving until everything came back.
            let observed = look.plan.observations.people.get(&id(who));
            let leaving = held.is_none() && observed.is_none_or(|observed| observed.group.is_some());
            for setting in Setting::ALL {
                let Some(at) = place(setting) else { continue };
                let wanted = held.is_some_and(|held| look.desired.group(*held).wants.get(setting).is_some());
                let known = &mut self.people[who][at];
                if !wanted && !leaving {
                    known.released = known.ours.is_some();
                }
            }
        }
    }

    /// Nobody is opted in whose opt-out we did not write.
    fn consent_floor(&self, ran: &Ran, before: &[[bool; 4]]) -> Result<(), String> {
        let mut modes: Vec<bool> = before.iter().map(|settings| settings[0]).collect();
        for (who, named) in ran.writes.iter().filter_map(named) {
            let Some((_, opted_in)) = named.iter().find(|(at, _)| *at == 0) else { continue };
            let known = &self.people[who][0];
            let ambiguous = known.pending.is_some() || known.unheard.is_some();
            if *opted_in && !modes[who] {
                if known.whose == Whose::Theirs && !ambiguous {
                    return Err(format!("p{who} was opted in against an opt-out of their own"));
                }
                if known.released {
                    return Err(format!("p{who} was opted in although their opt-out had been released"));
                }
            }
            modes[who] = *opted_in;
        }
        Ok(())
    }

    fn wrote(&mut self, ran: &Ran, before: &[[bool; 4]], after: &[[bool; 4]], now: i64) {
        let look = &ran.look;
        let overrides = |who: usize| {
            let held = look.desired.people.get(&id(who));
            held.is_some_and(|held| look.desired.group(*held).on_user_choice == OnUserChoice::Override)
        };
        let mut written = [[None; 4]; PEOPLE];
        for (who, named) in ran.writes.iter().filter_map(named) {
            for (at, value) in named {
                written[who][at] = Some(value);
            }
        }
        let repeats = |who: usize, at: usize| {
            of_people(&look.plan.operations)
                .any(|(p, s, _, operation)| (p, s) == (who, at) && operation.because == Because::DidNotTake)
        };
        // Whatever a process meant to write when it died, or was not told of, may have been written.
        let unheard: Vec<(usize, usize, bool)> = match &ran.report {
            None => of_people(&look.plan.operations).map(|(who, at, to, _)| (who, at, to)).collect(),
            Some(report) => {
                let rows = report.rows.iter().filter(|row| row.outcome == Outcome::Unanswered);
                let operations: Vec<_> = rows.map(|row| row.operation.clone()).collect();
                of_people(&operations).map(|(who, at, to, _)| (who, at, to)).collect()
            }
        };
        for who in 0..PEOPLE {
            for at in 0..4 {
                let is_unheard = unheard.iter().any(|(p, s, _)| (*p, *s) == (who, at));
                let changed = before[who][at] != after[who][at];
                let known = &mut self.people[who][at];
                if let Some(value) = written[who][at] {
                    let restated = known.visible == Some(value);
                    if known.visible.is_some() && !restated && overrides(who) && (at > 0 || !value) {
                        known.visible = None;
                    }
                    if is_unheard {
                        // Whoever never heard of a write cannot tell it from somebody else's.
                        if changed {
                            known.whose = Whose::Ours;
                        }
                    } else if !restated {
                        known.pending = Some(Pending { value, at: now, repeated: repeats(who, at) });
                        if known.ours.is_none() {
                            known.found = Some(before[who][at]);
                        }
                        known.ours = Some(value);
                        if changed || !self.ignores_noop {
                            known.whose = Whose::Ours;
                        }
                        if let Some((last, _)) = &mut known.last {
                            *last = value;
                        }
                    }
                    known.released = false;
                    known.unheard = None;
                } else if changed && at > 0 && written[who][0].is_some() {
                    // The service switches features together with the mode; nobody chose that.
                    let last = known.last.map(|(_, default)| (after[who][at], default));
                    *known = Remembered {
                        whose: Whose::Ours,
                        ours: Some(after[who][at]),
                        last,
                        ..Remembered::default()
                    };
                }
            }
        }
        let sound = ran
            .report
            .as_ref()
            .is_some_and(|report| report.rows.iter().all(|row| row.outcome == Outcome::Done));
        if sound && self.person_delay == 0 {
            self.people.iter_mut().flatten().for_each(|known| known.pending = None);
        }
        for (who, at, value) in unheard {
            self.people[who][at].unheard = Some(Pending { value, at: now, repeated: false });
        }
    }
}

impl Remembered {
    /// Says whether a write of ours may still come to show.
    fn may_become(&self, value: bool) -> bool {
        [self.pending, self.unheard].into_iter().flatten().any(|write| write.value == value)
    }

    /// Takes in a look.
    fn look(&mut self, Seen { value: seen, in_force, default, steady, now }: Seen) {
        if let Some(unheard) = self.unheard {
            if now - unheard.at < SETTLE {
                return;
            }
            self.unheard = None;
            if seen == unheard.value {
                self.ours = Some(seen);
            }
        }
        if let Some(pending) = self.pending {
            let age = now - pending.at;
            if seen == pending.value {
                self.pending = None;
            } else if age < SETTLE || (age < 2 * SETTLE && !pending.repeated) {
                return;
            } else {
                self.pending = None;
            }
        }
        if self.whose == Whose::Theirs && in_force {
            let differs = seen != default && steady;
            let turned = self.last.is_some_and(|(last, base)| last != seen && base == default) && steady;
            if self.ours == Some(seen) {
                // It is the same as what we wrote, so nobody can tell.
                self.whose = Whose::Ours;
            } else if differs || turned {
                self.visible = Some(seen);
                self.ours = None;
            }
        }
        self.last = Some((seen, default));
    }
}

/// Every write that was taken belongs to an operation of the plan.
fn within_plan(ran: &Ran) -> Result<(), String> {
    let work = calls(&ran.look.plan.operations);
    for write in &ran.writes {
        let of_plan = work.iter().any(|work| match &work.task {
            Task::Tenant { setting, value } => {
                write.target == "tenant"
                    && write.what["Feature"]
                        .as_str()
                        .is_some_and(|name| name.eq_ignore_ascii_case(feature_name(setting.word())))
                    && write.what["IsEnabled"].as_bool() == switch(*value)
            }
            Task::Settings { id, upn: _, sets } => {
                write.target == id.to_string() && sets.iter().any(|set| is_set(*set, write))
            }
            Task::Licences { id, .. } => write.target == id.to_string() && write.call == "assignLicense",
        });
        if !of_plan {
            return Err(format!("{write:?} belongs to no operation of the plan"));
        }
    }
    let most = ran.look.plan.summary.calls;
    if ran.writes.len() as u64 > most {
        return Err(format!("{} writes were taken where the plan had foreseen {most}", ran.writes.len()));
    }
    Ok(())
}

/// Gives the feature, 0 to 2, whose default a write changes.
pub(crate) fn default_written(write: &Write) -> Option<usize> {
    let feature = write.what["Feature"].as_str().filter(|_| write.target == "tenant")?;
    SETTINGS[1..].iter().position(|word| feature.eq_ignore_ascii_case(feature_name(word)))
}

fn feature_name(word: &str) -> &str {
    if word == "outlook-add-in" { "add-in" } else { word }
}

fn is_set(set: Set, write: &Write) -> bool {
    let Set { mode, feature } = set;
    let mode = mode.and_then(|mode| switch(Value::Mode(mode)));
    let told = write.what["PrivacyMode"].as_str().map(|mode| mode.eq_ignore_ascii_case("opt-in"));
    let named = feature.map(|(which, _)| match which {
        Which::One(feature) => feature_name(feature.setting().word()),
        Which::All => "all",
    });
    let on = feature.map(|(_, on)| bool::from(on));
    mode == told && named == write.what["Feature"].as_str() && on == write.what["IsEnabled"].as_bool()
}

/// Who should keep a feature keeps it through a run that switches its default off.
///
/// Where the service forgets a write that changes nothing, a pin cannot hold, and nobody can promise it.
fn pins(ran: &Ran, before: &[[bool; 4]], after: &[[bool; 4]]) -> Result<(), String> {
    let Ran { look, report: _, writes } = ran;
    for feature in 1..4 {
        let flipped = writes.iter().any(|write| {
            default_written(write) == Some(feature - 1) && write.what["IsEnabled"].as_bool() == Some(false)
        });
        if !flipped {
            continue;
        }
        for (person, held) in &look.desired.people {
            let Some(who) = (0..PEOPLE).find(|who| id(*who) == *person) else { continue };
            let setting = Setting::ALL.into_iter().find(|setting| place(*setting) == Some(feature)).unwrap();
            let wanted = *look.desired.group(*held).wants.get(setting) == Some(Value::ON);
            let Some(actual) = look.actual.people.get(person) else { continue };
            let seen_on =
                actual.settings.known().and_then(|settings| settings.get(setting)) == Some(Value::ON);
            let licensed =
                actual.licences.service_plan(&look.actual.catalogue) == Some(ServicePlan::Assigned);
            let goes_out = look.desired.group(*held).wants.mode == Some(Value::OPT_OUT);
            let opted_in = before[who][0] && after[who][0] && !goes_out;
            if wanted && seen_on && licensed && opted_in && before[who][feature] && !after[who][feature] {
                return Err(format!("p{who} was to keep {} and lost it with the default", SETTINGS[feature]));
            }
        }
    }
    Ok(())
}

pub(crate) fn word(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

//! Takes what the script of a handed-over plan did into the ledger, as a run of ours would have left it there.
//!
//! Each step of the script becomes the records that an apply writes for it: what was meant, what the service said, what
//! was read back. What the ledger has learnt since is newer, and stays.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::apply::about::{touches, under};
use crate::apply::observed::observations;
use crate::apply::theirs::decided;
use crate::apply::{FORMAT, OBSERVATIONS, Outcome, Report, Row, Unrecorded, Why};
use crate::clock::Clock;
use crate::model::{
    By, Entry, Feature, Ledger, Mode, PersonId, RefusalKind, ResultRow, Setting, Sight, StepEnding, Subject,
    TenantSetting, Value,
};
use crate::plan::{Because, Observed, Operation, Plan, Refused, last_of_each};
use crate::store::{Answer, Intent, Record, Run, StoreError};

/// Is what the script did, as far as the plan holds it.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    /// The plan that was handed over.
    pub plan: &'a Plan,
    /// Rows of this very plan, none of which contradicts another one.
    pub rows: &'a [ResultRow],
    /// What is recorded of this plan already; `None` before the first time.
    pub known: Option<&'a BTreeSet<(Subject, Timestamp)>>,
    /// When everybody was looked at for the second time after the script began, if they were.
    pub second_look: Option<Timestamp>,
}

/// Is what taking results into the ledger came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// What became of each operation; one of which the file says nothing has not begun.
    pub report: Report,
    /// How many writes stay out, since the ledger has learnt something newer of the setting.
    pub overtaken: u64,
}

impl Recorded<'_> {
    /// Says whether the ledger would learn something.
    pub fn is_news(&self, ledger: &Ledger) -> bool {
        self.known.is_none() || self.told(ledger, &mut 0).any(|records| !records.is_empty())
    }

    /// Gives the records of each step, in the order in which the script came to them.
    fn told<'s>(
        &'s self,
        ledger: &'s Ledger,
        overtaken: &'s mut u64,
    ) -> impl Iterator<Item = Vec<Record>> + 's {
        let mut rows: Vec<&ResultRow> = self.rows.iter().collect();
        rows.sort_by_key(|row| (row.at, row.operation));
        rows.dedup_by_key(|row| (row.at, row.operation));
        let mut telling = Telling { recorded: self, ledger, flipped: BTreeMap::new(), overtaken };
        let mut next = 0;
        std::iter::from_fn(move || {
            let first = *rows.get(next)?;
            let step = rows[next..].iter().take_while(|row| step_of(row) == step_of(first)).count();
            let records = telling.step(&rows[next..next + step]);
            next += step;
            Some(records)
        })
    }

    fn is_known(&self, row: &ResultRow) -> bool {
        self.known.is_some_and(|known| known.contains(&(row.subject, row.at)))
    }
}

/// Tells the rows of one step from those of another: the script gives them all one moment.
fn step_of(row: &ResultRow) -> (Timestamp, Option<PersonId>, bool) {
    match row.subject {
        Subject::Tenant(_) => (row.at, None, false),
        Subject::Person(id, setting) => (row.at, Some(id), setting == Setting::ServicePlan),
    }
}

/// Writes results into the ledger as one run, and ends it.
///
/// Recording the same rows again adds nothing; a longer file of the same script adds what is new in it.
pub async fn take_over(recorded: Recorded<'_>, run: Run, clock: &Clock) -> Result<Taken, Unrecorded> {
    let started = clock.now();
    let before = run.ledger(Ledger::clone);
    let mut overtaken = 0;
    let written = write(&recorded, &run, &before, &mut overtaken, started).await;
    let report = Report {
        format: FORMAT,
        run: run.id().to_string(),
        plan: recorded.plan.hash.is_sealed().then_some(recorded.plan.hash),
        waivers: Vec::new(),
        started,
        ended: clock.now(),
        planned: recorded.plan.summary.clone(),
        rows: rows(&recorded, started),
        licensing_groups: Vec::new(),
        stopped: None,
        calls: recorded.rows.iter().map(|row| u64::from(row.attempts)).sum(),
    };
    let finished = match written {
        Ok(()) => run.finish(&report.without_names()).await.map(drop),
        Err(error) => {
            run.give_up().await;
            Err(error)
        }
    };
    match finished {
        Ok(()) => Ok(Taken { report, overtaken }),
        Err(source) => Err(Unrecorded { report: Box::new(report), source }),
    }
}

async fn write(
    recorded: &Recorded<'_>,
    run: &Run,
    before: &Ledger,
    overtaken: &mut u64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut some = Vec::new();
    // What was looked up for an observation is looked up before anything later is written.
    let seen = observations(recorded.plan, run, now).map(|record| vec![record]);
    for records in seen.chain(recorded.told(before, overtaken)) {
        some.extend(records);
        if some.len() >= OBSERVATIONS {
            run.append(std::mem::take(&mut some)).await?;
        }
    }
    run.append(some).await
}

/// Says what becomes of a row where the ledger may have learnt something since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Nothing newer is known.
    Newest,
    /// A look has found since what the row says was written, and taken it for somebody else's doing.
    Explains,
    /// Something newer is known.
    Overtaken,
}

/// Turns the steps of a script into records, one after the other.
struct Telling<'t> {
    recorded: &'t Recorded<'t>,
    /// The ledger as it was before anything of this was recorded.
    ledger: &'t Ledger,
    /// Defaults that the script changed so far: before and after.
    flipped: BTreeMap<Feature, (Value, Value)>,
    overtaken: &'t mut u64,
}

impl Telling<'_> {
    fn operation(&self, row: &ResultRow) -> &Operation {
        &self.recorded.plan.operations[row.operation as usize - 1]
    }

    fn step(&mut self, rows: &[&ResultRow]) -> Vec<Record> {
        let mut new: Vec<&ResultRow> =
            rows.iter().copied().filter(|row| !self.recorded.is_known(row)).collect();
        let all = new.len();
        // What is overtaken leaves nothing in the ledger, however often it is told.
        new.retain(|row| {
            row.attempts == 0 || answer(row.ending).is_none() || self.standing(row) != Standing::Overtaken
        });
        *self.overtaken += (all - new.len()) as u64;
        let mut records = Vec::new();
        let mut meant = BTreeSet::new();
        let mut outcomes = Vec::new();
        for row in new.iter().filter(|row| row.attempts > 0) {
            let Some(answer) = answer(row.ending) else { continue };
            match self.standing(row) {
                Standing::Newest => {}
                Standing::Explains => records.extend(self.as_planned(row)),
                Standing::Overtaken => continue,
            }
            if let (Subject::Tenant(_), Sight::Tenant(values)) = (row.subject, &row.before) {
                records.push(Record::TenantRead { values: (**values).clone(), at: row.at });
            }
            if !matches!(answer, Answer::Refused(_)) {
                meant.insert(row.subject);
            }
            records.push(Record::Intent(self.intent(row)));
            let (subject, attempts, at) = (row.subject, row.attempts, row.at);
            outcomes.push(Record::Outcome { subject, answer, attempts, request_id: None, at });
        }
        records.extend(outcomes);
        // What has come to show was meant earlier.
        let shows = |row: &&&ResultRow| row.attempts == 0 && row.ending == StepEnding::Done;
        meant.extend(new.iter().filter(shows).map(|row| row.subject));
        records.extend(new.first().and_then(|row| self.read_back(row, &new, &meant)));
        records.extend(self.decisions(&new));
        for row in rows {
            self.flip(row);
        }
        records
    }

    fn intent(&self, row: &ResultRow) -> Intent {
        let operation = self.operation(row);
        Intent {
            operation: row.operation - 1,
            subject: row.subject,
            from: row.before.of(row.subject).or(operation.from),
            to: operation.to,
            repeat: operation.because == Because::DidNotTake,
            by_group: false,
            under: under(operation),
            at: row.at,
        }
    }

    /// Compares a row with what the ledger has learnt since.
    fn standing(&self, row: &ResultRow) -> Standing {
        let newer = match row.subject {
            Subject::Person(id, setting) => {
                self.ledger.entry(id, setting).map(|entry| (entry.at, entry.by, entry.value))
            }
            Subject::Tenant(setting) => {
                self.ledger.tenant.get(&setting).map(|entry| (entry.at, entry.by, entry.value))
            }
        };
        let Some((at, by, value)) = newer else { return Standing::Newest };
        // Seen first at the second look after the script or later, it was not yet there at the first.
        let later = self.recorded.second_look.is_some_and(|second| at >= second);
        // A look's moment is that of its beginning, in whole seconds; only a change tells which came first in one.
        let changed = row.from != Some(row.to);
        let looked_after = at > row.at || (changed && at.as_second() == row.at.as_second());
        if looked_after && by == By::Seen && value == row.to && !later {
            Standing::Explains
        } else if at > row.at {
            Standing::Overtaken
        } else {
            Standing::Newest
        }
    }

    /// Puts back what was remembered of a setting when the plan was made, before it is said who changed it.
    fn as_planned(&self, row: &ResultRow) -> Option<Record> {
        let Subject::Person(id, setting) = row.subject else { return None };
        let plan = self.recorded.plan;
        let seen = plan.observations.people.get(&id).and_then(|person| person.settings.get(&setting));
        let old = self.ledger.entry(id, setting)?;
        let from = row.before.of(row.subject).or(row.from)?;
        let entry = seen.copied().unwrap_or(Entry::seen(from, old.default_then, false, plan.basis.read_at));
        Some(self.remembered(id, BTreeMap::from([(setting, entry)])))
    }

    /// Replaces entries of a person; all else that is known of them stays.
    fn remembered(&self, id: PersonId, settings: BTreeMap<Setting, Entry>) -> Record {
        let record = self.ledger.people.get(&id);
        let planned = self.recorded.plan.observations.people.get(&id);
        let is = Observed {
            group: match (record, planned) {
                (_, Some(planned)) => planned.group.clone(),
                (record, None) => record.and_then(|record| record.group.clone()),
            },
            settings,
            returned: BTreeMap::new(),
            gone_since: record.and_then(|record| record.gone_since),
        };
        Record::Observed { id, is }
    }

    /// Tells what was read after a step, if anything was written in it or has come to show.
    fn read_back(&self, row: &ResultRow, new: &[&ResultRow], meant: &BTreeSet<Subject>) -> Option<Record> {
        let says = |row: &&ResultRow| row.ending == StepEnding::Done || row.attempts > 0;
        if !new.iter().any(says) {
            return None;
        }
        let (id, seen) = match (&row.after, row.subject) {
            (Sight::Nothing, _) | (Sight::Person(_) | Sight::ServicePlan(_), Subject::Tenant(_)) => {
                return None;
            }
            (Sight::Tenant(values), _) => {
                return Some(Record::TenantRead { values: (**values).clone(), at: row.at });
            }
            (Sight::Person(_), Subject::Person(id, _)) => (id, Setting::ALL.as_slice()),
            (Sight::ServicePlan(_), Subject::Person(id, _)) => (id, [Setting::ServicePlan].as_slice()),
        };
        let (mut values, mut before) = (BTreeMap::new(), BTreeMap::new());
        for setting in seen {
            let subject = Subject::Person(id, *setting);
            let is_newer = self.ledger.entry(id, *setting).is_some_and(|entry| entry.at > row.at);
            let Some(now) = row.after.of(subject).filter(|_| !is_newer || meant.contains(&subject)) else {
                continue;
            };
            values.insert(*setting, now);
            let was = row.before.of(subject).filter(|was| *was != now && !meant.contains(&subject));
            before.extend(was.filter(|was| !self.followed(*setting, *was, now)).map(|was| (*setting, was)));
        }
        (!values.is_empty()).then_some(Record::ReadBack { id, values, before, at: row.at })
    }

    fn followed(&self, setting: Setting, was: Value, is: Value) -> bool {
        setting.feature().and_then(|feature| self.flipped.get(&feature)) == Some(&(was, is))
    }

    /// Remembers as somebody's decision each feature that was found changed while its default stood.
    fn decisions(&self, new: &[&ResultRow]) -> Option<Record> {
        let mut settings = BTreeMap::new();
        let mut whose = None;
        for row in new {
            let Subject::Person(id, setting) = row.subject else { continue };
            let (Some(feature), Some(found)) = (setting.feature(), row.before.of(row.subject)) else {
                continue;
            };
            let moved = row.ending == StepEnding::Moved || row.ending == StepEnding::Already;
            let follows = row.from.is_some_and(|from| self.followed(setting, from, found));
            if !moved || Some(found) == row.from || follows || self.standing(row) != Standing::Newest {
                continue;
            }
            let planned = &self.recorded.plan.observations.tenant;
            let default = feature.tenant_setting();
            let Some(default) = planned.get(&default).or_else(|| self.ledger.tenant.get(&default)) else {
                continue;
            };
            if let Some(entry) = decided(default, self.ledger.entry(id, setting), found, row.at) {
                settings.insert(setting, entry);
                whose = Some(id);
            }
        }
        whose.map(|id| self.remembered(id, settings))
    }

    /// Remembers that the script changed a default: whoever followed it has decided nothing.
    fn flip(&mut self, row: &ResultRow) {
        let wrote = match row.ending {
            StepEnding::Done | StepEnding::Settling | StepEnding::Unanswered => true,
            StepEnding::Already | StepEnding::Moved | StepEnding::Waiting | StepEnding::Failed => false,
        };
        if let Subject::Tenant(setting) = row.subject
            && wrote
        {
            self.flipped.extend(setting.feature().zip(row.from.map(|from| (from, row.to))));
        }
    }
}

/// Gives what the service said to a write, as the journal has it; `None` where nothing was sent.
fn answer(ending: StepEnding) -> Option<Answer> {
    match ending {
        StepEnding::Done | StepEnding::Settling => Some(Answer::Sent),
        StepEnding::Unanswered => Some(Answer::Unanswered),
        StepEnding::Failed => Some(Answer::Refused(RefusalKind::Failed)),
        StepEnding::Already | StepEnding::Moved | StepEnding::Waiting => None,
    }
}

/// Gives one row for each operation of the plan: the last that the script says of it.
fn rows(recorded: &Recorded<'_>, now: Timestamp) -> Vec<Row> {
    let last = last_of_each(recorded.plan, recorded.rows);
    let pairs = recorded.plan.operations.iter().zip(last);
    pairs
        .map(|(operation, row)| Row {
            operation: operation.clone(),
            outcome: row.map_or(Outcome::NotBegun, |row| outcome(row.ending)),
            attempts: row.map_or(0, |row| row.attempts),
            request_id: None,
            why: row.and_then(|row| why(operation, row)),
            at: row.map_or(now, |row| row.at),
        })
        .collect()
}

/// Gives the outcome of an apply for what the script says.
fn outcome(ending: StepEnding) -> Outcome {
    match ending {
        StepEnding::Done => Outcome::Done,
        // An apply leaves alone what somebody else has brought about, since it is theirs.
        StepEnding::Already | StepEnding::Moved => Outcome::Moved,
        StepEnding::Settling => Outcome::Settling,
        StepEnding::Unanswered => Outcome::Unanswered,
        StepEnding::Waiting => Outcome::Waiting,
        StepEnding::Failed => Outcome::Failed,
    }
}

fn why(operation: &Operation, row: &ResultRow) -> Option<Why> {
    match row.ending {
        StepEnding::Done | StepEnding::Settling => {
            (row.subject == Subject::Tenant(TenantSetting::SurveySamplingRate)).then_some(Why::WriteOnly)
        }
        StepEnding::Failed | StepEnding::Unanswered => {
            Some(Why::Refused(Refused { kind: RefusalKind::Failed, message: row.message.clone() }))
        }
        StepEnding::Waiting => operation.after_opt_out.then_some(Why::OptOutNotSeen),
        StepEnding::Already | StepEnding::Moved => match row.subject {
            Subject::Tenant(_) => row.before.of(row.subject).map(|value| Why::FoundDefault { value }),
            Subject::Person(_, Setting::ServicePlan) if row.ending == StepEnding::Already => {
                Some(Why::FoundLicencesChanged)
            }
            Subject::Person(_, Setting::ServicePlan) => Some(Why::FoundOtherLicences),
            Subject::Person(
                id,
                Setting::Mode | Setting::Dashboard | Setting::DigestEmail | Setting::OutlookAddIn,
            ) => found(operation, id, row),
        },
    }
}

fn found(operation: &Operation, id: PersonId, row: &ResultRow) -> Option<Why> {
    let setting = touches(operation)?;
    let have = row.before.of(row.subject)?;
    let mode = row.before.of(Subject::Person(id, Setting::Mode))?;
    let opted_out = Some(have) == row.from && mode == Value::Mode(Mode::OptOut);
    let (setting, value) = if opted_out { (Setting::Mode, mode) } else { (setting, have) };
    Some(Why::Found { setting, value })
}

#[cfg(test)]
mod tests;

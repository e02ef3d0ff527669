//! What became of a run that wrote no report, as its journal tells it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::licensing::GroupStanding;
use super::report::{FORMAT, GroupRow, Outcome, Report, Row};
use crate::model::{PlanHash, RefusalKind, Value, Waiver};
use crate::plan::{Operation, Plan, subject};
use crate::store::{Answer, Record, RunId, Subject};

impl Report {
    /// Tells a run from its journal: of one that died, or is still under way.
    ///
    /// Who was found changed, or had to wait, is told in no journal: such an operation counts as not begun.
    #[must_use]
    pub fn retold(run: RunId, plan: &Plan, records: &[Record], began: Timestamp) -> Self {
        let row = |operation: &Operation| Row {
            operation: operation.clone(),
            outcome: Outcome::NotBegun,
            attempts: 0,
            request_id: None,
            why: None,
            at: began,
        };
        let places = plan.operations.iter().enumerate().map(|(index, operation)| (subject(operation), index));
        let mut retelling = Retelling {
            rows: plan.operations.iter().map(row).collect(),
            places: places.collect(),
            last: BTreeMap::new(),
            hash: None,
            by_group: BTreeSet::new(),
            group_request: None,
            waivers: Vec::new(),
            calls: 0,
            ended: began,
        };
        for record in records {
            retelling.take(record);
        }
        let Retelling {
            rows,
            places: _,
            last: _,
            by_group: _,
            group_request: _,
            hash,
            waivers,
            calls,
            ended,
        } = retelling;
        let planned = plan.summary.clone();
        let groups = plan.licensing_groups.iter().map(|group| {
            let through = |row: &&Row| row.operation.through.contains(&group.id);
            let first = rows.iter().filter(through).min_by_key(|row| row.outcome);
            let standing = GroupStanding::not_begun(began);
            let standing = first.map(|row| GroupStanding {
                outcome: row.outcome,
                attempts: row.attempts,
                request_id: row.request_id.clone(),
                at: row.at,
                ..standing.clone()
            });
            GroupRow::new(group, standing.unwrap_or_else(|| GroupStanding::not_begun(began)))
        });
        let licensing_groups = groups.collect();
        Self {
            format: FORMAT,
            run: run.to_string(),
            plan: hash,
            waivers,
            started: began,
            ended,
            planned,
            rows,
            licensing_groups,
            stopped: None,
            calls,
        }
    }
}

/// Is a report that comes about record by record.
struct Retelling {
    rows: Vec<Row>,
    places: BTreeMap<Subject, usize>,
    /// The last thing that was to be written to each subject: from and to.
    last: BTreeMap<Subject, (Option<Value>, Value)>,
    /// The plan as the user has it.
    hash: Option<PlanHash>,
    /// Those whose last write was to a licensing group.
    by_group: BTreeSet<Subject>,
    /// The request of the last such write, by its id.
    #[expect(clippy::option_option, reason = "a write without an id is not the same as no write")]
    group_request: Option<Option<String>>,
    waivers: Vec<Waiver>,
    calls: u64,
    ended: Timestamp,
}

impl Retelling {
    fn take(&mut self, record: &Record) {
        match record {
            Record::Started(started) => {
                self.ended = started.at;
                self.hash = started.plan;
            }
            Record::Consented(waiver) => self.waivers.push(waiver.clone()),
            Record::ObservedTenant { .. }
            | Record::Observed { .. }
            | Record::Returned { .. }
            | Record::ReOptInKnown { .. }
            | Record::Wave { .. }
            | Record::Released { .. }
            | Record::Announced { .. }
            | Record::Forgotten { .. } => {}
            Record::TenantRead { values, at } => {
                self.ended = *at;
                for (setting, value) in values {
                    self.seen(Subject::Tenant(*setting), *value, *at);
                }
            }
            Record::Intent(intent) => {
                self.ended = intent.at;
                self.last.insert(intent.subject, (intent.from, intent.to));
                if intent.by_group {
                    self.by_group.insert(intent.subject);
                } else {
                    self.by_group.remove(&intent.subject);
                }
                // Until its outcome is written down, nobody knows whether it was sent.
                self.settle(intent.subject, Outcome::Unanswered, intent.at);
            }
            Record::Outcome { subject, answer, attempts, request_id, at } => {
                self.ended = *at;
                self.calls += u64::from(self.sent(*subject, *attempts, request_id.as_deref()));
                let outcome = match answer {
                    Answer::Sent if self.is_last_call(*subject) => Outcome::Settling,
                    // Another call was to follow, and did not.
                    Answer::Sent => Outcome::NotBegun,
                    Answer::Refused(RefusalKind::Closed) => Outcome::Waiting,
                    Answer::Refused(_) => Outcome::Failed,
                    Answer::Unanswered => Outcome::Unanswered,
                };
                self.settle(*subject, outcome, *at);
                if let Some(row) = self.row(*subject) {
                    row.attempts = *attempts;
                    row.request_id.clone_from(request_id);
                }
            }
            Record::ReadBack { id, values, before: _, at } => {
                self.ended = *at;
                for (setting, value) in values {
                    self.seen(Subject::Person(*id, *setting), *value, *at);
                }
            }
            Record::Finished { at } => self.ended = *at,
        }
    }

    /// Gives how many calls an outcome stands for: the members of a licensing group share those of one write.
    fn sent(&mut self, subject: Subject, attempts: u32, request_id: Option<&str>) -> u32 {
        let by_group = self.by_group.contains(&subject);
        if !by_group {
            return attempts;
        }
        let request_id = request_id.map(str::to_owned);
        let told = self.group_request.as_ref() == Some(&request_id);
        self.group_request = Some(request_id);
        if told { 0 } else { attempts }
    }

    fn row(&mut self, subject: Subject) -> Option<&mut Row> {
        self.places.get(&subject).map(|index| &mut self.rows[*index])
    }

    fn settle(&mut self, subject: Subject, outcome: Outcome, at: Timestamp) {
        if let Some(row) = self.row(subject) {
            row.outcome = outcome;
            row.at = at;
        }
    }

    fn is_last_call(&mut self, subject: Subject) -> bool {
        let to = self.last.get(&subject).map(|(_, to)| *to);
        self.row(subject).is_some_and(|row| Some(row.operation.to) == to)
    }

    /// Takes a value that was read: what shows as written is done, and so is what nobody heard of and has changed.
    fn seen(&mut self, subject: Subject, value: Value, at: Timestamp) {
        let changed = self.last.get(&subject).is_some_and(|(from, _)| from.is_some_and(|from| from != value));
        let Some(row) = self.row(subject) else { return };
        let done = value == row.operation.to
            && match row.outcome {
                Outcome::Settling => true,
                Outcome::Unanswered => changed,
                Outcome::Done | Outcome::Moved | Outcome::Waiting | Outcome::Failed | Outcome::NotBegun => {
                    false
                }
            };
        if done {
            row.outcome = Outcome::Done;
            row.at = at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Class, PersonId, Setting, TenantId};
    use crate::plan::{Basis, Because, PersonTarget, Phase, Target};
    use crate::store::Intent;

    const AT: Timestamp = Timestamp::UNIX_EPOCH;

    fn id(number: u128) -> PersonId {
        PersonId(uuid::Uuid::from_u128(number))
    }

    fn plan(people: u128) -> Plan {
        let operation = |number| Operation {
            phase: Phase::Withdraw,
            target: Target::Person(PersonTarget {
                upn: "".into(),
                id: id(number),
                group: "council".into(),
                setting: Setting::Mode,
            }),
            from: Some(Value::OPT_IN),
            to: Value::OPT_OUT,
            class: Class::OptOut,
            because: Because::FirstTouch,
            mark: None,
            licences: Vec::new(),
            after_opt_out: false,
            through: Vec::new(),
        };
        let mut plan = Plan::empty(Basis {
            version: String::new(),
            manifest: String::new(),
            tenant: TenantId(uuid::Uuid::nil()),
            tenant_name: "Contoso".into(),
            store: None,
            newest_run: 0,
            as_of: AT,
            read_at: AT,
        });
        plan.operations = (1..=people).map(operation).collect();
        plan
    }

    #[test]
    fn a_journal_tells_what_became_of_each_operation() {
        let subject = |number| Subject::Person(id(number), Setting::Mode);
        let intent = |number| {
            let (from, to) = (Some(Value::OPT_IN), Value::OPT_OUT);
            Record::Intent(Intent {
                operation: 0,
                subject: subject(number),
                from,
                to,
                repeat: false,
                by_group: false,
                under: None,
                at: AT,
            })
        };
        let outcome = |number, answer| Record::Outcome {
            subject: subject(number),
            answer,
            attempts: 2,
            request_id: Some("r".to_owned()),
            at: AT,
        };
        let seen = |number| Record::ReadBack {
            id: id(number),
            values: BTreeMap::from([(Setting::Mode, Value::OPT_OUT)]),
            before: BTreeMap::new(),
            at: AT,
        };
        let mut records: Vec<_> = (1..=5).map(intent).collect();
        records.extend([outcome(1, Answer::Sent), outcome(2, Answer::Sent)]);
        records.push(outcome(3, Answer::Refused(RefusalKind::Forbidden)));
        records.extend([seen(1), seen(5)]);
        let report = Report::retold(RunId(7), &plan(6), &records, AT);
        let outcomes: Vec<_> = report.rows.iter().map(|row| row.outcome).collect();
        let expected = [
            Outcome::Done,
            Outcome::Settling,
            Outcome::Failed,
            Outcome::Unanswered,
            Outcome::Done,
            Outcome::NotBegun,
        ];
        assert_eq!(outcomes, expected);
        assert_eq!((report.calls, report.rows[0].attempts), (6, 2));
        assert_eq!(report.run, "00000007");
    }
}

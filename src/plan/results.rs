//! Compares what the script of a handed-over plan says it did with the plan.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Operation, Plan, Target};
use crate::model::{PlanHash, ResultRow, StepEnding, Subject, Value};

/// Is how far the clocks of two machines may be apart.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(5);

/// Says why a row cannot be a result of a plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// It is a result of another plan.
    #[error("this is a result of another plan, {plan}")]
    OtherPlan {
        /// Which.
        plan: PlanHash,
    },
    /// The plan has no such operation.
    #[error("the plan has no operation {operation}; it has {of}")]
    NoSuchOperation {
        /// Its number.
        operation: u32,
        /// How many there are.
        of: usize,
    },
    /// The operation of that number is another one.
    #[error("operation {operation} of the plan is another one")]
    OtherOperation {
        /// Its number.
        operation: u32,
    },
    /// It is older than the plan.
    #[error("{at} is before the plan was made, at {planned}")]
    BeforeThePlan {
        /// The row's moment.
        at: Timestamp,
        /// When the tenant was read for the plan.
        planned: Timestamp,
    },
    /// It is of a moment that is still to come.
    #[error("{at} is still to come")]
    StillToCome {
        /// The row's moment.
        at: Timestamp,
    },
    /// It says that something was read back which does not stand in it.
    #[error("it says done, and {} was read back instead of {to}", .read.map_or("nothing".to_owned(), |value| value.to_string()))]
    NotReadBack {
        /// What stands in it.
        read: Option<Value>,
        /// What was to be.
        to: Value,
    },
    /// Another row says that something else became of the operation.
    #[error("operation {operation} is {says} here, and {said} in line {line}")]
    Contradicts {
        /// Its number.
        operation: u32,
        /// What this row says.
        says: StepEnding,
        /// What the other one says.
        said: StepEnding,
        /// Where.
        line: u32,
    },
}

impl Mismatch {
    /// Says what to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::OtherPlan { .. } => Some("`--plan` names the plan that was handed over with the script"),
            Self::OtherOperation { .. } | Self::NotReadBack { .. } | Self::NoSuchOperation { .. } => {
                Some("record the file as the script wrote it")
            }
            Self::StillToCome { .. } => Some("check the clock of the machine on which the script ran"),
            Self::Contradicts { .. } => {
                Some("find out which one holds, and leave the other one out; one script writes to one file")
            }
            Self::BeforeThePlan { .. } => None,
        }
    }
}

/// Names what an operation touches.
pub fn subject(operation: &Operation) -> Subject {
    match &operation.target {
        Target::Tenant(setting) => Subject::Tenant(*setting),
        Target::Person(person) => Subject::Person(person.id, person.setting),
    }
}

/// Finds every row that cannot be a result of this plan: its index, and why.
///
/// Several rows may speak of one operation, since the script comes back to what was not final; but nothing follows what
/// was final. Rows of another plan are told once, with the first of them.
pub fn mismatches(plan: &Plan, rows: &[ResultRow], now: Timestamp) -> Vec<(usize, Mismatch)> {
    let mut found = Vec::new();
    let mut others = BTreeMap::new();
    for (index, row) in rows.iter().enumerate() {
        if row.plan != plan.hash {
            others.entry(row.plan).or_insert(index);
        } else if let Some(why) = mismatch(plan, row, now) {
            found.push((index, why));
        }
    }
    found.extend(others.into_iter().map(|(plan, index)| (index, Mismatch::OtherPlan { plan })));
    let mut sorted: Vec<usize> = (0..rows.len()).filter(|index| rows[*index].plan == plan.hash).collect();
    sorted.sort_by_key(|index| (rows[*index].operation, rows[*index].at, rows[*index].line));
    for pair in sorted.windows(2) {
        let (first, next) = (&rows[pair[0]], &rows[pair[1]]);
        let contradicts = first.operation == next.operation
            && first.ending != next.ending
            && (first.ending.is_final() || first.at == next.at);
        if contradicts {
            let (operation, says, said, line) = (next.operation, next.ending, first.ending, first.line);
            found.push((pair[1], Mismatch::Contradicts { operation, says, said, line }));
        }
    }
    found.sort_by_key(|(index, _)| *index);
    found
}

/// Gives, for each operation of a plan, the last row that speaks of it; the rows are the plan's.
pub fn last_of_each<'r>(plan: &Plan, rows: &'r [ResultRow]) -> Vec<Option<&'r ResultRow>> {
    let mut last: Vec<Option<&ResultRow>> = vec![None; plan.operations.len()];
    for row in rows {
        let slot = &mut last[row.operation as usize - 1];
        if slot.is_none_or(|earlier| earlier.at <= row.at) {
            *slot = Some(row);
        }
    }
    last
}

fn mismatch(plan: &Plan, row: &ResultRow, now: Timestamp) -> Option<Mismatch> {
    let index = (row.operation as usize).checked_sub(1);
    let Some(operation) = index.and_then(|index| plan.operations.get(index)) else {
        return Some(Mismatch::NoSuchOperation { operation: row.operation, of: plan.operations.len() });
    };
    if subject(operation) != row.subject || (operation.from, operation.to) != (row.from, row.to) {
        return Some(Mismatch::OtherOperation { operation: row.operation });
    }
    let planned = plan.basis.read_at;
    if row.at.duration_since(planned) < -CLOCKS_DIFFER {
        return Some(Mismatch::BeforeThePlan { at: row.at, planned });
    }
    if row.at.duration_since(now) > CLOCKS_DIFFER {
        return Some(Mismatch::StillToCome { at: row.at });
    }
    let read = row.after.of(row.subject);
    // What was never read has no field to be read back from.
    let lacks = row.ending == StepEnding::Done && row.from.is_some() && read != Some(row.to);
    lacks.then_some(Mismatch::NotReadBack { read, to: row.to })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::*;
    use crate::model::{Class, Mode, PersonId, Setting, Settings, Sight, Switch, TenantId};
    use crate::plan::{Basis, Because, PersonTarget, Phase};

    fn hash() -> PlanHash {
        PlanHash::new([7; 32])
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minute * 60).expect("in range")
    }

    /// Is a plan that was made at minute 0, with two opt-outs.
    fn plan() -> Plan {
        let basis = Basis {
            version: "0".to_owned(),
            manifest: "00".to_owned(),
            tenant: TenantId(Uuid::nil()),
            tenant_name: "Contoso".into(),
            store: None,
            newest_run: 0,
            as_of: at(0),
            read_at: at(0),
        };
        let operation = |n: u128| Operation {
            phase: Phase::Withdraw,
            target: Target::Person(PersonTarget {
                upn: Arc::from("ada@contoso.com"),
                id: PersonId(Uuid::from_u128(n)),
                group: Arc::from("pilot"),
                setting: Setting::Mode,
            }),
            from: Some(Value::OPT_IN),
            to: Value::OPT_OUT,
            class: Class::OptOut,
            because: Because::FirstTouch,
            mark: None,
            licences: Vec::new(),
            through: Vec::new(),
            after_opt_out: false,
        };
        Plan { hash: hash(), operations: vec![operation(1), operation(2)], ..Plan::empty(basis) }
    }

    fn row(line: u32, operation: u32, ending: StepEnding, minute: i64) -> ResultRow {
        let has = |mode| {
            let off = Switch::Off;
            Sight::Person(Settings { mode, dashboard: off, digest_email: off, outlook_add_in: off })
        };
        ResultRow {
            line,
            plan: hash(),
            operation,
            subject: Subject::Person(PersonId(Uuid::from_u128(operation.into())), Setting::Mode),
            from: Some(Value::OPT_IN),
            to: Value::OPT_OUT,
            ending,
            attempts: 1,
            message: String::new(),
            before: has(Mode::OptIn),
            after: has(Mode::OptOut),
            at: at(minute),
        }
    }

    fn told(rows: &[ResultRow]) -> Vec<String> {
        mismatches(&plan(), rows, at(60)).iter().map(|(index, why)| format!("{index}: {why}")).collect()
    }

    #[test]
    fn results_of_the_plan_itself_are_taken() {
        use StepEnding::{Already, Done, Failed, Moved, Settling, Unanswered, Waiting};
        for ending in [Done, Already, Settling, Unanswered, Moved, Waiting, Failed] {
            assert_eq!(told(&[row(2, 1, ending, 5)]), [""; 0], "{ending}");
        }
        let back = [row(2, 1, Failed, 5), row(3, 2, Done, 5), row(4, 1, Settling, 9), row(5, 1, Done, 12)];
        assert_eq!(told(&back), [""; 0], "the script comes back to what was not final");
        assert_eq!(
            told(&[row(2, 1, Done, 5), row(3, 1, Done, 5)]),
            [""; 0],
            "the same row twice says the same"
        );
    }

    #[test]
    fn a_row_that_cannot_be_of_this_plan_is_told_with_the_reason() {
        let done = || row(2, 1, StepEnding::Done, 5);
        let other = ResultRow { plan: PlanHash::default(), ..done() };
        let (strange, none) = (ResultRow { operation: 3, ..done() }, ResultRow { operation: 0, ..done() });
        let somebody = ResultRow { operation: 2, ..done() };
        let back = ResultRow { from: Some(Value::OPT_OUT), to: Value::OPT_IN, ..done() };
        let unseen = ResultRow { after: Sight::Nothing, ..done() };
        let (early, late) = (row(2, 1, StepEnding::Done, -6), row(2, 1, StepEnding::Done, 66));
        for (wrong, why) in [
            (other, "another plan"),
            (strange, "no operation 3; it has 2"),
            (none, "no operation 0"),
            (somebody, "operation 2 of the plan is another one"),
            (back, "operation 1 of the plan is another one"),
            (unseen, "nothing was read back instead of opt-out"),
            (early, "before the plan was made"),
            (late, "is still to come"),
        ] {
            let told = told(&[wrong]);
            assert!(told.len() == 1 && told[0].contains(why), "{why}: {told:?}");
        }
        let near = [row(2, 1, StepEnding::Done, -5), row(3, 2, StepEnding::Done, 65)];
        assert_eq!(told(&near), [""; 0], "clocks differ a little");
    }

    #[test]
    fn rows_that_contradict_each_other_are_told_with_both_lines() {
        use StepEnding::{Done, Failed, Moved};
        let rows = [row(2, 1, Done, 5), row(3, 2, Moved, 5), row(4, 1, Failed, 9)];
        assert_eq!(told(&rows), ["2: operation 1 is failed here, and done in line 2"]);
        let at_once = [row(2, 1, Failed, 5), row(3, 1, Done, 5)];
        assert_eq!(told(&at_once), ["1: operation 1 is done here, and failed in line 2"]);
    }

    #[test]
    fn a_file_of_another_plan_is_told_once() {
        let other = |line| ResultRow { plan: PlanHash::default(), ..row(line, 1, StepEnding::Done, 5) };
        assert_eq!(told(&[other(2), other(3), other(4)]).len(), 1);
    }
}

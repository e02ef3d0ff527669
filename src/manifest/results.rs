//! Reads the results file of a handed-over plan: what the script says became of each operation.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use super::csv::Header;
use super::people;
use super::problem::{At, File, Problems, Reporter, quoted};
use super::rows::Cell;
use super::script::text_of;
use crate::model::{PersonId, PlanHash, ResultRow, Setting, Settings, Sight, Subject, TenantSetting, Value};

/// Is the column by which a results file is told from any other list.
pub(super) const PLAN_HASH: &str = "PlanHash";

/// Names the columns that are read; the script writes more, for people.
const COLUMNS: [&str; 12] = [
    "ObjectId",
    "Setting",
    "From",
    "To",
    "Outcome",
    "Attempts",
    "Message",
    "At",
    "Before",
    "After",
    "Operation",
    PLAN_HASH,
];

/// Is a results file whose rows can be read, each for itself.
#[derive(Debug)]
pub struct Results {
    /// The rows, in the order of the file.
    pub rows: Vec<ResultRow>,
    file: File,
    /// Where each row stands.
    places: Vec<At>,
    problems: Problems,
}

/// Reads a results file.
///
/// What is wrong with single rows is told by [`Results::checked`], together with what contradicts the plan.
///
/// # Errors
///
/// It cannot be read at all, or has not the columns of a results file.
pub fn results(path: &Path) -> Result<Results, Problems> {
    let file = text_of(path)?;
    let mut problems = Problems::default();
    problems.know(&file);
    let mut results = Results { rows: Vec::new(), places: Vec::new(), file, problems: Problems::default() };
    let File { path, text } = results.file.clone();
    let mut report = Reporter { problems: &mut problems, file: path };
    let Some((header, columns)) = Header::find(&text, &mut report)
        .and_then(|header| columns(&text, &header, &mut report).map(|columns| (header, columns)))
    else {
        return Err(problems);
    };
    let mut rows = header.rows;
    let mut cells = Vec::new();
    while let Some(line) = rows.next_into(&mut cells) {
        if cells.iter().all(|cell| cell.start >= cell.end) {
            continue;
        }
        let top = cells.first().map_or(At::TOP, |cell| cell.place(&text));
        let row = Row { text: &text, cells: &cells, columns: &columns, line };
        match row.read() {
            Ok(read) => {
                results.rows.push(read);
                results.places.push(top);
            }
            Err((column, message)) => {
                let at = row.cell(column).map_or(top, |cell| cell.place(&text));
                report.error(at, message).hint("record the file as the script wrote it");
            }
        }
    }
    if results.rows.is_empty() && !report.problems.has_errors() {
        report.error(At::TOP, "there is no result in this file").hint("the script has not done anything yet");
    }
    results.problems = problems;
    Ok(results)
}

/// Finds where each column stands.
fn columns(text: &str, header: &Header<'_>, report: &mut Reporter<'_>) -> Option<[usize; COLUMNS.len()]> {
    let names: Vec<&str> = header.cells.iter().map(|cell| cell.text(text)).collect();
    let mut at = [0; COLUMNS.len()];
    for (place, column) in at.iter_mut().zip(COLUMNS) {
        let Some(found) = names.iter().position(|name| name.eq_ignore_ascii_case(column)) else {
            report.error(header.at, format!("there is no column `{column}`")).hint(
                "`--plan` takes the results file of `insightctl handover`; for the list of another script, say \
                 `--written-on` and `--by`",
            );
            return None;
        };
        *place = found;
    }
    Some(at)
}

impl Results {
    /// Gives the rows, or everything that is wrong with them: `mismatches` says what contradicts the plan, by index.
    pub fn checked<M: Display>(
        self,
        mismatches: impl IntoIterator<Item = (usize, M, Option<&'static str>)>,
    ) -> Result<Vec<ResultRow>, Problems> {
        let Self { rows, file, places, mut problems } = self;
        for (index, why, hint) in mismatches {
            let mut report = Reporter { problems: &mut problems, file: Arc::clone(&file.path) };
            report.error(places[index], why.to_string()).maybe_hint(hint.map(str::to_owned));
        }
        if problems.has_errors() {
            problems.sort(&[file.path]);
            return Err(problems);
        }
        Ok(rows)
    }
}

/// Is one row of the file.
struct Row<'r> {
    text: &'r str,
    cells: &'r [Cell],
    columns: &'r [usize; COLUMNS.len()],
    line: u32,
}

/// Is a column and what is wrong in it.
type Wrong = (&'static str, String);

impl Row<'_> {
    fn cell(&self, column: &str) -> Option<&Cell> {
        let place = COLUMNS.iter().position(|name| *name == column)?;
        self.cells.get(self.columns[place])
    }

    fn get(&self, column: &str) -> &str {
        self.cell(column).map(|cell| cell.text(self.text)).unwrap_or_default()
    }

    /// Reads a cell that must hold something.
    fn parsed<T: FromStr>(&self, column: &'static str) -> Result<T, Wrong>
    where
        T::Err: Display,
    {
        let spelt = self.get(column);
        spelt.parse().map_err(|error| (column, format!("`{column}` is {}: {error}", quoted(spelt))))
    }

    fn read(&self) -> Result<ResultRow, Wrong> {
        if let Some(open) = self.cells.iter().find(|cell| cell.open) {
            return Err(("Message", format!("the quote in line {} is never closed", open.line)));
        }
        let subject = self.subject()?;
        let from = if self.get("From").is_empty() { None } else { Some(self.parsed("From")?) };
        Ok(ResultRow {
            line: self.line,
            plan: self.parsed::<PlanHash>(PLAN_HASH)?,
            operation: self.parsed("Operation")?,
            subject,
            from,
            to: self.parsed("To")?,
            ending: self.parsed("Outcome")?,
            attempts: self.parsed("Attempts")?,
            message: self.get("Message").replace("\"\"", "\""),
            before: self.sight("Before", subject)?,
            after: self.sight("After", subject)?,
            at: self.parsed("At")?,
        })
    }

    /// Reads what the row is about; a row of the tenant has no object id.
    fn subject(&self) -> Result<Subject, Wrong> {
        let (id, word) = (self.get("ObjectId"), self.get("Setting"));
        let unknown = || ("Setting", format!("{} is no setting", quoted(word)));
        if id.is_empty() {
            let setting = TenantSetting::ALL.into_iter().find(|setting| setting.word() == word);
            return setting.map(Subject::Tenant).ok_or_else(unknown);
        }
        let id = people::id(id).ok_or_else(|| ("ObjectId", format!("{} is no object id", quoted(id))))?;
        let setting = Setting::ALL.into_iter().find(|setting| setting.word() == word);
        setting.map(|setting| Subject::Person(PersonId(id), setting)).ok_or_else(unknown)
    }

    /// Reads `mode=opt-in dashboard=on …`; of a person, all four stand in it, or nothing does.
    fn sight(&self, column: &'static str, subject: Subject) -> Result<Sight, Wrong> {
        let spelt = self.get(column);
        if spelt.is_empty() {
            return Ok(Sight::Nothing);
        }
        let odd = || (column, format!("`{column}` is {}, which the script does not write", quoted(spelt)));
        let mut values = BTreeMap::new();
        for part in spelt.split(' ') {
            let (word, value) = part.split_once('=').ok_or_else(odd)?;
            values.insert(word, value.parse::<Value>().map_err(|_| odd())?);
        }
        let sight = match subject {
            Subject::Tenant(_) => {
                let setting =
                    |word: &str| TenantSetting::ALL.into_iter().find(|setting| setting.word() == word);
                let known: Option<_> =
                    values.iter().map(|(word, value)| Some((setting(word)?, *value))).collect();
                known.map(|known| Sight::Tenant(Box::new(known)))
            }
            Subject::Person(_, Setting::ServicePlan) => match values.get(Setting::ServicePlan.word()) {
                Some(Value::ServicePlan(plan)) => Some(Sight::ServicePlan(*plan)),
                Some(Value::Mode(_) | Value::Switch(_) | Value::Rate(_)) | None => None,
            },
            Subject::Person(
                _,
                Setting::Mode | Setting::Dashboard | Setting::DigestEmail | Setting::OutlookAddIn,
            ) => person(&values).map(Sight::Person),
        };
        sight.ok_or_else(odd)
    }
}

fn person(values: &BTreeMap<&str, Value>) -> Option<Settings> {
    let switch = |setting: Setting| match values.get(setting.word())? {
        Value::Switch(switch) => Some(*switch),
        Value::Mode(_) | Value::ServicePlan(_) | Value::Rate(_) => None,
    };
    let Value::Mode(mode) = values.get(Setting::Mode.word())? else { return None };
    Some(Settings {
        mode: *mode,
        dashboard: switch(Setting::Dashboard)?,
        digest_email: switch(Setting::DigestEmail)?,
        outlook_add_in: switch(Setting::OutlookAddIn)?,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::model::{Mode, StepEnding, Switch};

    const HEADER: &str = "UserPrincipalName,ObjectId,Group,Setting,From,To,Outcome,Attempts,RequestId,Message,At,Before,After,Operation,PlanHash";
    const ADA: &str = "718e80ce-1515-40ae-8259-1e1f0ca12273";
    const HAD: &str = "mode=opt-in dashboard=on digest-email=off outlook-add-in=on";

    fn hash() -> String {
        PlanHash::new([7; 32]).to_string()
    }

    fn read(text: &str) -> Result<Vec<ResultRow>, Vec<String>> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("results.csv");
        fs::write(&path, text).expect("written");
        let told = |problems: Problems| {
            problems.list().iter().map(|problem| format!("{}: {}", problem.line, problem.message)).collect()
        };
        results(&path).map_err(told)?.checked::<&str>([]).map_err(told)
    }

    #[test]
    fn rows_are_read_as_the_script_writes_them() {
        let person = format!(
            "\"o'neil@contoso.com\",\"{ADA}\",\"a, b\",\"mode\",\"opt-in\",\"opt-out\",\"failed\",\"2\",\"\",\"he said \"\"no\"\"\",\"2026-03-02T09:00:00.123Z\",\"{HAD}\",\"\",\"7\",\"{}\"",
            hash()
        );
        let tenant = format!(
            ",,tenant,sampling-rate,,0.2,done,1,,,2026-03-02T09:00:01Z,dashboard=on,dashboard=off,8,{}",
            hash()
        );
        let rows = read(&format!("\u{feff}{HEADER}\r\n{person}\r\n{tenant}\r\n\r\n")).expect("it is right");
        assert_eq!((rows[0].line, rows[0].operation, rows[0].attempts), (2, 7, 2));
        assert_eq!(rows[0].message, "he said \"no\"");
        assert_eq!(rows[0].ending, StepEnding::Failed);
        let (on, off) = (Switch::On, Switch::Off);
        let had = Settings { mode: Mode::OptIn, dashboard: on, digest_email: off, outlook_add_in: on };
        assert_eq!((&rows[0].before, &rows[0].after), (&Sight::Person(had), &Sight::Nothing));
        assert_eq!(rows[1].subject, Subject::Tenant(TenantSetting::SurveySamplingRate));
        assert_eq!(rows[1].after.of(Subject::Tenant(TenantSetting::Dashboard)), Some(Value::OFF));
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once_with_its_line() {
        let row = |id: &str,
                   setting: &str,
                   to: &str,
                   outcome: &str,
                   tries: &str,
                   at: &str,
                   had: &str,
                   hash: &str| {
            format!("a@contoso.com,{id},g,{setting},opt-in,{to},{outcome},{tries},,,{at},{had},,1,{hash}")
        };
        let (at, hash) = ("2026-03-02T09:00:00Z", hash());
        let rows = [
            row("ada", "mode", "opt-out", "done", "1", at, HAD, &hash),
            row(ADA, "modus", "opt-out", "done", "1", at, HAD, &hash),
            row(ADA, "mode", "out", "done", "1", at, HAD, &hash),
            row(ADA, "mode", "opt-out", "not-begun", "1", at, HAD, &hash),
            row(ADA, "mode", "opt-out", "done", "one", at, HAD, &hash),
            row(ADA, "mode", "opt-out", "done", "1", "2 March", HAD, &hash),
            row(ADA, "mode", "opt-out", "done", "1", at, "mode=opt-in", &hash),
            row(ADA, "mode", "opt-out", "done", "1", at, HAD, "sha256:12"),
        ];
        let told = read(&format!("{HEADER}\n{}\n", rows.join("\n"))).expect_err("all of them are wrong");
        for (line, (told, column)) in (2..).zip(told.iter().zip([
            "`ada` is no object id",
            "`modus` is no setting",
            "`To` is `out`",
            "`Outcome` is `not-begun`",
            "`Attempts` is `one`",
            "`At` is `2 March`",
            "`Before` is `mode=opt-in`",
            "`PlanHash` is `sha256:12`",
        ])) {
            assert!(told.starts_with(&format!("{line}: ")) && told.contains(column), "{told}");
        }
        assert_eq!(told.len(), rows.len());
    }

    #[test]
    fn another_list_is_no_results_file() {
        let told = read("UserPrincipalName\na@contoso.com\n").expect_err("a list of people");
        assert!(told[0].contains("there is no column `ObjectId`"), "{told:?}");
        assert!(read(&format!("{HEADER}\n")).expect_err("nothing was done")[0].contains("no result"));
    }
}

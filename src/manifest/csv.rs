//! Reads lists of people from CSV files, in every form in which administrators have them.

use std::hash::{DefaultHasher, Hasher};

use super::people::{self, Column, LOST_LETTERS, List, Row};
use super::problem::{At, File, Problems, Reporter, meant, quoted};
use super::rows::{Cell, Rows, separator};

/// Is the column that is read unless the manifest names another.
pub(super) const COLUMN: &str = "UserPrincipalName";

/// Lists the columns that hold mail addresses; every other one holds user principal names or object ids.
const MAIL: [&str; 3] = ["Mail", "EmailAddress", "PrimarySmtpAddress"];

/// Reads one column of a file; `None` when there is no list to be had.
pub(super) fn read(file: &File, column: Option<&str>, problems: &mut Problems) -> Option<List> {
    let mut report = Reporter { problems, file: file.path.clone() };
    let text: &str = &file.text;
    let header = Header::find(text, &mut report)?;
    let index = header.column(text, column, &mut report)?;

    let wanted = column.unwrap_or(COLUMN);
    let is_mail = MAIL.iter().any(|mail| mail.eq_ignore_ascii_case(wanted));
    let mut list = List {
        file: file.clone(),
        column: if is_mail { Column::Mail } else { Column::User },
        rows: Vec::new(),
    };
    let before = report.problems.list().len();
    let mut rows = header.rows;
    let mut cells = Vec::with_capacity(header.cells.len());
    while let Some(line) = rows.next_into(&mut cells) {
        if let Some(row) = person(text, &cells, index, header.cells.len(), line, &mut report) {
            list.rows.push(row);
        }
    }
    doubled(&list, &mut report);
    match list.rows.len() {
        0 if report.problems.list().len() == before => {
            report
                .warning(header.at, "this list names nobody")
                .hint("everyone whom it named before now leaves");
        }
        1 if report.problems.list().len() == before => {
            report.note(list.place(list.rows[0]), "this list names one person only").hint(
                "in a loop, `Export-Csv` without `-Append` keeps the last row alone: check that nobody is lost",
            );
        }
        _ => {}
    }
    Some(list)
}

/// Is the header, and where the rows begin.
#[derive(Clone, Debug)]
pub(super) struct Header<'t> {
    pub(super) at: At,
    pub(super) cells: Vec<Cell>,
    pub(super) rows: Rows<'t>,
}

impl<'t> Header<'t> {
    /// Finds the first line that is neither blank nor PowerShell's `#TYPE`.
    pub(super) fn find(text: &'t str, report: &mut Reporter<'_>) -> Option<Self> {
        let mut lines = Rows::new(text, 0, 1, b'\0');
        let mut cells = Vec::new();
        loop {
            let (start, line) = lines.position();
            if lines.next_into(&mut cells).is_none() {
                report
                    .error(At::TOP, "the file is empty")
                    .hint(format!("a list begins with a header such as `{COLUMN}`"));
                return None;
            }
            // No NUL comes through decoding, so that the row is one cell: the line.
            let content = text[start..lines.position().0].trim_matches(['\r', '\n']);
            if content.trim().is_empty() || content.trim_start_matches('"').starts_with("#TYPE") {
                continue;
            }
            let mut rows = Rows::new(text, start, line, separator(content));
            rows.next_into(&mut cells);
            let at = people::place(text, start, start + content.len(), line);
            return Some(Self { at, cells, rows });
        }
    }

    /// Finds the column that holds the people.
    fn column(&self, text: &str, asked: Option<&str>, report: &mut Reporter<'_>) -> Option<usize> {
        let wanted = asked.unwrap_or(COLUMN);
        let names: Vec<&str> = self.cells.iter().map(|cell| cell.text(text)).collect();
        let mut found = (0..names.len()).filter(|at| names[*at].to_lowercase() == wanted.to_lowercase());
        match (found.next(), found.next()) {
            (Some(index), None) => Some(index),
            (Some(_), Some(second)) => {
                report
                    .error(
                        self.cells[second].place(text),
                        format!("two columns are called {}", quoted(wanted)),
                    )
                    .hint("rename one of them");
                None
            }
            (None, _) => {
                let hint = advice(&names, wanted);
                report.error(self.at, format!("there is no column {}", quoted(wanted))).hint(hint);
                None
            }
        }
    }
}

/// Knows what to write instead of a column that is not there.
fn advice(names: &[&str], wanted: &str) -> String {
    if names.iter().any(|name| name.contains('@')) {
        return format!("the first line looks like a person: write the header `{wanted}` above it");
    }
    let mail = || names.iter().copied().find(|name| MAIL.iter().any(|mail| mail.eq_ignore_ascii_case(name)));
    match meant(wanted, names.iter().take(1_000).copied()).or_else(mail) {
        Some(name) => format!("did you mean `column: {name}` in the manifest?"),
        None => format!(
            "name the column that holds the people, with `column:` in the manifest; the first here is {}",
            names.first().map(|name| quoted(name)).unwrap_or_default()
        ),
    }
}

/// Reads one row; `None` when it is blank or wrong.
fn person(
    text: &str,
    cells: &[Cell],
    index: usize,
    width: usize,
    line: u32,
    report: &mut Reporter<'_>,
) -> Option<Row> {
    let whole = || {
        let start = cells.first().map_or(0, |cell| cell.start);
        let end = cells.last().map_or(start, |cell| cell.end);
        // Quotes may hold line breaks before what is in them.
        let line = cells.first().map_or(line, |cell| cell.line);
        people::place(text, start, end, line)
    };
    if let Some(open) = cells.iter().find(|cell| cell.open) {
        let at = people::place(text, open.start.saturating_sub(1), open.start, open.line);
        report.error(at, "a quote opens here and is never closed").hint("everything below it is lost");
        return None;
    }
    if cells.iter().all(|cell| cell.start == cell.end) {
        return None;
    }
    let Some(cell) = cells.get(index) else {
        report
            .error(whole(), format!("this row has {} of {width} columns", cells.len()))
            .hint("complete the row");
        return None;
    };
    let address = cell.text(text);
    if address.is_empty() {
        report.error(whole(), "this row has no address").hint("fill it in, or remove the row");
        return None;
    }
    if let Err(why) = people::check(address) {
        let cut = cells.iter().skip(width).any(|extra| extra.start < extra.end);
        report.error(cell.place(text), format!("{} {why}", quoted(address))).maybe_hint(cut.then(|| {
            format!(
                "this row has more columns than the header's {width}: put a text with a separator in quotes"
            )
        }));
        return None;
    }
    if people::lost_letters(address) {
        report.warning(cell.place(text), format!("{} has lost a letter", quoted(address))).hint(LOST_LETTERS);
    }
    // Files are at most 1 GiB, so that 32 bits are enough.
    let clip = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Some(Row { start: clip(cell.start), end: clip(cell.end), line: cell.line })
}

/// Warns of people who stand in a list twice.
fn doubled(list: &List, report: &mut Reporter<'_>) {
    let mut folded = Vec::new();
    let mut order: Vec<(u64, usize)> = Vec::with_capacity(list.rows.len());
    for (index, row) in list.rows.iter().enumerate() {
        folded.clear();
        folded.extend(list.spelt(*row).bytes().map(|byte| byte.to_ascii_lowercase()));
        let mut hasher = DefaultHasher::new();
        hasher.write(&folded);
        order.push((hasher.finish(), index));
    }
    order.sort_unstable();
    let mut again: Vec<(usize, usize)> = order
        .chunk_by(|a, b| a.0 == b.0)
        .filter(|same| same.len() > 1)
        .flat_map(|same| same[1..].iter().map(|(_, index)| (same[0].1, *index)))
        .filter(|(first, index)| {
            list.spelt(list.rows[*first]).eq_ignore_ascii_case(list.spelt(list.rows[*index]))
        })
        .collect();
    again.sort_unstable_by_key(|(_, index)| *index);
    for (first, index) in again {
        let row = list.rows[index];
        report
            .warning(list.place(row), format!("{} stands here twice", quoted(list.spelt(row))))
            .hint(format!("the first is on line {}", list.rows[first].line));
    }
}

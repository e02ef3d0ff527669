//! Cuts the text of a CSV file into rows and cells, and knows the line and the bytes of each.
//!
//! Written by hand, since a message must name the row as an editor counts it, after CRLF too, and must be able to show
//! the cell.

use super::people;
use super::problem::At;

/// Is one cell: the bytes of its content, without quotes and without the spaces around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) start: usize,
    pub(super) end: usize,
    /// The line on which it begins; a cell before it may have run over several.
    pub(super) line: u32,
    /// A quote was opened, and the file ended before it was closed.
    pub(super) open: bool,
}

impl Cell {
    /// Gives the content; a doubled quote stays doubled.
    pub(super) fn text(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or_default()
    }

    /// Gives where it stands: on its own line, which need not be the one on which its row begins.
    pub(super) fn place(self, text: &str) -> At {
        people::place(text, self.start, self.end, self.line)
    }
}

/// Walks over the rows of a text.
#[derive(Clone, Debug)]
pub(super) struct Rows<'t> {
    bytes: &'t [u8],
    at: usize,
    line: u32,
    separator: u8,
}

impl<'t> Rows<'t> {
    /// Begins at a place that stands on a line.
    pub(super) fn new(text: &'t str, at: usize, line: u32, separator: u8) -> Self {
        Self { bytes: text.as_bytes(), at, line, separator }
    }

    /// Fills in the cells of the next row and gives its line; `None` at the end.
    pub(super) fn next_into(&mut self, cells: &mut Vec<Cell>) -> Option<u32> {
        cells.clear();
        if self.at >= self.bytes.len() {
            return None;
        }
        let line = self.line;
        loop {
            let cell = self.cell();
            cells.push(cell);
            match self.bytes.get(self.at) {
                Some(byte) if *byte == self.separator => {
                    self.at += 1;
                    // A separator at the very end opens one more cell, which is empty.
                    if self.at >= self.bytes.len() {
                        cells.push(self.trimmed(self.at, self.at, self.line, false));
                        return Some(line);
                    }
                }
                Some(_) => {
                    self.skip_line_end();
                    return Some(line);
                }
                None => return Some(line),
            }
        }
    }

    /// Gives where the next row begins, and on which line.
    pub(super) fn position(&self) -> (usize, u32) {
        (self.at, self.line)
    }

    fn cell(&mut self) -> Cell {
        while self.bytes.get(self.at).is_some_and(|byte| self.is_space(*byte)) {
            self.at += 1;
        }
        if self.bytes.get(self.at) == Some(&b'"') { self.quoted() } else { self.plain() }
    }

    fn plain(&mut self) -> Cell {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(|byte| !self.ends_cell(*byte)) {
            self.at += 1;
        }
        self.trimmed(start, self.at, self.line, false)
    }

    fn quoted(&mut self) -> Cell {
        self.at += 1;
        let (start, line) = (self.at, self.line);
        let mut open = true;
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'"' if self.bytes.get(self.at + 1) == Some(&b'"') => self.at += 2,
                b'"' => {
                    open = false;
                    break;
                }
                b'\n' | b'\r' => self.skip_line_end(),
                _ => self.at += 1,
            }
        }
        let end = self.at;
        while self.bytes.get(self.at).is_some_and(|byte| !self.ends_cell(*byte)) {
            self.at += 1;
        }
        self.trimmed(start, end, line, open)
    }

    fn trimmed(&self, mut start: usize, mut end: usize, mut line: u32, open: bool) -> Cell {
        // Of a quote that is never closed, the place where it opens is what counts.
        if open {
            return Cell { start, end, line, open };
        }
        while end > start && self.bytes[end - 1].is_ascii_whitespace() {
            end -= 1;
        }
        while start < end && self.bytes[start].is_ascii_whitespace() {
            let ends_line = self.bytes[start] == b'\n'
                || (self.bytes[start] == b'\r' && self.bytes.get(start + 1) != Some(&b'\n'));
            line = line.saturating_add(u32::from(ends_line));
            start += 1;
        }
        Cell { start, end, line, open }
    }

    fn is_space(&self, byte: u8) -> bool {
        byte == b' ' || (byte == b'\t' && self.separator != b'\t')
    }

    fn ends_cell(&self, byte: u8) -> bool {
        byte == self.separator || byte == b'\n' || byte == b'\r'
    }

    fn skip_line_end(&mut self) {
        self.at += if self.bytes[self.at..].starts_with(b"\r\n") { 2 } else { 1 };
        self.line = self.line.saturating_add(1);
    }
}

/// Finds the separator that a header uses: the one of `,` `;` tab that stands in it most often outside quotes.
pub(super) fn separator(header: &str) -> u8 {
    let mut counts = [(b',', 0_usize), (b';', 0), (b'\t', 0)];
    let mut in_quotes = false;
    for byte in header.bytes() {
        if byte == b'"' {
            in_quotes = !in_quotes;
        } else if !in_quotes && let Some((_, count)) = counts.iter_mut().find(|(mark, _)| *mark == byte) {
            *count += 1;
        }
    }
    // The first of equals wins, so that a header of one column is read with commas.
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(mark, _)| *mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str, separator: u8) -> Vec<(u32, Vec<&str>)> {
        let mut rows = Rows::new(text, 0, 1, separator);
        let mut cells = Vec::new();
        let mut all = Vec::new();
        while let Some(line) = rows.next_into(&mut cells) {
            all.push((line, cells.iter().map(|cell| cell.text(text)).collect()));
        }
        all
    }

    #[test]
    fn rows_are_numbered_as_an_editor_numbers_them() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["a,b", "", "\"c", "d\",e", "f"].join(end);
            let inner = format!("c{end}d");
            assert_eq!(
                cut(&text, b','),
                [(1, vec!["a", "b"]), (2, vec![""]), (3, vec![inner.as_str(), "e"]), (5, vec!["f"])],
                "{end:?}"
            );
        }
    }

    #[test]
    fn quotes_and_spaces_around_a_cell_are_dropped() {
        assert_eq!(cut("  a ;\" b \" ; \"c;\"\"d\"\n", b';'), [(1, vec!["a", "b", "c;\"\"d"])]);
        assert_eq!(cut("a\t\tb", b'\t'), [(1, vec!["a", "", "b"])]);
        assert_eq!(cut("a,", b','), [(1, vec!["a", ""])]);
    }

    #[test]
    fn a_quote_that_is_never_closed_is_noticed() {
        let mut cells = Vec::new();
        Rows::new("a,\"b\nc", 0, 1, b',').next_into(&mut cells);
        assert!(!cells[0].open && cells[1].open);
    }

    #[test]
    fn the_separator_comes_from_the_header() {
        assert_eq!(separator("Name"), b',');
        assert_eq!(separator("Name;\"a,b,c\";Mail"), b';');
        assert_eq!(separator("Name\tMail"), b'\t');
        assert_eq!(separator("a;b,c,d"), b',');
    }
}

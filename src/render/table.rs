//! Writes rows as CSV that spreadsheets read as text.
//!
//! UTF-8, comma, quotes where needed, and `\n` at the end of each line. Cells pass through
//! [`cell`]: what a spreadsheet would take for a formula begins with an apostrophe.

use std::io::{self, Write};

use super::inert::cell;

/// Writes rows of the same number of cells.
pub(super) struct Table<'w>(csv::Writer<&'w mut dyn Write>);

impl<'w> Table<'w> {
    /// Begins a table with its header.
    pub(super) fn new(out: &'w mut dyn Write, header: &[&str]) -> io::Result<Self> {
        let mut table = Self(csv::Writer::from_writer(out));
        table.0.write_record(header).map_err(plain)?;
        Ok(table)
    }

    /// Writes a row.
    pub(super) fn row<'a>(&mut self, cells: impl IntoIterator<Item = &'a str>) -> io::Result<()> {
        for text in cells {
            self.0.write_field(cell(text).as_bytes()).map_err(plain)?;
        }
        self.0.write_record(None::<&[u8]>).map_err(plain)
    }

    /// Writes out what is still buffered.
    pub(super) fn end(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Unwraps the error of the writer underneath, so that a broken pipe is still known as one.
fn plain(error: csv::Error) -> io::Error {
    if error.is_io_error()
        && let csv::ErrorKind::Io(error) = error.into_kind()
    {
        return error;
    }
    io::Error::other("a row of a table does not fit its header")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }

    #[test]
    fn a_broken_pipe_is_known_as_one() {
        let mut closed = Closed;
        let table = Table::new(&mut closed, &["A"]);
        let error = table.and_then(Table::end).expect_err("nobody listens");
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn cells_with_commas_and_quotes_are_quoted() {
        let mut out = Vec::new();
        let mut table = Table::new(&mut out, &["A", "B"]).expect("memory");
        table.row(["a,b", "say \"hi\""]).expect("memory");
        table.row(["", "=1+1"]).expect("memory");
        table.end().expect("memory");
        assert_eq!(String::from_utf8(out).expect("UTF-8"), "A,B\n\"a,b\",\"say \"\"hi\"\"\"\n,'=1+1\n");
    }
}

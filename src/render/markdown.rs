//! Builds Markdown for a pull-request comment, never longer than such a comment may be.

/// Is the most characters that a comment gets; the usual hosts take 65,536.
pub(super) const LIMIT: usize = 60_000;

/// Is how many bytes are kept for the closing words.
const RESERVE: usize = 2_000;

/// Is Markdown in the making.
///
/// What does not fit is left out in whole pieces, so that no table, code span or `<details>` is ever cut, and the
/// text ends by saying that something was left out. Lengths are taken in bytes, of which there are never fewer than
/// characters.
#[derive(Debug, Default)]
pub(super) struct Comment {
    text: String,
    left_out: u64,
}

impl Comment {
    /// Adds a piece if it fits, and says whether it did.
    pub(super) fn add(&mut self, piece: &str) -> bool {
        // No-break spaces hold words together on a terminal; here they would only spoil a search.
        let piece = &piece.replace('\u{a0}', " ");
        let fits = self.text.len() + piece.len() <= LIMIT - RESERVE;
        if fits {
            self.text.push_str(piece);
        } else {
            self.left_out += 1;
        }
        fits
    }

    /// Adds a heading of the second or third level.
    pub(super) fn heading(&mut self, level: usize, text: &str) {
        self.add(&format!("{} {text}\n\n", "#".repeat(level)));
    }

    /// Adds a list; each item is left out by itself when it does not fit.
    pub(super) fn list(&mut self, items: impl IntoIterator<Item = String>) {
        for item in items {
            self.add(&format!("- {item}\n"));
        }
        self.add("\n");
    }

    /// Adds a folded table under a summary, or the summary alone when the table does not fit.
    ///
    /// `summary` is HTML; `total` counts the rows that there are, of which `rows` may hold fewer.
    pub(super) fn folded(&mut self, summary: &str, header: &[&str], rows: &[String], total: usize) {
        let rule = "| --- ".repeat(header.len());
        let more = match total - rows.len() {
            0 => String::new(),
            more => format!(
                "\n… and {} more; `--format csv` lists everybody.\n",
                super::number::count(more as u64)
            ),
        };
        let table = format!(
            "<details>\n<summary>{summary}</summary>\n\n| {} |\n{rule}|\n{}{more}\n</details>\n\n",
            header.join(" | "),
            rows.concat(),
        );
        if !self.add(&table) {
            self.add(&format!("{summary}\n\n"));
        }
    }

    /// Ends the text, saying how much was left out if anything was.
    pub(super) fn end(mut self) -> String {
        if self.left_out > 0 {
            let note = "**This comment is shortened.** `--format text --verbose` and `--format csv` show everything.\n";
            self.text.push_str(note);
        }
        while self.text.ends_with("\n\n") {
            self.text.pop();
        }
        self.text
    }
}

/// Makes a row of a table; cells are Markdown already.
pub(super) fn row(cells: &[&str]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

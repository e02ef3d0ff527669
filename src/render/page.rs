//! Lays out lines of text: indents, columns, wrapping at the width of the terminal.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::Look;
use super::inert::width;
use super::style::Meaning;

/// Is the narrowest page that is laid out; below it, lines run over.
const NARROWEST: usize = 66;

/// Is a line in the making: pieces of text with their meanings.
///
/// Lines break at spaces. A no-break space holds words together and is written as a space.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pieces: Vec<(Meaning, String)>,
}

impl Line {
    /// Begins a line with ordinary text.
    pub(super) fn of(text: impl Into<String>) -> Self {
        Self::default().plain(text)
    }

    /// Adds ordinary text.
    pub(super) fn plain(self, text: impl Into<String>) -> Self {
        self.with(Meaning::Plain, text)
    }

    /// Adds text with a meaning.
    pub(super) fn with(mut self, meaning: Meaning, text: impl Into<String>) -> Self {
        self.pieces.push((meaning, text.into()));
        self
    }

    /// Adds text and fills up with spaces to so many columns.
    pub(super) fn column(self, meaning: Meaning, text: &str, columns: usize) -> Self {
        let gap = columns.saturating_sub(width(text));
        self.with(meaning, text).with(Meaning::Plain, "\u{a0}".repeat(gap))
    }

    /// Adds text that ends at so many columns.
    pub(super) fn right(self, meaning: Meaning, text: &str, columns: usize) -> Self {
        let gap = columns.saturating_sub(width(text));
        self.with(Meaning::Plain, "\u{a0}".repeat(gap)).with(meaning, text)
    }

    /// Measures what stands there so far, in columns.
    pub(super) fn width(&self) -> usize {
        self.pieces.iter().map(|(_, text)| width(text)).sum()
    }
}

/// Is the symbol that begins a line, explained in the legend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mark {
    /// `+`
    Granted,
    /// `-`
    Withdrawn,
    /// `~`
    Changed,
    /// `=`
    InSync,
    /// `!`
    Consent,
    /// `?`
    Unknown,
}

impl Mark {
    /// Gives the symbol.
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Granted => "+",
            Self::Withdrawn => "-",
            Self::Changed => "~",
            Self::InSync => "=",
            Self::Consent => "!",
            Self::Unknown => "?",
        }
    }

    /// Gives its meaning in a word or two, for the legend.
    fn words(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Withdrawn => "withdrawn",
            Self::Changed => "changed",
            Self::InSync => "in sync",
            Self::Consent => "needs consent",
            Self::Unknown => "unknown",
        }
    }

    /// Gives its colour.
    pub(super) fn meaning(self) -> Meaning {
        match self {
            Self::Granted => Meaning::Granted,
            Self::Withdrawn => Meaning::Withdrawn,
            Self::Changed => Meaning::Changed,
            Self::InSync => Meaning::Quiet,
            Self::Consent => Meaning::Consent,
            Self::Unknown => Meaning::Unknown,
        }
    }
}

/// Writes lines, and remembers which symbols it used.
pub(super) struct Page<'w> {
    out: &'w mut dyn Write,
    pub(super) look: Look,
    used: BTreeSet<Mark>,
}

impl<'w> Page<'w> {
    /// Begins a page.
    pub(super) fn new(out: &'w mut dyn Write, look: Look) -> Self {
        let look = Look { width: look.width.max(NARROWEST), ..look };
        Self { out, look, used: BTreeSet::new() }
    }

    /// Writes an empty line.
    pub(super) fn blank(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    /// Writes an empty line and a heading.
    pub(super) fn heading(&mut self, text: &str) -> io::Result<()> {
        self.blank()?;
        self.line(0, &Line::default().with(Meaning::Heading, text))
    }

    /// Writes a line, indented; what runs over continues two columns further in.
    pub(super) fn line(&mut self, indent: usize, line: &Line) -> io::Result<()> {
        self.hanging(indent, indent + 2, line)
    }

    /// Writes a line that begins with a symbol; what runs over continues behind the symbol.
    pub(super) fn marked(&mut self, indent: usize, mark: Mark, line: Line) -> io::Result<()> {
        self.used.insert(mark);
        let mut whole = Line::default().with(mark.meaning(), format!("{}\u{a0}", mark.symbol()));
        whole.pieces.extend(line.pieces);
        self.hanging(indent, indent + 2, &whole)
    }

    /// Remembers that a symbol is used inside a line.
    pub(super) fn uses(&mut self, mark: Mark) -> &'static str {
        self.used.insert(mark);
        mark.symbol()
    }

    /// Writes the legend of the symbols used, if any were.
    pub(super) fn legend(&mut self) -> io::Result<()> {
        if self.used.is_empty() {
            return Ok(());
        }
        let words: Vec<_> =
            self.used.iter().map(|mark| format!("{}\u{a0}{}", mark.symbol(), mark.words())).collect();
        self.blank()?;
        self.line(0, &Line::default().with(Meaning::Quiet, words.join("   ")))
    }

    /// Writes the last line, on its own and never wrapped, since people and scripts look for it.
    pub(super) fn last(&mut self, text: &str) -> io::Result<()> {
        let (head, rest) = text.split_once(':').unwrap_or((text, ""));
        let head = Meaning::Heading.paint(self.look.colour, &format!("{head}:"));
        writeln!(self.out, "\n{head}{rest}")
    }

    /// Writes a line at one indent and what runs over at another.
    pub(super) fn hanging(&mut self, indent: usize, hang: usize, line: &Line) -> io::Result<()> {
        let mut column = indent;
        let mut fresh = true;
        let mut gap = String::new();
        let mut run = Run { colour: self.look.colour, ..Run::default() };
        write!(self.out, "{:indent$}", "")?;
        for word in words(line) {
            let size: usize = word.iter().map(|(_, text)| width(text)).sum();
            if size == 0 {
                gap.push(' ');
                continue;
            }
            if !fresh && column + gap.len() + size > self.look.width {
                run.end(self.out)?;
                write!(self.out, "\n{:hang$}", "")?;
                column = hang;
            } else {
                // A gap between two words of one colour has it too, so that the colour is set once.
                let same = word.first().is_some_and(|(meaning, _)| *meaning == run.meaning);
                run.add(self.out, if same { run.meaning } else { Meaning::Plain }, &gap)?;
                column += gap.len();
            }
            gap.clear();
            for (meaning, text) in word {
                run.add(self.out, meaning, &text.replace('\u{a0}', " "))?;
            }
            column += size;
            fresh = false;
            gap.push(' ');
        }
        run.end(self.out)?;
        writeln!(self.out)
    }
}

/// Is text of one colour that is still growing.
#[derive(Debug, Default)]
struct Run {
    colour: bool,
    meaning: Meaning,
    text: String,
}

impl Run {
    fn add(&mut self, out: &mut dyn Write, meaning: Meaning, text: &str) -> io::Result<()> {
        if meaning != self.meaning && !text.is_empty() {
            self.end(out)?;
            self.meaning = meaning;
        }
        self.text.push_str(text);
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{}", self.meaning.paint(self.colour, &self.text))?;
        self.text.clear();
        Ok(())
    }
}

/// Splits a line at its spaces into words, each of which may have several colours.
fn words(line: &Line) -> Vec<Vec<(Meaning, &str)>> {
    let mut words = vec![Vec::new()];
    for (meaning, text) in &line.pieces {
        for (index, part) in text.split(' ').enumerate() {
            if index > 0 {
                words.push(Vec::new());
            }
            if let Some(word) = words.last_mut()
                && !part.is_empty()
            {
                word.push((*meaning, part));
            }
        }
    }
    words
}

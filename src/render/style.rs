//! The one table from meaning to colour.

use anstyle::{AnsiColor, Style};

/// Says what a piece of text means, which decides its colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Meaning {
    /// Ordinary text.
    #[default]
    Plain,
    /// A heading, or a line that must not be overlooked.
    Heading,
    /// An aside.
    Quiet,
    /// Something is granted, or went well.
    Granted,
    /// Something is withdrawn.
    Withdrawn,
    /// Something changes.
    Changed,
    /// Somebody's consent is needed.
    Consent,
    /// Something is unknown.
    Unknown,
    /// Something is wrong.
    Error,
    /// Advice.
    Hint,
}

impl Meaning {
    /// Chooses the style; colour is never the only carrier of a meaning.
    fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Heading => Style::new().bold(),
            Self::Quiet => Style::new().dimmed(),
            Self::Granted => AnsiColor::Green.on_default(),
            Self::Withdrawn => AnsiColor::Red.on_default(),
            Self::Changed => AnsiColor::Yellow.on_default(),
            Self::Consent => AnsiColor::Yellow.on_default().bold(),
            Self::Unknown => AnsiColor::Magenta.on_default(),
            Self::Error => AnsiColor::Red.on_default().bold(),
            Self::Hint => AnsiColor::Cyan.on_default().bold(),
        }
    }

    /// Paints text, or gives it back as it is when colour is off.
    pub(super) fn paint(self, colour: bool, text: &str) -> String {
        if !colour || self == Self::Plain || text.is_empty() {
            return text.to_owned();
        }
        let style = self.style();
        format!("{style}{text}{style:#}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colour_text_stays_as_it_is() {
        assert_eq!(Meaning::Error.paint(false, "error"), "error");
    }

    #[test]
    fn colour_ends_where_the_text_ends() {
        let painted = Meaning::Error.paint(true, "error");
        assert!(painted.starts_with("\u{1b}[") && painted.ends_with("\u{1b}[0m"), "{painted:?}");
    }
}

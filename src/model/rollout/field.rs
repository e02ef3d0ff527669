//! Fields of a message, such as `{{name}}`: what stands for something else, and where.

use std::fmt;

use super::Role;

/// Is what a field of a message stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// A person's name; different for everybody, so the mail merge fills it in.
    Name,
    /// A person's department; different for everybody, so the mail merge fills it in.
    Department,
    /// The day of the milestone.
    MilestoneDate,
    /// The name of the wave.
    Wave,
    /// The link of `training`.
    Training,
    /// The link of the survey that comes next in the wave.
    Survey,
    /// Who has a role.
    Owner(Role),
}

impl Field {
    /// Lists those that name no role, as they are written.
    pub const WORDS: [(&'static str, Self); 6] = [
        ("name", Self::Name),
        ("department", Self::Department),
        ("milestone-date", Self::MilestoneDate),
        ("wave", Self::Wave),
        ("training", Self::Training),
        ("survey", Self::Survey),
    ];

    /// Reads what stands between the braces.
    pub fn read(inside: &str) -> Option<Self> {
        let inside = inside.trim();
        if let Some(role) = inside.strip_prefix("owner:") {
            let role = Role::ALL.into_iter().find(|known| known.word() == role.trim());
            return role.map(Self::Owner);
        }
        Self::WORDS.iter().find(|(word, _)| *word == inside).map(|(_, field)| *field)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            Self::Name => "name",
            Self::Department => "department",
            Self::MilestoneDate => "milestone-date",
            Self::Wave => "wave",
            Self::Training => "training",
            Self::Survey => "survey",
            Self::Owner(role) => return write!(f, "{{{{owner:{}}}}}", role.word()),
        };
        write!(f, "{{{{{word}}}}}")
    }
}

/// Is a stretch of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'t> {
    /// Text that stays as it is.
    Text(&'t str),
    /// What stands between `{{` and `}}`.
    Field(&'t str),
    /// A `{{` that nothing closes, with all that follows it.
    Open(&'t str),
}

/// Cuts a message into text and fields, each with the byte at which it begins; a field stays on one line.
pub fn pieces(text: &str) -> impl Iterator<Item = (usize, Piece<'_>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = &text[at..];
        if rest.is_empty() {
            return None;
        }
        let begins = at;
        let Some(inside) = rest.strip_prefix("{{") else {
            let end = rest.find("{{").unwrap_or(rest.len());
            at += end;
            return Some((begins, Piece::Text(&rest[..end])));
        };
        let closed = inside.find("}}").filter(|end| !inside[..*end].contains(['\n', '{']));
        if let Some(end) = closed {
            at += end + 4;
            Some((begins, Piece::Field(&inside[..end])))
        } else {
            at = text.len();
            Some((begins, Piece::Open(rest)))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_falls_into_text_and_fields() {
        let cut: Vec<_> = pieces("Hello {{name}},{{ wave }}!").collect();
        let expected = [
            (0, Piece::Text("Hello ")),
            (6, Piece::Field("name")),
            (14, Piece::Text(",")),
            (15, Piece::Field(" wave ")),
            (25, Piece::Text("!")),
        ];
        assert_eq!(cut, expected);
        assert_eq!(pieces("").next(), None);
    }

    #[test]
    fn a_field_that_nothing_closes_is_told() {
        for open in ["{{name", "{{name\n}}", "{{na{{me}}"] {
            assert_eq!(pieces(open).next(), Some((0, Piece::Open(open))));
        }
    }

    #[test]
    fn every_field_is_read_as_it_is_written() {
        let roles = Role::ALL.map(Field::Owner);
        for field in Field::WORDS.iter().map(|(_, field)| *field).chain(roles) {
            let written = field.to_string();
            let Some((0, Piece::Field(inside))) = pieces(&written).next() else { unreachable!("{written}") };
            assert_eq!(Field::read(inside), Some(field));
        }
        assert_eq!(Field::read("owner:king"), None);
        assert_eq!(Field::read("Name"), None);
    }
}

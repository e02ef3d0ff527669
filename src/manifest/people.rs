//! Keeps whom a manifest names: a few rules, and lists that stay as compact as the files they come from.

use std::sync::Arc;

use uuid::Uuid;

use super::problem::{At, File};
use crate::model::{PersonId, Selector};

/// Names people: one selector, or a whole list.
#[derive(Clone, Debug)]
pub(super) enum Rule {
    /// One selector of the manifest.
    One(One),
    /// A CSV file; shared where the manifest names it more than once.
    List(Arc<List>),
}

/// Is one selector, as the manifest spells it.
#[derive(Clone, Debug)]
pub(super) struct One {
    pub(super) selector: Selector,
    /// Its value as spelt.
    pub(super) spelt: String,
    pub(super) at: At,
}

/// Is the people of one column of a CSV file.
#[derive(Debug)]
pub(super) struct List {
    pub(super) file: File,
    pub(super) column: Column,
    pub(super) rows: Vec<Row>,
}

/// Says what a column holds, besides object ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// User principal names.
    User,
    /// Mail addresses.
    Mail,
}

/// Is one cell of a list: bytes in the file's text, and its line.
///
/// Twelve bytes a person instead of two allocations; the selector is made when it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) line: u32,
}

impl List {
    /// Gives a cell as spelt.
    pub(super) fn spelt(&self, row: Row) -> &str {
        self.file.text.get(row.start as usize..row.end as usize).unwrap_or_default()
    }

    /// Gives the place of a cell.
    pub(super) fn place(&self, row: Row) -> At {
        place(&self.file.text, row.start as usize, row.end as usize, row.line)
    }
}

/// Is one selector with everything that a message needs.
#[derive(Clone, Debug)]
pub(super) struct Named<'m> {
    pub(super) selector: Selector,
    pub(super) spelt: &'m str,
}

impl Rule {
    /// Walks over the selectors that the rule stands for.
    pub(super) fn named(&self) -> impl Iterator<Item = Named<'_>> {
        let (one, list) = match self {
            Self::One(one) => (Some(one), None),
            Self::List(list) => (None, Some(list)),
        };
        let one = one.into_iter().map(|one| Named { selector: one.selector.clone(), spelt: &one.spelt });
        let rows = list.into_iter().flat_map(|list| {
            list.rows.iter().map(|row| {
                let spelt = list.spelt(*row);
                Named { selector: person(spelt, list.column), spelt }
            })
        });
        one.chain(rows)
    }
}

/// Turns an address that was found good, or an object id, into a selector.
pub(super) fn person(spelt: &str, column: Column) -> Selector {
    match (id(spelt), column) {
        (Some(id), Column::User | Column::Mail) => Selector::Id(PersonId(id)),
        (None, Column::User) => Selector::User(spelt.to_ascii_lowercase()),
        (None, Column::Mail) => Selector::Mail(spelt.to_ascii_lowercase()),
    }
}

/// Reads a GUID in one of its written forms.
pub(super) fn id(text: &str) -> Option<Uuid> {
    (text.len() >= 32).then(|| Uuid::try_parse(text).ok()).flatten()
}

/// Says what is wrong with an address; `Ok` for an object id too.
pub(super) fn check(text: &str) -> Result<(), String> {
    if id(text).is_some() {
        return Ok(());
    }
    let odd = |char: char| char.is_whitespace() || char.is_control() || "\",;<>|".contains(char);
    if text.matches('@').count() > 1 && text.contains(odd) {
        return Err("names more than one person".to_owned());
    }
    if let Some(odd) = text.chars().find(|char| odd(*char)) {
        return Err(match odd {
            ' ' => "has a space in it".to_owned(),
            other => format!("has {other:?} in it, which no address has"),
        });
    }
    match text.split_once('@') {
        Some((local, domain)) if !local.is_empty() && !domain.is_empty() && !domain.contains('@') => Ok(()),
        _ => Err("is neither a user principal name nor an object id".to_owned()),
    }
}

/// Says whether an address lost letters on its way.
pub(super) fn lost_letters(text: &str) -> bool {
    text.contains(['?', '\u{FFFD}'])
}

/// Is the advice for addresses that lost letters.
pub(super) const LOST_LETTERS: &str =
    "Windows PowerShell's `Export-Csv` turns letters such as `ü` into `?` unless told `-Encoding UTF8`";

/// Finds the column of a place.
pub(super) fn place(text: &str, start: usize, end: usize, line: u32) -> At {
    let before = text.get(..start).unwrap_or_default();
    let begin = before.rfind(['\n', '\r']).map_or(0, |at| at + 1);
    let column = before[begin..].chars().count() + 1;
    let clip = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    At { start: clip(start), end: clip(end), line, column: clip(column) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_object_ids_are_told_from_everything_else() {
        for good in [
            "ada@contoso.com",
            "ada_fabrikam.com#EXT#@contoso.onmicrosoft.com",
            "o'neil@contoso.com",
            "zoë@contoso.com",
            "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in
            ["ada", "ada@", "@contoso.com", "a@b@c", "ada lovelace@contoso.com", "a@b;c@d", "a@b,c@d", ""]
        {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_are_folded_and_keep_their_spelling_beside() {
        assert_eq!(person("Ada@Contoso.com", Column::User), Selector::User("ada@contoso.com".into()));
        assert_eq!(person("Ada@Contoso.com", Column::Mail), Selector::Mail("ada@contoso.com".into()));
        let id = "3F2504E0-4F89-41D3-9A0C-0305E82C3301";
        assert!(matches!(person(id, Column::Mail), Selector::Id(_)));
    }
}

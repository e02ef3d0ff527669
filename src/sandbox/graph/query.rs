//! Reads the `OData` options of a request; what is not understood is refused, never ignored.

use super::error::Refusal;
use crate::sandbox::http::Request;
use crate::sandbox::text::{base64url, escape, from_base64url, pairs};

/// Is what a request asks for beside its path.
#[derive(Clone, Debug, Default)]
pub(super) struct Query {
    pub(super) select: Option<Vec<String>>,
    /// `$expand=manager`.
    pub(super) manager: Option<Manager>,
    pub(super) filter: Option<String>,
    pub(super) search: Option<String>,
    pub(super) top: Option<usize>,
    pub(super) count: bool,
    pub(super) cursor: Option<Cursor>,
    pub(super) delta: Option<String>,
    /// Up to which change the pages of one delta reach, however long it takes to read them.
    pub(super) until: Option<usize>,
    /// `ConsistencyLevel: eventual`.
    pub(super) eventual: bool,
    /// All options but the cursor, for the next link.
    options: Vec<(String, String)>,
}

/// Is what to show of a manager who is expanded.
#[derive(Clone, Debug, Default)]
pub(super) struct Manager {
    pub(super) select: Option<Vec<String>>,
}

/// Is a place in a listing, as an opaque `$skiptoken`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) place: usize,
    /// Whether the empty page before this place was already shown.
    pub(super) after_gap: bool,
}

impl Cursor {
    fn text(self) -> String {
        base64url(format!("{}.{}", self.place, u8::from(self.after_gap)).as_bytes())
    }

    fn read(token: &str) -> Option<Self> {
        let text = String::from_utf8(from_base64url(token)?).ok()?;
        let (place, gap) = text.split_once('.')?;
        Some(Self { place: place.parse().ok()?, after_gap: gap == "1" })
    }
}

/// Reads a list of names.
fn names(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

impl Query {
    /// Reads the options; `allowed` names, without the dollar sign, those that the resource knows.
    pub(super) fn read(request: &Request, allowed: &[&str]) -> Result<Self, Refusal> {
        let eventual =
            request.header("consistencylevel").is_some_and(|level| level.eq_ignore_ascii_case("eventual"));
        let mut query = Self { eventual, ..Self::default() };
        let pairs = pairs(&request.query).ok_or_else(|| Refusal::odata("The query is not well formed."))?;
        for (name, value) in pairs {
            let option = name.strip_prefix('$').unwrap_or(&name).to_ascii_lowercase();
            if option == "skip" {
                return Err(Refusal::query("'$skip' is not supported by the service."));
            }
            if !allowed.contains(&option.as_str()) {
                return Err(Refusal::query(format!("The query parameter '{name}' is not supported here.")));
            }
            query.take(&option, &value)?;
            if option != "skiptoken" {
                query.options.push((name, value));
            }
        }
        Ok(query)
    }

    fn take(&mut self, option: &str, value: &str) -> Result<(), Refusal> {
        match option {
            "select" => {
                self.select = Some(names(value));
            }
            "expand" => {
                let inner = value.strip_prefix("manager").and_then(|rest| {
                    if rest.is_empty() {
                        return Some(Manager::default());
                    }
                    let select = rest.strip_prefix("($select=")?.strip_suffix(')')?;
                    Some(Manager { select: Some(names(select)) })
                });
                self.manager = Some(inner.ok_or_else(|| {
                    Refusal::odata(format!(
                        "Parsing OData Select and Expand failed: '{value}' cannot be expanded here."
                    ))
                })?);
            }
            "filter" => self.filter = Some(value.to_owned()),
            "search" => self.search = Some(value.to_owned()),
            "top" => {
                let top = value.parse().ok().filter(|top| (1..=999).contains(top));
                self.top = Some(top.ok_or_else(|| {
                    Refusal::odata(format!(
                        "Invalid page size specified: '{value}'. Must be between 1 and 999 inclusive."
                    ))
                })?);
            }
            "count" => {
                self.count = match value.to_ascii_lowercase().as_str() {
                    "true" => true,
                    "false" => false,
                    _ => return Err(Refusal::odata("Invalid value for '$count'.")),
                };
            }
            "skiptoken" => {
                let cursor = Cursor::read(value);
                self.cursor = Some(cursor.ok_or_else(|| Refusal::odata("Invalid skip token."))?);
            }
            "until" => self.until = value.parse().ok(),
            _ => self.delta = Some(value.to_owned()),
        }
        Ok(())
    }

    /// Fixes, for this page and those that its links lead to, up to which change a delta reaches.
    pub(super) fn reach(&mut self, changes: usize) -> usize {
        let until = *self.until.get_or_insert(changes);
        if !self.options.iter().any(|(name, _)| name == "$until") {
            self.options.push(("$until".to_owned(), until.to_string()));
        }
        until
    }

    /// Refuses an advanced query that does not declare itself as one, on this page.
    pub(super) fn declare(&self, advanced: bool) -> Result<(), Refusal> {
        if self.count && !self.eventual {
            return Err(Refusal::query("$count is not currently supported."));
        }
        if advanced && !(self.eventual && self.count) {
            return Err(Refusal::query(
                "This query needs the header ConsistencyLevel:eventual and the query parameter $count=true, on every \
                 page.",
            ));
        }
        Ok(())
    }

    /// Writes the absolute link to another page of the same query.
    pub(super) fn link(&self, request: &Request, cursor: Cursor) -> String {
        let mut options: Vec<String> =
            self.options.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
        options.push(format!("$skiptoken={}", cursor.text()));
        format!("{}{}?{}", request.base, request.path, options.join("&"))
    }
}

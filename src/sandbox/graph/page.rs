//! Cuts listings into pages, with opaque links, the count on the first page only, and empty pages if asked for.

use serde_json::{Value, json};

use super::query::{Cursor, Query};
use crate::sandbox::http::{Reply, Request};
use crate::sandbox::world::World;

/// Without `$top`, a page holds so many objects.
const USUAL: usize = 100;

/// Is a listing before it is cut: `len` candidates in a fixed order, of which some are kept.
pub(super) struct Listing<'a> {
    /// What `@odata.context` names.
    pub(super) context: &'a str,
    pub(super) len: usize,
    pub(super) keep: &'a dyn Fn(usize) -> bool,
    pub(super) show: &'a dyn Fn(usize) -> Value,
}

impl Listing<'_> {
    /// Writes the page that a query asks for; over all pages, each candidate is looked at once.
    pub(super) fn page(&self, request: &Request, query: &Query, world: &World) -> Reply {
        let mut body = json!({
            "@odata.context": format!("{}/graph/v1.0/$metadata#{}", request.base, self.context),
        });
        if query.count && query.cursor.is_none() {
            body["@odata.count"] = (0..self.len).filter(|at| (self.keep)(*at)).count().into();
        }
        let Cursor { mut place, after_gap } = query.cursor.unwrap_or(Cursor { place: 0, after_gap: false });
        let mut value = Vec::new();
        let next = if world.empty_pages && !after_gap && self.len > 0 {
            Some(Cursor { place, after_gap: true })
        } else {
            let size = query.top.unwrap_or(USUAL).min(world.page_size.unwrap_or(usize::MAX));
            while place < self.len && value.len() < size {
                if (self.keep)(place) {
                    value.push((self.show)(place));
                }
                place += 1;
            }
            (place < self.len).then_some(Cursor { place, after_gap: false })
        };
        body["value"] = Value::Array(value);
        if let Some(next) = next {
            body["@odata.nextLink"] = query.link(request, next).into();
        }
        Reply::json(200, body)
    }
}

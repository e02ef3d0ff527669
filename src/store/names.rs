//! One copy of each group's name, since a million people share a few.

use std::collections::BTreeSet;
use std::sync::Arc;

/// Holds the names met so far.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeSet<Arc<str>>);

impl Names {
    /// Gives the shared copy of a name.
    pub(super) fn share(&mut self, name: Arc<str>) -> Arc<str> {
        if let Some(known) = self.0.get(&name) {
            return Arc::clone(known);
        }
        self.0.insert(Arc::clone(&name));
        name
    }
}

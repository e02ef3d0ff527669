//! Judges what was read of a tenant's defaults.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{Known, Refusal, RefusalKind, TenantSetting, Value};

/// Compares the defaults from before people were read with those from after; one that changed is unknown.
///
/// Who merely follows it would otherwise seem to have chosen the new value against the old default.
pub(super) fn steady(
    before: BTreeMap<TenantSetting, Known<Value>>,
    mut after: BTreeMap<TenantSetting, Known<Value>>,
) -> BTreeMap<TenantSetting, Known<Value>> {
    let changed = || {
        Known::Unknown(Arc::new(Refusal {
            kind: RefusalKind::Conflict,
            message: "the default changed while people were being read".to_owned(),
            request_id: None,
        }))
    };
    let judge = |(setting, was): (TenantSetting, Known<Value>)| {
        let is = match (was, after.remove(&setting)) {
            (Known::Is(was), Some(Known::Is(is))) if was != is => changed(),
            (Known::Is(_), Some(is)) => is,
            (was, _) => was,
        };
        (setting, is)
    };
    before.into_iter().map(judge).collect()
}

/// Gives defaults that nobody asked for.
pub(super) fn not_asked() -> BTreeMap<TenantSetting, Known<Value>> {
    let why = Arc::new(Refusal::not_asked());
    TenantSetting::ALL.into_iter().map(|setting| (setting, Known::Unknown(Arc::clone(&why)))).collect()
}

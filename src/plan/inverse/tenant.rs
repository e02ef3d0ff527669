//! Plans how the defaults of the tenant go back.

use super::super::tenant::{self, TenantVerdict, operation};
use super::super::{Context, Deed, Deeds, Reason, Stays, Target};
use super::{Undoing, undoing};
use crate::model::{ActualState, By, DesiredState, Known, Ledger, TenantEntry, TenantSetting, Value};

/// Says what becomes of one default.
enum Back {
    /// It is written: what it is now, and what comes.
    To(Option<Value>, Value),
    /// It stays.
    Stays(Option<Value>, Stays),
}

impl Undoing {
    /// Judges every default that the run wrote, and says what all defaults will be.
    pub(super) fn tenant(
        &mut self,
        deeds: &Deeds,
        desired: &DesiredState,
        actual: &ActualState,
        ledger: &Ledger,
        context: &Context,
    ) -> TenantVerdict {
        // Nothing that the manifest asks for is brought about by undoing.
        let nothing_wanted = DesiredState { settle: desired.settle, ..DesiredState::default() };
        let mut verdict = tenant::judge(&nothing_wanted, actual, ledger, context.now, None);
        verdict.forget_what_was_seen();
        for (setting, deed) in &deeds.tenant {
            let entry = ledger.tenant.get(setting).copied();
            match judge(deed, actual.tenant.settings.get(setting), entry) {
                Back::To(from, to) => {
                    verdict.operations.push(undoing(operation(*setting, from, to), context.mark()));
                    verdict.flip(*setting, to);
                }
                Back::Stays(have, why) => self.leave(Target::Tenant(*setting), deed, have, why),
            }
        }
        verdict
    }
}

impl TenantVerdict {
    /// Keeps the defaults alone: what was seen is for the next plan to tell and to store.
    fn forget_what_was_seen(&mut self) {
        self.notes.clear();
        self.outside_changes.clear();
        self.observed.clear();
    }

    fn flip(&mut self, setting: TenantSetting, to: Value) {
        if let Some(default) = setting.feature().and_then(|feature| self.defaults.get_mut(&feature)) {
            default.after = to;
            default.flips = true;
        }
    }
}

/// Says what becomes of one default; `read` is absent where the service has no field for it.
fn judge(deed: &Deed, read: Option<&Known<Value>>, entry: Option<TenantEntry>) -> Back {
    let have = match read {
        None => None,
        Some(Known::Is(have)) => Some(*have),
        Some(Known::Unknown(_)) => return Back::Stays(None, Stays::Because(Reason::Unknown)),
    };
    let ours = entry.filter(|entry| entry.by == By::Us);
    let wrote = ours.and_then(|entry| deed.known_as(Some(entry.value), entry.at));
    let before = deed.from.or_else(|| ours?.previous.filter(|_| wrote.is_some()));
    let Some(before) = before else { return Back::Stays(have, Stays::NothingKnown) };
    if let Some(run) = deed.again {
        let back =
            have == Some(before) || (have.is_none() && ours.is_some_and(|entry| entry.value == before));
        return Back::Stays(have, if back { Stays::IsBack } else { Stays::WrittenAgain(run) });
    }
    match (wrote, ours) {
        (Some(wrote), _) if wrote.value == before => Back::Stays(have, Stays::WasSo),
        // What cannot be read is taken to be as last written.
        (Some(wrote), _) if have.is_none_or(|have| have == wrote.value) => {
            Back::To(have.or(Some(wrote.value)), before)
        }
        // A default takes a day to show. Nobody who wants it undone can wait so long.
        (Some(_), Some(entry)) if have == Some(before) && !entry.confirmed => Back::To(have, before),
        _ if have == Some(before) => Back::Stays(have, Stays::IsBack),
        (Some(_) | None, Some(_) | None) => Back::Stays(have, Stays::DefaultChanged),
    }
}

//! Finds what was written twice although the first time was confirmed, in the sandbox's own log of writes.

use std::collections::BTreeMap;

use serde_json::Value;

/// Names the features that a write is about, as the cmdlets spell them.
pub(crate) fn features(what: &Value) -> Vec<&'static str> {
    match what["Feature"].as_str().map(str::to_ascii_lowercase).as_deref() {
        Some("dashboard") => vec!["dashboard"],
        Some("digest-email") => vec!["digest-email"],
        Some("add-in") => vec!["add-in"],
        Some("all") => vec!["dashboard", "digest-email", "add-in"],
        Some(_) | None => Vec::new(),
    }
}

/// Goes through all writes in their order, with the number of the run that each is of; gives how many were rightly sent
/// once more.
///
/// A person's value that equals the default is not confirmed by reading it, since whoever follows the default has it as
/// well (semantics §3, row 7). `shows` says whether a write can be confirmed at all.
pub(crate) fn twice<'w>(
    writes: impl IntoIterator<Item = (usize, &'w str, &'w Value)>,
    mut defaults: BTreeMap<&'static str, bool>,
    shows: impl Fn(&str, &Value) -> bool,
) -> Result<usize, String> {
    let mut seen: BTreeMap<(&str, String), (usize, bool, &Value)> = BTreeMap::new();
    let mut again = 0;
    for (run, target, what) in writes {
        if target == "tenant" {
            if let ([feature], Some(on)) = (&features(what)[..], what["IsEnabled"].as_bool()) {
                defaults.insert(feature, on);
            }
            // From here on, a value that was written shows that it does not follow the default.
            for ((target, _), (_, proven, what)) in &mut seen {
                *proven |= *target != "tenant" && shows(target, what) && !follows(what, &defaults);
            }
        }
        let key = (target, what.to_string());
        let proven = shows(target, what) && (target == "tenant" || !follows(what, &defaults));
        if let Some((first, true, _)) = seen.get(&key) {
            return Err(format!("written twice, in run {first} and in run {run}: {target} {what}"));
        }
        again += usize::from(seen.insert(key, (run, proven, what)).is_some());
    }
    Ok(again)
}

/// Says whether a write to a person leaves what the defaults give anyway.
fn follows(what: &Value, defaults: &BTreeMap<&'static str, bool>) -> bool {
    let on = what["IsEnabled"].as_bool();
    let features = features(what);
    let same = features.iter().all(|feature| defaults.get(feature).copied() == on);
    what["PrivacyMode"].is_null() && !features.is_empty() && same
}

//! What the suite cannot try by itself, and what it would take.

use crate::clause::{Clause, Finding};
use crate::stage::Stage;

/// Looks back at what the services said of their limits.
pub(crate) fn limits(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "limits",
        says: "Who is refused for coming too fast is told when to come again.",
        expects: "a `Retry-After` in seconds, whole or not, with every 429",
        settles: &["O9"],
    };
    let calls = stage.wire.calls();
    let refused: Vec<_> = calls.iter().filter(|call| call.status == 429).collect();
    let mut told: Vec<String> = calls
        .iter()
        .flat_map(|call| &call.limits)
        .filter(|(name, _)| name.starts_with("x-ms-throttle") || name.starts_with("rate-limit"))
        .map(|(name, value)| format!("{name}: {}", crate::scrub::said(value)))
        .collect();
    told.sort_unstable();
    told.dedup();
    told.truncate(10);
    if refused.is_empty() {
        told.insert(0, format!("no limit is provoked on purpose, and none of {} calls met one", calls.len()));
        return clause.untried(told.join("; "));
    }
    let waits: Vec<&str> =
        refused.iter().map(|call| call.limits.get("retry-after").map_or("none", String::as_str)).collect();
    told.insert(0, format!("{} of {} calls; Retry-After: {}", refused.len(), calls.len(), waits.join(", ")));
    clause.judged(waits.iter().all(|wait| wait.trim().parse::<f64>().is_ok()), told.join("; "))
}

/// Says how to see the wire beneath the cmdlets.
pub(crate) fn wire() -> Finding {
    let clause = Clause {
        id: "wire-of-the-cmdlets",
        says: "Nothing is assumed of the service beneath the official cmdlets but what the cmdlets say.",
        expects: "its addresses, verbs and JSON, if somebody wants to know them",
        settles: &["O1", "O10"],
    };
    clause.untried(
        "it takes a human: run the four cmdlets, and `Get-VivaModuleFeature`, in PowerShell against a tenant of your own \
         with a debugging proxy in between, as the module's licence allows",
    )
}

/// Says how to see what the audit log holds.
pub(crate) fn audit() -> Finding {
    let clause = Clause {
        id: "audit-of-own-changes",
        says: "The audit log holds a record of type MyAnalyticsSettings for what people change themselves.",
        expects: "one record that names the person, some minutes to a day after the change",
        settles: &["O11"],
    };
    clause.untried(
        "it takes a human: let the test person change their own setting in Viva Insights, wait a day, and search the \
         unified audit log for record type 105 (`myAnalyticsSettings`), or ask `insightctl explain NAME --who-changed`; compare \
         with a change made by an administrator",
    )
}

/// Says why nobody looks at the cloud in China.
pub(crate) fn china() -> Finding {
    let clause = Clause {
        id: "cloud-in-china",
        says: "Personal insights is not offered in the cloud in China, so its Exchange host does not matter.",
        expects: "a warning of insightctl, and no more",
        settles: &["O12"],
    };
    clause.untried("the product would have to be offered there first")
}

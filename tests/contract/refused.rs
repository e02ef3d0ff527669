//! What insightctl relies on when the settings service refuses: single people, or whoever lacks a role.

use serde_json::Value;

use crate::clause::{Clause, Finding};
use crate::scrub;
use crate::settings::read;
use crate::signing_in::roles;
use crate::stage::{Person, Stage};
use crate::tokens::{Audience, claims};

/// Asks for people who may be refused.
pub(crate) async fn people(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "forbidden-people",
        says: "Single people are answered, or refused in a form that is known, and nobody else with them.",
        expects: "200; 404; or 403 with `Code`, `Message`, `Target` and `Details` (PowerShell may hide the form)",
        settles: &["O7"],
    };
    if let Some(why) = &stage.closed {
        return clause.untried(why);
    }
    let members = || stage.people.iter().filter(|person| person.enabled && !person.guest);
    let mut asked: Vec<(&str, &Person)> = Vec::new();
    asked.extend(stage.named(stage.consent.refused.as_ref()).map(|person| ("named", person)));
    asked.extend(
        members().filter(|person| stage.has_plan(person)).take(3).map(|person| ("with a plan", person)),
    );
    asked.extend(
        members().filter(|person| !stage.has_plan(person)).take(3).map(|person| ("without a plan", person)),
    );
    asked.extend(
        stage.people.iter().filter(|person| !person.enabled).take(1).map(|person| ("disabled", person)),
    );
    asked.extend(stage.people.iter().filter(|person| person.guest).take(1).map(|person| ("guest", person)));
    let (mut told, mut odd) = (Vec::new(), 0);
    for (kind, person) in asked {
        let seen = read(stage, person).await;
        let shape = match seen.body.as_object().filter(|_| seen.status == 403) {
            Some(object) => {
                let names: Vec<&str> = object.keys().map(String::as_str).collect();
                let details = object.get("Details").map_or(Value::Null, |details| details[0].clone());
                odd += u32::from(stage.wire.powershell.is_none() && !object.contains_key("Code"));
                let code = details["Code"].as_str().unwrap_or_default();
                let says = details["Message"].as_str().unwrap_or_default();
                format!(" [{}] {}", names.join(", "), scrub::said(&format!("{code}: {says}")))
            }
            None => String::new(),
        };
        // A refusal of PowerShell may come without its status.
        let refused =
            matches!(seen.status, 403 | 404) || seen.status == 400 && stage.wire.powershell.is_some();
        odd += u32::from(!seen.is_done() && !refused);
        told.push(format!("{kind}: {}{shape}", seen.told()));
    }
    if told.is_empty() {
        return clause.untried("nobody could be listed");
    }
    clause.judged(odd == 0, told.join("; "))
}

/// Compares what a token bears with what it opens.
pub(crate) async fn role(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "role",
        says: "One of four directory roles opens the settings service, to applications too; no other does.",
        expects: "200 with one of them, 401 or 403 without",
        settles: &["O8"],
    };
    let token = match stage.wire.tokens().get(&stage.wire, Audience::Exchange).await {
        Ok(token) => token,
        Err(seen) => return clause.untried(format!("there is no token: {}", seen.told())),
    };
    let Some(claims) = claims(&token) else {
        return clause.untried("the token can be read by its service alone");
    };
    let roles = roles(&claims);
    let seen = stage.defaults().await;
    if seen.status == 0 {
        return clause.untried(format!("there was no answer: {}", seen.told()));
    }
    let fits = if roles.is_empty() { matches!(seen.status, 401 | 403) } else { seen.is_done() };
    let kind = if claims["scp"].is_string() { "a person" } else { "an application" };
    let bears = if roles.is_empty() { "none of the four".to_owned() } else { roles.join(", ") };
    clause.judged(fits, format!("{kind} with {bears}: {}", seen.told()))
}

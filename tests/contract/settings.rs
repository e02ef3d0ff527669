//! What insightctl relies on of the settings service, as far as reading tells.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::clause::{Clause, Finding};
use crate::scrub;
use crate::stage::{Person, Stage};
use crate::wire::{Seen, Wire};

pub(crate) const GET: &str = "Get-MyAnalyticsFeatureConfig";
pub(crate) const FLAGS: [&str; 3] = ["IsDashboardEnabled", "IsAddInEnabled", "IsDigestEmailEnabled"];

/// Runs a cmdlet that does not exist.
pub(crate) async fn unknown_cmdlet(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "unknown-cmdlet",
        says: "A cmdlet that the proxy does not know is refused.",
        expects: "a status of 400 to 499; it is what `invoke-command` is compared with",
        settles: &["O2"],
    };
    let seen = stage.wire.invoke("Get-InsightctlContractProbe", &json!({})).await;
    clause.judged((400..500).contains(&seen.status), seen.told())
}

/// Runs the insights cmdlet for one person in the Exchange envelope.
pub(crate) async fn invoke_command(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "invoke-command",
        says: "The insights cmdlets may travel in the Exchange envelope (`InvokeCommand`).",
        expects: "200 and one object; if it differs, `transport: exchange-rest` is of no use with Microsoft 365",
        settles: &["O1", "O2"],
    };
    let Some(person) = stage.subject() else {
        return clause
            .untried("nobody with an insights plan could be listed: set INSIGHTCTL_CONTRACT_PERSON");
    };
    let seen = stage.wire.invoke(GET, &json!({ "Identity": person.upn })).await;
    clause.judged(seen.object().is_some(), format!("{}, {} objects", seen.told(), seen.objects().len()))
}

/// Looks at what is told of one person.
pub(crate) async fn person_fields(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "person-fields",
        says: "A person's settings are five fields, and nothing says who set them.",
        expects: "`UserId` (name or id), `PrivacyMode` `opt-in` or `opt-out` in any case, three switches, no other field",
        settles: &[],
    };
    let Some(person) = stage.subject().filter(|_| stage.closed.is_none()) else {
        return clause
            .untried(stage.closed.clone().unwrap_or_else(|| "there is nobody to ask for".to_owned()));
    };
    let seen = read(stage, person).await;
    let Some(object) = seen.object() else { return clause.differs(seen.told()) };
    let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    let user =
        text("UserId").eq_ignore_ascii_case(&person.upn) || text("UserId").eq_ignore_ascii_case(&person.id);
    let mode = ["opt-in", "opt-out"].contains(&text("PrivacyMode").to_lowercase().as_str());
    let flags = FLAGS.iter().all(|name| object.get(*name).is_some_and(is_switch));
    let known: BTreeSet<&str> = FLAGS.into_iter().chain(["UserId", "PrivacyMode"]).collect();
    let further = others(object, &known);
    let told = format!(
        "user {}, mode {}, {}; further fields: {}",
        if user { "as asked for" } else { "another one" },
        scrub::said(text("PrivacyMode")),
        kinds(object, &FLAGS),
        if further.is_empty() { "none".to_owned() } else { further.join(", ") },
    );
    clause.judged(user && mode && flags && further.is_empty(), told)
}

/// Asks for somebody who does not exist.
pub(crate) async fn nobody(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "unknown-person",
        says: "For somebody who does not exist, nobody's settings come back.",
        expects: "a refusal, and no object",
        settles: &[],
    };
    let Some(person) = stage.subject().filter(|_| stage.closed.is_none()) else {
        return clause.untried(stage.closed.clone().unwrap_or_else(|| "no domain is known".to_owned()));
    };
    let domain = person.upn.rsplit('@').next().unwrap_or_default();
    let name = format!("insightctl-contract-{}@{domain}", Uuid::new_v4());
    let seen = stage.wire.run(GET, &json!({ "Identity": name })).await;
    clause.judged(!seen.is_done() && seen.objects().is_empty(), seen.told())
}

/// Looks at what is told of the tenant.
pub(crate) async fn tenant_fields(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "tenant-fields",
        says: "The tenant's defaults are four switches, and the survey as `opted-in` or `opted-out`.",
        expects: "`TenantId`, four switches, `IsMeetingEffectivenessSurveyEnabled` as text",
        settles: &[],
    };
    if let Some(why) = &stage.closed {
        return clause.untried(why);
    }
    let seen = stage.defaults().await;
    let Some(object) = seen.object() else { return clause.differs(seen.told()) };
    let switches = [FLAGS[0], FLAGS[1], FLAGS[2], "IsScheduleSendEnabled"];
    let survey = object.get("IsMeetingEffectivenessSurveyEnabled");
    let word = survey.and_then(Value::as_str).unwrap_or_default().to_lowercase();
    let id = object.get("TenantId").and_then(Value::as_str);
    let same = id.is_some_and(|id| id.eq_ignore_ascii_case(&stage.wire.tenant.to_string()));
    let told = format!(
        "tenant {}, {}, survey {}",
        if same { "as asked for" } else { "missing, or another one" },
        kinds(object, &switches),
        survey.map_or("missing".to_owned(), |survey| survey
            .as_str()
            .map_or_else(|| scrub::said(&survey.to_string()), scrub::said)),
    );
    let whole = switches.iter().all(|name| object.get(*name).is_some_and(is_switch));
    clause.judged(same && whole && ["opted-in", "opted-out"].contains(&word.as_str()), told)
}

/// Looks for fields of the tenant that nobody has described.
pub(crate) async fn rate_field(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "sampling-rate-field",
        says: "No field shows the survey's sampling rate, so insightctl writes it and never reads it.",
        expects: "no field beside the six known ones; one that differs may be the rate, and then it can be read",
        settles: &["O4"],
    };
    if let Some(why) = &stage.closed {
        return clause.untried(why);
    }
    let seen = stage.defaults().await;
    let Some(object) = seen.object() else { return clause.differs(seen.told()) };
    let known = ["TenantId", "IsScheduleSendEnabled", "IsMeetingEffectivenessSurveyEnabled"];
    let known: BTreeSet<&str> = FLAGS.into_iter().chain(known).collect();
    let more: Vec<String> = others(object, &known)
        .into_iter()
        .map(|name| match &object[&name] {
            Value::Number(number) => format!("{name} = {number}"),
            Value::Bool(_) => format!("{name} (a switch)"),
            Value::Null => format!("{name} (null)"),
            Value::String(_) | Value::Array(_) | Value::Object(_) => format!("{name} (something else)"),
        })
        .collect();
    let told = if more.is_empty() { "no further field".to_owned() } else { more.join(", ") };
    clause.judged(more.is_empty(), told)
}

/// Sends two cmdlets in one batch.
pub(crate) async fn batch(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "batch-of-cmdlets",
        says: "In the Exchange envelope, cmdlets may travel in a batch, each with an absolute address and an answer of its own.",
        expects: "200, and for both ids an answer with the object (or 429)",
        settles: &["O2"],
    };
    let Some(person) = stage.subject().filter(|_| stage.closed.is_none()) else {
        return clause
            .untried(stage.closed.clone().unwrap_or_else(|| "there is nobody to ask for".to_owned()));
    };
    let alone = stage.wire.invoke(GET, &json!({ "Identity": person.upn })).await;
    if !alone.is_done() {
        return clause.untried(format!("one cmdlet alone is refused: {}", alone.told()));
    }
    let headers: Map<String, Value> =
        stage.wire.routing(GET).into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    let item = |id: &str| {
        json!({
            "id": id, "method": "POST", "url": stage.wire.exchange("InvokeCommand"), "headers": headers,
            "body": Wire::envelope(GET, &json!({ "Identity": person.upn })),
        })
    };
    let seen = stage.wire.batch(GET, &[item("1"), item("2")]).await;
    let answers = seen.body["responses"].as_array().map_or(&[][..], Vec::as_slice);
    let good = |answer: &&Value| match answer["status"].as_u64() {
        Some(429) => true,
        // CIPP reads items without a status.
        Some(200) | None => answer["body"]["value"][0]["PrivacyMode"].is_string(),
        Some(_) => false,
    };
    let good = answers.iter().filter(good).map(|answer| answer["id"].to_string()).collect::<BTreeSet<_>>();
    let told: Vec<String> = answers.iter().map(|answer| answer["status"].to_string()).collect();
    clause.judged(good.len() == 2, format!("{}; items: {}", seen.told(), told.join(", ")))
}

/// Is what somebody has, without their name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) opted_in: bool,
    /// In the order of [`FLAGS`].
    pub(crate) flags: [bool; 3],
}

impl Settings {
    pub(crate) fn of(seen: &Seen) -> Option<Self> {
        let object = seen.object()?;
        let flag = |name: &str| is_on(object.get(name)?);
        Some(Self {
            opted_in: object.get("PrivacyMode")?.as_str()?.eq_ignore_ascii_case("opt-in"),
            flags: [flag(FLAGS[0])?, flag(FLAGS[1])?, flag(FLAGS[2])?],
        })
    }
}

/// Reads one person plainly.
pub(crate) async fn read(stage: &Stage, person: &Person) -> Seen {
    stage.wire.run(GET, &json!({ "Identity": person.upn })).await
}

pub(crate) fn is_on(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(on) => Some(*on),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn is_switch(value: &Value) -> bool {
    is_on(value).is_some()
}

/// Says how switches are written.
fn kinds(object: &Map<String, Value>, names: &[&str]) -> String {
    let kind = |name: &&str| match object.get(*name) {
        Some(Value::Bool(_)) => "a boolean",
        Some(value) if is_switch(value) => "a switch as text",
        Some(_) => "something else",
        None => "missing",
    };
    let told: Vec<String> = names.iter().map(|name| format!("{name} {}", kind(name))).collect();
    told.join(", ")
}

/// Gives the fields beside those that are known and the envelope's annotations.
fn others(object: &Map<String, Value>, known: &BTreeSet<&str>) -> Vec<String> {
    object.keys().filter(|name| !name.contains('@') && !known.contains(name.as_str())).cloned().collect()
}

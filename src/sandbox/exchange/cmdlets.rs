//! Runs the four settings cmdlets, with their parameters, values and refusals as documented.

use serde_json::{Map, Value, json};

use super::Refusal;
use crate::sandbox::audit::By;
use crate::sandbox::error::SandboxError;
use crate::sandbox::http::{Reply, Shared};
use crate::sandbox::settings::{Effective, FEATURES, Stored};
use crate::sandbox::state::{State, Write};
use crate::sandbox::token::Caller;
use crate::sandbox::world::Unlicensed;

const BINDING: &str = "System.Management.Automation.ParameterBindingException";
const NOT_FOUND: &str = "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException";
const REST: &str = "Microsoft.Exchange.Management.RestApiClient.RestClientException";
const IO: &str = "System.IO.IOException";

/// The plans that give a person access to their own settings.
pub(in crate::sandbox) const PLANS: [&str; 4] =
    ["MYANALYTICS_P2", "EXCHANGE_ANALYTICS", "MYANALYTICS_P2_GOV", "EXCHANGE_ANALYTICS_GOV"];

type Parameters = Map<String, Value>;

/// Runs a cmdlet by its name, in any case.
pub(super) fn run(
    shared: &Shared,
    caller: &Caller,
    cmdlet: &str,
    parameters: &Parameters,
) -> Result<Reply, Refusal> {
    match cmdlet.to_ascii_lowercase().as_str() {
        "get-myanalyticsfeatureconfig" => get_person(shared, parameters),
        "set-myanalyticsfeatureconfig" => set_person(shared, caller, parameters),
        "get-defaulttenantmyanalyticsfeatureconfig" => get_tenant(shared, parameters),
        "set-defaulttenantmyanalyticsfeatureconfig" => set_tenant(shared, caller, parameters),
        _ => Err(Refusal::bad(
            "System.Management.Automation.CommandNotFoundException",
            format!(
                "The term '{cmdlet}' is not recognized as the name of a cmdlet, function, script file, or \
                     operable program."
            ),
        )),
    }
}

fn found(object: &Value) -> Reply {
    Reply::json(200, json!({ "@adminapi.warnings": [], "value": [object] }))
}

fn get_person(shared: &Shared, parameters: &Parameters) -> Result<Reply, Refusal> {
    known(parameters, &["Identity"])?;
    let (state, now) = (shared.read(), shared.now());
    let at = person(&state, parameters)?;
    let person = &state.tenant.people[at];
    let effective = person.stored_seen(now).effective(state.tenant.defaults.seen(now));
    Ok(found(&effective.object(person.upn())))
}

fn set_person(shared: &Shared, caller: &Caller, parameters: &Parameters) -> Result<Reply, Refusal> {
    known(parameters, &["Identity", "PrivacyMode", "Feature", "IsEnabled"])?;
    let asked = asked(parameters)?;
    let (mut state, now) = (shared.write(), shared.now());
    let at = person(&state, parameters)?;
    state.choose(at, asked, &By::Application(caller.app), now).map_err(|error| unwritten(&error))?;
    let person = &state.tenant.people[at];
    let effective: Effective = person.stored().effective(state.tenant.defaults.truth());
    let (object, target) = (effective.object(person.upn()), person.id.to_string());
    state.writes.push(write(caller, "Set-MyAnalyticsFeatureConfig", target, parameters, now));
    Ok(found(&object).written())
}

fn get_tenant(shared: &Shared, parameters: &Parameters) -> Result<Reply, Refusal> {
    known(parameters, &[])?;
    let (state, now) = (shared.read(), shared.now());
    let tenant = state.tenant.organization.id.to_string();
    Ok(found(&state.tenant.defaults.seen(now).object(&tenant)))
}

fn set_tenant(shared: &Shared, caller: &Caller, parameters: &Parameters) -> Result<Reply, Refusal> {
    known(parameters, &["Feature", "IsEnabled", "SamplingRate"])?;
    let feature = text(parameters, "Feature")?.ok_or_else(|| missing("Feature"))?;
    let on = switch(parameters)?;
    let rate = parameters.get("SamplingRate");
    let (mut state, now) = (shared.write(), shared.now());
    let mut defaults = *state.tenant.defaults.truth();
    let named = feature.to_ascii_lowercase();
    if named == "meeting-effectiveness-survey-sampling-rate" {
        let rate = rate.ok_or_else(|| missing("SamplingRate"))?;
        let rate = rate.as_f64().filter(|rate| (0.1..=0.7).contains(rate));
        defaults.sampling_rate = rate.ok_or_else(bad_request)?;
    } else {
        let on = on.ok_or_else(|| missing("IsEnabled"))?;
        if rate.is_some() {
            return Err(bad_request());
        }
        match named.as_str() {
            "dashboard" => defaults.dashboard = on,
            "digest-email" => defaults.digest_email = on,
            "add-in" => defaults.add_in = on,
            "scheduled-send" => defaults.schedule_send = on,
            "meeting-effectiveness-survey" => defaults.meeting_survey = on,
            "all" => {
                (defaults.dashboard, defaults.digest_email, defaults.add_in) = (on, on, on);
                (defaults.schedule_send, defaults.meeting_survey) = (on, on);
            }
            // `Schedule-send` stands on the same page of the documentation, and is refused.
            _ => return Err(bad_value("Feature", feature)),
        }
    }
    state.set_defaults(defaults, &By::Application(caller.app), now).map_err(|error| unwritten(&error))?;
    let object = defaults.object(&state.tenant.organization.id.to_string());
    let call = "Set-DefaultTenantMyAnalyticsFeatureConfig";
    state.writes.push(write(caller, call, "tenant".to_owned(), parameters, now));
    Ok(found(&object).written())
}

/// Reads what a person's Set asks for: a mode, a feature with its switch, or both.
fn asked(parameters: &Parameters) -> Result<Stored, Refusal> {
    let mut asked = Stored::default();
    if let Some(mode) = text(parameters, "PrivacyMode")? {
        asked.mode = match mode.to_ascii_lowercase().as_str() {
            "opt-in" => Some(true),
            "opt-out" => Some(false),
            _ => return Err(bad_value("PrivacyMode", mode)),
        };
    }
    match (text(parameters, "Feature")?, switch(parameters)?) {
        (None, None) => {}
        (Some(_), None) => return Err(missing("IsEnabled")),
        (feature, Some(on)) => {
            let feature = feature.unwrap_or("all").to_ascii_lowercase();
            let which: Vec<usize> =
                (0..FEATURES.len()).filter(|at| feature == "all" || feature == FEATURES[*at]).collect();
            if which.is_empty() {
                return Err(bad_value("Feature", &feature));
            }
            for at in which {
                asked.ask(at, on);
            }
        }
    }
    if asked == Stored::default() { Err(bad_request()) } else { Ok(asked) }
}

/// Finds whom a cmdlet is about, unless the service does not speak of them.
fn person(state: &State, parameters: &Parameters) -> Result<usize, Refusal> {
    let who = text(parameters, "Identity")?.map(str::trim).filter(|who| !who.is_empty());
    // The documentation warns that an empty identity may mean everyone.
    let who = who.ok_or_else(|| missing("Identity"))?;
    let at = state.tenant.person_by_identity(who).ok_or_else(|| Refusal::Cmdlet {
        status: 404,
        code: "NotFound",
        exception: NOT_FOUND,
        text: format!("The operation couldn't be performed because object '{who}' couldn't be found."),
    })?;
    let person = &state.tenant.people[at];
    let forbidden =
        |details: &str| Refusal::Forbidden { target: who.to_owned(), details: details.to_owned() };
    if person.refused {
        return Err(forbidden("The policy of this resource is not satisfied."));
    }
    if !person.mailbox {
        return Err(forbidden("The user has no mailbox that this service can use."));
    }
    if state.world.unlicensed == Unlicensed::Forbid && !state.tenant.has_plan(at, &PLANS) {
        return Err(forbidden("The user is not licensed for this service."));
    }
    Ok(at)
}

fn known(parameters: &Parameters, names: &[&str]) -> Result<(), Refusal> {
    // Every one of these cmdlets has -ResultSize, reserved for Microsoft, and the common -ErrorAction.
    let taken = |name: &str| {
        name.contains('@') || names.contains(&name) || matches!(name, "ResultSize" | "ErrorAction")
    };
    match parameters.keys().find(|name| !taken(name)) {
        Some(name) => Err(Refusal::bad(
            BINDING,
            format!("A parameter cannot be found that matches parameter name '{name}'."),
        )),
        None => Ok(()),
    }
}

fn text<'a>(parameters: &'a Parameters, name: &'static str) -> Result<Option<&'a str>, Refusal> {
    match parameters.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(bad_value(name, &other.to_string())),
    }
}

fn switch(parameters: &Parameters) -> Result<Option<bool>, Refusal> {
    match parameters.get("IsEnabled") {
        None => Ok(None),
        Some(Value::Bool(on)) => Ok(Some(*on)),
        Some(other) => Err(bad_value("IsEnabled", &other.to_string())),
    }
}

fn missing(name: &str) -> Refusal {
    Refusal::bad(
        BINDING,
        format!("Cannot process command because of one or more missing mandatory parameters: {name}."),
    )
}

fn bad_value(name: &str, value: &str) -> Refusal {
    Refusal::bad(
        BINDING,
        format!("Cannot validate argument on parameter '{name}': '{value}' is not accepted."),
    )
}

fn bad_request() -> Refusal {
    Refusal::bad(REST, "The calling client sent a bad request to the service.")
}

fn unwritten(error: &SandboxError) -> Refusal {
    Refusal::Cmdlet { status: 503, code: "ServiceUnavailable", exception: IO, text: error.to_string() }
}

fn write(caller: &Caller, call: &str, target: String, parameters: &Parameters, at: i64) -> Write {
    let mut what = parameters.clone();
    what.remove("Identity");
    Write { at, by: caller.app, call: call.to_owned(), target, what: Value::Object(what) }
}

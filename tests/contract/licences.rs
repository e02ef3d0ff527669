//! What insightctl relies on of licences: their shape, and what becomes of a list of plans that is written.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::clause::{Clause, Finding};
use crate::stage::{PLANS, Person, Stage, encoded};
use crate::wire::Seen;

/// Reads the tenant's products.
pub(crate) async fn products(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "products",
        says: "The tenant's products list their service plans by id, and those of personal insights bear the known names.",
        expects: "200; `skuId`, `skuPartNumber` and `servicePlans[servicePlanId, servicePlanName]` everywhere",
        settles: &[],
    };
    let seen = stage.wire.get("/subscribedSkus", "/subscribedSkus").await;
    let (mut odd, mut carrying) = (Vec::new(), Vec::new());
    for product in seen.objects() {
        let plans = product["servicePlans"].as_array();
        let name = product["skuPartNumber"].as_str();
        let (Some(plans), Some(name), true) = (plans, name, is_id(&product["skuId"])) else {
            odd.push("a product without id, name or plans".to_owned());
            continue;
        };
        let mut insights = Vec::new();
        for plan in plans {
            let (id, called) = (plan["servicePlanId"].as_str(), plan["servicePlanName"].as_str());
            let (Some(id), Some(called)) = (id, called) else {
                odd.push(format!("a plan without id or name in {name}"));
                continue;
            };
            match PLANS.iter().find(|(known, _)| *known == id) {
                Some((_, known)) if *known == called => insights.push(*known),
                Some((_, known)) => odd.push(format!("{known} is called {called} in {name}")),
                None if PLANS.iter().any(|(_, known)| *known == called) => {
                    odd.push(format!("{called} has another id in {name}"));
                }
                None => {}
            }
        }
        if !insights.is_empty() {
            carrying.push(format!("{name} ({})", insights.join(", ")));
        }
    }
    let told =
        format!("{}, {} products; with insights: {}", seen.told(), seen.objects().len(), list(&carrying));
    let told = if odd.is_empty() { told } else { format!("{told}; odd: {}", list(&odd)) };
    clause.judged(seen.is_done() && odd.is_empty(), told)
}

/// Looks at how people hold their licences.
pub(crate) fn states(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "licence-states",
        says: "`licenseAssignmentStates` tells every source of a licence: product, group, plans that are off, state.",
        expects: "`skuId`, `assignedByGroup` (null when direct), `disabledPlans`, and `state` one of Active, ActiveWithError, \
                  Disabled, Error",
        settles: &[],
    };
    let states: Vec<&Value> = stage.people.iter().flat_map(|person| &person.states).collect();
    if states.is_empty() {
        return clause.untried("nobody who could be listed holds a licence");
    }
    let (mut odd, mut inherited) = (BTreeSet::new(), 0);
    for state in &states {
        let plans = state["disabledPlans"].as_array();
        let word = state["state"].as_str().unwrap_or("nothing");
        if !is_id(&state["skuId"]) || !plans.is_some_and(|plans| plans.iter().all(is_id)) {
            odd.insert("no skuId, or no list of disabledPlans".to_owned());
        }
        match state.get("assignedByGroup") {
            Some(Value::Null) => {}
            Some(group) if is_id(group) => inherited += 1,
            Some(_) | None => drop(odd.insert("assignedByGroup is missing, or no id".to_owned())),
        }
        if !["Active", "ActiveWithError", "Disabled", "Error"].contains(&word) {
            odd.insert(format!("state is {}", crate::scrub::said(word)));
        }
    }
    let odd: Vec<String> = odd.into_iter().collect();
    let told = format!("{} sources, {inherited} of them groups; odd: {}", states.len(), list(&odd));
    clause.judged(odd.is_empty(), told)
}

/// Is a licence that somebody holds directly, with an insights plan that is on.
struct Direct {
    sku: String,
    off: BTreeSet<String>,
    plan: String,
}

fn direct(stage: &Stage, person: &Person) -> Option<Direct> {
    person.states.iter().find_map(|state| {
        let sku = state["skuId"].as_str().filter(|_| state["assignedByGroup"].is_null())?;
        let off = disabled(state);
        let plan = stage.plans.get(sku)?.iter().find(|plan| !off.contains(*plan))?;
        Some(Direct { sku: sku.to_owned(), plan: plan.clone(), off })
    })
}

/// Takes an insights plan from the test person, and gives it back by leaving it out of the list.
pub(crate) async fn plans_are_replaced(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "disabled-plans",
        says: "`disabledPlans` replaces: what is not in the new list is on again, and nothing else changes.",
        expects: "200 twice; first the list shows the plan, then it is as before",
        settles: &[],
    };
    let person = match stage.test_person() {
        Ok(person) => person,
        Err(why) => return clause.untried(why),
    };
    let Some(Direct { sku, off, plan }) = direct(stage, person) else {
        return clause.untried("the test person holds no product directly that carries an insights plan");
    };
    let mut without = off.clone();
    without.insert(plan);
    let taken = assign(stage, person, &sku, &without).await;
    let gone = shown(stage, person, &sku, &without).await;
    let given = assign(stage, person, &sku, &off).await;
    let back = shown(stage, person, &sku, &off).await;
    let after = |seconds: Option<i64>| match seconds {
        Some(seconds) => format!("seen after {seconds} s"),
        None => format!("not seen within {} s", stage.consent.patience),
    };
    let mut told =
        format!("taken: {}, {}; given back: {}, {}", taken.told(), after(gone), given.told(), after(back));
    if back.is_none() {
        told.push_str(". **Look at the licence of the test person: it may not be as it was**");
    }
    clause.judged(taken.is_done() && given.is_done() && gone.is_some() && back.is_some(), told)
}

/// Tries to switch off a plan that the product does not have.
pub(crate) async fn foreign_plan(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "plan-of-another-product",
        says: "A plan that is not in the product is refused, and the whole request with it.",
        expects: "400",
        settles: &[],
    };
    let person = match stage.test_person() {
        Ok(person) => person,
        Err(why) => return clause.untried(why),
    };
    let Some(Direct { sku, off, plan: _ }) = direct(stage, person) else {
        return clause.untried("the test person holds no product directly that carries an insights plan");
    };
    let mut with = off.clone();
    with.insert(Uuid::new_v4().to_string());
    let seen = assign(stage, person, &sku, &with).await;
    let mut told = seen.told();
    if seen.is_done() {
        told = format!("{told}; put back: {}", assign(stage, person, &sku, &off).await.told());
    }
    clause.judged(seen.is_bad_request(), told)
}

/// Gives the test group the licence that it has already.
pub(crate) async fn group(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "licence-of-a-group",
        says: "A group's licence is changed in the background: 202, and a state that says when it is done.",
        expects: "202, then `licenseProcessingState.state` `ProcessingComplete`; `hasMembersWithLicenseErrors` a boolean",
        settles: &[],
    };
    if !stage.consent.write {
        return clause.untried("nothing may be written: set INSIGHTCTL_CONTRACT_WRITE=1");
    }
    let Some(group) = &stage.consent.group else {
        return clause.untried("no test group is named: set INSIGHTCTL_CONTRACT_GROUP to its object id");
    };
    let path = format!("/groups/{}", encoded(group));
    let select = "$select=id,assignedLicenses,licenseProcessingState,hasMembersWithLicenseErrors";
    let read = async || stage.wire.get("/groups/{id}", &format!("{path}?{select}")).await;
    let before = read().await;
    let held = before.body["assignedLicenses"].as_array().and_then(|all| all.first());
    let Some(sku) = held.and_then(|held| held["skuId"].as_str()) else {
        return clause.untried(format!("the test group hands down no licence: {}", before.told()));
    };
    let off = held.map(disabled).unwrap_or_default();
    let body = json!({ "addLicenses": [{ "skuId": sku, "disabledPlans": off }], "removeLicenses": [] });
    let sent = stage.wire.post("/groups/{id}/assignLicense", &format!("{path}/assignLicense"), &body).await;
    let mut last = before.clone();
    let done = stage
        .until(async || {
            last = read().await;
            last.body["licenseProcessingState"]["state"].as_str() == Some("ProcessingComplete")
        })
        .await;
    let progress = last.body["licenseProcessingState"]["state"].as_str().unwrap_or("nothing");
    let errors = last.body["hasMembersWithLicenseErrors"].is_boolean();
    let kind = if errors { "a boolean" } else { "no boolean" };
    let told = format!("{}; then {}; errors: {kind}", sent.told(), crate::scrub::said(progress));
    clause.judged(sent.status == 202 && done.is_some() && errors, told)
}

async fn assign(stage: &Stage, person: &Person, sku: &str, off: &BTreeSet<String>) -> Seen {
    let body = json!({ "addLicenses": [{ "skuId": sku, "disabledPlans": off }], "removeLicenses": [] });
    let path = format!("/users/{}/assignLicense", person.id);
    stage.wire.post("/users/{id}/assignLicense", &path, &body).await
}

/// Waits until the directory shows a list of plans that are off.
async fn shown(stage: &Stage, person: &Person, sku: &str, off: &BTreeSet<String>) -> Option<i64> {
    let path = format!("/users/{}?$select=id,licenseAssignmentStates", person.id);
    stage
        .until(async || {
            let seen = stage.wire.get("/users/{id} (licences)", &path).await;
            let states = seen.body["licenseAssignmentStates"].as_array().into_iter().flatten();
            let mut states = states.filter(|state| state["assignedByGroup"].is_null());
            states.any(|state| state["skuId"].as_str() == Some(sku) && disabled(state) == *off)
        })
        .await
}

fn disabled(state: &Value) -> BTreeSet<String> {
    let plans = state["disabledPlans"].as_array().into_iter().flatten();
    plans.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn is_id(value: &Value) -> bool {
    value.as_str().is_some_and(|text| Uuid::try_parse(text).is_ok())
}

fn list(words: &[String]) -> String {
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

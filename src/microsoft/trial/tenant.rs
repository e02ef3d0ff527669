//! A model of a tenant whose people have settings, behind a service that bears so much.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::service::{Bears, Service};
use crate::clock::Clock;
use crate::microsoft::service::Way;
use crate::microsoft::{Connection, Credential, Endpoints, Reader};
use crate::model::TenantId;
use crate::plan::budget::CallRate;

/// Is what everybody has who was never written to.
const USUAL: Settings = Settings { opted_out: false, off: [false; 3] };
const FEATURES: [(&str, &str); 3] = [
    ("dashboard", "IsDashboardEnabled"),
    ("digest-email", "IsDigestEmailEnabled"),
    ("add-in", "IsAddInEnabled"),
];

#[derive(Clone, Copy, Debug)]
struct Settings {
    opted_out: bool,
    off: [bool; 3],
}

/// Makes a tenant, and a reader that is connected to it.
pub(crate) async fn connected(tenant: TenantId, bears: Bears, rate: Option<CallRate>) -> (Service, Reader) {
    let people: Mutex<BTreeMap<String, Settings>> = Mutex::default();
    let defaults: Mutex<BTreeMap<String, bool>> = Mutex::default();
    let service = Service::new(bears, move |_, url, body| {
        let input = &body["CmdletInput"];
        let parameters = &input["Parameters"];
        let who = parameters["Identity"].as_str().unwrap_or_default();
        let (mut people, mut defaults) = (people.lock().unwrap(), defaults.lock().unwrap());
        match input["CmdletName"].as_str() {
            Some("Get-MyAnalyticsFeatureConfig") => person(who, people.get(who).copied().unwrap_or(USUAL)),
            Some("Set-MyAnalyticsFeatureConfig") => {
                let now = people.entry(who.to_owned()).or_insert(USUAL);
                if let Some(mode) = parameters["PrivacyMode"].as_str() {
                    now.opted_out = mode == "opt-out";
                }
                for (place, (name, _)) in FEATURES.iter().enumerate() {
                    if parameters["Feature"] == *name || parameters["Feature"] == "all" {
                        now.off[place] = parameters["IsEnabled"] == false;
                    }
                }
                person(who, *now)
            }
            Some("Set-DefaultTenantMyAnalyticsFeatureConfig") => {
                let feature = parameters["Feature"].as_str().unwrap().to_lowercase();
                defaults.insert(feature, parameters["IsEnabled"] == false);
                json!({ "value": [] })
            }
            Some(_) => {
                let on = |name: &str| !defaults.get(name).copied().unwrap_or_default();
                json!({ "value": [{
                    "TenantId": tenant, "IsDashboardEnabled": on("dashboard"), "IsAddInEnabled": on("add-in"),
                    "IsDigestEmailEnabled": on("digest-email"), "IsScheduleSendEnabled": on("scheduled-send"),
                    "IsMeetingEffectivenessSurveyEnabled": "opted-in",
                }] })
            }
            None if url.contains("/organization") => {
                json!({ "value": [{ "id": tenant, "displayName": "Contoso" }] })
            }
            None => json!({ "access_token": "a token", "expires_in": 86_400, "token_type": "Bearer" }),
        }
    });
    let credential =
        Credential::ClientSecret { client_id: "an app".to_owned(), secret: "a word".to_owned().into() };
    let mut connection = Connection::new(tenant, Endpoints::of_sandbox("http://127.0.0.1:1"), credential);
    connection.rate = rate;
    let way = Way::new(service.clone(), Clock::system());
    let reader = Reader::over(way, connection, Clock::system()).await.unwrap();
    (service, reader)
}

fn person(who: &str, Settings { opted_out, off }: Settings) -> Value {
    let mut object = json!({ "UserId": who, "PrivacyMode": if opted_out { "opt-out" } else { "opt-in" } });
    for ((_, field), off) in FEATURES.iter().zip(off) {
        object[*field] = json!(!off);
    }
    json!({ "value": [object] })
}

//! Sets the stage: a tenant, the way to it, and the people in it of whom the clauses speak.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use insightctl::clock::Clock;
use insightctl::microsoft::Endpoints;
use insightctl::sandbox::{Options, Sandbox, Source};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use uuid::Uuid;

use crate::environment::{Consent, Named};
use crate::powershell::PowerShell;
use crate::scrub;
use crate::tokens::{Proof, Tokens};
use crate::wire::{Seen, Wire};

/// The service plans that carry personal insights, with their names.
pub(crate) const PLANS: [(&str, &str); 4] = [
    ("33c4f319-9bdd-48d6-9c4d-410b750a4a5a", "MYANALYTICS_P2"),
    ("34c0d7a0-a70f-4668-9238-47f9fc208882", "EXCHANGE_ANALYTICS"),
    ("6e5b7995-bd4f-4cbd-9d19-0e32010c72f0", "MYANALYTICS_P2_GOV"),
    ("208120d1-9adb-4daf-8c22-816bd5d237e7", "EXCHANGE_ANALYTICS_GOV"),
];
const FIELDS: &str =
    "$select=id,userPrincipalName,mail,accountEnabled,userType,displayName,licenseAssignmentStates";

/// Is a tenant and what the clauses need to know of it.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) wire: Wire,
    pub(crate) consent: Consent,
    /// The sandbox, where the tenant is one.
    pub(crate) sandbox: Option<Sandbox>,
    /// Some of the people, the first page at most.
    pub(crate) people: Vec<Person>,
    /// What the report may not repeat: addresses, domains, and what people, groups and the tenant are called.
    pub(crate) names: BTreeSet<String>,
    /// Those whom the environment names.
    named: BTreeMap<String, Person>,
    /// The insights plans of each product, by the product's id.
    pub(crate) plans: BTreeMap<String, Vec<String>>,
    /// Why the settings cannot be read at all, if so.
    pub(crate) closed: Option<String>,
    /// A default that was turned over was seen to reach somebody who follows it.
    pub(crate) reached: AtomicBool,
}

/// Is somebody in the directory.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) upn: String,
    pub(crate) mail: Option<String>,
    pub(crate) enabled: bool,
    pub(crate) guest: bool,
    pub(crate) states: Vec<Value>,
}

impl Person {
    fn read(record: &Value) -> Option<Self> {
        Some(Self {
            id: record["id"].as_str()?.to_owned(),
            upn: record["userPrincipalName"].as_str()?.to_owned(),
            mail: record["mail"].as_str().map(str::to_owned),
            enabled: record["accountEnabled"].as_bool()?,
            guest: record["userType"].as_str() == Some("Guest"),
            states: record["licenseAssignmentStates"].as_array()?.clone(),
        })
    }
}

impl Stage {
    /// Starts a sandbox with everything consented to, since nobody is harmed there.
    pub(crate) async fn sandbox(tenant: Value, world: &str, app: &str, consent: Consent) -> Self {
        Self::carried(tenant, world, app, consent, false).await
    }

    /// The same, with the cmdlets carried by the Exchange envelope or by a stand-in for PowerShell.
    pub(crate) async fn carried(
        tenant: Value,
        world: &str,
        app: &str,
        consent: Consent,
        powershell: bool,
    ) -> Self {
        let clock = Clock::still("2026-03-02T09:00:00Z".parse().unwrap());
        let theirs = clock.clone();
        let id = tenant["tenant"]["id"].as_str().and_then(|id| Uuid::try_parse(id).ok()).unwrap();
        let mut options = Options::new(Source::Value(tenant), Arc::new(move || theirs.now().as_second()));
        options.world = world.parse().unwrap();
        let sandbox = Sandbox::start(options).await.unwrap();
        let endpoints = Endpoints::of_sandbox(sandbox.url());
        let proof = Proof::Secret { client_id: app.to_owned(), secret: "word".into() };
        let standing_in = ["sandbox", "pwsh", "--at", sandbox.url(), "--"];
        let powershell = powershell.then(|| PowerShell::new(env!("CARGO_BIN_EXE_insightctl"), &standing_in));
        let client = client(reqwest::Client::builder().no_proxy().tls_certs_only([]));
        let wire = Wire::new(client, endpoints, id, clock, Tokens::new(proof), powershell);
        Self::new(wire, consent, Some(sandbox))
    }

    /// Prepares to meet the tenant that the environment names.
    pub(crate) fn of(named: Named) -> Self {
        let Named { tenant, endpoints, proof, powershell, consent } = named;
        let powershell = powershell.map(|program| PowerShell::new(program, &[]));
        let mut builder = reqwest::Client::builder().timeout(Duration::from_mins(2));
        // What goes to this machine in the clear would tell its token to a proxy.
        if [&endpoints.login, &endpoints.graph, &endpoints.exchange]
            .iter()
            .any(|url| url.starts_with("http://"))
        {
            builder = builder.no_proxy();
        }
        let client = client(builder);
        let wire = Wire::new(client, endpoints, tenant, Clock::system(), Tokens::new(proof), powershell);
        Self::new(wire, consent, None)
    }

    /// Meets the tenant of this stage once more, as a stranger who signs in otherwise.
    pub(crate) fn beside(&self, proof: Proof) -> Self {
        let Wire { client, endpoints, tenant, clock, .. } = &self.wire;
        let wire =
            Wire::new(client.clone(), endpoints.clone(), *tenant, clock.clone(), Tokens::new(proof), None);
        Self::new(wire, self.consent.clone(), None)
    }

    fn new(wire: Wire, consent: Consent, sandbox: Option<Sandbox>) -> Self {
        Self {
            wire,
            consent,
            sandbox,
            people: Vec::new(),
            names: BTreeSet::new(),
            named: BTreeMap::new(),
            plans: BTreeMap::new(),
            closed: None,
            reached: AtomicBool::new(false),
        }
    }

    /// Looks around: whom there is to speak of, and whether the settings can be read at all.
    pub(crate) async fn look(mut self) -> Self {
        let page = self.wire.get("/users (to find people)", &format!("/users?{FIELDS}&$top=999")).await;
        self.people = page.objects().iter().filter_map(Person::read).collect();
        let tenant = self
            .wire
            .get("/organization (to find names)", "/organization?$select=displayName,verifiedDomains")
            .await;
        let groups = self.wire.get("/groups (to find names)", "/groups?$select=displayName&$top=999").await;
        for object in [&page, &tenant, &groups].into_iter().flat_map(Seen::objects) {
            self.learn(object);
        }
        let consent = self.consent.clone();
        for name in [&consent.person, &consent.untouched, &consent.refused].into_iter().flatten() {
            let seen = self.wire.get("/users/{named}", &format!("{}?{FIELDS}", user_path(name))).await;
            self.names.extend(scrub::parts(name));
            self.learn(&seen.body);
            if let Some(person) = Person::read(&seen.body) {
                self.named.insert(name.clone(), person);
            }
        }
        let products = self.wire.get("/subscribedSkus (to find plans)", "/subscribedSkus").await;
        for product in products.objects() {
            let Some(id) = product["skuId"].as_str() else { continue };
            let plans = product["servicePlans"].as_array().into_iter().flatten();
            let plans = plans.filter_map(|plan| plan["servicePlanId"].as_str()).map(str::to_owned);
            let plans = plans.filter(|plan| PLANS.iter().any(|(id, _)| id == plan)).collect();
            self.plans.insert(id.to_owned(), plans);
        }
        let defaults = self.defaults().await;
        if !defaults.is_done() {
            self.closed = Some(format!("the settings cannot be read this way: {}", defaults.told()));
        }
        self
    }

    /// Remembers what somebody or something in the directory is called.
    fn learn(&mut self, object: &Value) {
        let own =
            ["userPrincipalName", "mail", "displayName"].into_iter().filter_map(|name| object[name].as_str());
        let domains = object["verifiedDomains"].as_array().into_iter().flatten();
        let domains = domains.filter_map(|domain| domain["name"].as_str());
        self.names.extend(own.chain(domains).flat_map(scrub::parts));
    }

    /// Says whether somebody holds a plan for personal insights.
    pub(crate) fn has_plan(&self, person: &Person) -> bool {
        person.states.iter().any(|state| {
            let off: Vec<&str> =
                state["disabledPlans"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let plans = state["skuId"].as_str().and_then(|sku| self.plans.get(sku));
            let on = plans.is_some_and(|plans| plans.iter().any(|plan| !off.contains(&plan.as_str())));
            on && state["state"].as_str().is_some_and(|state| state.starts_with("Active"))
        })
    }

    /// Gives somebody whom the environment names.
    pub(crate) fn named(&self, name: Option<&String>) -> Option<&Person> {
        self.named.get(name?)
    }

    /// Gives somebody whose settings are there to be read: the test person, else anyone who has a plan.
    pub(crate) fn subject(&self) -> Option<&Person> {
        self.named(self.consent.person.as_ref()).or_else(|| {
            self.people.iter().find(|person| person.enabled && !person.guest && self.has_plan(person))
        })
    }

    /// Gives the test person, if they may be written to.
    pub(crate) fn test_person(&self) -> Result<&Person, String> {
        if !self.consent.write {
            return Err("nothing may be written: set INSIGHTCTL_CONTRACT_WRITE=1".to_owned());
        }
        let name = self.consent.person.as_ref();
        let name = name.ok_or("no test person is named: set INSIGHTCTL_CONTRACT_PERSON".to_owned())?;
        self.named.get(name).ok_or_else(|| "the test person is not in the directory".to_owned())
    }

    /// Refuses what would reach everyone in the tenant, unless there is consent to just that.
    pub(crate) fn may_write_defaults(&self) -> Result<(), String> {
        if self.consent.tenant_wide {
            Ok(())
        } else {
            let set = "set INSIGHTCTL_CONTRACT_WRITE=1 and INSIGHTCTL_CONTRACT_WRITE_TENANT=1";
            Err(format!("this writes to a default of the whole tenant: {set}, in a test tenant only"))
        }
    }

    /// Reads the tenant's defaults.
    pub(crate) async fn defaults(&self) -> Seen {
        self.wire.run("Get-DefaultTenantMyAnalyticsFeatureConfig", &serde_json::json!({})).await
    }

    /// Looks again and again until something shows; gives the seconds that it took.
    pub(crate) async fn until(&self, mut shows: impl AsyncFnMut() -> bool) -> Option<i64> {
        let began = self.wire.clock.now().as_second();
        let mut pause: i64 = 1;
        loop {
            if shows().await {
                return Some(self.wire.clock.now().as_second() - began);
            }
            let left = self.consent.patience - (self.wire.clock.now().as_second() - began);
            if left <= 0 {
                return None;
            }
            self.wire.clock.sleep(Duration::from_secs(pause.min(left).unsigned_abs())).await;
            pause = (pause * 2).min(60);
        }
    }
}

fn client(builder: reqwest::ClientBuilder) -> reqwest::Client {
    // A second installation is refused, which is as good.
    drop(rustls::crypto::ring::default_provider().install_default());
    let agent = concat!("insightctl-contract/", env!("CARGO_PKG_VERSION"));
    builder.redirect(reqwest::redirect::Policy::none()).user_agent(agent).build().unwrap()
}

/// Encodes a value for an address.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Writes the path of one person; a name that begins with `$` has to stand in parentheses.
pub(crate) fn user_path(upn: &str) -> String {
    if upn.starts_with('$') {
        format!("/users('{}')", encoded(&upn.replace('\'', "''")))
    } else {
        format!("/users/{}", encoded(upn))
    }
}

//! Holds a tenant in memory: its people, groups, products and applications, with the indexes to find them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::delayed::Delayed;
use super::file::Organization;
use super::settings::{Defaults, Stored};
use super::text::lower;

/// Lists the text properties of a user, as Graph spells them; a person keeps one slot for each.
pub(super) const TEXTS: [&str; 15] = [
    "userPrincipalName",
    "mail",
    "displayName",
    "givenName",
    "surname",
    "department",
    "jobTitle",
    "companyName",
    "officeLocation",
    "city",
    "country",
    "usageLocation",
    "employeeType",
    "employeeId",
    "preferredLanguage",
];
pub(super) const UPN: usize = 0;
pub(super) const MAIL: usize = 1;
const DISPLAY_NAME: usize = 2;
const USAGE_LOCATION: usize = 11;

/// Is one user of the directory.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "these are independent facts about a person")]
pub(super) struct Person {
    pub(super) id: Uuid,
    pub(super) texts: [Option<Arc<str>>; TEXTS.len()],
    pub(super) extension: BTreeMap<String, String>,
    /// The further addresses that the tenant file lists; the main one is made when it is asked for.
    pub(super) proxies: Vec<String>,
    /// A place in [`Tenant::people`].
    pub(super) manager: Option<u32>,
    pub(super) enabled: bool,
    pub(super) guest: bool,
    /// Whether the settings service knows the person at all.
    pub(super) mailbox: bool,
    /// Whether it refuses to speak of them, for no reason that it gives.
    pub(super) refused: bool,
    /// Direct assignments only.
    pub(super) licences: Delayed<Vec<Assignment>>,
    /// Boxed, since most people never chose anything.
    pub(super) insights: Option<Box<Delayed<Stored>>>,
}

impl Person {
    pub(super) fn upn(&self) -> &str {
        self.texts[UPN].as_deref().unwrap_or_default()
    }

    pub(super) fn mail(&self) -> Option<&str> {
        self.texts[MAIL].as_deref()
    }

    pub(super) fn display_name(&self) -> &str {
        self.texts[DISPLAY_NAME].as_deref().unwrap_or_default()
    }

    pub(super) fn usage_location(&self) -> Option<&str> {
        self.texts[USAGE_LOCATION].as_deref()
    }

    /// Gives what is stored for the person, as a reader sees it now.
    pub(super) fn stored_seen(&self, now: i64) -> Stored {
        self.insights.as_ref().map(|stored| *stored.seen(now)).unwrap_or_default()
    }

    /// Gives what is stored for the person in truth.
    pub(super) fn stored(&self) -> Stored {
        self.insights.as_ref().map(|stored| *stored.truth()).unwrap_or_default()
    }
}

/// Is one product given to a person or group, with the plans switched off in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Assignment {
    pub(super) sku_id: Uuid,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) disabled_plans: Vec<Uuid>,
    /// When it was last written; 0 for what the tenant file says.
    #[serde(default)]
    pub(super) at: i64,
}

/// Is one group of the directory.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) id: Uuid,
    pub(super) display_name: String,
    pub(super) mail: Option<String>,
    pub(super) description: Option<String>,
    pub(super) hidden: bool,
    pub(super) security_enabled: bool,
    /// Direct members, as sorted places in [`Tenant::people`].
    pub(super) people: Vec<u32>,
    /// Those of them who cannot be given what the group hands down, sorted.
    pub(super) failing: Vec<u32>,
    /// Direct members, as sorted places in [`Tenant::groups`].
    pub(super) groups: Vec<u32>,
    pub(super) licences: Delayed<Vec<Assignment>>,
    /// Worked out when somebody first asks.
    pub(super) everyone: OnceLock<Reach>,
}

/// Lists whom a group holds through any depth of nesting, sorted.
#[derive(Debug)]
pub(super) struct Reach {
    pub(super) people: Vec<u32>,
    pub(super) groups: Vec<u32>,
}

/// Is a product of the tenant.
#[derive(Debug)]
pub(super) struct Sku {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) enabled: u64,
    /// Plans in the order of the tenant file.
    pub(super) plans: Vec<(Uuid, String)>,
}

/// Is a registered application with its proofs and permissions.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Application {
    pub(super) client_id: Uuid,
    /// None: it has to prove itself by a certificate or a federated token.
    #[serde(default)]
    pub(super) secret: Option<String>,
    /// When the secret ends; never without.
    #[serde(default)]
    pub(super) secret_ends: Option<Timestamp>,
    /// SHA-256 thumbprints of its certificates, in base64url.
    #[serde(default)]
    pub(super) certificates: Vec<String>,
    #[serde(default)]
    pub(super) federated_credentials: Vec<FederatedCredential>,
    #[serde(default)]
    pub(super) disabled: bool,
    pub(super) roles: Vec<String>,
    #[serde(default)]
    pub(super) wids: Vec<Uuid>,
}

/// Says whose tokens prove that it is the application that asks.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct FederatedCredential {
    pub(super) issuer: String,
    pub(super) subject: String,
    #[serde(default = "exchange")]
    pub(super) audience: String,
}

fn exchange() -> String {
    "api://AzureADTokenExchange".to_owned()
}

/// Finds people by an address, folded to lower case.
pub(super) type Index = BTreeMap<Arc<str>, u32>;

/// Is a whole tenant.
#[derive(Debug)]
pub(super) struct Tenant {
    pub(super) organization: Organization,
    pub(super) applications: Vec<Application>,
    pub(super) defaults: Delayed<Defaults>,
    /// By id.
    pub(super) skus: BTreeMap<Uuid, Sku>,
    /// Sorted by id, so that a place is a cursor.
    pub(super) people: Vec<Person>,
    /// Sorted by id.
    pub(super) groups: Vec<Group>,
    /// The places of groups that ever handed down a licence; few, while groups are many.
    pub(super) licensing: BTreeSet<usize>,
    pub(super) by_upn: Index,
    pub(super) by_mail: Index,
}

/// Gives a place in a list as the groups keep it.
pub(super) fn place(at: usize) -> u32 {
    u32::try_from(at).expect("a tenant file of four billion people does not fit in memory")
}

impl Tenant {
    /// Finds a person by object id.
    pub(super) fn person_by_id(&self, id: Uuid) -> Option<usize> {
        self.people.binary_search_by_key(&id, |person| person.id).ok()
    }

    /// Finds a person as the directory does: by object id or user principal name.
    pub(super) fn person_by_key(&self, key: &str) -> Option<usize> {
        match Uuid::try_parse(key) {
            Ok(id) => self.person_by_id(id),
            Err(_) => self.by_upn.get(&*lower(key)).map(|at| *at as usize),
        }
    }

    /// Finds a person as the settings service does: by mail address too.
    pub(super) fn person_by_identity(&self, who: &str) -> Option<usize> {
        self.person_by_key(who).or_else(|| self.by_mail.get(&*lower(who)).map(|at| *at as usize))
    }

    /// Finds a group by object id.
    pub(super) fn group_by_id(&self, id: Uuid) -> Option<usize> {
        self.groups.binary_search_by_key(&id, |group| group.id).ok()
    }

    /// Lists whom a group holds, directly or through other groups; worked out once.
    pub(super) fn reach(&self, group: usize) -> &Reach {
        self.groups[group].everyone.get_or_init(|| {
            let mut seen = BTreeSet::new();
            let mut open = self.groups[group].groups.clone();
            let mut people = self.groups[group].people.clone();
            while let Some(next) = open.pop() {
                if seen.insert(next) {
                    let nested = &self.groups[next as usize];
                    open.extend(&nested.groups);
                    people.extend(&nested.people);
                }
            }
            people.sort_unstable();
            people.dedup();
            Reach { people, groups: seen.into_iter().collect() }
        })
    }
}

impl Application {
    /// Registers the application that every sandbox knows unless its tenant file names others.
    pub(super) fn usual() -> Self {
        let roles = [
            "Organization.Read.All",
            "User.Read.All",
            "GroupMember.Read.All",
            "LicenseAssignment.ReadWrite.All",
            "Exchange.ManageAsApp",
        ];
        Self {
            client_id: Uuid::from_u128(0xc0de),
            secret: Some("sandbox".to_owned()),
            secret_ends: None,
            certificates: Vec::new(),
            federated_credentials: Vec::new(),
            disabled: false,
            roles: roles.map(str::to_owned).to_vec(),
            // Exchange Administrator.
            wids: vec![uuid::uuid!("29232cdf-9323-42fd-ade2-1d097af3e4de")],
        }
    }
}

//! Holds a tenant in memory: its people, groups, products and applications, with the indexes to find them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::delayed::Delayed;
use super::error::SandboxError;
use super::file::{GroupFile, LicenceFile, Organization, SkuFile, TenantFile, UserFile};
use super::settings::{Defaults, Stored};
use super::text::lower;

/// Lists the text properties of a user, as Graph spells them; a person keeps one slot for each.
pub(super) const TEXTS: [&str; 14] = [
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
];
const UPN: usize = 0;
const MAIL: usize = 1;
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
    /// Direct members, as sorted places in [`Tenant::groups`].
    pub(super) groups: Vec<u32>,
    pub(super) licences: Delayed<Vec<Assignment>>,
    everyone: OnceLock<Reach>,
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

/// Is a registered application with its permissions.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Application {
    pub(super) client_id: Uuid,
    pub(super) secret: String,
    pub(super) roles: Vec<String>,
    #[serde(default)]
    pub(super) wids: Vec<Uuid>,
}

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
    by_upn: BTreeMap<Arc<str>, u32>,
    by_mail: BTreeMap<Arc<str>, u32>,
}

fn place(at: usize) -> u32 {
    u32::try_from(at).expect("a tenant file of four billion people does not fit in memory")
}

impl Tenant {
    /// Builds the tenant that a file describes.
    pub(super) fn new(file: TenantFile) -> Result<Self, SandboxError> {
        let TenantFile { tenant: organization, applications, defaults, skus, groups, users, .. } = file;
        let skus = products(skus)?;
        let names = Names::new(&skus);
        let people = people(users, organization.id, &names)?;
        let (by_upn, by_mail) = addresses(&people)?;
        let mut tenant = Self {
            applications: if applications.is_empty() { vec![Application::usual()] } else { applications },
            organization,
            defaults: Delayed::new(defaults),
            people,
            groups: Vec::new(),
            licensing: BTreeSet::new(),
            by_upn,
            by_mail,
            skus: BTreeMap::new(),
        };
        tenant.groups = tenant.read_groups(groups, &names)?;
        tenant.licensing =
            (0..tenant.groups.len()).filter(|at| !tenant.groups[*at].licences.truth().is_empty()).collect();
        tenant.skus = skus;
        Ok(tenant)
    }

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

    fn read_groups(&self, files: Vec<GroupFile>, names: &Names) -> Result<Vec<Group>, SandboxError> {
        let mut files: Vec<(Uuid, GroupFile)> = files
            .into_iter()
            .map(|file| {
                let name = format!("group:{}", file.display_name);
                (file.id.unwrap_or_else(|| Uuid::new_v5(&self.organization.id, name.as_bytes())), file)
            })
            .collect();
        files.sort_by_key(|(id, _)| *id);
        let mut ids = BTreeMap::new();
        let mut called = BTreeMap::new();
        for (at, (id, file)) in files.iter().enumerate() {
            if ids.insert(*id, place(at)).is_some() {
                return Err(wrong(format!("two groups have the id {id}")));
            }
            called.insert(file.display_name.to_lowercase(), place(at));
        }
        for (at, (_, file)) in files.iter().enumerate() {
            if let Some(mail) = &file.mail {
                called.insert(mail.to_lowercase(), place(at));
            }
        }
        let find = |key: &str| match Uuid::try_parse(key) {
            Ok(id) => ids.get(&id).copied(),
            Err(_) => called.get(&*lower(key)).copied(),
        };
        files
            .into_iter()
            .map(|(id, file)| {
                let (mut people, mut groups) = (Vec::with_capacity(file.members.len()), Vec::new());
                for member in &file.members {
                    if let Some(person) = self.person_by_identity(member) {
                        people.push(place(person));
                    } else if let Some(group) = find(member) {
                        groups.push(group);
                    } else {
                        let group = &file.display_name;
                        return Err(wrong(format!("the group `{group}` has an unknown member `{member}`")));
                    }
                }
                for places in [&mut people, &mut groups] {
                    places.sort_unstable();
                    places.dedup();
                }
                let licences = names.assignments(&file.licenses, &file.display_name)?;
                Ok(Group {
                    id,
                    hidden: file.visibility.as_deref() == Some("HiddenMembership"),
                    display_name: file.display_name,
                    mail: file.mail,
                    description: file.description,
                    security_enabled: file.security_enabled,
                    people,
                    groups,
                    licences: Delayed::new(licences),
                    everyone: OnceLock::new(),
                })
            })
            .collect()
    }
}

impl Application {
    /// Registers the application that every sandbox knows unless its tenant file names others.
    fn usual() -> Self {
        let roles = [
            "Organization.Read.All",
            "User.Read.All",
            "GroupMember.Read.All",
            "LicenseAssignment.ReadWrite.All",
            "Exchange.ManageAsApp",
        ];
        Self {
            client_id: Uuid::from_u128(0xc0de),
            secret: "sandbox".to_owned(),
            roles: roles.map(str::to_owned).to_vec(),
            // Exchange Administrator.
            wids: vec![uuid::uuid!("29232cdf-9323-42fd-ade2-1d097af3e4de")],
        }
    }
}

fn wrong(what: String) -> SandboxError {
    SandboxError::Tenant(what)
}

fn products(files: Vec<SkuFile>) -> Result<BTreeMap<Uuid, Sku>, SandboxError> {
    let mut skus = BTreeMap::new();
    for SkuFile { sku_id, sku_part_number, enabled, service_plans } in files {
        let plans =
            service_plans.into_iter().map(|plan| (plan.service_plan_id, plan.service_plan_name)).collect();
        if skus.insert(sku_id, Sku { id: sku_id, name: sku_part_number, enabled, plans }).is_some() {
            return Err(wrong(format!("two products have the id {sku_id}")));
        }
    }
    Ok(skus)
}

fn people(files: Vec<UserFile>, tenant: Uuid, names: &Names) -> Result<Vec<Person>, SandboxError> {
    let mut interned = BTreeSet::new();
    let mut people = files
        .into_iter()
        .map(|file| person(file, tenant, names, &mut interned))
        .collect::<Result<Vec<Person>, _>>()?;
    people.sort_unstable_by_key(|person| person.id);
    match people.windows(2).find(|pair| pair[0].id == pair[1].id) {
        Some(pair) => Err(wrong(format!("two people have the id {}", pair[0].id))),
        None => Ok(people),
    }
}

fn person(
    file: UserFile,
    tenant: Uuid,
    names: &Names,
    interned: &mut BTreeSet<Arc<str>>,
) -> Result<Person, SandboxError> {
    // A million people share a few hundred departments, titles and countries.
    let mut shared = |text: Option<String>| {
        text.map(|text| {
            if let Some(known) = interned.get(text.as_str()) {
                return Arc::clone(known);
            }
            let new: Arc<str> = text.into();
            interned.insert(Arc::clone(&new));
            new
        })
    };
    let upn: Arc<str> = file.user_principal_name.into();
    let mail = match file.mail {
        Some(mail) if *mail == *upn => Some(Arc::clone(&upn)),
        mail => mail.map(Arc::from),
    };
    let guest = file.user_type.as_deref() == Some("Guest");
    let mailbox = file.mailbox.unwrap_or(mail.is_some() && !guest);
    let licences = names.assignments(&file.licenses, &upn)?;
    Ok(Person {
        id: file.id.unwrap_or_else(|| Uuid::new_v5(&tenant, lower(&upn).as_bytes())),
        texts: [
            Some(upn),
            mail,
            Some(file.display_name.into()),
            shared(file.given_name),
            shared(file.surname),
            shared(file.department),
            shared(file.job_title),
            shared(file.company_name),
            shared(file.office_location),
            shared(file.city),
            shared(file.country),
            shared(file.usage_location),
            shared(file.employee_type),
            file.employee_id.map(Arc::from),
        ],
        extension: file.on_premises_extension_attributes,
        proxies: file.proxy_addresses,
        enabled: file.account_enabled,
        guest,
        mailbox,
        refused: file.refused,
        licences: Delayed::new(licences),
        insights: file.insights.map(|stored| Box::new(Delayed::new(stored))),
    })
}

type Index = BTreeMap<Arc<str>, u32>;

fn addresses(people: &[Person]) -> Result<(Index, Index), SandboxError> {
    let folded = |text: &Arc<str>| match lower(text) {
        std::borrow::Cow::Borrowed(_) => Arc::clone(text),
        std::borrow::Cow::Owned(folded) => folded.into(),
    };
    let (mut by_upn, mut by_mail) = (BTreeMap::new(), BTreeMap::new());
    for (at, person) in people.iter().enumerate() {
        if let Some(upn) = &person.texts[UPN]
            && by_upn.insert(folded(upn), place(at)).is_some()
        {
            return Err(wrong(format!("two people are called `{upn}`")));
        }
        if let Some(mail) = &person.texts[MAIL] {
            by_mail.entry(folded(mail)).or_insert(place(at));
        }
    }
    Ok((by_upn, by_mail))
}

/// Finds products and plans by the name or id that a tenant file gives.
struct Names {
    skus: BTreeMap<String, Uuid>,
    plans: BTreeMap<Uuid, BTreeMap<String, Uuid>>,
}

impl Names {
    fn new(skus: &BTreeMap<Uuid, Sku>) -> Self {
        let both = |id: Uuid, name: &str| [(name.to_owned(), id), (id.to_string(), id)];
        Self {
            skus: skus.values().flat_map(|sku| both(sku.id, &sku.name)).collect(),
            plans: skus
                .values()
                .map(|sku| (sku.id, sku.plans.iter().flat_map(|(id, name)| both(*id, name)).collect()))
                .collect(),
        }
    }

    fn assignments(&self, files: &[LicenceFile], whose: &str) -> Result<Vec<Assignment>, SandboxError> {
        files
            .iter()
            .map(|file| {
                let (sku, off) = match file {
                    LicenceFile::Whole(sku) => (sku, &[][..]),
                    LicenceFile::Partly { sku, off } => (sku, off.as_slice()),
                };
                let id = self.skus.get(sku);
                let id = *id.ok_or_else(|| wrong(format!("`{whose}` holds an unknown product `{sku}`")))?;
                let disabled = off.iter().map(|plan| {
                    let plan_id = self.plans[&id].get(plan).copied();
                    plan_id.ok_or_else(|| {
                        wrong(format!("the product `{sku}` of `{whose}` has no plan `{plan}`"))
                    })
                });
                Ok(Assignment { sku_id: id, disabled_plans: disabled.collect::<Result<_, _>>()?, at: 0 })
            })
            .collect()
    }
}

//! Builds a tenant from its file, and says where the file contradicts itself.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use uuid::Uuid;

use super::delayed::Delayed;
use super::error::SandboxError;
use super::file::{GroupFile, LicenceFile, SkuFile, TenantFile, UserFile};
use super::tenant::{Application, Assignment, Group, Index, MAIL, Person, Sku, Tenant, UPN, place};
use super::text::lower;

impl Tenant {
    /// Builds the tenant that a file describes.
    pub(super) fn new(file: TenantFile) -> Result<Self, SandboxError> {
        let TenantFile { tenant: organization, applications, defaults, skus, groups, users, .. } = file;
        let skus = products(skus)?;
        let names = Names::new(&skus);
        let (people, managers) = people(users, organization.id, &names)?;
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
        tenant.place_managers(managers)?;
        tenant.groups = tenant.read_groups(groups, &names)?;
        tenant.licensing =
            (0..tenant.groups.len()).filter(|at| !tenant.groups[*at].licences.truth().is_empty()).collect();
        tenant.skus = skus;
        Ok(tenant)
    }

    fn place_managers(&mut self, managers: Managers) -> Result<(), SandboxError> {
        for (id, manager) in managers {
            let found = self.person_by_identity(&manager);
            let at = self.person_by_id(id).expect("it was read a moment ago");
            let found = found.ok_or_else(|| {
                wrong(format!("`{}` has an unknown manager `{manager}`", self.people[at].upn()))
            })?;
            self.people[at].manager = Some(place(found));
        }
        Ok(())
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
                let mut failing = Vec::new();
                for member in &file.members_with_license_errors {
                    let found = self.person_by_identity(member).map(place);
                    let found = found.filter(|person| people.binary_search(person).is_ok());
                    failing.push(found.ok_or_else(|| {
                        wrong(format!("`{member}` is no direct member of the group `{}`", file.display_name))
                    })?);
                }
                failing.sort_unstable();
                Ok(Group {
                    id,
                    hidden: file.visibility.as_deref() == Some("HiddenMembership"),
                    display_name: file.display_name,
                    mail: file.mail,
                    description: file.description,
                    security_enabled: file.security_enabled,
                    people,
                    failing,
                    groups,
                    licences: Delayed::new(licences),
                    everyone: OnceLock::new(),
                })
            })
            .collect()
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

/// Lists people with the addresses or ids of their managers, as the file gives them.
type Managers = Vec<(Uuid, String)>;

fn people(
    files: Vec<UserFile>,
    tenant: Uuid,
    names: &Names,
) -> Result<(Vec<Person>, Managers), SandboxError> {
    let (mut interned, mut managers) = (BTreeSet::new(), Vec::new());
    let mut people = files
        .into_iter()
        .map(|mut file| {
            let manager = file.manager.take();
            let person = person(file, tenant, names, &mut interned)?;
            managers.extend(manager.map(|manager| (person.id, manager)));
            Ok(person)
        })
        .collect::<Result<Vec<Person>, _>>()?;
    people.sort_unstable_by_key(|person| person.id);
    match people.windows(2).find(|pair| pair[0].id == pair[1].id) {
        Some(pair) => Err(wrong(format!("two people have the id {}", pair[0].id))),
        None => Ok((people, managers)),
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
            shared(file.preferred_language),
        ],
        extension: file.on_premises_extension_attributes,
        proxies: file.proxy_addresses,
        manager: None,
        enabled: file.account_enabled,
        guest,
        mailbox,
        refused: file.refused,
        licences: Delayed::new(licences),
        insights: file.insights.map(|stored| Box::new(Delayed::new(stored))),
    })
}

fn addresses(people: &[Person]) -> Result<(Index, Index), SandboxError> {
    let folded = |text: &Arc<str>| match lower(text) {
        Cow::Borrowed(_) => Arc::clone(text),
        Cow::Owned(folded) => folded.into(),
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

//! Reads people, and remembers what was learnt of them until it is used.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::wire::{self, LicenseAssignmentState, User};
use super::{Graph, PAGE, Products, advanced};
use crate::microsoft::error::Peer;
use crate::microsoft::message::Request;
use crate::microsoft::{OnReading, Reading, known, url};
use crate::model::{
    GroupId, Kind, Known, Licences, Members, PersonId, Refusal, RefusalKind, ServicePlanId, SkuId, Source,
    TenantId,
};

/// Is what the directory says of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) upn: Arc<str>,
    pub(crate) mail: Option<Arc<str>>,
    pub(crate) kind: Kind,
    pub(crate) enabled: bool,
    pub(crate) licences: Arc<Licences>,
}

/// Remembers people from the moment they are listed until they are observed, so that nobody is read twice.
pub(crate) struct Directory {
    learnt: Mutex<Learnt>,
    on_reading: Option<OnReading>,
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory").finish_non_exhaustive()
    }
}

/// Is what was learnt since reading began.
#[derive(Debug, Default)]
pub(crate) struct Learnt {
    /// When reading began.
    pub(crate) began: Option<Timestamp>,
    pub(crate) people: BTreeMap<PersonId, Found>,
    /// Whether `people` is everyone.
    pub(crate) complete: bool,
    /// The tenant's products, once they were asked for.
    pub(crate) products: Option<Arc<Products>>,
    /// One copy of each set of licences: most people have the same few.
    licences: BTreeSet<Arc<Licences>>,
}

impl Learnt {
    /// Gives the shared copy of a set of licences.
    fn share(&mut self, licences: Licences) -> Arc<Licences> {
        if let Some(shared) = self.licences.get(&licences) {
            return Arc::clone(shared);
        }
        let shared = Arc::new(licences);
        self.licences.insert(Arc::clone(&shared));
        shared
    }

    /// Takes a record in; refuses one that leaves out what we have to know.
    fn learn(&mut self, user: User) -> Result<PersonId, Refusal> {
        let User { id, user_principal_name, mail, account_enabled, user_type, license_assignment_states } =
            user;
        let id = PersonId(id);
        let (Some(upn), Some(enabled), Some(states)) =
            (user_principal_name, account_enabled, license_assignment_states)
        else {
            return Err(Refusal {
                kind: RefusalKind::Forbidden,
                message: format!("the directory gives little more than an id for {id}"),
                request_id: None,
            });
        };
        // Very old accounts have no type; they are members.
        let guest = user_type.is_some_and(|kind| kind.eq_ignore_ascii_case("guest"));
        let kind = if guest { Kind::Guest } else { Kind::Member };
        let mail = mail.filter(|mail| !mail.is_empty());
        // Most mail addresses repeat the name.
        let mail = mail.map(|mail| if mail == upn { Arc::clone(&upn) } else { mail });
        let licences = self.share(licences(states));
        self.people.insert(id, Found { upn, mail, kind, enabled, licences });
        Ok(id)
    }
}

impl Directory {
    /// Starts with nothing learnt.
    pub(crate) fn new(on_reading: Option<OnReading>) -> Self {
        Self { learnt: Mutex::default(), on_reading }
    }

    /// Tells whoever shows progress how far reading is.
    pub(crate) fn tell(&self, reading: Reading) {
        if let Some(on_reading) = &self.on_reading {
            on_reading(reading);
        }
    }

    /// Forgets everything, because reading begins anew.
    pub(crate) fn begin(&self, now: Timestamp) {
        *self.learnt() = Learnt { began: Some(now), ..Learnt::default() };
    }

    /// Hands over what was learnt and forgets it: facts serve one reading, not the next.
    pub(crate) fn take(&self) -> Learnt {
        std::mem::take(&mut *self.learnt())
    }

    /// Gives what was learnt, for a moment.
    pub(crate) fn learnt(&self) -> MutexGuard<'_, Learnt> {
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a page of records in and gives their ids.
    fn learn(&self, users: Vec<User>, ids: &mut Vec<PersonId>) -> Result<(), Refusal> {
        let done = {
            let mut learnt = self.learnt();
            for user in users {
                ids.push(learnt.learn(user)?);
            }
            learnt.people.len()
        };
        self.tell(Reading::People { done: u64::try_from(done).unwrap_or(u64::MAX) });
        Ok(())
    }
}

/// Turns assignment states into licences, sorted so that equal ones compare equal.
fn licences(states: Vec<LicenseAssignmentState>) -> Licences {
    let mut sources: Vec<Source> = states
        .into_iter()
        .map(|LicenseAssignmentState { sku_id, assigned_by_group, disabled_plans, state }| {
            let mut disabled: Vec<ServicePlanId> = disabled_plans.into_iter().map(ServicePlanId).collect();
            disabled.sort_unstable();
            disabled.dedup();
            let active = state.is_some_and(|state| {
                ["Active", "ActiveWithError"].iter().any(|word| state.eq_ignore_ascii_case(word))
            });
            Source { sku: SkuId(sku_id), by_group: assigned_by_group.map(GroupId), disabled, active }
        })
        .collect();
    sources.sort_unstable();
    sources.dedup();
    Licences(sources)
}

/// Writes the request for the first page of a list of users.
fn users(base: &str, path: &str, query: &str) -> Request {
    Request::get("people", format!("{base}{path}?{query}$select={}&$top={PAGE}", wire::USER))
}

/// Writes the request for everyone who matches a filter.
fn matching(base: &str, filter: &str) -> Request {
    advanced(users(base, "/users", &format!("$count=true&$filter={}&", url::value(filter))))
}

/// Writes the request for the user members of a group, nested ones too; the cast makes it an advanced query.
fn members(base: &str, group: GroupId) -> Request {
    let path = format!("/groups/{group}/transitiveMembers/microsoft.graph.user");
    advanced(users(base, &path, "$count=true&"))
}

/// Writes the request for one user, with an address for use in a batch.
pub(super) fn user(id_or_upn: &str) -> Request {
    Request::get("a person", format!("{}?$select={}", url::user_path(id_or_upn), wire::USER))
}

/// Writes the request for whoever has a mail address, with an address for use in a batch.
pub(super) fn user_by_mail(mail: &str) -> Request {
    let filter = url::value(&format!("mail eq {}", url::quote(mail)));
    Request::get("a person", format!("/users?$filter={filter}&$select={}&$top={PAGE}", wire::USER))
}

impl Graph {
    /// Reads the tenant's own record: its id and display name.
    pub(crate) async fn organization(&self) -> Result<(TenantId, Arc<str>), Refusal> {
        let page: wire::Page<wire::Organization> =
            self.get("the tenant", "/organization?$select=id,displayName").await?;
        let [organization] = <[wire::Organization; 1]>::try_from(page.value).map_err(|all| Refusal {
            kind: RefusalKind::Garbled,
            message: format!("the directory names {} organisations where there must be one", all.len()),
            request_id: None,
        })?;
        let wire::Organization { id, display_name } = organization;
        Ok((TenantId(id), display_name.unwrap_or_else(|| id.to_string().into())))
    }

    /// Reads one person, whoever comes first, to see whether people can be read.
    pub(crate) async fn anybody(&self) -> Result<(), Refusal> {
        let page: wire::Page<User> =
            self.get("a person", &format!("/users?$select={}&$top=1", wire::USER)).await?;
        page.value.into_iter().try_for_each(|user| Learnt::default().learn(user).map(drop))
    }

    /// Lists everyone.
    pub(crate) async fn everyone(&self, directory: &Directory) -> Result<Vec<PersonId>, Refusal> {
        let people = self.list(users(&self.url(""), "/users", ""), directory).await?;
        directory.learnt().complete = true;
        Ok(people)
    }

    /// Lists everyone who matches a filter.
    pub(super) async fn matching(
        &self,
        filter: &str,
        directory: &Directory,
    ) -> Result<Vec<PersonId>, Refusal> {
        self.list(matching(&self.url(""), filter), directory).await
    }

    /// Lists the user members of a group, nested ones too.
    pub(super) async fn members(
        &self,
        group: GroupId,
        directory: &Directory,
    ) -> Result<Vec<PersonId>, Refusal> {
        self.list(members(&self.url(""), group), directory).await
    }

    async fn list(&self, first: Request, directory: &Directory) -> Result<Vec<PersonId>, Refusal> {
        let mut people = Vec::new();
        self.pages(first, |users| directory.learn(users, &mut people)).await?;
        people.sort_unstable();
        people.dedup();
        self.has_people(people.len().try_into().unwrap_or(u64::MAX));
        Ok(people)
    }

    /// Counts everyone in the directory.
    pub(super) async fn count_everyone(&self) -> Result<u64, Refusal> {
        self.count("the number of people", "/users/$count").await
    }

    /// Counts the member accounts that are enabled.
    pub(crate) async fn count_enabled_members(&self) -> Result<u64, Refusal> {
        // Accounts of old have no type, and count as members here as they do in a listing.
        let filter = url::value("accountEnabled eq true and userType ne 'Guest'");
        self.count("the number of people", &format!("/users/$count?$filter={filter}")).await
    }

    /// Says of people whether their account exists, in the same order.
    ///
    /// One request each, since `getByIds`, which takes a thousand at once, needs a permission to read the whole
    /// directory: <https://learn.microsoft.com/graph/api/directoryobject-getbyids>.
    pub(crate) async fn exist(&self, people: &[PersonId]) -> Vec<Known<bool>> {
        let requests: Vec<Request> =
            people.iter().map(|id| Request::get("a person", format!("/users/{id}?$select=id"))).collect();
        let answers = self.batches(&requests).await;
        answers
            .into_iter()
            .map(|answer| match answer.map_err(Refusal::from) {
                Ok(_) => Known::Is(true),
                Err(refusal) if refusal.kind == RefusalKind::Missing => Known::Is(false),
                Err(refusal) => Known::Unknown(Arc::new(refusal)),
            })
            .collect()
    }

    /// Reads people again, for their licences alone, in the same order.
    pub(crate) async fn licences(&self, people: &[PersonId]) -> Vec<Known<Licences>> {
        let requests: Vec<Request> = people
            .iter()
            .map(|id| Request::get("licences", format!("/users/{id}?$select=id,licenseAssignmentStates")))
            .collect();
        let answers = self.batches(&requests).await;
        answers
            .into_iter()
            .map(|answer| {
                let licensed = answer
                    .map_err(Refusal::from)
                    .and_then(|answer| answer.parse::<wire::Licensed>(Peer::Directory));
                known(licensed).map(|licensed| licences(licensed.license_assignment_states))
            })
            .collect()
    }
}

/// Takes in what one request for one person brought.
pub(super) fn learn_one(directory: &Directory, user: Result<User, Refusal>) -> Result<Members, Refusal> {
    match user {
        Ok(user) => {
            let mut ids = Vec::with_capacity(1);
            directory.learn(vec![user], &mut ids)?;
            Ok(Members::Are(ids))
        }
        Err(refusal) if refusal.kind == RefusalKind::Missing => Ok(Members::NoSuchPerson),
        Err(refusal) => Err(refusal),
    }
}

/// Takes in what one request for a mail address brought.
pub(super) fn learn_by_mail(
    directory: &Directory,
    hits: Result<Vec<User>, Refusal>,
) -> Result<Members, Refusal> {
    let mut ids = Vec::new();
    directory.learn(hits?, &mut ids)?;
    Ok(match ids.len() {
        0 => Members::NoSuchPerson,
        1 => Members::Are(ids),
        more => Members::Ambiguous(more),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::uuid;

    use super::*;

    const BASE: &str = "https://graph.microsoft.com/v1.0";

    #[test]
    fn lists_ask_for_exactly_what_is_used() {
        let group = GroupId(uuid!("cccccccc-0000-4000-8000-000000000001"));
        let requests = [
            users(BASE, "/users", ""),
            matching(BASE, "department eq 'R&D'"),
            members(BASE, group),
            user("bob_x.com#EXT#@contoso.com"),
            user_by_mail("o'neil@contoso.com"),
        ];
        insta::assert_snapshot!(requests.map(|request| request.to_string()).join("\n\n"), @"
        GET https://graph.microsoft.com/v1.0/users?$select=id,userPrincipalName,mail,accountEnabled,userType,licenseAssignmentStates&$top=999

        GET https://graph.microsoft.com/v1.0/users?$count=true&$filter=department%20eq%20%27R%26D%27&$select=id,userPrincipalName,mail,accountEnabled,userType,licenseAssignmentStates&$top=999
        ConsistencyLevel: eventual

        GET https://graph.microsoft.com/v1.0/groups/cccccccc-0000-4000-8000-000000000001/transitiveMembers/microsoft.graph.user?$count=true&$select=id,userPrincipalName,mail,accountEnabled,userType,licenseAssignmentStates&$top=999
        ConsistencyLevel: eventual

        GET /users/bob_x.com%23EXT%23@contoso.com?$select=id,userPrincipalName,mail,accountEnabled,userType,licenseAssignmentStates

        GET /users?$filter=mail%20eq%20%27o%27%27neil%40contoso.com%27&$select=id,userPrincipalName,mail,accountEnabled,userType,licenseAssignmentStates&$top=999
        ");
    }

    fn record(change: impl FnOnce(&mut serde_json::Value)) -> User {
        let mut record = json!({
            "id": "aaaaaaaa-0000-4000-8000-000000000001", "userPrincipalName": "Ada@contoso.com",
            "mail": "Ada@contoso.com", "accountEnabled": true, "userType": "Member",
            "licenseAssignmentStates": [
                { "skuId": "06ebc4ee-1bb5-47dd-8120-11324bc54e06", "assignedByGroup": null,
                  "disabledPlans": [], "error": "None", "state": "ActiveWithError" },
                { "skuId": "05e9a617-0261-4cee-bb44-138d3ef5d965", "state": "Error",
                  "assignedByGroup": "cccccccc-0000-4000-8000-000000000001", "disabledPlans": [] }
            ]
        });
        change(&mut record);
        serde_json::from_value(record).unwrap()
    }

    #[test]
    fn equal_licences_are_kept_once() {
        let mut learnt = Learnt::default();
        let ada = learnt.learn(record(|_| ())).unwrap();
        let bob = learnt
            .learn(record(|bob| {
                bob["id"] = json!("bbbbbbbb-0000-4000-8000-000000000001");
                bob["licenseAssignmentStates"].as_array_mut().unwrap().reverse();
            }))
            .unwrap();
        let (ada, bob) = (&learnt.people[&ada], &learnt.people[&bob]);
        assert!(Arc::ptr_eq(&ada.licences, &bob.licences));
        assert_eq!(ada.licences.0.iter().map(|source| source.active).collect::<Vec<_>>(), [false, true]);
        assert!(Arc::ptr_eq(&ada.upn, ada.mail.as_ref().unwrap()), "so is an address that repeats the name");
    }

    #[test]
    fn a_record_with_little_more_than_an_id_is_refused() {
        for name in ["userPrincipalName", "accountEnabled", "licenseAssignmentStates"] {
            let user = record(|user| user[name] = json!(null));
            assert_eq!(Learnt::default().learn(user).unwrap_err().kind, RefusalKind::Forbidden, "{name}");
        }
        let old = record(|user| user["userType"] = json!(null));
        let mut learnt = Learnt::default();
        let id = learnt.learn(old).unwrap();
        assert_eq!(learnt.people[&id].kind, Kind::Member, "very old accounts have no type");
    }
}

//! Finds out who a manifest's selectors stand for today.
//!
//! Sets are asked for first, since what they bring answers most of the questions about single people. What is left is
//! asked in batches, or, when that would cost more calls than listing everyone, by listing everyone once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::StreamExt;
use uuid::Uuid;

use super::read::{Learnt, learn_by_mail, learn_one, user, user_by_mail};
use super::wire::{self, User};
use super::{BATCH, Directory, Graph, PAGE, Products, WAITING};
use crate::microsoft::error::Peer;
use crate::microsoft::message::{Answer, Failure, Request};
use crate::microsoft::{Reading, known, url};
use crate::model::{GroupId, Known, Members, Membership, PersonId, Refusal, RefusalKind, Selector};

/// Is one person as a manifest or a ledger names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum One<'a> {
    /// By object id.
    Id(PersonId),
    /// By user principal name, in lower case.
    User(&'a str),
    /// By mail address, in lower case.
    Mail(&'a str),
}

/// Is a selector that stands for many.
enum Many<'a> {
    Group(&'a str),
    Filter(&'a str),
    Licence(&'a str),
    Everyone,
}

impl Graph {
    /// Answers every selector; what could not be read is unknown, for each selector by itself.
    pub(crate) async fn resolve(&self, selectors: &BTreeSet<Selector>, directory: &Directory) -> Membership {
        let mut membership = Membership::default();
        let (mut sets, mut ones) = (Vec::new(), BTreeMap::new());
        for selector in selectors {
            match selector {
                Selector::Id(id) => drop(ones.insert(One::Id(*id), selector)),
                Selector::User(upn) => drop(ones.insert(One::User(upn), selector)),
                Selector::Mail(mail) => drop(ones.insert(One::Mail(mail), selector)),
                Selector::Group(name) => sets.push((selector, Many::Group(name))),
                Selector::Filter(filter) => sets.push((selector, Many::Filter(filter))),
                Selector::Licence(name) => sets.push((selector, Many::Licence(name))),
                Selector::Everyone => sets.push((selector, Many::Everyone)),
            }
        }
        let names: Vec<&str> = sets
            .iter()
            .filter_map(|(_, set)| match set {
                Many::Group(name) => Some(*name),
                Many::Filter(_) | Many::Licence(_) | Many::Everyone => None,
            })
            .collect();
        let groups = self.find_groups(&names).await;
        let (done, of) = (AtomicU64::new(0), u64::try_from(sets.len()).unwrap_or(u64::MAX));
        let answers = sets.into_iter().map(|(selector, set)| {
            let (groups, done) = (&groups, &done);
            async move {
                let members = match set {
                    Many::Group(name) => self.group(groups.get(name), directory).await,
                    Many::Filter(filter) => self.matching(filter, directory).await.map(Members::Are),
                    Many::Licence(name) => self.licensed(name, directory).await,
                    Many::Everyone => self.everyone(directory).await.map(Members::Are),
                };
                let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                directory.tell(Reading::Groups { done, of });
                (selector, known(members))
            }
        });
        let mut answers = futures_util::stream::iter(answers).buffer_unordered(WAITING);
        while let Some((selector, members)) = answers.next().await {
            membership.of.insert(selector.clone(), members);
        }
        drop(answers);
        let who: Vec<One<'_>> = ones.keys().copied().collect();
        for (one, members) in self.find_people(&who, directory).await {
            membership.of.insert(ones[&one].clone(), members);
        }
        membership
    }

    /// Finds single people, with as few calls as there is a way to.
    pub(crate) async fn find_people<'a>(
        &self,
        who: &[One<'a>],
        directory: &Directory,
    ) -> BTreeMap<One<'a>, Known<Members>> {
        let mut found = look_up(who, &directory.learnt());
        let mut left: Vec<One<'a>> = who.iter().filter(|one| !found.contains_key(one)).copied().collect();
        if left.len() > BATCH
            && let Ok(people) = self.count_everyone().await
            && people.div_ceil(PAGE) < u64::try_from(left.len().div_ceil(BATCH)).unwrap_or(u64::MAX)
            && self.everyone(directory).await.is_ok()
        {
            found.extend(look_up(&left, &directory.learnt()));
            left.retain(|one| !found.contains_key(one));
        }
        let mut found: BTreeMap<_, _> =
            found.into_iter().map(|(one, members)| (one, Known::Is(members))).collect();
        let requests: Vec<Request> = left.iter().map(request).collect();
        for (one, answer) in left.into_iter().zip(self.batches(&requests).await) {
            found.insert(one, known(self.learn(one, answer, directory).await));
        }
        found
    }

    /// Asks for groups by whatever the manifest calls them.
    async fn find_groups<'a>(&self, names: &[&'a str]) -> BTreeMap<&'a str, Result<Group, Refusal>> {
        let requests: Vec<Request> = names.iter().map(|name| group_request(name)).collect();
        let answers = self.batches(&requests).await;
        let mut groups = BTreeMap::new();
        for (name, answer) in names.iter().zip(answers) {
            groups.insert(*name, self.found_group(name, answer).await);
        }
        groups
    }

    /// Looks up groups by whatever the manifest calls them, without their members.
    pub(crate) async fn look_up_groups(&self, names: &[&str]) -> Result<GroupsFound, Refusal> {
        let mut found = GroupsFound::default();
        for (name, group) in self.find_groups(names).await {
            found.looked_up += 1;
            match group? {
                Group::One { hidden: false, .. } => {}
                Group::One { hidden: true, .. } => found.hidden.push(name.to_owned()),
                Group::Gone | Group::Ambiguous(_) => found.absent.push(name.to_owned()),
            }
        }
        Ok(found)
    }

    async fn found_group(&self, name: &str, answer: Result<Answer, Failure>) -> Result<Group, Refusal> {
        let answer = match answer.map_err(Refusal::from) {
            Ok(answer) => answer,
            Err(refusal) if refusal.kind == RefusalKind::Missing => return Ok(Group::Gone),
            Err(refusal) => return Err(refusal),
        };
        if name.parse::<Uuid>().is_ok() {
            return answer.parse::<wire::Group>(Peer::Directory).map(Group::from);
        }
        let groups: Vec<wire::Group> = self.rest("a group", answer).await?;
        let hits = groups.len();
        Ok(match <[wire::Group; 1]>::try_from(groups) {
            Ok([one]) => one.into(),
            Err(_) if hits == 0 => Group::Gone,
            Err(_) => Group::Ambiguous(hits),
        })
    }

    async fn learn(
        &self,
        one: One<'_>,
        answer: Result<Answer, Failure>,
        directory: &Directory,
    ) -> Result<Members, Refusal> {
        let answer = answer.map_err(Refusal::from);
        match one {
            One::Id(_) | One::User(_) => {
                learn_one(directory, answer.and_then(|answer| answer.parse::<User>(Peer::Directory)))
            }
            One::Mail(_) => learn_by_mail(directory, self.rest("a person", answer?).await),
        }
    }

    async fn group(
        &self,
        found: Option<&Result<Group, Refusal>>,
        directory: &Directory,
    ) -> Result<Members, Refusal> {
        let (id, hidden) = match found {
            None | Some(Ok(Group::Gone)) => return Ok(Members::Gone),
            Some(Ok(Group::Ambiguous(hits))) => return Ok(Members::Ambiguous(*hits)),
            Some(Ok(Group::One { id, hidden })) => (*id, *hidden),
            Some(Err(refusal)) => return Err(refusal.clone()),
        };
        match self.members(id, directory).await {
            Ok(people) if people.is_empty() && hidden => Err(Refusal {
                kind: RefusalKind::Forbidden,
                message: "the group hides its members, and none can be seen".to_owned(),
                request_id: None,
            }),
            Ok(people) => Ok(Members::Are(people)),
            // It was there a moment ago.
            Err(refusal) if refusal.kind == RefusalKind::Missing => Ok(Members::Gone),
            Err(refusal) => Err(refusal),
        }
    }

    async fn licensed(&self, name: &str, directory: &Directory) -> Result<Members, Refusal> {
        let products = self.products_once(directory).await?;
        match products.filter(name) {
            Some(filter) => self.matching(&filter, directory).await.map(Members::Are),
            None => Ok(Members::Gone),
        }
    }

    /// Lists the tenant's products, once in a reading.
    pub(crate) async fn products_once(&self, directory: &Directory) -> Result<Arc<Products>, Refusal> {
        if let Some(products) = &directory.learnt().products {
            return Ok(Arc::clone(products));
        }
        let products = Arc::new(self.products().await?);
        directory.learnt().products = Some(Arc::clone(&products));
        Ok(products)
    }
}

/// Answers what can be answered from what was learnt, in one pass over it.
///
/// A mail address counts only when everyone is known, because a second bearer would make it ambiguous.
fn look_up<'a>(who: &[One<'a>], learnt: &Learnt) -> BTreeMap<One<'a>, Members> {
    let mut found: BTreeMap<One<'a>, Vec<PersonId>> = BTreeMap::new();
    let (mut upns, mut mails) = (BTreeMap::new(), BTreeMap::new());
    for &one in who {
        match one {
            One::Id(id) if learnt.people.contains_key(&id) => drop(found.insert(one, vec![id])),
            One::User(upn) => drop(upns.insert(upn, one)),
            One::Mail(mail) if learnt.complete => drop(mails.insert(mail, one)),
            One::Id(_) | One::Mail(_) => {}
        }
    }
    if !(upns.is_empty() && mails.is_empty()) {
        let mut folded = String::new();
        for (id, person) in &learnt.people {
            if let Some(one) = upns.get(fold(&mut folded, &person.upn)) {
                found.entry(*one).or_default().push(*id);
            }
            let one = person.mail.as_deref().and_then(|mail| mails.get(fold(&mut folded, mail)));
            if let Some(one) = one {
                found.entry(*one).or_default().push(*id);
            }
        }
    }
    let mut answers: BTreeMap<One<'a>, Members> = found
        .into_iter()
        .map(|(one, people)| {
            let members =
                if people.len() == 1 { Members::Are(people) } else { Members::Ambiguous(people.len()) };
            (one, members)
        })
        .collect();
    if learnt.complete {
        for one in who {
            answers.entry(*one).or_insert(Members::NoSuchPerson);
        }
    }
    answers
}

/// Folds an address as selectors are folded, without an allocation for each.
fn fold<'a>(buffer: &'a mut String, address: &str) -> &'a str {
    buffer.clear();
    buffer.push_str(address);
    buffer.make_ascii_lowercase();
    buffer
}

fn request(one: &One<'_>) -> Request {
    match one {
        One::Id(id) => user(&id.to_string()),
        One::User(upn) => user(upn),
        One::Mail(mail) => user_by_mail(mail),
    }
}

/// Is what the directory says of several groups' ids or names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupsFound {
    /// How many were asked for.
    pub looked_up: u64,
    /// Those that are not there, or whose name several bear.
    pub absent: Vec<String>,
    /// Those that hide their members.
    pub hidden: Vec<String>,
}

/// Is what the directory says of a group's id or name.
enum Group {
    One { id: GroupId, hidden: bool },
    Gone,
    Ambiguous(usize),
}

impl From<wire::Group> for Group {
    fn from(wire::Group { id, display_name: _, visibility }: wire::Group) -> Self {
        let hidden = visibility.is_some_and(|word| word.eq_ignore_ascii_case("HiddenMembership"));
        Self::One { id: GroupId(id), hidden }
    }
}

/// Writes the request for a group by object id, by mail address or by display name.
fn group_request(name: &str) -> Request {
    const SELECT: &str = "$select=id,displayName,visibility";
    if let Ok(id) = name.parse::<Uuid>() {
        return Request::get("a group", format!("/groups/{id}?{SELECT}"));
    }
    let quoted = url::quote(name);
    let filter = if name.contains('@') {
        // An address may be one of several that the group goes by.
        let proxy = url::quote(&format!("smtp:{name}"));
        format!("mail eq {quoted} or proxyAddresses/any(x:x eq {proxy})")
    } else {
        format!("displayName eq {quoted}")
    };
    Request::get("a group", format!("/groups?$filter={}&{SELECT}", url::value(&filter)))
}

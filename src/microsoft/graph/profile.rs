//! Reads what the directory says of people beside the settings: name, department, title, language and manager.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::wire::{PROFILE, Profiled};
use super::{BATCH, Directory, Graph, PAGE};
use crate::microsoft::Reading;
use crate::microsoft::error::Peer;
use crate::microsoft::message::Request;
use crate::model::{PersonId, Profile, Refusal, RefusalKind};

/// Gathers profiles, and keeps each text once.
#[derive(Default)]
struct Profiles {
    of: BTreeMap<PersonId, Profile>,
    texts: BTreeSet<Arc<str>>,
}

impl Profiles {
    fn take(&mut self, user: Profiled) {
        let Profiled { id, display_name, mail, department, job_title, preferred_language, manager } = user;
        let profile = Profile {
            name: self.share(display_name),
            // Nobody else has it.
            mail: mail.filter(|mail| !mail.is_empty()).map(Arc::from),
            department: self.share(department),
            title: self.share(job_title),
            language: self.share(preferred_language),
            manager: manager.map(|manager| PersonId(manager.id)),
        };
        self.of.insert(PersonId(id), profile);
    }

    /// Gives the shared copy of a text; an empty one says nothing.
    fn share(&mut self, text: Option<String>) -> Option<Arc<str>> {
        let text = text.filter(|text| !text.is_empty())?;
        if let Some(shared) = self.texts.get(text.as_str()) {
            return Some(Arc::clone(shared));
        }
        let shared: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&shared));
        Some(shared)
    }
}

/// Writes the request for the first page of everybody's profile.
fn everyone(base: &str) -> Request {
    Request::get("profiles", format!("{base}/users?{PROFILE}&$top={PAGE}"))
}

/// Writes the request for one person's profile, with an address for use in a batch.
fn one(id: PersonId) -> Request {
    Request::get("a profile", format!("/users/{id}?{PROFILE}"))
}

impl Graph {
    /// Reads profiles by id in batches, or by listing everybody where that takes fewer calls.
    ///
    /// Whoever is not in the directory is absent from the answer.
    pub(crate) async fn profiles(
        &self,
        people: &BTreeSet<PersonId>,
        directory: &Directory,
    ) -> Result<BTreeMap<PersonId, Profile>, Refusal> {
        let batches = u64::try_from(people.len().div_ceil(BATCH)).unwrap_or(u64::MAX);
        if batches > 1 && self.count_everyone().await?.div_ceil(PAGE) < batches {
            return self.all_profiles(|id| people.contains(&id), directory).await;
        }
        let mut profiles = Profiles::default();
        let requests: Vec<Request> = people.iter().map(|id| one(*id)).collect();
        for answer in self.batches(&requests).await {
            match answer.map_err(Refusal::from).and_then(|answer| answer.parse(Peer::Directory)) {
                Ok(user) => profiles.take(user),
                Err(refusal) if refusal.kind == RefusalKind::Missing => {}
                Err(refusal) => return Err(refusal),
            }
        }
        Ok(profiles.of)
    }

    /// Lists everybody's profile, and keeps those of whoever is wanted.
    pub(crate) async fn all_profiles(
        &self,
        wanted: impl Fn(PersonId) -> bool,
        directory: &Directory,
    ) -> Result<BTreeMap<PersonId, Profile>, Refusal> {
        let mut profiles = Profiles::default();
        self.pages(everyone(&self.url("")), |users: Vec<Profiled>| {
            for user in users {
                if wanted(PersonId(user.id)) {
                    profiles.take(user);
                }
            }
            directory.tell(Reading::People { done: u64::try_from(profiles.of.len()).unwrap_or(u64::MAX) });
            Ok(())
        })
        .await?;
        Ok(profiles.of)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn profiles_are_asked_for_with_the_manager_and_nothing_more() {
        let requests = [everyone("https://graph.microsoft.com/v1.0"), one(PersonId(Uuid::from_u128(7)))];
        insta::assert_snapshot!(requests.map(|request| request.to_string()).join("\n\n"), @"
        GET https://graph.microsoft.com/v1.0/users?$select=id,displayName,mail,department,jobTitle,preferredLanguage&$expand=manager($select=id)&$top=999

        GET /users/00000000-0000-0000-0000-000000000007?$select=id,displayName,mail,department,jobTitle,preferredLanguage&$expand=manager($select=id)
        ");
    }
}

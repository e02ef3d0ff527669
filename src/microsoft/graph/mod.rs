//! Reads the directory through Microsoft Graph v1.0, and assigns licences.

mod audit;
mod audit_record;
mod groups;
mod licence;
mod licensing;
mod profile;
mod read;
mod resolve;
mod wire;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::de::DeserializeOwned;

pub(crate) use self::licence::Products;
pub(crate) use self::read::{Directory, Found, Learnt};
pub use self::resolve::GroupsFound;
pub(crate) use self::resolve::One;

use super::error::{Peer, Trouble};
use super::message::{Answer, Effect, Failure, Request};
use super::service::Service;
use super::{batch, cost};
use crate::model::Refusal;
use crate::plan::budget::LICENCES_AT_ONCE;

/// Is how many requests one `$batch` takes.
const BATCH: usize = LICENCES_AT_ONCE;
/// Is how many records one page holds at most.
const PAGE: u64 = 999;
/// Is how many empty pages may follow each other: a few do where a filter leaves little.
const MOST_EMPTY: u32 = 1_000;
/// Is how many requests we have waiting at once; how many are sent at once is for [`super::pace`] to say.
const WAITING: usize = 16;

/// Is Microsoft Graph.
#[derive(Debug)]
pub(crate) struct Graph {
    service: Service,
    /// Base address, to which next pages have to belong as well.
    base: String,
    /// How many people the tenant is known to have at least.
    people: AtomicU64,
}

impl Graph {
    /// Takes the address without version and slash, such as `https://graph.microsoft.com`.
    pub(crate) fn new(service: Service, base: &str) -> Self {
        service.pace().allow_units(cost::reads_allowed(0));
        service.pace().allow_writes(cost::writes_allowed());
        Self { service, base: base.to_owned(), people: AtomicU64::new(0) }
    }

    /// Takes into account that the tenant has so many people at least: a larger one is allowed more.
    fn has_people(&self, people: u64) {
        if self.people.fetch_max(people, Ordering::Relaxed) < people {
            self.service.pace().allow_units(cost::reads_allowed(people));
        }
    }

    /// Makes an address from a path that begins with a slash.
    fn url(&self, path: &str) -> String {
        format!("{}/v1.0{path}", self.base)
    }

    /// Reads one object.
    async fn get<T: DeserializeOwned>(&self, what: &'static str, path: &str) -> Result<T, Refusal> {
        let answer = self.service.send(&Request::get(what, self.url(path))).await?;
        answer.parse(Peer::Directory)
    }

    /// Reads a number of people without the people; it comes as text.
    async fn count(&self, what: &'static str, path: &str) -> Result<u64, Refusal> {
        let request = advanced(Request::get(what, self.url(path))).with("Accept", "text/plain");
        let answer = self.service.send(&request).await?;
        let text = answer.text();
        let number =
            text.parse().map_err(|_| Trouble::garbled(Peer::Directory, answer.request_id, text).refusal)?;
        self.has_people(number);
        Ok(number)
    }

    /// Reads a list page by page.
    ///
    /// The address of the next page is used unchanged, with the headers of the first.
    async fn pages<T: DeserializeOwned>(
        &self,
        first: Request,
        mut take: impl FnMut(Vec<T>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let mut request = first;
        let mut read = BTreeSet::from([request.url.clone()]);
        let mut empty = 0;
        loop {
            let answer = self.service.send(&request).await?;
            let (page, next) = self.page(answer)?;
            empty = if page.is_empty() { empty + 1 } else { 0 };
            take(page)?;
            let Some(next) = next else { return Ok(()) };
            let endless = if !read.insert(next.clone()) {
                "a page is followed by one that was read already"
            } else if empty > MOST_EMPTY {
                "one empty page follows another without end"
            } else {
                request.url = next;
                continue;
            };
            return Err(Trouble::garbled(Peer::Directory, None, endless).refusal);
        }
    }

    /// Reads on where an item of a batch began: a page may be empty and not be the last, also when one hit is expected.
    ///
    /// Not for advanced queries, whose header would be missing from here on.
    async fn rest<T: DeserializeOwned>(&self, what: &'static str, answer: Answer) -> Result<Vec<T>, Refusal> {
        let (mut all, next) = self.page(answer)?;
        if let Some(next) = next {
            self.pages(Request::get(what, next), |some| {
                all.extend(some);
                Ok(())
            })
            .await?;
        }
        Ok(all)
    }

    /// Reads one page and the address of the next, which has to be ours: the token goes with the request.
    fn page<T: DeserializeOwned>(&self, answer: Answer) -> Result<(Vec<T>, Option<String>), Refusal> {
        let id = answer.request_id.clone();
        let wire::Page { value, next_link } = answer.parse(Peer::Directory)?;
        let ours = |next: &String| next.strip_prefix(&self.base).is_some_and(|rest| rest.starts_with('/'));
        if next_link.as_ref().is_some_and(|next| !ours(next)) {
            let how = "the next page is said to be at another address";
            return Err(Trouble::garbled(Peer::Directory, id, how).refusal);
        }
        Ok((value, next_link))
    }

    /// Sends requests with addresses relative to the version, 20 to a batch, and gives their answers in order.
    async fn batches(&self, items: &[Request]) -> Vec<Result<Answer, Failure>> {
        use futures_util::StreamExt;

        let envelope = Request::post("a batch", Effect::Read, self.url("/$batch"), serde_json::Value::Null);
        let sent = items.chunks(BATCH).map(|chunk| batch::send(&self.service, &envelope, chunk));
        let mut answers = Vec::with_capacity(items.len());
        let mut sent = futures_util::stream::iter(sent).buffered(WAITING);
        while let Some(some) = sent.next().await {
            answers.extend(some);
        }
        answers
    }
}

/// Marks an advanced query, which Graph answers from an index that lags a little; the address must ask for `$count`.
fn advanced(request: Request) -> Request {
    request.with("ConsistencyLevel", "eventual")
}

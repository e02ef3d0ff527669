//! Reads everything that a plan is made from, and has no method that writes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::StreamExt;

use super::auth::{Audience, Tokens};
use super::error::Peer;
use super::fuse::Fuse;
use super::graph::{Directory, Found, Graph, Learnt, One};
use super::http::Wire;
use super::insights::exchange::Exchange;
use super::insights::{Identity, Insights};
use super::pace::Allowance;
use super::service::{Service, Way};
use super::{Connection, Reading, Transport, known, url};
use crate::clock::Clock;
use crate::model::{
    ActualPerson, ActualState, ActualTenant, Catalogue, Kind, Known, Licences, Members, Membership, PersonId,
    Refusal, RefusalKind, Selector, Settings, TenantId, TenantSetting, Value,
};
use crate::plan::Scope;
use crate::plan::budget::{BATCHES, BOLD};

/// Is how many batches of people we have waiting at once; how many are sent at once is for [`Pace`] to say.
const WAITING: usize = 32;

/// Reads one tenant. Clones share connections, tokens and what was learnt.
#[derive(Clone, Debug)]
pub struct Reader(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    tenant: TenantId,
    name: Arc<str>,
    clock: Clock,
    graph: Graph,
    insights: Arc<dyn Insights>,
    directory: Directory,
}

/// Says what to read beside the people themselves; nothing is read that would change nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// People's mode and features.
    pub settings: bool,
    /// The tenant's defaults.
    pub tenant_settings: bool,
    /// How many people the tenant has.
    pub count_people: bool,
}

impl From<&Scope> for Ask {
    fn from(scope: &Scope) -> Self {
        let Scope { people: _, settings, tenant_settings, count_people } = scope;
        Self { settings: *settings, tenant_settings: *tenant_settings, count_people: *count_people }
    }
}

impl Reader {
    /// Signs in for both services and makes sure that it is the tenant that was meant.
    pub async fn connect(connection: Connection, clock: Clock) -> Result<Self, Refusal> {
        let endpoints = &connection.endpoints;
        let bases = [&endpoints.login, &endpoints.graph, &endpoints.exchange];
        for base in bases {
            url::check_base(base)?;
        }
        let local = bases.iter().all(|base| base.starts_with("http://"));
        let wire = Wire::new(clock.clone(), local)?;
        Self::over(Way::new(wire, clock.clone()), connection, clock).await
    }

    /// Does what [`Reader::connect`] does, over a way that is there already.
    pub(crate) async fn over(way: Way, connection: Connection, clock: Clock) -> Result<Self, Refusal> {
        let Connection { tenant, endpoints, credential, transport, rate, on_reading } = connection;
        let tokens = Arc::new(Tokens::new(Service::sign_in(way.clone()), &endpoints, tenant, credential));
        let (one, other) = tokio::join!(tokens.get(Audience::Graph), tokens.get(Audience::Exchange));
        one.and(other)?;

        let service =
            |peer, pace, audience| Service::new(peer, way.clone(), pace, Arc::clone(&tokens), audience);
        let directory = service(Peer::Directory, way.pace(BOLD, BATCHES), Audience::Graph);
        let graph = Graph::new(directory, &endpoints.graph);
        let speed = transport.speed(rate);
        let pace = way.pace(speed.first, speed.most);
        if let Some(rate) = rate {
            pace.allow_units(Allowance::steady(rate.a_second()));
        }
        let insights: Arc<dyn Insights> = match transport {
            Transport::ExchangeRest => {
                let exchange = service(Peer::Settings, pace, Audience::Exchange);
                Arc::new(Exchange::new(exchange, &endpoints.exchange, tenant, speed.carries))
            }
        };

        let (id, name) = graph.organization().await?;
        if id != tenant {
            return Err(Refusal {
                kind: RefusalKind::SignIn,
                message: format!("signed in to tenant {id}, where {tenant} was meant"),
                request_id: None,
            });
        }
        let directory = Directory::new(on_reading);
        Ok(Self(Arc::new(Inner { tenant, name, clock, graph, insights, directory })))
    }

    /// Gives the tenant that it reads.
    pub fn tenant(&self) -> TenantId {
        self.0.tenant
    }

    /// Gives the tenant's display name.
    pub fn tenant_name(&self) -> &Arc<str> {
        &self.0.name
    }

    /// Finds out who the selectors stand for, and begins a new reading.
    ///
    /// What it learns of people on the way is kept for the next [`Reader::observe`]. A selector that cannot be read is
    /// unknown in the answer; the error is for a tenant that cannot be read at all: no sign-in, no connection.
    pub async fn membership(&self, selectors: &BTreeSet<Selector>) -> Result<Membership, Refusal> {
        let Inner { tenant: _, name: _, clock, graph, insights: _, directory } = &*self.0;
        directory.begin(clock.now());
        let membership = graph.resolve(selectors, directory).await;
        let lost = membership.of.values().find_map(|members| match members {
            Known::Unknown(why) => why.kind.puts_all_out_of_reach().then(|| Refusal::clone(why)),
            Known::Is(_) => None,
        });
        lost.map_or(Ok(membership), Err)
    }

    /// Reads people and the tenant.
    ///
    /// People who are not in the directory, or could not be read there, are absent from the answer; whoever was named a
    /// moment ago is unknown then, and not gone. Settings are read of members who are enabled
    /// and have a mailbox; those of all others are unknown because they were not asked for.
    pub async fn observe(&self, people: &BTreeSet<PersonId>, ask: Ask) -> Result<ActualState, Refusal> {
        let inner = &*self.0;
        let began = inner.clock.now();
        let (count, tenant_settings, found) = tokio::join!(
            async {
                // A complete listing can be counted without another call.
                if ask.count_people && !inner.directory.learnt().complete {
                    Some(known(inner.graph.count_enabled_members().await))
                } else {
                    None
                }
            },
            async { if ask.tenant_settings { inner.insights.tenant().await } else { not_asked_defaults() } },
            self.find(people),
        );
        let (Learnt { began: learnt, people: mut known_people, complete, .. }, catalogue) = found?;
        let count = match count {
            Some(count) => count,
            None if ask.count_people && complete => Known::Is(enabled_members(&known_people)),
            None => Known::Unknown(Arc::new(Refusal::not_asked())),
        };

        let mut actual = BTreeMap::new();
        let mut who = Vec::new();
        let unread = Known::Unknown(Arc::new(Refusal::not_asked()));
        for id in people {
            let Some(Found { upn, mail, kind, enabled, licences }) = known_people.remove(id) else {
                continue;
            };
            let mailbox = mail.is_some() || licences.mailbox(&catalogue);
            if ask.settings && enabled && mailbox && kind == Kind::Member {
                who.push(Identity { id: *id, upn: Arc::clone(&upn) });
            }
            let settings = unread.clone();
            actual.insert(*id, ActualPerson { upn, kind, enabled, mailbox, licences, settings });
        }
        drop(known_people);
        let tell = |done, of| inner.directory.tell(Reading::Settings { done, of });
        for (id, settings) in self.read_settings(who, &tell).await {
            if let Some(person) = actual.get_mut(&id) {
                person.settings = settings;
            }
        }
        let settings = if ask.tenant_settings && ask.settings {
            steady(tenant_settings, inner.insights.tenant().await)
        } else {
            tenant_settings
        };
        Ok(ActualState {
            tenant: ActualTenant { id: inner.tenant, name: Arc::clone(&inner.name), settings, people: count },
            catalogue,
            people: actual,
            exists: BTreeMap::new(),
            read_at: learnt.unwrap_or(began),
        })
    }

    /// Says of people whether their account exists; whoever could not be looked up is absent from the answer.
    pub async fn exist(&self, people: &[PersonId]) -> BTreeMap<PersonId, bool> {
        let answers = self.0.graph.exist(people).await;
        people.iter().copied().zip(answers).filter_map(|(id, exists)| Some((id, *exists.known()?))).collect()
    }

    /// Reads again the mode and features of people, in the same order.
    ///
    /// Tells nobody how far it is: whoever asks again has a progress of their own.
    pub async fn people_settings(&self, people: &[(PersonId, Arc<str>)]) -> Vec<Known<Settings>> {
        let who = people.iter().map(|(id, upn)| Identity { id: *id, upn: Arc::clone(upn) }).collect();
        self.read_settings(who, &|_, _| {}).await.into_iter().map(|(_, settings)| settings).collect()
    }

    /// Reads again the licences of people, in the same order.
    pub async fn people_licences(&self, people: &[PersonId]) -> Vec<Known<Licences>> {
        self.0.graph.licences(people).await
    }

    /// Reads again the tenant's defaults; a setting without a read field is absent.
    pub async fn tenant_settings(&self) -> BTreeMap<TenantSetting, Known<Value>> {
        self.0.insights.tenant().await
    }

    pub(super) fn graph(&self) -> &Graph {
        &self.0.graph
    }

    pub(super) fn insights(&self) -> &dyn Insights {
        &*self.0.insights
    }

    /// Takes over what was learnt, reads who is still missing, and the products with the names of their groups.
    async fn find(&self, people: &BTreeSet<PersonId>) -> Result<(Learnt, Catalogue), Refusal> {
        let Inner { tenant: _, name: _, clock: _, graph, insights: _, directory } = &*self.0;
        let missing: Vec<One<'_>> = {
            let learnt = directory.learnt();
            people.iter().filter(|id| !learnt.people.contains_key(id)).map(|id| One::Id(*id)).collect()
        };
        for members in graph.find_people(&missing, directory).await.into_values() {
            match members {
                Known::Is(
                    Members::Are(_) | Members::NoSuchPerson | Members::Gone | Members::Ambiguous(_),
                ) => {}
                Known::Unknown(why) if why.kind.puts_all_out_of_reach() => {
                    return Err(Arc::unwrap_or_clone(why));
                }
                // Whoever is left out is unknown to the plan, and nothing is written to them.
                Known::Unknown(why) => tracing::warn!(%why, "a person could not be read"),
            }
        }
        let products = graph.products_once(directory).await?;
        let mut catalogue = Catalogue { skus: products.skus(), groups: BTreeMap::new() };
        let learnt = directory.take();
        let handing_down: BTreeSet<_> = people
            .iter()
            .filter_map(|id| learnt.people.get(id))
            .flat_map(|person| person.licences.inherited_on(&catalogue).map(|(_, group)| group))
            .collect();
        catalogue.groups = graph.group_names(&handing_down).await;
        Ok((learnt, catalogue))
    }

    /// Reads mode and features of people, in the same order, as many at once as the service bears.
    async fn read_settings(
        &self,
        who: Vec<Identity>,
        tell: &(dyn Fn(u64, u64) + Sync),
    ) -> Vec<(PersonId, Known<Settings>)> {
        let insights = &self.0.insights;
        let of = number(who.len());
        let (fuse, done) = (Fuse::default(), AtomicU64::new(0));
        let batches = who.chunks(insights.at_once()).map(|some| {
            let (fuse, done) = (&fuse, &done);
            async move {
                let settings = if let Some(why) = fuse.blown() {
                    some.iter().map(|_| Known::Unknown(Arc::clone(&why))).collect()
                } else {
                    let settings = insights.people(some.to_vec()).await;
                    fuse.record(&settings);
                    settings
                };
                let done = done.fetch_add(number(some.len()), Ordering::Relaxed) + number(some.len());
                tell(done, of);
                settings
            }
        });
        let mut read = Vec::with_capacity(who.len());
        let mut batches = futures_util::stream::iter(batches).buffered(WAITING);
        while let Some(settings) = batches.next().await {
            let from = read.len();
            read.extend(who[from..].iter().map(|who| who.id).zip(settings));
        }
        read
    }
}

/// Compares the defaults from before people were read with those from after; one that changed is unknown.
///
/// Who merely follows it would otherwise seem to have chosen the new value against the old default.
fn steady(
    before: BTreeMap<TenantSetting, Known<Value>>,
    mut after: BTreeMap<TenantSetting, Known<Value>>,
) -> BTreeMap<TenantSetting, Known<Value>> {
    let changed = || {
        Known::Unknown(Arc::new(Refusal {
            kind: RefusalKind::Conflict,
            message: "the default changed while people were being read".to_owned(),
            request_id: None,
        }))
    };
    let judge = |(setting, was): (TenantSetting, Known<Value>)| {
        let is = match (was, after.remove(&setting)) {
            (Known::Is(was), Some(Known::Is(is))) if was != is => changed(),
            (Known::Is(_), Some(is)) => is,
            (was, _) => was,
        };
        (setting, is)
    };
    before.into_iter().map(judge).collect()
}

fn not_asked_defaults() -> BTreeMap<TenantSetting, Known<Value>> {
    let why = Arc::new(Refusal::not_asked());
    TenantSetting::ALL.into_iter().map(|setting| (setting, Known::Unknown(Arc::clone(&why)))).collect()
}

fn enabled_members(people: &BTreeMap<PersonId, Found>) -> u64 {
    number(people.values().filter(|person| person.enabled && person.kind == Kind::Member).count())
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

//! Reads everything that a plan is made from, and has no method that writes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt;

use super::auth::{Audience, SignedIn, Tokens};
use super::defaults::{not_asked, steady};
use super::fuse::Fuse;
use super::graph::{Directory, Found, Graph, Learnt, One};
use super::insights::{Identity, Insights};
use super::parts::Parts;
use super::{Connection, Reading, known};
use crate::clock::Clock;
use crate::model::{
    ActualPerson, ActualState, ActualTenant, Catalogue, GroupId, Kind, Known, Licences, LicensingGroup,
    LicensingState, Members, Membership, PersonId, Refusal, RefusalKind, Selector, Settings, TenantId,
    TenantSetting, Value,
};
use crate::plan::{AuditRecord, Questions, Scope, Silence};

/// Is how many batches of people we have waiting at once; how many are sent at once is for the [pace](super::pace::Pace) to say.
const WAITING: usize = 32;

/// Reads one tenant. Clones share connections, tokens and what was learnt.
#[derive(Clone, Debug)]
pub struct Reader(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    tenant: TenantId,
    name: Arc<str>,
    clock: Clock,
    /// Whether settings were opened from the beginning.
    settings: bool,
    tokens: Arc<Tokens>,
    signed_in: SignedIn,
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
        let Scope { people: _, waiting: _, settings, tenant_settings, count_people } = scope;
        Self { settings: *settings, tenant_settings: *tenant_settings, count_people: *count_people }
    }
}

impl Reader {
    /// Signs in and makes sure that it is the tenant that was meant, and that what will be asked for is open.
    ///
    /// Reading the tenant's own record takes a permission that serves for nothing else. Where that is missing, the token
    /// says which tenant it is, and the name is the connection's.
    pub async fn connect(connection: Connection, clock: Clock) -> Result<Self, Refusal> {
        let (parts, _) = Parts::of(&connection, &clock)?;
        Self::with(parts, connection, clock).await
    }

    /// Does what [`Reader::connect`] does, over a way that is there already.
    #[cfg(test)]
    pub(crate) async fn over(
        way: super::service::Way,
        connection: Connection,
        clock: Clock,
    ) -> Result<Self, Refusal> {
        let parts = Parts::over(&way, &connection, &clock)?;
        Self::with(parts, connection, clock).await
    }

    async fn with(parts: Parts, connection: Connection, clock: Clock) -> Result<Self, Refusal> {
        let Parts { tokens, graph, insights } = parts;
        let Connection { tenant, settings, name, on_reading, .. } = connection;
        let exchange = async { if settings { tokens.sign_in(Audience::Exchange).await } else { Ok(None) } };
        let (for_graph, for_exchange) = tokio::join!(tokens.sign_in(Audience::Graph), exchange);
        let signed_in = SignedIn { graph: for_graph?, exchange: for_exchange? };
        if let Some(lack) = signed_in.directory_lack() {
            return Err(lack.refusal());
        }
        let token_tells = signed_in.graph.as_ref().is_some_and(|token| token.tenant.is_some());
        let (id, name) = match graph.organization().await {
            Ok(organization) => organization,
            Err(refusal) if refusal.kind == RefusalKind::Forbidden && token_tells => {
                (tenant, name.unwrap_or_else(|| tenant.to_string().into()))
            }
            Err(refusal) => return Err(refusal),
        };
        if id != tenant {
            return Err(Refusal {
                kind: RefusalKind::SignIn,
                message: format!("signed in to tenant {id}, where {tenant} was meant"),
                request_id: None,
            });
        }
        let directory = Directory::new(on_reading);
        let inner = Inner { tenant, name, clock, settings, tokens, signed_in, graph, insights, directory };
        Ok(Self(Arc::new(inner)))
    }

    /// Makes sure that insights settings are open to whoever signed in, as far as that can be known beforehand.
    pub async fn open_settings(&self) -> Result<(), Refusal> {
        let Inner { settings, tokens, signed_in, insights, .. } = &*self.0;
        let signed_in = if *settings {
            signed_in.clone()
        } else {
            SignedIn { graph: None, exchange: tokens.sign_in(Audience::Exchange).await? }
        };
        match signed_in.settings_lack() {
            Some(lack) => Err(lack.refusal()),
            None if *settings => Ok(()),
            None => insights.ready().await,
        }
    }

    /// Gives the tenant that it reads.
    pub fn tenant(&self) -> TenantId {
        self.0.tenant
    }

    /// Says who signed in, as the tokens of the beginning tell; for Exchange only where settings were to be asked for.
    ///
    /// Without a permission for the directory there is no reader; whether one without access to settings will do depends
    /// on what is asked of it.
    pub fn signed_in(&self) -> &SignedIn {
        &self.0.signed_in
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
        let Inner { clock, graph, directory, .. } = &*self.0;
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
        self.observe_beside(people, &BTreeSet::new(), ask).await
    }

    /// Does what [`Reader::observe`] does for everybody in a scope; of those who wait it reads no settings.
    pub async fn observe_scope(&self, scope: &Scope) -> Result<ActualState, Refusal> {
        self.observe_beside(&scope.people, &scope.waiting, Ask::from(scope)).await
    }

    async fn observe_beside(
        &self,
        people: &BTreeSet<PersonId>,
        waiting: &BTreeSet<PersonId>,
        ask: Ask,
    ) -> Result<ActualState, Refusal> {
        let inner = &*self.0;
        let began = inner.clock.now();
        if ask.settings || ask.tenant_settings {
            inner.insights.ready().await?;
        }
        let (count, tenant_settings, found) = tokio::join!(
            async {
                // A complete listing can be counted without another call.
                if ask.count_people && !inner.directory.learnt().complete {
                    Some(known(inner.graph.count_enabled_members().await))
                } else {
                    None
                }
            },
            async { if ask.tenant_settings { inner.insights.tenant().await } else { not_asked() } },
            self.find(people, waiting),
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
        for id in people.union(waiting) {
            let Some(Found { upn, mail, kind, enabled, licences }) = known_people.remove(id) else {
                continue;
            };
            let mailbox = mail.is_some() || licences.mailbox(&catalogue);
            if ask.settings && enabled && mailbox && kind == Kind::Member && people.contains(id) {
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
            licensing: BTreeMap::new(),
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

    /// Reads groups that hand out licences, with their direct user members.
    ///
    /// Members whom `told` names already come without their names.
    pub async fn licensing_groups(
        &self,
        groups: &BTreeSet<GroupId>,
        told: &BTreeMap<PersonId, ActualPerson>,
    ) -> BTreeMap<GroupId, Known<LicensingGroup>> {
        let mut read = self.0.graph.licensing_groups(groups).await;
        for group in read.values_mut() {
            let Known::Is(LicensingGroup { state: _, members }) = group else { continue };
            for member in members.iter_mut().filter(|member| told.contains_key(&member.id)) {
                member.upn = None;
            }
        }
        read
    }

    /// Reads what groups hand out, and how far the directory is with that.
    pub async fn licensing_states(
        &self,
        groups: &BTreeSet<GroupId>,
    ) -> BTreeMap<GroupId, Known<LicensingState>> {
        self.0.graph.licensing_states(groups).await
    }

    /// Reads again the tenant's defaults; a setting without a read field is absent.
    pub async fn tenant_settings(&self) -> BTreeMap<TenantSetting, Known<Value>> {
        self.0.insights.tenant().await
    }

    /// Lets go of what is kept open between requests; a later request opens it again.
    pub async fn close(&self) {
        self.0.insights.close().await;
    }

    /// Asks the tenant's audit log who changed settings, and gives the records about those who are asked about.
    ///
    /// Waits no longer than `patience`. Whatever goes wrong is a reason for silence, and no error: nothing hangs on it.
    pub async fn who_changed(
        &self,
        questions: &Questions,
        patience: Duration,
    ) -> Result<Vec<AuditRecord>, Silence> {
        let inner = &*self.0;
        let ours = inner.signed_in.graph.as_ref().and_then(|claims| claims.application.as_deref());
        let tell = |waited, at_most| inner.directory.tell(Reading::AuditLog { waited, at_most });
        tokio::select! {
            // A request that hangs, or is sent again and again, counts by the machine's clock.
            () = Clock::beat(patience) => Err(Silence::NotInTime { seconds: patience.as_secs() }),
            records = inner.graph.audit(ours, questions, patience, &inner.clock, &tell) => records,
        }
    }

    pub(super) fn graph(&self) -> &Graph {
        &self.0.graph
    }

    pub(super) fn directory(&self) -> &Directory {
        &self.0.directory
    }

    pub(super) fn insights(&self) -> &dyn Insights {
        &*self.0.insights
    }

    /// Takes over what was learnt, reads who is still missing, and the products with the names of their groups.
    async fn find(
        &self,
        people: &BTreeSet<PersonId>,
        waiting: &BTreeSet<PersonId>,
    ) -> Result<(Learnt, Catalogue), Refusal> {
        let Inner { graph, directory, .. } = &*self.0;
        let missing: Vec<One<'_>> = {
            let learnt = directory.learnt();
            let missing = people.union(waiting).filter(|id| !learnt.people.contains_key(id));
            missing.map(|id| One::Id(*id)).collect()
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
            .flat_map(|person| person.licences.handed_down_by(&catalogue))
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

fn enabled_members(people: &BTreeMap<PersonId, Found>) -> u64 {
    number(people.values().filter(|person| person.enabled && person.kind == Kind::Member).count())
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

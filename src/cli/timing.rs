//! What time decides about a look: which groups are in force, and what the gates of waves hang on.

use std::cmp::Ordering;
use std::sync::Arc;

use jiff::Timestamp;

use super::args::{AsOf, Global};
use super::failure::Failure;
use super::saved::CLOCKS_DIFFER;
use super::session::{Session, clock};
use crate::manifest::Manifest;
use crate::model::rollout::RolloutStatus;
use crate::model::{ActualState, DesiredState, Known, Membership, TenantSetting, Value};
use crate::plan::{Plan, Scope, licensing_groups, measure, plan, standings};
use crate::render;
use crate::rollout::{Facts, Timeline, Windows, in_force, timeline};
use crate::store::Remembered;

/// Is what the manifest asks for on the day of the plan.
#[derive(Debug)]
pub(super) struct Timely {
    facts: Facts,
    pub(super) timeline: Timeline,
    pub(super) desired: DesiredState,
}

/// Gives what the ledger knows of the waves.
pub(super) fn facts(remembered: &Remembered) -> Facts {
    Facts { began: remembered.ledger.waves.clone(), ..Facts::default() }
}

/// Gives what is known of the waves to whoever carries a plan out: what opened a gate for it was reviewed with it.
pub(super) fn facts_with(remembered: &Remembered, plan: &Plan) -> Facts {
    let mut facts = facts(remembered);
    let found = plan.observations.waves.iter();
    facts.began.extend(found.filter_map(|(name, began)| Some((Arc::clone(name), (*began)?))));
    facts
}

/// Makes sure that what is to be written is what the manifest asks for now; in a sandbox any moment will do.
pub(super) fn may_be_applied(global: &Global, manifest: &Manifest) -> Result<(), Failure> {
    let Some(as_of) = global.as_of.filter(|_| global.sandbox.is_none()) else { return Ok(()) };
    let today = clock(global).now().to_zoned(manifest.rollout().time_zone.clone()).date();
    let fact = match as_of {
        AsOf::Day(day) => match day.cmp(&today) {
            Ordering::Equal => return Ok(()),
            Ordering::Greater => "a day that has not come can be planned, not applied",
            Ordering::Less => "a day that is past can be planned, not applied",
        },
        AsOf::Moment(_) => "a moment can be planned, not applied",
    };
    Err(Failure::wrong(fact)
        .hint("leave `--as-of` out, or try it in the sandbox with `--sandbox tenant.json`"))
}

/// Finds what time has changed since a plan was made; what undoes a run hangs on no wave.
///
/// What opened a gate for the plan was reviewed with it, and is not asked again.
pub(super) fn out_of_time(session: &Session, remembered: &Remembered, plan: &Plan) -> Option<String> {
    if plan.occasion.is_some() {
        return None;
    }
    let as_of = session.as_of();
    if plan.basis.as_of.duration_since(as_of) > CLOCKS_DIFFER {
        return Some("the plan was made for a day that has not come".to_owned());
    }
    let facts = facts_with(remembered, plan);
    let groups = session.group_names();
    let now = session.timeline(&facts, as_of).in_force;
    let then = plan.rollout.as_ref().map(|rollout| in_force(&groups, &rollout.waves)).unwrap_or_default();
    let differs = (0..).zip(&groups).filter(|(index, _)| now.group(*index) != then.group(*index));
    let differs: Vec<_> = differs.map(|(_, name)| format!("`{}`", render::inert(name))).collect();
    if differs.is_empty() {
        return None;
    }
    Some(format!("since the plan was made, waves of the rollout began or ended for {}", differs.join(", ")))
}

/// Gives the moment that a run which writes stands for: in a sandbox the one that was asked for, else now.
///
/// No argument opens a real tenant in a freeze, or puts waves in force that the clock does not.
pub(super) fn of_writing(global: &Global) -> Option<AsOf> {
    global.as_of.filter(|_| global.sandbox.is_some())
}

impl Session {
    /// Says where the waves stand at a moment.
    pub(super) fn timeline(&self, facts: &Facts, as_of: Timestamp) -> Timeline {
        timeline(self.manifest.rollout(), &self.group_names(), facts, as_of)
    }

    /// Names the manifest's groups, in order.
    pub(super) fn group_names(&self) -> Vec<Arc<str>> {
        self.manifest.groups().iter().map(|group| Arc::clone(group.name())).collect()
    }

    /// Says what the manifest asks for, as far as dates and the ledger say what is in force.
    pub(super) fn timely(&self, membership: &Membership, remembered: &Remembered) -> Result<Timely, Failure> {
        let facts = facts(remembered);
        let timeline = self.timeline(&facts, self.as_of());
        let desired = self.desired(membership, &timeline)?;
        Ok(Timely { facts, timeline, desired })
    }

    fn desired(&self, membership: &Membership, timeline: &Timeline) -> Result<DesiredState, Failure> {
        let mut desired = self.manifest.resolve(membership, &timeline.in_force)?;
        let time_zone = self.manifest.rollout().time_zone.iana_name().unwrap_or("UTC").to_owned();
        desired.rollout = RolloutStatus { time_zone, waves: timeline.waves.clone() };
        if self.heeds_windows {
            let windows = Windows::of(self.manifest.rollout(), &self.group_names(), timeline);
            windows.close(timeline.as_of, &mut desired);
        }
        Ok(desired)
    }

    /// Reads what people have whose wave has not begun, where a default is about to move.
    ///
    /// What they chose shows only as long as the default is another one. Nothing is read on any other day.
    pub(super) async fn read_choices(
        &self,
        timely: &Timely,
        actual: &mut ActualState,
    ) -> Result<(), Failure> {
        let DesiredState { tenant: wanted, waiting, .. } = &timely.desired;
        let moves = |(setting, want): (&TenantSetting, &Value)| {
            let have = actual.tenant.settings.get(setting).and_then(Known::known);
            setting.feature().is_some() && have.is_some_and(|have| have != want)
        };
        if waiting.is_empty() || !wanted.iter().any(moves) {
            return Ok(());
        }
        let who = Scope { people: waiting.keys().copied().collect(), settings: true, ..Scope::default() };
        self.reader.open_settings().await?;
        let read = self.reader.observe_scope(&who).await?;
        actual.people.extend(read.people);
        Ok(())
    }

    /// Measures the waves that others wait for, and reads whom that puts in force, until nothing more begins.
    ///
    /// A rollout in which nothing hangs on a measure costs nothing here, and nobody's settings are read twice.
    pub(super) async fn ask_conditions(
        &self,
        timely: &mut Timely,
        actual: &mut ActualState,
        mut scope: Scope,
        membership: &Membership,
        remembered: &Remembered,
    ) -> Result<(), Failure> {
        for _ in 0..self.manifest.rollout().waves.len() {
            if !timely.timeline.waits_for_a_measure() {
                return Ok(());
            }
            self.read_licensing(&timely.desired, actual).await;
            self.take_measures(timely, actual, remembered);
            let next = self.timeline(&timely.facts, timely.timeline.as_of);
            // What has begun is not asked about again: whom it takes over must not shut its own gate.
            let begun = next.waves.iter().filter(|wave| wave.gated && wave.has_begun());
            let begun = begun.filter_map(|wave| Some((Arc::clone(&wave.name), wave.begins?)));
            timely.facts.began.extend(begun);
            let same = next.in_force == timely.timeline.in_force;
            timely.desired = self.desired(membership, &next)?;
            timely.timeline = next;
            if same {
                return Ok(());
            }
            self.read_more(&timely.desired, actual, &mut scope, remembered).await?;
        }
        Ok(())
    }

    fn take_measures(&self, timely: &mut Timely, actual: &ActualState, remembered: &Remembered) {
        let (desired, ledger) = (&timely.desired, &remembered.ledger);
        let plan = plan(desired, actual, ledger, &self.context(remembered, false));
        let standings = standings(&plan, desired, actual, ledger);
        let waves = (0..).zip(&self.manifest.rollout().waves);
        let measured = waves.filter_map(|(index, wave)| Some((index, measure(&standings, desired, wave)?)));
        timely.facts.measures = measured.collect();
    }

    /// Reads who came into force, and keeps what was read before.
    async fn read_more(
        &self,
        desired: &DesiredState,
        actual: &mut ActualState,
        scope: &mut Scope,
        remembered: &Remembered,
    ) -> Result<(), Failure> {
        let mut wider = Scope::of(desired, &remembered.ledger);
        let settings_are_new = wider.settings && !scope.settings;
        let tenant_is_new = wider.tenant_settings && !scope.tenant_settings;
        if !settings_are_new {
            wider.people.retain(|id| !scope.people.contains(id));
        }
        let more = Scope {
            people: wider.people,
            waiting: std::collections::BTreeSet::new(),
            settings: wider.settings,
            tenant_settings: tenant_is_new,
            count_people: false,
        };
        if settings_are_new || tenant_is_new {
            self.reader.open_settings().await?;
        }
        let read = self.reader.observe_scope(&more).await?;
        actual.people.extend(read.people);
        actual.catalogue.groups.extend(read.catalogue.groups);
        if tenant_is_new {
            actual.tenant.settings = read.tenant.settings;
        }
        scope.people.extend(more.people);
        scope.waiting.retain(|id| !scope.people.contains(id));
        scope.settings |= wider.settings;
        scope.tenant_settings |= wider.tenant_settings;
        Ok(())
    }

    /// Reads the licensing groups that may be changed as a whole, as far as they were not read yet.
    pub(super) async fn read_licensing(&self, desired: &DesiredState, actual: &mut ActualState) {
        let mut groups = licensing_groups(desired, actual);
        groups.retain(|group| !actual.licensing.contains_key(group));
        if !groups.is_empty() {
            let read = self.reader.licensing_groups(&groups, &actual.people).await;
            actual.licensing.extend(read);
        }
    }
}

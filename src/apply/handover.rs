//! Turns a plan into the steps of a script that an administrator runs.
//!
//! A step is what `apply` does at once for one person or one default, with every decision made that needs the plan. What
//! is left for the script is to look, to compare words, and to send what stands in the step.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::Skipped;
use super::about::{has_own_value, pinned};
use super::judge;
use crate::microsoft::{exchange_environment, graph_environment};
use crate::microsoft::{set_person, set_tenant};
use crate::model::{Cloud, Feature, PersonId, Refusal, ServicePlanId, SkuId, Value};
use crate::plan::calls::{Set, Task, Work, calls};
use crate::plan::{Because, Operation, Phase, Plan, Target};

/// Is a plan as a script carries it out, less who is left out of it.
#[derive(Debug)]
pub struct Handover<'p> {
    /// The plan.
    pub plan: &'p Plan,
    /// What it holds to, once it is out of our hands.
    pub bounds: Bounds,
    /// How many people are left out, since they are no longer as planned, or protected by now.
    pub people_left_out: u64,
    /// How many defaults are left out, since somebody else has changed them.
    pub defaults_left_out: u64,
    work: Vec<Work>,
    /// Defaults that have to wait, since a value that was to outlive them is left out.
    held: BTreeSet<Feature>,
    /// People whom an operation of this plan opts out.
    opts_out: BTreeSet<PersonId>,
}

/// Is what a script makes sure of by itself, long after it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// When the plan is too old, or the first consent to it is over.
    pub not_after: Timestamp,
    /// How many people may be found changed before the plan as a whole is stale.
    pub may_move: u64,
    /// Which services it signs in to.
    pub cloud: Cloud,
}

impl Bounds {
    /// Gives what Microsoft's module for Exchange calls the cloud; empty for the worldwide one.
    pub fn exchange_environment(&self) -> &'static str {
        exchange_environment(self.cloud).unwrap_or_default()
    }

    /// Gives what Microsoft's module for Graph calls the cloud; empty for the worldwide one.
    pub fn graph_environment(&self) -> &'static str {
        graph_environment(self.cloud).unwrap_or_default()
    }
}

/// Says what a step is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Mode and features of a person.
    Person,
    /// A default of the tenant.
    Default,
    /// The service plans of a person.
    Licences,
}

/// Is what a script does at once.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Its number, from 1.
    pub step: u64,
    /// When it is carried out; steps follow each other in this order.
    pub phase: Phase,
    /// What it is about.
    pub kind: Kind,
    /// `userPrincipalName`, the cmdlets' `-Identity`; absent for the tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<Arc<str>>,
    /// Entra object id; absent for the tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<PersonId>,
    /// The group that decides, or `tenant`.
    pub group: Arc<str>,
    /// The operations of the plan that it carries out.
    pub operations: Vec<StepOperation>,
    /// The parameters of each call besides the identity, in order; empty for licences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<serde_json::Value>,
    /// The products to write.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub licences: Vec<StepLicence>,
    /// Carried out only once the person's opt-out was read back.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub opted_out_first: bool,
    /// Not carried out for somebody who has opted out meanwhile.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub not_opted_out: bool,
    /// Has to wait, since somebody who was to keep the value is left out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
}

/// Is one operation of a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepOperation {
    /// Its number in the plan, from 1.
    pub number: u64,
    /// The setting's word.
    pub setting: &'static str,
    /// What was read; `None` when the setting cannot be read at all.
    pub from: Option<Value>,
    /// What is to be.
    pub to: Value,
    /// The default that waits until this stands, if it is a pin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pins: Option<&'static str>,
    /// What the calls leave there, each for itself.
    pub leaves: Vec<Value>,
    /// Which calls touch it, from 0.
    pub calls: Vec<usize>,
}

/// Is one product of a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepLicence {
    /// The product.
    pub sku: SkuId,
    /// `disabledPlans` as found, sorted.
    pub before: Vec<ServicePlanId>,
    /// `disabledPlans` to write, sorted.
    pub after: Vec<ServicePlanId>,
}

impl<'p> Handover<'p> {
    /// Gathers the work of a plan, less who was found changed and who is protected by now.
    pub fn of(plan: &'p Plan, left_out: &Skipped, bounds: Bounds) -> Self {
        let why = |index: &usize| left_out.why(&plan.operations[*index]);
        let mut held = BTreeSet::new();
        let mut opts_out = BTreeSet::new();
        for operation in &plan.operations {
            if let (Some(feature), Some(why)) = (pinned(operation), left_out.why(operation))
                && !has_own_value(operation, why)
            {
                held.insert(feature);
            }
            if let (Target::Person(person), Value::OPT_OUT) = (&operation.target, operation.to) {
                opts_out.insert(person.id);
            }
        }
        let mut work = calls(&plan.operations);
        work.retain(|work| work.operations.iter().all(|index| why(index).is_none()));
        // A plan that changes licensing groups is not handed over.
        let Skipped { people, tenant, groups: _ } = left_out;
        Self {
            plan,
            bounds,
            people_left_out: people.len() as u64,
            defaults_left_out: tenant.len() as u64,
            work,
            held,
            opts_out,
        }
    }

    /// Counts the steps.
    pub fn len(&self) -> u64 {
        self.work.len() as u64
    }

    /// Says whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.work.is_empty()
    }

    /// Counts the writes where nothing has to be repeated.
    pub fn calls(&self) -> u64 {
        self.work.iter().map(|work| work.task.calls()).sum()
    }

    /// Counts the operations on service plans, which a script carries out through Microsoft Graph.
    pub fn licences(&self) -> u64 {
        self.work.iter().filter(|work| matches!(work.task, Task::Licences { .. })).count() as u64
    }

    /// Lists the operations that are carried out, in order.
    pub fn operations(&self) -> impl Iterator<Item = &'p Operation> {
        let plan = self.plan;
        self.work.iter().flat_map(|work| &work.operations).map(move |index| &plan.operations[*index])
    }

    /// Walks over the steps, in order.
    ///
    /// # Errors
    ///
    /// An address could be taken for everybody, and no call with it is ever sent.
    pub fn steps(&self) -> impl Iterator<Item = Result<Step, Refusal>> {
        (1..).zip(&self.work).map(|(number, work)| self.step(number, work))
    }

    fn step(&self, number: u64, work: &Work) -> Result<Step, Refusal> {
        let operations: Vec<&Operation> =
            work.operations.iter().map(|index| &self.plan.operations[*index]).collect();
        let step = Step {
            step: number,
            phase: work.phase,
            kind: Kind::Default,
            identity: None,
            id: None,
            group: Arc::from("tenant"),
            operations: Vec::new(),
            calls: Vec::new(),
            licences: Vec::new(),
            opted_out_first: false,
            not_opted_out: false,
            held: false,
        };
        let numbered = |sets: &[Set]| {
            let pairs = work.operations.iter().zip(&operations);
            pairs.map(|(index, operation)| described(*index, operation, sets)).collect()
        };
        Ok(match &work.task {
            Task::Tenant { setting, value } => Step {
                operations: numbered(&[]),
                calls: vec![set_tenant(*setting, *value)?.parameters],
                held: setting.feature().is_some_and(|feature| self.held.contains(&feature)),
                ..step
            },
            Task::Settings { id, upn, sets } => Step {
                kind: Kind::Person,
                identity: Some(Arc::clone(upn)),
                id: Some(*id),
                group: group(operations[0]),
                operations: numbered(sets),
                calls: sets.iter().map(|set| parameters(upn, *set)).collect::<Result<_, _>>()?,
                not_opted_out: self.may_not_be_opted_out(*id, &operations),
                ..step
            },
            Task::Licences { id, upn, changes } => Step {
                kind: Kind::Licences,
                identity: Some(Arc::clone(upn)),
                id: Some(*id),
                group: group(operations[0]),
                operations: numbered(&[]),
                licences: changes
                    .iter()
                    .map(|change| StepLicence {
                        sku: change.sku,
                        before: change.disabled_before.clone(),
                        after: change.disabled_after.clone(),
                    })
                    .collect(),
                opted_out_first: operations.iter().any(|operation| operation.after_opt_out),
                ..step
            },
        })
    }

    /// Says whether switching something on would go against an opt-out that the person has made since.
    fn may_not_be_opted_out(&self, id: PersonId, operations: &[&Operation]) -> bool {
        // A run that is undone brings features back beside the opt-out that it brings back.
        let undone = operations.iter().all(|operation| operation.because == Because::RolledBack)
            && self.opts_out.contains(&id);
        judge::goes_against_an_opt_out(operations) && !undone
    }
}

fn described(index: usize, operation: &Operation, sets: &[Set]) -> StepOperation {
    let (setting, leaves, calls) = match &operation.target {
        Target::Tenant(setting) => (setting.word(), vec![operation.to], vec![0]),
        Target::Person(person) => {
            let touching = sets.iter().enumerate();
            let touching = touching.filter_map(|(at, set)| Some((at, judge::leaves(*set, person.setting)?)));
            let (calls, leaves) = touching.unzip();
            (person.setting.word(), leaves, calls)
        }
    };
    StepOperation {
        number: index as u64 + 1,
        setting,
        from: operation.from,
        to: operation.to,
        pins: pinned(operation).map(|feature| feature.setting().word()),
        leaves,
        calls,
    }
}

fn group(operation: &Operation) -> Arc<str> {
    match &operation.target {
        Target::Tenant(_) => Arc::from("tenant"),
        Target::Person(person) => Arc::clone(&person.group),
    }
}

/// Gives the parameters of one call, without the identity, which stands in the step.
fn parameters(upn: &str, set: Set) -> Result<serde_json::Value, Refusal> {
    let mut parameters = set_person(upn, set)?.parameters;
    if let Some(parameters) = parameters.as_object_mut() {
        parameters.remove("Identity");
    }
    Ok(parameters)
}

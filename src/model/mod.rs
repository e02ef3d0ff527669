//! The words that everything else is written in.
//!
//! This room depends on nothing of ours. Its types carry facts and no sentences; what a person reads is chosen in
//! `render`.

pub mod change;
pub mod cloud;
pub mod desired;
pub mod ledger;
pub mod licence;
pub mod mark;
pub mod permission;
pub mod person;
pub mod plan_hash;
pub mod profile;
pub mod results;
pub mod rollout;
pub mod setting;
pub mod state;
pub mod subject;
pub mod tenant;
pub mod waiver;

pub use change::{Class, Limit};
pub use cloud::Cloud;
pub use desired::{
    Accepted, DesiredGroup, DesiredState, Held, OnLeave, OnUserChoice, Overlap, ReOptIn, Settle,
};
pub use ledger::{By, Entry, Found, Ledger, PersonRecord, TenantEntry, Tried};
pub use licence::{
    Catalogue, GroupMember, Licences, LicensingGroup, LicensingState, ServicePlanId, Sku, SkuId, Source,
};
pub use mark::Mark;
pub use permission::{AdminRole, Because, Need, Needs, Permission, Purpose};
pub use person::{GroupId, Kind, PersonId, Selector};
pub use plan_hash::{NotAPlanHash, PlanHash};
pub use profile::{NamedGroup, Profile};
pub use results::{NotAnEnding, ResultRow, Sight, StepEnding};
pub use rollout::{Force, InForce, Measure, Percent, Rollout, Standing, Tally, Wave};
pub use setting::{BySetting, Feature, Mode, Rate, ServicePlan, Setting, Switch, TenantSetting, Value};
pub use state::{ActualPerson, ActualState, ActualTenant, Known, Refusal, RefusalKind, Settings};
pub use subject::Subject;
pub use tenant::{Members, Membership, TenantId};
pub use waiver::Waiver;

//! Reads and writes the insights settings, whatever carries them.
//!
//! Microsoft documents the cmdlets and not the wire beneath them, so the carrier is a trait: the Exchange REST
//! envelope in [`exchange`], and PowerShell itself in [`powershell`].

pub(crate) mod exchange;
pub(crate) mod powershell;
pub(crate) mod wire;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::writer::{PersonWrite, Sent};
use crate::model::{Known, PersonId, Refusal, Settings, TenantSetting, Value};

/// Is a person as the cmdlets want them: `-Identity` is the user principal name, and the answer may bear either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) id: PersonId,
    pub(crate) upn: Arc<str>,
}

/// Is a way to the settings service.
pub(crate) trait Insights: Debug + Send + Sync {
    /// Says how many people one call reads or writes.
    fn at_once(&self) -> usize;

    /// Makes sure that nothing on this machine is in the way, so that it is told before anything else is read.
    fn ready(&self) -> BoxFuture<'_, Result<(), Refusal>>;

    /// Reads people, at most [`Insights::at_once`] of them, in the same order.
    fn people(&self, who: Vec<Identity>) -> BoxFuture<'_, Vec<Known<Settings>>>;

    /// Reads the tenant's defaults; a setting without a read field is absent.
    fn tenant(&self) -> BoxFuture<'_, BTreeMap<TenantSetting, Known<Value>>>;

    /// Writes people, at most [`Insights::at_once`] of them, each independently of the others, in the same order.
    fn set_people(&self, writes: Vec<PersonWrite>) -> BoxFuture<'_, Vec<Sent>>;

    /// Writes one of the tenant's defaults.
    fn set_tenant(&self, setting: TenantSetting, value: Value) -> BoxFuture<'_, Sent>;

    /// Lets go of what is kept open between requests.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// Stands for the tenant's defaults when none could be read; the sampling rate has no read field and is absent.
fn all_unknown(refusal: Refusal) -> BTreeMap<TenantSetting, Known<Value>> {
    let refusal = Arc::new(refusal);
    TenantSetting::ALL
        .into_iter()
        .filter(|setting| *setting != TenantSetting::SurveySamplingRate)
        .map(|setting| (setting, Known::Unknown(Arc::clone(&refusal))))
        .collect()
}

//! Reads what the directory knows beside the people whom a plan is about: profiles, groups and products by name.

use std::collections::{BTreeMap, BTreeSet};

use super::Reader;
use crate::model::{NamedGroup, PersonId, Profile, Refusal, Sku, SkuId};

impl Reader {
    /// Reads what the directory says of people beside the settings; whoever is not in it is absent from the answer.
    ///
    /// Needs no permission beyond the one for people. A text that many share is kept once.
    pub async fn profiles(
        &self,
        people: &BTreeSet<PersonId>,
    ) -> Result<BTreeMap<PersonId, Profile>, Refusal> {
        self.graph().profiles(people, self.directory()).await
    }

    /// Reads what the directory says of everybody in it beside the settings.
    pub async fn all_profiles(&self) -> Result<BTreeMap<PersonId, Profile>, Refusal> {
        self.graph().all_profiles(|_| true, self.directory()).await
    }

    /// Lists all groups of the tenant, without their members, in no order.
    pub async fn groups(&self) -> Result<Vec<NamedGroup>, Refusal> {
        self.graph().groups().await
    }

    /// Lists the tenant's products.
    pub async fn products(&self) -> Result<BTreeMap<SkuId, Sku>, Refusal> {
        Ok(self.graph().products_once(self.directory()).await?.skus())
    }
}

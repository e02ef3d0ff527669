//! What was typed behind `import`.

use clap::Args;

use super::read::cloud;
use crate::model::Cloud;

#[derive(Debug, Args)]
pub(in crate::cli) struct ImportArgs {
    /// The tenant's directory id; by default that of the sandbox's file, or `AZURE_TENANT_ID`
    #[arg(long, value_name = "GUID")]
    pub(in crate::cli) tenant_id: Option<uuid::Uuid>,
    /// The tenant's name
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) tenant_name: Option<String>,
    /// The cloud that the tenant is in: worldwide, gcc, gcc-high, dod or china
    #[arg(long, value_name = "CLOUD", default_value = "worldwide", value_parser = cloud)]
    pub(in crate::cli) cloud: Cloud,
    /// Describe only the members of this group, nested ones too (object id, mail or display name); may be given more
    /// than once
    #[arg(long, value_name = "GROUP")]
    pub(in crate::cli) group: Vec<String>,
    /// Describe only those who match this Microsoft Graph $filter; may be given more than once
    #[arg(long, value_name = "FILTER")]
    pub(in crate::cli) filter: Vec<String>,
    /// Let rules name these groups of the directory only, instead of all that are found; separate them by commas
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    pub(in crate::cli) groups: Vec<String>,
    /// Read the members of so many groups at most, those that hand out licences first
    #[arg(long, value_name = "N", default_value_t = 500, conflicts_with = "groups")]
    pub(in crate::cli) most_groups: usize,
}

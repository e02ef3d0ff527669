//! Names what an application has to be granted, and says what a manifest needs of it.
//!
//! The names, and which wider permission includes which, come from the permission tables of the Microsoft Graph v1.0
//! reference, for applications. Which directory roles open the insights settings is told by the service itself, in
//! the words with which it refuses (github.com/microsoft/Microsoft365DSC, issue 4171).

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::{Uuid, uuid};

/// Names a permission of an application, in the order in which they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Permission {
    /// Groups, and who their members are.
    #[serde(rename = "GroupMember.Read.All")]
    GroupMembers,
    /// People, and the licences that they hold.
    #[serde(rename = "User.Read.All")]
    Users,
    /// The tenant's products (`subscribedSkus`).
    #[serde(rename = "LicenseAssignment.Read.All")]
    Licences,
    /// Assigning and removing licences (`assignLicense`).
    #[serde(rename = "LicenseAssignment.ReadWrite.All")]
    LicenceWrites,
    /// The members of groups that hide them.
    #[serde(rename = "Member.Read.Hidden")]
    HiddenMembers,
    /// The tenant's display name.
    #[serde(rename = "Organization.Read.All")]
    Organization,
    /// Who changed a setting.
    #[serde(rename = "AuditLogsQuery.Read.All")]
    AuditLog,
    /// The cmdlets of Exchange Online, among them those for the insights settings.
    #[serde(rename = "Exchange.ManageAsApp")]
    Exchange,
}

impl Permission {
    /// Lists every permission that insightctl can make use of.
    pub const ALL: [Self; 8] = [
        Self::GroupMembers,
        Self::Users,
        Self::Licences,
        Self::LicenceWrites,
        Self::HiddenMembers,
        Self::Organization,
        Self::AuditLog,
        Self::Exchange,
    ];

    /// Gives its name, as the Entra admin centre and the token's `roles` spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::GroupMembers => "GroupMember.Read.All",
            Self::Users => "User.Read.All",
            Self::Licences => "LicenseAssignment.Read.All",
            Self::LicenceWrites => "LicenseAssignment.ReadWrite.All",
            Self::HiddenMembers => "Member.Read.Hidden",
            Self::Organization => "Organization.Read.All",
            Self::AuditLog => "AuditLogsQuery.Read.All",
            Self::Exchange => "Exchange.ManageAsApp",
        }
    }

    /// Lists the wider permissions that include it.
    pub fn included_in(self) -> &'static [&'static str] {
        match self {
            Self::GroupMembers => &[
                "GroupMember.ReadWrite.All",
                "Group.Read.All",
                "Group.ReadWrite.All",
                "Directory.Read.All",
                "Directory.ReadWrite.All",
            ],
            Self::Users => &["User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"],
            // `LicenseAssignment.ReadWrite.All` is not among them, strange as that is.
            Self::Licences | Self::Organization => &[
                "Organization.Read.All",
                "Organization.ReadWrite.All",
                "Directory.Read.All",
                "Directory.ReadWrite.All",
            ],
            Self::LicenceWrites => &["User.ReadWrite.All", "Directory.ReadWrite.All"],
            Self::HiddenMembers | Self::AuditLog | Self::Exchange => &[],
        }
    }

    /// Says whether one of these roles of a token grants it.
    pub fn is_granted(self, roles: &BTreeSet<String>) -> bool {
        roles.contains(self.name()) || self.included_in().iter().any(|wider| roles.contains(*wider))
    }

    /// Says whether it does no harm although no manifest needs it: it tells more, and opens nothing to writing.
    pub fn is_optional(self) -> bool {
        match self {
            Self::HiddenMembers | Self::Organization | Self::AuditLog => true,
            Self::GroupMembers | Self::Users | Self::Licences | Self::LicenceWrites | Self::Exchange => false,
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Names a directory role that opens the insights settings; a role that only reads opens nothing there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdminRole {
    /// The one that suffices.
    Exchange,
    /// Accepted by the service; Microsoft does not list it for cmdlets that applications run.
    Insights,
    /// Accepted by the service.
    Teams,
    /// Everything.
    Global,
}

impl AdminRole {
    /// Lists the roles.
    pub const ALL: [Self; 4] = [Self::Exchange, Self::Insights, Self::Teams, Self::Global];

    /// Gives its name, as the Entra admin centre spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exchange => "Exchange Administrator",
            Self::Insights => "Insights Administrator",
            Self::Teams => "Teams Administrator",
            Self::Global => "Global Administrator",
        }
    }

    /// Gives the id of its template, which stands in the token's `wids`.
    pub fn template(self) -> Uuid {
        match self {
            Self::Exchange => uuid!("29232cdf-9323-42fd-ade2-1d097af3e4de"),
            Self::Insights => uuid!("eb1f4a8d-243a-41f0-9fbd-c7cdf6c5ef7c"),
            Self::Teams => uuid!("69091246-20e8-4a56-aa4d-066075b2a7a8"),
            Self::Global => uuid!("62e90394-69f5-4237-9190-012177145e10"),
        }
    }
}

impl fmt::Display for AdminRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Says what is to be done with a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Looking: `plan`, `drift`, `explain`, `export`.
    Plan,
    /// Writing as well.
    Apply,
}

/// Says why a manifest needs a permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Because {
    /// Every manifest does.
    Always,
    /// These lines of the manifest ask for it.
    Lines(BTreeSet<u32>),
}

/// Is one permission that a manifest needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// Which.
    pub permission: Permission,
    /// Whether looking needs it already, or only writing.
    pub purpose: Purpose,
    /// Why.
    pub because: Because,
}

/// Is the least that an application has to be granted for a manifest, each permission once and in their order.
///
/// Where [`Permission::Exchange`] is among them, one of the [`AdminRole`]s goes with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs(pub Vec<Need>);

impl Needs {
    /// Says whether a permission is needed for a purpose.
    pub fn include(&self, permission: Permission, purpose: Purpose) -> bool {
        self.of(purpose).any(|need| need.permission == permission)
    }

    /// Walks over what a purpose needs.
    pub fn of(&self, purpose: Purpose) -> impl Iterator<Item = &Need> {
        self.0.iter().filter(move |need| need.purpose <= purpose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_and_role_is_listed_once_in_its_order() {
        assert!(Permission::ALL.is_sorted_by(|one, other| one < other));
        assert!(AdminRole::ALL.is_sorted_by(|one, other| one < other));
        for permission in Permission::ALL {
            assert_eq!(serde_json::to_value(permission).unwrap(), permission.name());
        }
    }

    #[test]
    fn a_wider_permission_grants_what_it_includes() {
        let granted = |permission: Permission, role: &str| permission.is_granted(&[role.to_owned()].into());
        assert!(
            granted(Permission::Users, "User.Read.All") && granted(Permission::Users, "Directory.Read.All")
        );
        assert!(granted(Permission::Licences, "Organization.Read.All"));
        assert!(!granted(Permission::Licences, "LicenseAssignment.ReadWrite.All"), "by Microsoft's table");
        assert!(!granted(Permission::LicenceWrites, "LicenseAssignment.Read.All"));
        assert!(!granted(Permission::Users, "user.read.all"), "names are compared as they are");
    }
}

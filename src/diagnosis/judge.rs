//! Turns what was seen into lines, one for each check.

use std::collections::BTreeSet;

use super::{
    Amiss, Bearer, Check, Diagnosis, Finding, GroupsSeen, Line, ManifestSeen, NoManifest, Reach, Seen,
    StoreSeen, TenantSeen,
};
use crate::model::{AdminRole, Needs, Permission, Purpose, TenantId};

/// Judges everything that was seen.
pub fn judge(seen: Seen) -> Diagnosis {
    let Seen { purpose, manifest, tenant, store } = seen;
    let (first, manifest) = match manifest {
        Ok(manifest) => {
            let ManifestSeen { file, tenant: _, groups, warnings, needs: _ } = &manifest;
            let finding = Finding::Manifest { file: file.clone(), groups: *groups, warnings: *warnings };
            (finding, Some(manifest))
        }
        Err(NoManifest { file, errors, first }) => (Finding::NoManifest { file, errors, first }, None),
    };
    let granted = tenant.as_ref().and_then(granted);
    let unverified = tenant.as_ref().map(|tenant| tenant.unverified.clone()).unwrap_or_default();
    let mut findings = Findings(vec![Line { check: Check::Manifest, finding: first }]);
    if let (Some(manifest), Some(tenant)) = (&manifest, tenant) {
        of_tenant(&mut findings, manifest, purpose, tenant);
    }
    if let Some(store) = store {
        of_store(&mut findings, store);
    }
    Diagnosis {
        purpose,
        tenant: manifest.as_ref().map(|manifest| manifest.tenant),
        needs: manifest.map(|manifest| manifest.needs),
        granted,
        lines: findings.complete(),
        unverified,
    }
}

/// Gathers findings, in any order.
struct Findings(Vec<Line>);

impl Findings {
    fn add(&mut self, check: Check, finding: Finding) {
        self.0.push(Line { check, finding });
    }

    /// Adds what was found, or that nobody could look.
    fn seen<T>(
        &mut self,
        check: Check,
        seen: Option<Result<T, Amiss>>,
        behind: Check,
        well: impl FnOnce(T) -> Finding,
    ) {
        self.add(
            check,
            match seen {
                None => Finding::Skipped(behind),
                Some(Err(amiss)) => Finding::Amiss(amiss),
                Some(Ok(seen)) => well(seen),
            },
        );
    }

    /// Puts them in order; what nobody has spoken of hangs on the manifest.
    fn complete(self) -> Vec<Line> {
        let Self(mut lines) = self;
        for check in Check::ALL {
            if !lines.iter().any(|line| line.check == check) {
                lines.push(Line { check, finding: Finding::Skipped(Check::Manifest) });
            }
        }
        lines.sort_by_key(|line| line.check);
        lines
    }
}

fn of_tenant(findings: &mut Findings, manifest: &ManifestSeen, purpose: Purpose, tenant: TenantSeen) {
    let needs = &manifest.needs;
    let grants = Grants {
        needs,
        purpose,
        directory: bearer(tenant.directory.as_ref()),
        exchange: bearer(tenant.exchange.as_ref()),
    };
    let (permissions, role, surplus) = (grants.permissions(), grants.role(), grants.surplus());
    let hidden_seen =
        grants.directory.is_some_and(|bearer| bearer.may(Permission::HiddenMembers) != Some(false));
    let is_ours = |bearer: &Bearer| bearer.tenant.as_deref().is_some_and(|id| is(id, manifest.tenant));
    let token_is_ours = grants.directory.is_some_and(is_ours);
    let settings_needed = needs.include(Permission::Exchange, purpose);

    let TenantSeen {
        reach,
        network,
        who,
        directory,
        exchange,
        ahead,
        organization,
        people,
        groups,
        products,
        shell,
        settings,
        unverified: _,
    } = tenant;
    findings.add(
        Check::Cloud,
        match reach {
            Reach::Sandbox(at) => Finding::Sandbox(at),
            Reach::Microsoft365 { cloud, offered, replaced } => Finding::Cloud { cloud, offered, replaced },
        },
    );
    findings.add(Check::Network, Finding::Network(network));
    findings.add(Check::Clock, ahead.map_or(Finding::ClockUntold, Finding::Clock));
    let (who, directory) = match who {
        Ok(who) => (who, directory),
        Err(amiss) => (String::new(), Some(Err(amiss))),
    };
    let signed_in = |bearer: Bearer| Finding::SignedIn {
        who: who.clone(),
        application: bearer.application,
        until: bearer.until,
    };
    findings.seen(Check::DirectorySignIn, directory, Check::Cloud, signed_in);
    if settings_needed || exchange.is_some() {
        findings.seen(Check::SettingsSignIn, exchange, Check::DirectorySignIn, signed_in);
    } else {
        findings.add(Check::SettingsSignIn, Finding::NotNeeded);
    }
    findings.add(Check::Tenant, of_organization(organization, manifest.tenant, token_is_ours));
    findings.add(Check::Permissions, permissions);
    findings.add(Check::Role, role);
    findings.add(Check::Surplus, surplus);

    findings.seen(Check::People, people, Check::DirectorySignIn, |()| Finding::Readable);
    if needs.include(Permission::GroupMembers, purpose) {
        findings.seen(Check::Groups, groups, Check::DirectorySignIn, |seen| {
            let GroupsSeen { looked_up, of, absent, hidden } = seen;
            let hidden = if hidden_seen { Vec::new() } else { hidden };
            Finding::Groups(GroupsSeen { looked_up, of, absent, hidden })
        });
    } else {
        findings.add(Check::Groups, Finding::NotNeeded);
    }
    findings.seen(Check::Products, products, Check::DirectorySignIn, |products| {
        if products.carrying > 0 { Finding::Products(products) } else { Finding::NoProduct(products.all) }
    });
    let shell_fails = matches!(shell, Some(Err(_)));
    match shell {
        None => findings.add(Check::PowerShell, Finding::NotNeeded),
        Some(_) => findings.seen(Check::PowerShell, shell, Check::Cloud, Finding::Shell),
    }
    if settings_needed {
        let behind = if shell_fails { Check::PowerShell } else { Check::SettingsSignIn };
        findings.seen(Check::Settings, settings, behind, |()| Finding::Readable);
    } else {
        findings.add(Check::Settings, Finding::NotNeeded);
    }
}

/// Judges the tenant's own record. Reading it takes a permission that is good for nothing else: where that is missing,
/// the token says which tenant it is.
fn of_organization(
    organization: Option<Result<(TenantId, std::sync::Arc<str>), Amiss>>,
    meant: TenantId,
    token_is_ours: bool,
) -> Finding {
    match organization {
        Some(Ok((is, name))) if is == meant => Finding::Tenant(is, Some(name)),
        Some(Ok((is, _))) => Finding::OtherTenant { is, meant },
        Some(Err(_)) if token_is_ours => Finding::Tenant(meant, None),
        Some(Err(amiss)) if amiss.blame == super::Blame::Access => Finding::TenantUntold,
        Some(Err(amiss)) => Finding::Amiss(amiss),
        None => Finding::Skipped(Check::DirectorySignIn),
    }
}

fn of_store(findings: &mut Findings, store: Result<StoreSeen, Amiss>) {
    let lasting = |throw_away: bool| if throw_away { Finding::ThrownAway } else { Finding::Lasting };
    let (store, [lasting, lock, writes]) = match store {
        Err(amiss) => (Finding::Amiss(amiss), [const { Finding::Skipped(Check::Store) }; 3]),
        Ok(StoreSeen::Nothing) => (Finding::NoStore, [const { Finding::NotNeeded }; 3]),
        Ok(StoreSeen::Absent { place, by_itself, throw_away }) => (
            Finding::StoreAbsent { place, by_itself },
            [lasting(throw_away), Finding::Skipped(Check::Store), Finding::Skipped(Check::Store)],
        ),
        Ok(StoreSeen::There { place, newest_run, throw_away, held, writes }) => {
            let lock = held.map_or(Finding::Free, |(holder, since)| Finding::Held { holder, since });
            let writes = match writes {
                None => Finding::WritesUntried,
                Some(Ok(())) => Finding::Writable,
                Some(Err(amiss)) => Finding::Amiss(amiss),
            };
            (Finding::Store { place, newest_run }, [lasting(throw_away), lock, writes])
        }
    };
    findings.add(Check::Store, store);
    findings.add(Check::Lasting, lasting);
    findings.add(Check::Lock, lock);
    findings.add(Check::StoreWrites, writes);
}

/// Is what is needed, and what the tokens say was granted.
struct Grants<'s> {
    needs: &'s Needs,
    purpose: Purpose,
    /// `None` when nobody signed in there.
    directory: Option<&'s Bearer>,
    exchange: Option<&'s Bearer>,
}

fn bearer(token: Option<&Result<Bearer, Amiss>>) -> Option<&Bearer> {
    token.and_then(|token| token.as_ref().ok())
}

impl Bearer {
    /// Says whether a permission was granted; `None` when the token does not tell.
    fn may(&self, permission: Permission) -> Option<bool> {
        self.roles.as_ref().map(|roles| permission.is_granted(roles))
    }
}

impl Grants<'_> {
    /// Gives who would have to bear a permission.
    fn bearer_of(&self, permission: Permission) -> Option<&Bearer> {
        if permission == Permission::Exchange { self.exchange } else { self.directory }
    }

    fn permissions(&self) -> Finding {
        let needed: Vec<Permission> = self.needs.of(self.purpose).map(|need| need.permission).collect();
        let told =
            |permission: &Permission| self.bearer_of(*permission).and_then(|bearer| bearer.may(*permission));
        let missing: Vec<Permission> =
            needed.iter().filter(|permission| told(permission) == Some(false)).copied().collect();
        if !missing.is_empty() {
            return Finding::Missing(missing);
        }
        match self.directory {
            None => Finding::Skipped(Check::DirectorySignIn),
            Some(Bearer { roles: None, personal, .. }) => Finding::GrantsUntold { personal: *personal },
            Some(_) => {
                let (granted, untold) =
                    needed.into_iter().partition(|permission| told(permission) == Some(true));
                Finding::Granted { granted, untold }
            }
        }
    }

    /// Lists the roles that open the insights settings and are held; `None` when that is not told.
    fn roles(&self) -> Option<Vec<AdminRole>> {
        let held = self.exchange.or(self.directory)?.directory_roles.as_ref()?;
        Some(AdminRole::ALL.into_iter().filter(|role| held.contains(&role.template())).collect())
    }

    fn role(&self) -> Finding {
        if !self.needs.include(Permission::Exchange, self.purpose) {
            return Finding::NotNeeded;
        }
        if self.exchange.is_none() {
            return Finding::Skipped(Check::SettingsSignIn);
        }
        match self.roles() {
            None => Finding::RolesUntold,
            Some(roles) => roles.first().map_or(Finding::NoRole, |role| Finding::Role(*role)),
        }
    }

    fn surplus(&self) -> Finding {
        if self.directory.is_none() {
            return Finding::Skipped(Check::DirectorySignIn);
        }
        let told: Vec<&BTreeSet<String>> = [self.directory, self.exchange]
            .into_iter()
            .flatten()
            .filter_map(|bearer| bearer.roles.as_ref())
            .collect();
        if told.is_empty() {
            let personal = self.directory.is_some_and(|bearer| bearer.personal);
            return Finding::GrantsUntold { personal };
        }
        let wanted: BTreeSet<&str> = Permission::ALL
            .into_iter()
            .filter(|permission| permission.is_optional() || self.needs.include(*permission, self.purpose))
            .map(Permission::name)
            .collect();
        let beyond = |role: &&String| !wanted.contains(role.as_str()) && !role.starts_with("AuditLogsQuery");
        let permissions: BTreeSet<&String> = told.into_iter().flatten().filter(beyond).collect();
        let roles = self.roles().unwrap_or_default();
        let roles: Vec<AdminRole> = if self.needs.include(Permission::Exchange, self.purpose) {
            // One is enough, and any but the one for everything will do.
            roles
                .iter()
                .filter(|role| roles.first() != Some(role) || **role == AdminRole::Global)
                .copied()
                .collect()
        } else {
            roles
        };
        if permissions.is_empty() && roles.is_empty() {
            return Finding::NoSurplus;
        }
        Finding::Surplus { permissions: permissions.into_iter().cloned().collect(), roles }
    }
}

/// Gathers what the tokens say was granted, in the order of the alphabet.
fn granted(tenant: &TenantSeen) -> Option<Vec<String>> {
    let told = [bearer(tenant.directory.as_ref()), bearer(tenant.exchange.as_ref())];
    let told: Vec<&BTreeSet<String>> =
        told.into_iter().flatten().filter_map(|bearer| bearer.roles.as_ref()).collect();
    let all: BTreeSet<&String> = told.iter().copied().flatten().collect();
    (!told.is_empty()).then(|| all.into_iter().cloned().collect())
}

fn is(text: &str, tenant: TenantId) -> bool {
    text.eq_ignore_ascii_case(&tenant.to_string())
}

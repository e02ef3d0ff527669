//! Makes a tenant in which all is well, for tests to spoil.

use std::collections::BTreeSet;

use uuid::uuid;

use super::{
    Amiss, Bearer, Blame, GroupsSeen, ManifestSeen, Network, Products, Reach, Seen, StoreSeen, TenantSeen,
    Unverified,
};
use crate::model::{AdminRole, Because, Need, Needs, Permission, Purpose, TenantId};

pub(crate) const TENANT: TenantId = TenantId(uuid!("3f2504e0-4f89-41d3-9a0c-0305e82c3301"));

/// Needs of a manifest that asks for everything.
pub(crate) fn needs() -> Needs {
    let need = |permission, purpose, because| Need { permission, purpose, because };
    let lines = |lines: &[u32]| Because::Lines(lines.iter().copied().collect());
    Needs(vec![
        need(Permission::GroupMembers, Purpose::Plan, lines(&[9, 14])),
        need(Permission::Users, Purpose::Plan, Because::Always),
        need(Permission::Licences, Purpose::Plan, Because::Always),
        need(Permission::LicenceWrites, Purpose::Apply, lines(&[12])),
        need(Permission::Exchange, Purpose::Plan, lines(&[4, 5, 6, 7, 8, 11, 13])),
    ])
}

/// What an application bears.
pub(crate) fn bearer(roles: &[&str], directory_roles: &[AdminRole]) -> Bearer {
    Bearer {
        application: Some("00000000-0000-0000-0000-00000000c0de".to_owned()),
        tenant: Some(TENANT.to_string()),
        roles: Some(roles.iter().map(|role| (*role).to_owned()).collect::<BTreeSet<_>>()),
        personal: false,
        directory_roles: Some(directory_roles.iter().map(|role| role.template()).collect()),
        until: Some("2026-03-02T10:00:00Z".parse().expect("a moment")),
    }
}

pub(crate) fn amiss(fact: &str, blame: Blame) -> Amiss {
    Amiss { fact: fact.to_owned(), advice: None, blame }
}

/// A manifest of everything, with an application that has what it needs and no more.
pub(crate) fn well() -> Seen {
    let graph = [
        "GroupMember.Read.All",
        "User.Read.All",
        "LicenseAssignment.Read.All",
        "LicenseAssignment.ReadWrite.All",
    ];
    Seen {
        purpose: Purpose::Apply,
        manifest: Ok(ManifestSeen {
            file: "insights.yaml".to_owned(),
            tenant: TENANT,
            groups: 3,
            warnings: 0,
            needs: needs(),
        }),
        tenant: Some(TenantSeen {
            reach: Reach::Microsoft365 { cloud: "worldwide", offered: true, replaced: Vec::new() },
            network: Network::default(),
            who: Ok("application 00000000-0000-0000-0000-00000000c0de with a secret".to_owned()),
            directory: Some(Ok(bearer(&graph, &[AdminRole::Exchange]))),
            exchange: Some(Ok(bearer(&["Exchange.ManageAsApp"], &[AdminRole::Exchange]))),
            ahead: Some(0),
            organization: Some(Ok((TENANT, "Contoso Ltd.".into()))),
            people: Some(Ok(())),
            groups: Some(Ok(GroupsSeen { looked_up: 2, of: 2, ..GroupsSeen::default() })),
            products: Some(Ok(Products { all: 5, carrying: 2 })),
            shell: None,
            settings: Some(Ok(())),
            unverified: vec![Unverified::LiveTenant, Unverified::SamplingRate],
        }),
        store: Some(Ok(StoreSeen::There {
            place: "az://contoso/state".to_owned(),
            newest_run: 4,
            throw_away: false,
            held: None,
            writes: Some(Ok(())),
        })),
    }
}

/// Spoils what was seen of the tenant.
pub(crate) fn spoilt(spoil: impl FnOnce(&mut TenantSeen)) -> Seen {
    let mut seen = well();
    spoil(seen.tenant.as_mut().expect("there is a tenant"));
    seen
}

//! Whether insightctl's own client reads the same as plain requests do.

use std::collections::BTreeSet;

use insightctl::microsoft::{Ask, Connection, Credential, Federated, Reader, Shell, Transport};
use insightctl::model::{Known, Members, Mode, Selector, Switch, TenantId};

use crate::clause::{Clause, Finding};
use crate::scrub;
use crate::settings::{Settings, read};
use crate::stage::Stage;
use crate::tokens::Proof;

/// Lets our own client read the same person.
pub(crate) async fn agrees(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "client",
        says: "insightctl's own client reads the same as plain requests do.",
        expects: "the same mode and features",
        settles: &[],
    };
    let Some(person) = stage.subject().filter(|_| stage.closed.is_none()) else {
        return clause
            .untried(stage.closed.clone().unwrap_or_else(|| "there is nobody to ask for".to_owned()));
    };
    let credential = match stage.wire.tokens().proof().clone() {
        Proof::Secret { client_id, secret } => Credential::ClientSecret { client_id, secret },
        Proof::Federated { client_id, file } => {
            Credential::Federated { client_id, source: Federated::File(file) }
        }
        Proof::Given { .. } => return clause.untried("the client signs in itself, and takes no tokens"),
    };
    let (tenant, endpoints) = (TenantId(stage.wire.tenant), stage.wire.endpoints.clone());
    let mut connection = Connection::new(tenant, endpoints, credential);
    if let Some(powershell) = &stage.wire.powershell {
        let mut shell = Shell::new(&powershell.program);
        shell.arguments = powershell.arguments.iter().map(Into::into).collect();
        connection.transport = Transport::PowerShell(shell);
    }
    let told = |refusal: &dyn std::fmt::Display| clause.differs(scrub::said(&refusal.to_string()));
    let reader = match Reader::connect(connection, stage.wire.clock.clone()).await {
        Ok(reader) => reader,
        Err(refusal) => return told(&refusal),
    };
    let selector = Selector::User(person.id.clone());
    let membership = match reader.membership(&BTreeSet::from([selector.clone()])).await {
        Ok(membership) => membership,
        Err(refusal) => return told(&refusal),
    };
    let Some(Known::Is(Members::Are(ids))) = membership.of.get(&selector) else {
        return clause.differs("the person could not be found");
    };
    let ask = Ask { settings: true, tenant_settings: true, count_people: true };
    let actual = match reader.observe(&ids.iter().copied().collect(), ask).await {
        Ok(actual) => actual,
        Err(refusal) => return told(&refusal),
    };
    let settings = match actual.people.values().next().map(|person| &person.settings) {
        Some(Known::Is(settings)) => settings,
        Some(Known::Unknown(why)) => return told(why),
        None => return clause.differs("the person was not read"),
    };
    let plain = Settings::of(&read(stage, person).await);
    let theirs = [settings.dashboard, settings.outlook_add_in, settings.digest_email];
    let theirs =
        Settings { opted_in: settings.mode == Mode::OptIn, flags: theirs.map(|switch| switch == Switch::On) };
    let defaults = actual.tenant.settings.values().filter(|setting| matches!(setting, Known::Is(_))).count();
    clause.judged(
        plain == Some(theirs) && defaults == 5,
        format!("the client: {theirs:?}, {defaults} defaults; plainly: {plain:?}"),
    )
}

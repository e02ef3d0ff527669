//! `release`: lets go of a setting that is quarantined, so that the next plan may write it again.

use jiff::Timestamp;

use super::args::{Global, ReleaseArgs};
use super::console::Console;
use super::exit::Exit;
use super::explain::selector;
use super::failure::Failure;
use super::session::{Purpose, Session};
use crate::model::ledger::is_quarantined;
use crate::model::{Known, Ledger, Members, PersonId, Selector, Setting, TenantSetting};
use crate::plan::{Basis, Plan};
use crate::render;
use crate::store::{Record, Subject};

pub(super) async fn run(global: &Global, console: &Console, args: &ReleaseArgs) -> Result<Exit, Failure> {
    let ReleaseArgs { person, setting, tenant } = args;
    let session = Session::open(global, console, Purpose::Look).await?;
    if session.store.keeps_nothing() {
        return Err(Failure::wrong("there is no ledger, so nothing is quarantined")
            .hint("`store: none` keeps nothing; name a folder to keep a ledger in"));
    }
    let whom = match person {
        Some(person) => Some(find(&session, person).await?),
        None => None,
    };
    let held = |ledger: &Ledger| held(ledger, whom, *setting, *tenant);
    let whose = person.as_deref().unwrap_or("the tenant");
    // Only a store that exists can be locked, and there may be nothing to do.
    if held(&session.remembered().await?.ledger).is_empty() {
        session.close().await;
        let setting = setting.map(Setting::word).or(tenant.map(TenantSetting::word));
        console.say(&render::nothing_to_release(setting, whose))?;
        return Ok(Exit::Done);
    }
    let released = session.locked(console, async |locked| {
        let released = held(&locked.remembered.ledger);
        let now = session.clock.now();
        let (context, reader) = (session.context(&locked.remembered, false), &session.reader);
        let basis = Basis::of(&context, reader.tenant(), reader.tenant_name(), now);
        let plan = Plan::empty(basis);
        let record =
            |(subject, _): &(Subject, Vec<Timestamp>)| Record::Released { subject: *subject, at: now };
        locked.write_down(&plan, released.iter().map(record)).await?;
        Ok(released)
    });
    let released = released.await?;
    session.close().await;
    console.data(|out| {
        for (subject, returned) in &released {
            let setting = match subject {
                Subject::Tenant(setting) => setting.word(),
                Subject::Person(_, setting) => setting.word(),
            };
            writeln!(out, "{}", render::released(setting, whose, returned))?;
        }
        Ok(())
    })?;
    Ok(Exit::Done)
}

/// Finds who is meant; an object id is taken as it is, since the account may be gone.
async fn find(session: &Session, person: &str) -> Result<PersonId, Failure> {
    let who = selector(person)?;
    if let Selector::Id(id) = who {
        return Ok(id);
    }
    let membership = session.reader.membership(&[who.clone()].into()).await?;
    match membership.of.get(&who) {
        Some(Known::Is(Members::Are(people))) if people.len() == 1 => Ok(people[0]),
        Some(Known::Unknown(why)) => Err((**why).clone().into()),
        Some(Known::Is(Members::Are(_) | Members::NoSuchPerson | Members::Gone | Members::Ambiguous(_)))
        | None => Err(Failure::wrong(format!("the directory does not know `{person}`"))
            .hint("give a user principal name or an object id")),
    }
}

/// Lists what is quarantined of a person or the tenant, with when it came back.
fn held(
    ledger: &Ledger,
    whom: Option<PersonId>,
    setting: Option<Setting>,
    tenant: Option<TenantSetting>,
) -> Vec<(Subject, Vec<Timestamp>)> {
    let of_tenant = ledger.returned.iter().filter(|(default, _)| Some(**default) == tenant);
    let of_tenant = of_tenant.map(|(default, returned)| (Subject::Tenant(*default), returned));
    let record = whom.and_then(|id| Some((id, ledger.people.get(&id)?)));
    let of_person = record.into_iter().flat_map(|(id, record)| {
        let meant = record.returned.iter().filter(|(other, _)| setting.is_none_or(|it| it == **other));
        meant.map(move |(setting, returned)| (Subject::Person(id, *setting), returned))
    });
    let all = of_tenant.chain(of_person).filter(|(_, returned)| is_quarantined(returned));
    all.map(|(subject, returned)| (subject, returned.clone())).collect()
}

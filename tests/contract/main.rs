//! Tells clause by clause what insightctl relies on from Microsoft's services, and tries each.
//!
//! The same suite runs against the sandbox in every test run, and against a tenant of Microsoft 365 when somebody names
//! one: `docs/microsoft-365.md` says how. It reads only, unless the environment allows more; what it writes it puts back.
//! What it found is a report in Markdown and JSON that names nobody.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is not as it should be")]

mod beyond;
mod choices;
mod clause;
mod client;
mod defaults;
mod differing;
mod directory;
mod environment;
mod keeping;
mod licences;
mod powershell;
mod refused;
mod report;
mod scrub;
mod settings;
mod signing_in;
mod stage;
mod tokens;
mod wire;
mod world;

use environment::Named;
use report::Report;
use stage::Stage;

/// Is the whole contract, in the order in which it is read.
async fn contract(stage: &Stage) -> Report {
    let mut report = Report::new(stage);

    // A token opens one service of one tenant, and shows what it is good for.
    report.take(stage, signing_in::graph_token(stage)).await;
    report.take(stage, signing_in::exchange_token(stage)).await;
    report.take(stage, signing_in::other_audience(stage)).await;

    // The directory says who there is: in pages, in batches, and whatever people are called.
    report.take(stage, directory::organization(stage)).await;
    report.take(stage, directory::page_limit(stage)).await;
    report.take(stage, directory::next_link(stage)).await;
    report.take(stage, directory::advanced_query(stage)).await;
    report.take(stage, directory::members(stage)).await;
    report.take(stage, directory::batch(stage)).await;
    report.take(stage, directory::guest(stage)).await;
    report.take(stage, directory::apostrophe(stage)).await;
    report.take(stage, directory::dollar(stage)).await;
    report.take(stage, directory::mail(stage)).await;

    // It says what they are licensed for, and by whom.
    report.take(stage, licences::products(stage)).await;
    report.take(stage, async { licences::states(stage) }).await;

    // The settings service says what they have, if it speaks with us at all.
    report.take(stage, refused::role(stage)).await;
    report.take(stage, settings::unknown_cmdlet(stage)).await;
    report.take(stage, settings::invoke_command(stage)).await;
    report.take(stage, settings::batch(stage)).await;
    report.take(stage, settings::person_fields(stage)).await;
    report.take(stage, settings::nobody(stage)).await;
    report.take(stage, refused::people(stage)).await;
    report.take(stage, settings::tenant_fields(stage)).await;
    report.take(stage, settings::rate_field(stage)).await;
    report.take(stage, client::agrees(stage)).await;

    // It takes what is written for one person. The person's own choice comes first: putting back overwrites it.
    report.take(stage, choices::own_choice(stage)).await;
    report.take(stage, choices::shows_in_time(stage)).await;
    report.take(stage, choices::flags_of_the_mode(stage)).await;
    report.take(stage, choices::one_call(stage)).await;
    report.take(stage, choices::wrong_words(stage)).await;

    // So does the directory.
    report.take(stage, licences::plans_are_replaced(stage)).await;
    report.take(stage, licences::foreign_plan(stage)).await;
    report.take(stage, licences::group(stage)).await;

    // And the tenant's defaults, which reach everyone.
    report.take(stage, defaults::schedule_send(stage)).await;
    report.take(stage, defaults::rates(stage)).await;
    report.take(stage, defaults::reach(stage)).await;
    report.take(stage, defaults::pin(stage)).await;

    // The rest is beyond a program.
    report.take(stage, async { beyond::limits(stage) }).await;
    report.take(stage, async { beyond::wire() }).await;
    report.take(stage, async { beyond::audit() }).await;
    report.take(stage, async { beyond::china() }).await;
    report
}

#[tokio::test]
#[ignore = "needs a tenant of Microsoft 365 that the environment names: docs/microsoft-365.md"]
async fn a_tenant_of_microsoft_365_keeps_the_contract() {
    let stage = Stage::of(Named::read().unwrap()).look().await;
    let report = contract(&stage).await;
    let path = environment::report();
    report.write(&path).unwrap();
    println!("{}\nWritten to {}", report.markdown(), path.display());
    let differing = report.ids(clause::Verdict::Differs);
    assert!(differing.is_empty(), "{differing:?} differ: {} says how", path.display());
}

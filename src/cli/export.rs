//! `export`: writes everyone in scope with their settings.

use std::collections::BTreeSet;

use super::args::{ExportArgs, Format, Global};
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::session::{Purpose, Session, View};
use crate::model::{Known, RefusalKind};
use crate::render;

pub(super) async fn run(global: &Global, console: &Console, args: &ExportArgs) -> Result<Exit, Failure> {
    let mut output = args.output.clone();
    if output.format.is_none() && output.form() == Format::Text {
        output.format = Some(Format::Csv);
    }
    let form = output.only("export", &[Format::Csv, Format::Json])?;
    let session = Session::open(global, console, Purpose::Look).await?;
    session.spare(&output, global, None)?;
    let remembered = session.remembered().await?;
    let View { membership: _, desired, actual } = session.look(&remembered, None, true).await?;
    session.close().await;
    console.put(&output, |out, _| match form {
        Format::Json => render::export::json(out, &desired, &actual),
        Format::Csv | Format::Text | Format::Markdown => render::export::csv(out, &desired, &actual),
    })?;
    // Guests, disabled accounts and people without a mailbox are not asked about; that is no gap.
    let unread = actual.people.values().filter(|person| match &person.settings {
        Known::Is(_) => false,
        Known::Unknown(why) => why.kind != RefusalKind::NotAsked,
    });
    let unread = unread.count();
    if unread > 0 {
        console.say(&format!("the settings of {unread} people in this export could not be read"))?;
    }
    // Whoever waits for a wave stands in the export too, so that a group of a wave to come leaves a gap like any other.
    let missing: BTreeSet<String> = desired
        .unreadable
        .iter()
        .chain(&desired.unreadable_later)
        .map(|unreadable| render::inert(&unreadable.selector).to_string())
        .collect();
    for selector in &missing {
        console.say(&format!("`{selector}` could not be read, so people may be missing from this export"))?;
    }
    Ok(if unread > 0 || !missing.is_empty() { Exit::Incomplete } else { Exit::Done })
}

//! `explain`: tells what decides for one person.

use super::args::{ExplainArgs, Format, Global};
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::session::{Purpose, Session, View};
use super::who;
use crate::model::{Known, Members, PersonId, Selector};
use crate::plan::explain::explain;
use crate::render;

pub(super) async fn run(global: &Global, console: &Console, args: &ExplainArgs) -> Result<Exit, Failure> {
    let form = args.output.only("explain", &[Format::Text, Format::Json, Format::Markdown])?;
    let session = Session::open(global, console, Purpose::Look).await?;
    session.spare(&args.output, global, None)?;
    let remembered = session.remembered().await?;
    let who = selector(&args.person)?;
    let View { membership, desired, actual } = session.look(&remembered, Some(&who), true).await?;
    let id = match membership.of.get(&who) {
        Some(Known::Is(Members::Are(people))) if people.len() == 1 => people[0],
        Some(Known::Unknown(why)) => return Err((**why).clone().into()),
        Some(Known::Is(Members::Are(_) | Members::NoSuchPerson | Members::Gone | Members::Ambiguous(_)))
        | None => {
            return Err(Failure::wrong(format!("the directory does not know `{}`", args.person))
                .hint("give a user principal name or an object id"));
        }
    };
    let groups = session.manifest.groups_naming(id, &membership);
    let context = session.context(&remembered, false);
    let explanation =
        explain(&desired, &actual, &remembered.ledger, &context, &groups, id).ok_or_else(|| {
            Failure::new(Exit::Incomplete, format!("the directory did not describe `{}`", args.person))
        })?;
    let explanation = who::of_explanation(&session, &args.who_changed, explanation).await;
    session.close().await;
    console.put(&args.output, |out, look| match form {
        Format::Text => render::explain::text(out, &explanation, look),
        Format::Markdown => out.write_all(render::explain::markdown(&explanation).as_bytes()),
        Format::Json | Format::Csv => render::explain::json(out, &explanation),
    })?;
    Ok(Exit::Done)
}

/// Reads an address or object id that was typed.
pub(super) fn selector(person: &str) -> Result<Selector, Failure> {
    let person = person.trim();
    if let Ok(id) = person.parse() {
        return Ok(Selector::Id(PersonId(id)));
    }
    // An empty or partial identity could mean everybody to the service.
    if person.contains('@') {
        return Ok(Selector::User(person.to_ascii_lowercase()));
    }
    Err(Failure::wrong(format!("`{person}` is neither a user principal name nor an object id"))
        .hint("a user principal name looks like ada@contoso.com"))
}

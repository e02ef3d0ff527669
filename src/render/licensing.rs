//! Words for licensing groups: what changes in them, and why they are left as they are.

use super::number::{count, list, people};
use super::words::Quote;
use crate::model::{GroupId, Value};
use crate::plan::{Barrier, GroupLicences};

/// Says that a group stands against what is asked for, why it is not changed itself, and what to do.
pub(super) fn inherited(
    group: &str,
    id: GroupId,
    number: u64,
    removal: bool,
    barrier: &Barrier,
    quote: Quote,
) -> String {
    let (group, who) = (quote(group), people(number));
    let fact = if removal {
        format!(
            "{group} hands the service plan down to {who} from whom it is to be removed, so they can still opt in"
        )
    } else {
        format!("{group} hands its licence down to {who} with the service plan switched off")
    };
    format!("{fact}; {} (group {id})", against(barrier, removal, quote))
}

/// Says why a group is not changed for all of its members, and what to do.
pub(super) fn against(barrier: &Barrier, removal: bool, quote: Quote) -> String {
    let (off, lose) = if removal { ("off", "lose") } else { ("on", "get") };
    match barrier {
        Barrier::NotAllowed => format!(
            "switch the plan {off} in that group's licence, or say `licences: {{ through-groups: true }}`, which does \
             so where all of its members are to {lose} it"
        ),
        Barrier::Unreadable { message } => {
            format!("the group and its members have to be read for that, and could not be: {}", quote(message))
        }
        Barrier::Incomplete { people: number } => format!(
            "{} hold its licence and are not in its list of members, so nobody knows whom a change would reach; plan \
             again later",
            people(*number)
        ),
        Barrier::Processing => {
            "the directory still works on an earlier change of that group; plan again later".to_owned()
        }
        Barrier::AsWanted => format!(
            "the group itself has it {off} already, and they do not show it; look for licence errors in the group, and \
             have it processed again"
        ),
        Barrier::Members { others, of, names } => {
            let mut named: Vec<_> = names.iter().map(|name| quote(name)).collect();
            let more = others.saturating_sub(named.len() as u64);
            if more > 0 {
                named.push(format!("{} more", count(more)));
            }
            let verb = if *others == 1 { "is" } else { "are" };
            format!(
                "switching it {off} there would reach all {} members, of whom {} {verb} not to {lose} it, or cannot \
                 ({}): name them in the manifest as well, take them out of the group, or license them by another one",
                count(*of),
                count(*others),
                list(&named)
            )
        }
    }
}

/// Says what changes in a group: `licence of all-staff (SPE_E5): off for all 12 members`.
pub(super) fn change(group: &GroupLicences, quote: Quote) -> String {
    let GroupLicences { id: _, name, to, changes, members } = group;
    let products: Vec<_> = changes.iter().map(|change| quote(&change.name)).collect();
    let switch = if *to == Value::REMOVED { "off" } else { "on" };
    let whom = match members.len() as u64 {
        1 => "its only member".to_owned(),
        number => format!("all {} members", count(number)),
    };
    format!("licence of {} ({}): {switch} for {whom}", quote(name), list(&products))
}

//! Words for licensing groups: what changes in them, and why they are left as they are.

use super::number::{count, list, people};
use super::words::{self, Quote};
use crate::apply::{GroupRow, Outcome};
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
            format!(
                "the group and its members have to be read for that, and could not be: {}",
                quote(message)
            )
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
    licence(&quote(name), &products, *to, members.len() as u64)
}

fn licence(name: &str, products: &[String], to: Value, members: u64) -> String {
    let switch = if to == Value::REMOVED { "off" } else { "on" };
    let whom = match members {
        1 => "its only member".to_owned(),
        number => format!("all {} members", count(number)),
    };
    format!("licence of {name} ({}): {switch} for {whom}", list(products))
}

/// Says what became of a group: `licence of all-staff (SPE_E5): off for all 12 members: done`.
pub(super) fn became(row: &GroupRow, quote: Quote) -> String {
    let GroupRow { id: _, name, to, products, members, outcome, .. } = row;
    let products: Vec<_> = products.iter().map(|name| quote(name)).collect();
    let licence = licence(&quote(name), &products, *to, *members);
    match message(row, quote) {
        Some(message) => format!("{licence}: {}, {message}", outcome.word()),
        None => format!("{licence}: {}", outcome.word()),
    }
}

/// Says why it became that, what the directory reports, and its own id for a request that failed.
pub(super) fn message(row: &GroupRow, quote: Quote) -> Option<String> {
    let GroupRow { outcome, attempts, request_id, why, processing, errors, .. } = row;
    let mut parts: Vec<String> = why.iter().map(|why| words::why(why, quote)).collect();
    if *processing {
        parts.push("the directory works on its members".to_owned());
    }
    if *errors {
        parts.push("the directory reports licence errors of some of its members".to_owned());
    }
    if *attempts > 1 {
        parts.push(format!("{} attempts", count((*attempts).into())));
    }
    if let (Outcome::Failed | Outcome::Unanswered, Some(id)) = (outcome, request_id) {
        parts.push(format!("request {}", quote(id)));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::apply::Why;
    use crate::model::{ServicePlanId, SkuId};
    use crate::plan::{LicenceChange, Note};
    use crate::render::inert;
    use crate::render::sample::{at, id};

    const GROUP: GroupId = GroupId(uuid::Uuid::from_u128(900));

    /// Makes a licensing group of this name that changes for 12 members.
    pub(in crate::render) fn licensing_group(name: &str) -> GroupLicences {
        GroupLicences {
            id: GROUP,
            name: Arc::from(name),
            to: Value::REMOVED,
            changes: vec![LicenceChange {
                sku: SkuId(uuid::Uuid::from_u128(901)),
                name: Arc::from(name),
                disabled_before: Vec::new(),
                disabled_after: vec![ServicePlanId(uuid::Uuid::from_u128(902))],
            }],
            members: (900..912).map(id).collect(),
        }
    }

    /// Makes the row of that group in a report.
    pub(in crate::render) fn group_row(name: &str) -> GroupRow {
        let group = Arc::from(name);
        GroupRow {
            id: GROUP,
            name: Arc::from(name),
            to: Value::REMOVED,
            products: vec![Arc::from(name)],
            members: 12,
            outcome: Outcome::Failed,
            attempts: 2,
            request_id: Some(name.to_owned()),
            why: Some(Why::GroupHeldBack { group, id: id(1), upn: Arc::from(name), outcome: Outcome::Moved }),
            processing: false,
            errors: true,
            at: at("2026-11-21T09:20:09Z"),
        }
    }

    /// Lists everything that can stand against changing a group, in which every text is this one.
    pub(in crate::render) fn inherited(text: &str) -> Vec<Note> {
        let barriers = [
            Barrier::NotAllowed,
            Barrier::Unreadable { message: text.to_owned() },
            Barrier::Incomplete { people: 2 },
            Barrier::Processing,
            Barrier::AsWanted,
            Barrier::Members { others: 9, of: 12, names: vec![Arc::from(text); Barrier::NAMED] },
        ];
        let note = |barrier| Note::PlanInherited {
            licensing_group: Arc::from(text),
            id: GROUP,
            people: 4,
            removal: true,
            barrier,
        };
        barriers.into_iter().map(note).collect()
    }

    #[test]
    fn an_objection_says_who_stands_in_the_way_and_what_to_do() {
        let said: Vec<_> =
            inherited("all-staff").iter().map(|note| words::note(note, inert::quoted)).collect();
        insta::assert_snapshot!(said.join("\n"), @"
        all-staff hands the service plan down to 4 people from whom it is to be removed, so they can still opt in; switch the plan off in that group's licence, or say `licences: { through-groups: true }`, which does so where all of its members are to lose it (group 00000000-0000-0000-0000-000000000384)
        all-staff hands the service plan down to 4 people from whom it is to be removed, so they can still opt in; the group and its members have to be read for that, and could not be: all-staff (group 00000000-0000-0000-0000-000000000384)
        all-staff hands the service plan down to 4 people from whom it is to be removed, so they can still opt in; 2 people hold its licence and are not in its list of members, so nobody knows whom a change would reach; plan again later (group 00000000-0000-0000-0000-000000000384)
        all-staff hands the service plan down to 4 people from whom it is to be removed, so they can still opt in; the directory still works on an earlier change of that group; plan again later (group 00000000-0000-0000-0000-000000000384)
        all-staff hands the service plan down to 4 people from whom it is to be removed, so they can still opt in; the group itself has it off already, and they do not show it; look for licence errors in the group, and have it processed again (group 00000000-0000-0000-0000-000000000384)
        all-staff hands the service plan down to 4 people from whom it is to be removed, so they can still opt in; switching it off there would reach all 12 members, of whom 9 are not to lose it, or cannot (all-staff, all-staff, all-staff and 6 more): name them in the manifest as well, take them out of the group, or license them by another one (group 00000000-0000-0000-0000-000000000384)
        ");
        let one = Barrier::Members { others: 1, of: 2, names: vec![Arc::from("ada@contoso.com")] };
        insta::assert_snapshot!(
            against(&one, false, inert::quoted),
            @"switching it on there would reach all 2 members, of whom 1 is not to get it, or cannot (ada@contoso.com): name them in the manifest as well, take them out of the group, or license them by another one"
        );
    }

    #[test]
    fn a_group_is_told_with_its_products_and_its_members() {
        assert_eq!(
            change(&licensing_group("all-staff"), inert::quoted),
            "licence of all-staff (all-staff): off for all 12 members"
        );
        let only = GroupLicences { members: vec![id(1)], to: Value::ASSIGNED, ..licensing_group("ada's") };
        assert_eq!(change(&only, inert::quoted), "licence of ada's (ada's): on for its only member");
        insta::assert_snapshot!(
            became(&group_row("all-staff"), inert::quoted),
            @"licence of all-staff (all-staff): off for all 12 members: failed, all-staff is in all-staff too, and is moved; the directory reports licence errors of some of its members; 2 attempts; request all-staff"
        );
        let done =
            GroupRow { outcome: Outcome::Done, why: None, attempts: 1, errors: false, ..group_row("hq") };
        assert_eq!(became(&done, inert::quoted), "licence of hq (hq): off for all 12 members: done");
    }
}

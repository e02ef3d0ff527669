//! Says what of a plan goes beyond a limit, what the limit is, and how one consents.

use super::inert::quoted;
use super::number::{count, people, percent};
use super::words::Quote;
use crate::model::Class;
use crate::plan::Plan;
use crate::plan::guard::Objection;

/// Says what a class of change does to the people it counts: `1,167 people would …`.
fn would(class: Class) -> &'static str {
    match class {
        Class::OptIn => "would be opted in",
        Class::OptOut => "would be opted out",
        Class::Features => "would have features switched",
        Class::ServicePlanAssigned => "would get the service plan",
        Class::ServicePlanRemoved => "would lose the service plan",
        Class::Leaving => "are no longer held",
        Class::Restore => "left and would get back what was found",
        Class::ReOptIn => "would be opted in although they had opted out",
        Class::RePin => "would be written again after a default moved",
        Class::Rollback => "would be restored to what they had before",
        Class::Defaults => "would move with the tenant's defaults",
    }
}

/// Says what a plan does beyond its limits, and what the limit is; the remedy follows in [`remedy`].
pub(super) fn sentence(objection: &Objection, quote: Quote) -> String {
    let Objection { class, group, people: affected, of, limit, floor } = objection;
    let scope = match group {
        Some(group) => format!("that {} held", quote(group)),
        None => "in scope".to_owned(),
    };
    let fact = match affected {
        None => format!("nobody can count how many people {}", would(*class)),
        // A default reaches people outside the scope too.
        Some(n) if *class == Class::Defaults => {
            format!("{} of {} in the directory {}", count(*n), people(*of), would(*class))
        }
        Some(n) if n > of => format!("{} {} ({} {scope})", people(*n), would(*class), count(*of)),
        Some(n) => {
            let share = percent(*n, *of).map(|share| format!(" ({share})")).unwrap_or_default();
            format!("{} of {} {scope} {}{share}", count(*n), people(*of), would(*class))
        }
    };
    let by_percent = of.saturating_mul(u64::from(limit.percent)) / 100;
    let bound = if limit.people == 0 || limit.percent == 0 {
        "this always needs consent".to_owned()
    } else if by_percent.max(*floor) <= limit.people {
        format!("the limit is {} %, here {}", limit.percent, people(by_percent.max(*floor)))
    } else {
        format!("the limit is {}", people(limit.people))
    };
    format!("{class}: {fact}; {bound}")
}

/// Is what a saved plan is called where its file is not known.
const SOME_PLAN: &str = "plan.json";

/// Says how one consents to a class of change of a plan that was just made and shown.
pub(super) fn remedy(class: Class) -> String {
    format!("consent with `--allow {class}`, or raise `guards.limits.{class}` in the manifest")
}

/// Says how one consents to a class of change of a saved plan: in writing, since nobody may be there when it is applied.
pub(super) fn remedy_of_saved(class: Class, file: Option<&str>) -> String {
    let file = quoted(file.unwrap_or(SOME_PLAN));
    format!(
        "consent with `insightctl waive {file} --class {class} --reason TEXT`, and apply with `--waiver FILE`, or raise \
         `guards.limits.{class}` in the manifest and plan again"
    )
}

/// Says how one consents to a class of change of this plan.
pub(super) fn remedy_of(plan: &Plan, class: Class) -> String {
    if plan.hash.is_sealed() { remedy_of_saved(class, None) } else { remedy(class) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::Limit;
    use crate::render::inert;

    fn refused(class: Class, people: Option<u64>, of: u64, percent: u32, limit: u64, floor: u64) -> String {
        let limit = Limit { percent, people: limit };
        sentence(&Objection { class, group: None, people, of, limit, floor }, inert::quoted)
    }

    #[test]
    fn an_objection_names_the_limit_that_binds() {
        insta::assert_snapshot!(
            refused(Class::ServicePlanRemoved, Some(97), 1_208, 5, 50, 10),
            @"service-plan-removed: 97 of 1,208 people in scope would lose the service plan (8 %); the limit is 50 people"
        );
        insta::assert_snapshot!(
            refused(Class::OptOut, Some(40), 100, 30, 500, 10),
            @"opt-out: 40 of 100 people in scope would be opted out (40 %); the limit is 30 %, here 30 people"
        );
        insta::assert_snapshot!(
            refused(Class::OptOut, Some(11), 12, 30, 500, 10),
            @"opt-out: 11 of 12 people in scope would be opted out (91 %); the limit is 30 %, here 10 people"
        );
        insta::assert_snapshot!(
            refused(Class::Defaults, Some(4_000), 5_000, 0, 0, 0),
            @"defaults: 4,000 of 5,000 people in the directory would move with the tenant's defaults; this always needs consent"
        );
        insta::assert_snapshot!(
            refused(Class::Defaults, None, 1_208, 0, 0, 0),
            @"defaults: nobody can count how many people would move with the tenant's defaults; this always needs consent"
        );
    }

    #[test]
    fn an_objection_to_leaving_names_the_group() {
        let objection_to = Objection {
            class: Class::Leaving,
            group: Some(Arc::from("pilot\u{1b}[2J")),
            people: Some(80),
            of: 200,
            limit: Limit { percent: 10, people: 50 },
            floor: 10,
        };
        insta::assert_snapshot!(
            sentence(&objection_to, inert::quoted),
            @r"leaving: 80 of 200 people that pilot\u{1b}[2J held are no longer held (40 %); the limit is 10 %, here 20 people"
        );
    }
}

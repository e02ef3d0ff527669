//! Turns names into people, once the directory has said who they are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use uuid::Uuid;

use super::accept::Accept;
use super::group::Group;
use super::people::{Named, One, Rule};
use super::problem::{At, Problems, Reporter, quoted};
use super::{Manifest, Severity};
use crate::model::desired::{NotFound, Unreadable};
use crate::model::rollout::{Force, InForce};
use crate::model::{
    Accepted, DesiredGroup, DesiredState, Held, Known, Members, Membership, Overlap, PersonId, Refusal,
    RefusalKind, Selector,
};

/// Is everyone whom some rules name.
#[derive(Debug, Default)]
struct People<'m> {
    /// Sorted, each once.
    known: Vec<PersonId>,
    /// Selectors of single people who are not in the directory.
    missing: Vec<Named<'m>>,
    /// Whether every selector was answered.
    readable: bool,
}

impl Manifest {
    /// Says what the manifest asks for, given who its selectors stand for.
    ///
    /// The first group that holds a person decides. From the first group on in which something could not be read,
    /// nobody's group is certain; if the protected people could not be read, nobody's is at all. A group that is not in
    /// force holds nobody and makes nobody uncertain; whom only such groups name waits for the first of them, unless its
    /// time is over.
    ///
    /// # Errors
    ///
    /// A group or licence that does not exist, or a display name that several groups bear: with the place where the
    /// manifest names it. Single people who do not exist are no error; they are counted.
    pub fn resolve(&self, membership: &Membership, in_force: &InForce) -> Result<DesiredState, Problems> {
        let mut problems = Problems::default();
        problems.know(&self.file);
        let mut report = Reporter { problems: &mut problems, file: Arc::clone(&self.file.path) };
        let mut state = DesiredState {
            tenant: self.defaults.clone(),
            settle: self.settle,
            through_groups: self.through_groups,
            limits: self.limits.clone(),
            licence_lead: self.rollout.licence_lead,
            in_force: in_force.clone(),
            ..DesiredState::default()
        };

        let protected = gather(&self.protected, None, membership, &mut state, &mut report);
        // One entry per person and group that names them, so that precedence and overlaps cost one sort.
        let mut named: Vec<Names> = Vec::new();
        let mut missing: BTreeSet<Selector> = BTreeSet::new();
        // People who are missing are looked for in the groups in force first: those decide.
        let mut missing_later = Vec::new();
        let mut first_unreadable = if protected.readable { u32::MAX } else { 0 };
        for (index, group) in (0_u32..).zip(&self.groups) {
            let force = in_force.group(index);
            let (count, readable) = if force == Force::Over {
                // Nobody asks any more whether it still exists.
                (0, true)
            } else {
                let members = gather(&group.members, Some(index), membership, &mut state, &mut report);
                let except = gather(&group.except, Some(index), membership, &mut state, &mut report);
                let readable = members.readable && except.readable;
                let before = named.len();
                let people =
                    members.known.iter().filter(|person| except.known.binary_search(person).is_err());
                named.extend(people.map(|person| Names {
                    person: *person,
                    waits: !holds(force, *person),
                    group: index,
                }));
                if force == Force::NotYet {
                    missing_later.push((index, members.missing, except.missing));
                } else {
                    not_found(index, members.missing, &except.missing, &mut missing, &mut state);
                }
                (named.len() - before, readable)
            };
            if !readable && force != Force::NotYet {
                first_unreadable = first_unreadable.min(index);
            }
            state.groups.push(DesiredGroup {
                name: Arc::clone(&group.name),
                wants: group.wants,
                on_user_choice: group.on_user_choice,
                on_leave: group.on_leave,
                named: readable.then_some(count as u64),
                re_opt_in: group.re_opt_in.clone(),
                closed: None,
            });
        }
        for (index, members, except) in missing_later {
            not_found(index, members, &except, &mut missing, &mut state);
        }
        let not_yet = |unreadable: &mut Unreadable| {
            unreadable.group.is_some_and(|group| in_force.group(group) == Force::NotYet)
        };
        state.unreadable_later = state.unreadable.extract_if(.., not_yet).collect();
        for accept in &self.accepts {
            state.accepted.push(accepted(accept, membership, &mut report));
        }
        state.protected = protected.known.into_iter().collect();
        state.protected_not_found = protected.missing.iter().map(|named| named.spelt.into()).collect();
        decide(&mut named, first_unreadable, &self.groups, &mut state);
        if problems.list().iter().any(|problem| problem.severity == Severity::Error) {
            problems.sort(&[Arc::clone(&self.file.path)]);
            return Err(problems);
        }
        Ok(state)
    }

    /// Says whom the manifest protects, given who its selectors stand for; unknown where one could not be read.
    ///
    /// # Errors
    ///
    /// A group or licence that does not exist, or a name that several bear, as in [`Manifest::resolve`].
    pub fn protected(&self, membership: &Membership) -> Result<Known<BTreeSet<PersonId>>, Problems> {
        let mut problems = Problems::default();
        problems.know(&self.file);
        let mut report = Reporter { problems: &mut problems, file: Arc::clone(&self.file.path) };
        let mut state = DesiredState::default();
        let protected = gather(&self.protected, None, membership, &mut state, &mut report);
        if problems.has_errors() {
            return Err(problems);
        }
        Ok(match state.unreadable.into_iter().next() {
            Some(unreadable) => Known::Unknown(unreadable.refusal),
            None => Known::Is(protected.known.into_iter().collect()),
        })
    }

    /// Lists whom some groups name, by their indices, each once and sorted; `None` where that could not be read.
    ///
    /// Whoever an earlier group holds is named all the same.
    pub fn named_by(&self, groups: &[u32], membership: &Membership) -> Option<Vec<PersonId>> {
        let mut problems = Problems::default();
        let mut report = Reporter { problems: &mut problems, file: Arc::clone(&self.file.path) };
        let mut state = DesiredState::default();
        let mut named = Vec::new();
        for index in groups {
            let group = self.groups.get(*index as usize)?;
            let members = gather(&group.members, Some(*index), membership, &mut state, &mut report);
            let except = gather(&group.except, Some(*index), membership, &mut state, &mut report);
            if !(members.readable && except.readable) {
                return None;
            }
            let is_named = |person: &PersonId| except.known.binary_search(person).is_err();
            named.extend(members.known.into_iter().filter(is_named));
        }
        named.sort_unstable();
        named.dedup();
        (!problems.has_errors()).then_some(named)
    }

    /// Counts the people whom two groups name by their address or id, before any tenant is asked.
    ///
    /// Entra groups, filters and licences count as nobody here; a plan knows them.
    pub fn overlaps(&self) -> Vec<Overlap> {
        let address = |address: &str| PersonId(Uuid::new_v5(&Uuid::NAMESPACE_URL, address.as_bytes()));
        let named = |selector: &Selector| match selector {
            Selector::Id(id) => vec![*id],
            Selector::User(typed) | Selector::Mail(typed) => vec![address(typed)],
            Selector::Group(_) | Selector::Filter(_) | Selector::Licence(_) | Selector::Everyone => {
                Vec::new()
            }
        };
        let answer = |selector: Selector| {
            let people = Known::Is(Members::Are(named(&selector)));
            (selector, people)
        };
        let membership = Membership { of: self.selectors().into_iter().map(answer).collect() };
        self.resolve(&membership, &InForce::default()).map(|state| state.overlaps).unwrap_or_default()
    }

    /// Lists every group that names a person, in order of precedence; the first decides.
    ///
    /// What could not be read names nobody here; see [`Held::certain`].
    pub fn groups_naming(&self, person: PersonId, membership: &Membership) -> Vec<Arc<str>> {
        let names = |rules: &[Rule]| {
            rules.iter().flat_map(Rule::named).any(|named| match membership.of.get(&named.selector) {
                Some(Known::Is(Members::Are(people))) => people.binary_search(&person).is_ok(),
                Some(
                    Known::Is(Members::NoSuchPerson | Members::Gone | Members::Ambiguous(_))
                    | Known::Unknown(_),
                )
                | None => false,
            })
        };
        let naming = self.groups.iter().filter(|group| names(&group.members) && !names(&group.except));
        naming.map(|group| Arc::clone(&group.name)).collect()
    }
}

/// Asks the directory's answers whom some rules name; `group` is `None` for the protected people.
fn gather<'m>(
    rules: &'m [Rule],
    group: Option<u32>,
    membership: &Membership,
    state: &mut DesiredState,
    report: &mut Reporter<'_>,
) -> People<'m> {
    let mut people = People { readable: true, ..People::default() };
    for rule in rules {
        if let Some(refusal) = people.add(rule, membership, report) {
            people.readable = false;
            state.unreadable.push(Unreadable { group, selector: spelling(rule), refusal });
        }
    }
    people.known.sort_unstable();
    people.known.dedup();
    people
}

/// Asks the directory's answers for whom a deviation is accepted.
///
/// One that could not be read makes nobody's group uncertain: it can only be a reason to leave alone whoever has just
/// the value that it accepts.
fn accepted(accept: &Accept, membership: &Membership, report: &mut Reporter<'_>) -> Accepted {
    let Accept { whom, setting, value, reason, until, at: _ } = accept;
    let mut people = People::default();
    let unreadable = people.add(whom, membership, report);
    let People { mut known, missing, readable: _ } = people;
    known.sort_unstable();
    known.dedup();
    Accepted {
        selector: spelling(whom),
        people: known,
        not_found: missing.iter().map(|named| named.spelt.into()).collect(),
        unreadable,
        setting: *setting,
        value: *value,
        reason: Arc::clone(reason),
        until: *until,
    }
}

impl<'m> People<'m> {
    /// Adds everyone whom a rule names; gives the refusal if part of that could not be read.
    fn add(
        &mut self,
        rule: &'m Rule,
        membership: &Membership,
        report: &mut Reporter<'_>,
    ) -> Option<Arc<Refusal>> {
        let at = match rule {
            Rule::One(one) => one.at,
            Rule::List(_) => At::TOP,
        };
        let mut refusal: Option<Arc<Refusal>> = None;
        for named in rule.named() {
            match membership.of.get(&named.selector) {
                Some(Known::Is(Members::Are(are))) => self.known.extend_from_slice(are),
                Some(Known::Is(Members::NoSuchPerson)) if is_person(&named.selector) => {
                    self.missing.push(named);
                }
                Some(Known::Is(Members::NoSuchPerson | Members::Gone)) => gone(&named, at, report),
                Some(Known::Is(Members::Ambiguous(count))) => ambiguous(&named, *count, rule, at, report),
                Some(Known::Unknown(why)) => refusal = refusal.or_else(|| Some(Arc::clone(why))),
                None => refusal = refusal.or_else(|| Some(Arc::new(not_asked()))),
            }
        }
        refusal
    }
}

/// Says that a group names a person; those that hold them come before those that they only wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Names {
    person: PersonId,
    /// Whether the group is not in force for them yet.
    waits: bool,
    group: u32,
}

/// Says whether a group that names a person holds them.
fn holds(force: Force, person: PersonId) -> bool {
    match force {
        Force::Whole => true,
        Force::Part(share) => share.takes_in(person),
        Force::NotYet | Force::Over => false,
    }
}

/// Decides who holds each person, and counts whom groups share with the one that decides.
fn decide(named: &mut [Names], first_unreadable: u32, groups: &[Group], state: &mut DesiredState) {
    named.sort_unstable();
    let mut shared: BTreeMap<(u32, u32), u64> = BTreeMap::new();
    let by_person = || named.chunk_by(|a, b| a.person == b.person);
    let people = by_person().filter(|same| !same[0].waits).map(|same| {
        let Names { person, waits: _, group: winner } = same[0];
        for loser in same[1..].iter().take_while(|other| !other.waits) {
            *shared.entry((winner, loser.group)).or_default() += 1;
        }
        (person, Held { group: winner, certain: winner < first_unreadable })
    });
    // They come sorted, so that the map is built in one go.
    state.people = people.collect();
    state.waiting =
        by_person().filter(|same| same[0].waits).map(|same| (same[0].person, same[0].group)).collect();
    state.overlaps = shared
        .into_iter()
        .map(|((winner, loser), people)| {
            let (winner, loser) = (&groups[winner as usize], &groups[loser as usize]);
            Overlap {
                winner: Arc::clone(&winner.name),
                loser: Arc::clone(&loser.name),
                people,
                same_outcome: same_outcome(winner, loser),
            }
        })
        .collect();
}

/// Says whether it makes no difference which of two groups decides.
fn same_outcome(a: &Group, b: &Group) -> bool {
    let outcome =
        |group: &Group| (group.wants, group.on_user_choice, group.on_leave, group.re_opt_in.is_some());
    outcome(a) == outcome(b)
}

/// Remembers people who are not in the directory, each with the first group that names them.
fn not_found(
    group: u32,
    missing: Vec<Named<'_>>,
    except: &[Named<'_>],
    seen: &mut BTreeSet<Selector>,
    state: &mut DesiredState,
) {
    let except: BTreeSet<&Selector> = except.iter().map(|named| &named.selector).collect();
    for named in missing {
        if !except.contains(&named.selector) && seen.insert(named.selector) {
            state.not_found.insert(NotFound { address: named.spelt.into(), group });
        }
    }
}

fn is_person(selector: &Selector) -> bool {
    match selector {
        Selector::Id(_) | Selector::User(_) | Selector::Mail(_) => true,
        Selector::Group(_) | Selector::Filter(_) | Selector::Licence(_) | Selector::Everyone => false,
    }
}

/// Names the kind of a selector with the key that manifests use.
fn kind(selector: &Selector) -> &'static str {
    match selector {
        Selector::Id(_) | Selector::User(_) => "user",
        Selector::Mail(_) => "mail",
        Selector::Group(_) => "group",
        Selector::Filter(_) => "filter",
        Selector::Licence(_) => "licence",
        Selector::Everyone => "everyone",
    }
}

fn gone(named: &Named<'_>, at: At, report: &mut Reporter<'_>) {
    let hint = match &named.selector {
        Selector::Licence(_) => {
            "the tenant has neither a product nor a service plan of this name; `SPE_E5` is such a name"
        }
        Selector::Id(_)
        | Selector::User(_)
        | Selector::Mail(_)
        | Selector::Group(_)
        | Selector::Filter(_)
        | Selector::Everyone => "check the name; if it was deleted, remove it here",
    };
    let what = kind(&named.selector);
    report.error(at, format!("the {what} {} does not exist in the tenant", quoted(named.spelt))).hint(hint);
}

fn ambiguous(named: &Named<'_>, count: usize, rule: &Rule, at: At, report: &mut Reporter<'_>) {
    let what = match named.selector {
        Selector::Id(_) | Selector::User(_) | Selector::Mail(_) => "people",
        Selector::Group(_) | Selector::Filter(_) | Selector::Licence(_) | Selector::Everyone => "groups",
    };
    let message = format!("{count} {what} are called {}", quoted(named.spelt));
    match rule {
        Rule::One(_) => {
            report.error(at, message).hint("use the object id or the mail address");
        }
        Rule::List(list) => {
            // Rare enough to look the row up again.
            let row = list.rows.iter().copied().find(|row| list.spelt(*row) == named.spelt);
            let at = row.map_or(At::TOP, |row| list.place(row));
            report.problems.know(&list.file);
            report
                .problems
                .add(Severity::Error, &list.file.path, at, message)
                .hint("use the object id, or the user principal name with `column: UserPrincipalName`");
        }
    }
}

/// Gives a rule as the manifest spells it.
fn spelling(rule: &Rule) -> String {
    match rule {
        Rule::One(One { selector: Selector::Everyone, .. }) => "everyone".to_owned(),
        Rule::One(one) => format!("{}: {}", kind(&one.selector), one.spelt),
        Rule::List(list) => format!("csv: {}", list.file.path.display()),
    }
}

/// Is the answer to a selector that nobody looked up, which is no answer.
fn not_asked() -> Refusal {
    Refusal {
        kind: RefusalKind::NotAsked,
        message: "the directory was not asked".to_owned(),
        request_id: None,
    }
}

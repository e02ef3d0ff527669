//! Decides which counts can be shown so that nobody can be singled out.
//!
//! Counts stand in tables that share people: everybody, split into waves and those into groups, and everybody again,
//! split into departments. A row is told with how many people it has, and never has fewer than the threshold; a
//! smaller one is merged with others. Within a row, a *cell* counts those who stand somewhere. A cell that is neither
//! zero nor reaches the threshold is hidden, and so are others, so that it cannot be computed from what is shown:
//!
//! 1. All standings that occur stand in one order, the rarest first. What a row hides is always a beginning of that
//!    order: two standings or more, its *level*. Hidden cells are told together, and together they reach the threshold.
//! 2. A part hides at least what the whole hides.
//! 3. A row that hides a small cell has a partner among its siblings that hides as much, with somebody in it.
//!
//! Why that is enough, for whoever knows every number that is shown: let `x` be a small cell of a row, in column `s`.
//! The cells that the row hides add up to more than `x`, so there is another column `t` that it hides. Where the row is
//! the total, one person of it who moves from `s` to `t` changes no number that is shown: by rule 2 every row that they
//! belong to hides both columns. Where it is another row, its partner has somebody in a column that both hide. If
//! that is `s`, one person of the partner moves from `s` to `t`, and one of the row from `t` to `s`; otherwise one person
//! of the partner moves from that column to `s`, and one of the row from `s` to that column. The sums of the two rows and
//! of all columns stay, so nothing above or beside them changes; below them, rule 2 hides both columns. In each case the
//! tables look the same with another `x`, so `x` does not follow from them.

use crate::model::{Measure, Standing};

/// Is how many columns there are.
const COLUMNS: usize = Standing::ALL.len();

/// Is the order in which columns are hidden; shared by all tables of one report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order(Vec<Standing>);

impl Order {
    /// Puts the standings that occur in order, the rarest first.
    fn of(total: &Measure) -> Self {
        let mut order: Vec<_> =
            Standing::ALL.into_iter().filter(|standing| total.of(*standing) > 0).collect();
        order.sort_by_key(|standing| (total.of(*standing), *standing));
        debug_assert!(order.len() <= COLUMNS, "no standing occurs twice");
        Self(order)
    }

    /// Lists what a level hides.
    fn hidden(&self, level: usize) -> &[Standing] {
        &self.0[..level]
    }

    fn people(&self, level: usize, counts: &Measure) -> u64 {
        self.hidden(level).iter().map(|standing| counts.of(*standing)).sum()
    }
}

/// Is a row, and the rows that it consists of, if it is split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node<K> {
    pub(super) name: K,
    pub(super) counts: Measure,
    pub(super) parts: Vec<Self>,
    /// How many columns of the order it hides.
    level: usize,
}

/// Is a row as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// Standings whose counts are hidden.
    pub(super) hidden: Vec<Standing>,
    /// How many people stand in those, together.
    pub(super) together: u64,
}

impl<K> Node<K> {
    /// Makes a row that is not split.
    pub(super) fn leaf(name: K, counts: Measure) -> Self {
        Self { name, counts, parts: Vec::new(), level: 0 }
    }

    /// Makes a row of its parts.
    pub(super) fn of(name: K, parts: Vec<Self>) -> Self {
        let mut counts = Measure::default();
        for part in &parts {
            counts.extend(&part.counts);
        }
        Self { name, counts, parts, level: 0 }
    }

    fn small(&self, threshold: u64) -> impl Iterator<Item = Standing> {
        let is_small = move |standing: &Standing| (1..threshold).contains(&self.counts.of(*standing));
        Standing::ALL.into_iter().filter(is_small)
    }

    fn has_small(&self, threshold: u64) -> bool {
        self.small(threshold).next().is_some()
    }

    /// Gives the least level, not below `floor`, that hides every small cell among enough people.
    fn least_level(&self, order: &Order, floor: usize, threshold: u64) -> usize {
        if !self.has_small(threshold) {
            return floor;
        }
        let hides_enough = |level: &usize| {
            let hidden = order.hidden(*level);
            self.small(threshold).all(|standing| hidden.contains(&standing))
                && order.people(*level, &self.counts) >= threshold
        };
        (floor.max(2)..order.0.len()).find(hides_enough).unwrap_or(order.0.len())
    }

    /// Says what of it may be shown.
    pub(super) fn shown(&self, order: &Order) -> Shown {
        let mut hidden = order.hidden(self.level).to_vec();
        hidden.sort_by_key(|standing| Standing::ALL.iter().position(|each| each == standing));
        Shown { hidden, together: order.people(self.level, &self.counts) }
    }
}

/// Merges rows that have too few people; none are left where all of them together have too few.
///
/// What is merged comes last, under the name that `merged` makes of theirs. Rows without people are left out.
pub(super) fn merge<K>(
    rows: Vec<Node<K>>,
    threshold: u64,
    merged: impl Fn(Vec<K>) -> K,
    same: impl Fn(&K, &K) -> bool,
) -> Vec<Node<K>> {
    let people = |row: &Node<K>| row.counts.people();
    let (mut small, mut large): (Vec<_>, Vec<_>) =
        rows.into_iter().filter(|row| people(row) > 0).partition(|row| people(row) < threshold);
    if small.is_empty() {
        return large;
    }
    while small.iter().map(people).sum::<u64>() < threshold {
        // The last of the smallest, so that the order of the others tells nothing more.
        let Some(smallest) = large.iter().map(people).min() else { return Vec::new() };
        let at = large.iter().rposition(|row| people(row) == smallest).expect("the smallest is one of them");
        small.push(large.remove(at));
    }
    let (mut names, mut counts, mut parts) = (Vec::new(), Measure::default(), Vec::<Node<K>>::new());
    for row in small {
        names.push(row.name);
        counts.extend(&row.counts);
        for part in row.parts {
            match parts.iter_mut().find(|known| same(&known.name, &part.name)) {
                Some(known) => known.counts.extend(&part.counts),
                None => parts.push(part),
            }
        }
    }
    large.push(Node { name: merged(names), counts, parts, level: 0 });
    large
}

/// Decides what every row hides: of everybody, split as it is, and of the same people split in other ways.
pub(super) fn protect<K>(total: &mut Node<K>, others: &mut [Vec<Node<K>>], threshold: u64) -> Order {
    let order = Order::of(&total.counts);
    total.level = total.least_level(&order, 0, threshold);
    protect_parts(&mut total.parts, &order, total.level, threshold);
    for rows in others {
        protect_parts(rows, &order, total.level, threshold);
    }
    order
}

fn protect_parts<K>(rows: &mut [Node<K>], order: &Order, floor: usize, threshold: u64) {
    for row in &mut *rows {
        // The only part is the whole.
        row.level = row.least_level(order, floor, threshold);
    }
    if let [only] = rows {
        only.level = floor;
    } else {
        let mut partners = Partners::of(rows, order);
        for index in 0..rows.len() {
            if rows[index].has_small(threshold) {
                partners.find(rows, index, order);
            }
        }
    }
    for row in rows {
        protect_parts(&mut row.parts, order, row.level, threshold);
    }
}

/// Remembers for each level up to two rows that hide as much and have somebody in it; either can be a partner.
#[derive(Debug)]
struct Partners(Vec<Vec<usize>>);

impl Partners {
    fn of<K>(rows: &[Node<K>], order: &Order) -> Self {
        let mut partners = Self(vec![Vec::new(); order.0.len() + 1]);
        for index in 0..rows.len() {
            partners.offer(rows, index, order);
        }
        partners
    }

    fn offer<K>(&mut self, rows: &[Node<K>], index: usize, order: &Order) {
        for (level, known) in self.0.iter_mut().enumerate().take(rows[index].level + 1) {
            if known.len() < 2 && !known.contains(&index) && order.people(level, &rows[index].counts) > 0 {
                known.push(index);
            }
        }
    }

    /// Finds a partner for a row, and raises both as far as that takes.
    ///
    /// With everything hidden any sibling will do, since none is without people. Whoever is raised later on has the row
    /// on whose account it is raised as its partner. A level at which all siblings must be looked at is met once or
    /// twice, since whoever was raised there is remembered.
    fn find<K>(&mut self, rows: &mut [Node<K>], index: usize, order: &Order) {
        for level in rows[index].level..=order.0.len() {
            let known = self.0[level].iter().copied().find(|other| *other != index);
            let smallest = || {
                let able = (0..rows.len())
                    .filter(|other| *other != index && order.people(level, &rows[*other].counts) > 0);
                able.min_by_key(|other| (rows[*other].counts.people(), *other))
            };
            if let Some(partner) = known.or_else(smallest) {
                for raised in [index, partner] {
                    rows[raised].level = rows[raised].level.max(level);
                    self.offer(rows, raised, order);
                }
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;

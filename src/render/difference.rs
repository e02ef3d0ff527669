//! Shows how two plans differ: what was approved, and what would be planned now.

use std::collections::BTreeMap;
use std::io::{self, Write};

use similar::{Algorithm, ChangeTag, DiffOp, DiffTag, capture_diff_slices, group_diff_ops};

use super::inert::{self, elide, inert};
use super::number::count;
use super::page::{Line, Page};
use super::plan::last_line;
use super::style::Meaning;
use super::{Look, change, words};
use crate::model::PersonId;
use crate::plan::{Operation, Phase, Plan, Target};

/// Is how many unchanged operations stand around a change.
const CONTEXT: usize = 2;

/// Is how many times the details of a block are shown in all, unless everything is asked for.
const BLOCKS: usize = 4;

/// Writes the operations of an approved plan against those of a fresh one, by step and group.
///
/// `-` was approved and would not be planned now, `+` the other way round. Each block shows as many changes as
/// [`Look::details`] says; the rest is counted.
pub fn text(out: &mut dyn Write, approved: &Plan, now: &Plan, look: Look) -> io::Result<()> {
    let mut page = Page::new(out, look);
    page.line(
        0,
        &Line::default().with(Meaning::Heading, "What was approved (-), and what would be planned now (+)"),
    )?;
    let (approved_lines, now_lines) = (sections(&approved.operations), sections(&now.operations));
    let mut keys: Vec<_> = approved_lines.keys().chain(now_lines.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut room = look.details.saturating_mul(BLOCKS);
    let mut untold = 0;
    let mut same = true;
    for key in keys {
        let section = Section {
            old: approved_lines.get(key).map(Vec::as_slice).unwrap_or_default(),
            new: now_lines.get(key).map(Vec::as_slice).unwrap_or_default(),
        };
        // Lines of a block are unlike each other, for which this algorithm takes no longer than sorting them does.
        let ops = capture_diff_slices(Algorithm::Hunt, section.old, section.new);
        let changes = ops.iter().map(|op| changes(*op)).sum::<usize>();
        if changes == 0 {
            continue;
        }
        same = false;
        let shown = page.look.details.min(room);
        room -= shown.min(changes);
        if shown == 0 {
            untold += changes;
            continue;
        }
        page.heading(&heading(*key))?;
        section.write(&mut page, ops, shown)?;
        if changes > shown {
            more(&mut page, 2, changes - shown)?;
        }
    }
    if untold > 0 {
        page.blank()?;
        more(&mut page, 0, untold)?;
    }
    page.blank()?;
    if same {
        page.line(0, &Line::of("Each operation would be the same."))?;
    }
    page.line(0, &Line::of(format!("Approved: {}", last_line(approved))))?;
    page.line(0, &Line::of(format!("Now:      {}", last_line(now))))
}

/// Names a block: a step, and a group within it, or the tenant.
type Key<'p> = (Phase, Option<&'p str>);

/// Is one operation as a line: who, whose, and what.
type Row<'p> = (&'p str, Option<PersonId>, String);

type Sections<'p> = BTreeMap<Key<'p>, Vec<Row<'p>>>;

/// Arranges operations by step and group, sorted by name within each.
fn sections(operations: &[Operation]) -> Sections<'_> {
    let mut sections = Sections::new();
    for operation in operations {
        let label = words::label(operation.because).map(|label| format!(" ({label})")).unwrap_or_default();
        let (group, row): (_, Row<'_>) = match &operation.target {
            Target::Tenant(setting) => {
                let text = format!("{}{label}", change::becomes(operation));
                (None, (setting.word(), None, text))
            }
            Target::Person(person) => {
                let text = format!("{}{label}", change::change(person.setting.word(), operation));
                (Some(&*person.group), (&person.upn, Some(person.id), text))
            }
        };
        sections.entry((operation.phase, group)).or_default().push(row);
    }
    for rows in sections.values_mut() {
        rows.sort_unstable();
    }
    sections
}

fn heading((phase, group): Key<'_>) -> String {
    match group {
        Some(group) => format!("{}, {}", words::phase(phase), inert::quoted(group)),
        None => words::phase(phase).to_owned(),
    }
}

fn changes(op: DiffOp) -> usize {
    match op.tag() {
        DiffTag::Equal => 0,
        DiffTag::Delete | DiffTag::Insert | DiffTag::Replace => op.old_range().len() + op.new_range().len(),
    }
}

fn more(page: &mut Page<'_>, indent: usize, number: usize) -> io::Result<()> {
    let line = format!("… and {} more (--verbose shows all)", count(number as u64));
    page.line(indent, &Line::default().with(Meaning::Quiet, line))
}

/// Is one block of both plans.
struct Section<'s, 'p> {
    old: &'s [Row<'p>],
    new: &'s [Row<'p>],
}

impl Section<'_, '_> {
    /// Writes the first changes with what stands around them.
    fn write(&self, page: &mut Page<'_>, ops: Vec<DiffOp>, most: usize) -> io::Result<()> {
        let mut lines = Vec::new();
        let mut shown = 0;
        'hunks: for (at, hunk) in group_diff_ops(ops, CONTEXT).iter().enumerate() {
            if at > 0 {
                lines.push(None);
            }
            for op in hunk {
                for change in op.iter_changes(self.old, self.new) {
                    if change.tag() != ChangeTag::Equal {
                        if shown == most {
                            break 'hunks;
                        }
                        shown += 1;
                    }
                    lines.push(Some((change.tag(), change.value())));
                }
            }
        }
        // What stood before a change that is not shown any more tells nothing.
        let last = lines.iter().rposition(|line| {
            line.as_ref().is_some_and(|(tag, _): &(ChangeTag, Row<'_>)| *tag != ChangeTag::Equal)
        });
        if shown == most {
            lines.truncate(last.map_or(0, |last| last + 1));
        }
        let names = lines.iter().flatten().map(|(_, (name, ..))| inert::width(&inert(name)));
        let columns = names.max().unwrap_or(0).min(page.look.width / 2).max(12);
        for line in lines {
            let Some((tag, (name, _, text))) = line else {
                page.line(4, &Line::default().with(Meaning::Quiet, "⋮"))?;
                continue;
            };
            let (sign, meaning) = match tag {
                ChangeTag::Equal => ("\u{a0}", Meaning::Quiet),
                ChangeTag::Delete => ("-", Meaning::Withdrawn),
                ChangeTag::Insert => ("+", Meaning::Granted),
            };
            let name = inert(name);
            let line = Line::default()
                .with(meaning, format!("{sign}\u{a0}"))
                .column(meaning, &elide(&name, columns), columns + 2)
                .with(meaning, text);
            page.hanging(2, columns + 6, &line)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Setting;
    use crate::render::inert::acts;
    use crate::render::sample;

    fn shown(approved: &Plan, now: &Plan, look: Look) -> String {
        let mut out = Vec::new();
        text(&mut out, approved, now, look).expect("memory");
        String::from_utf8(out).expect("UTF-8")
    }

    /// Is the sample in which two people of the works council are gone, one has come, and a default stays.
    fn later() -> Plan {
        let mut plan = sample::full();
        let new = sample::target(900, "bob@contoso.com", "works-council", Setting::Mode);
        plan.operations[2].target = new;
        plan.operations.remove(7);
        plan.operations.retain(|operation| {
            operation.to != crate::model::Value::OFF || operation.from == Some(operation.to)
        });
        plan
    }

    #[test]
    fn a_difference_is_told_by_step_and_group_with_what_stands_around_it() {
        insta::assert_snapshot!(shown(&sample::full(), &later(), Look::default()), @r"
        What was approved (-), and what would be planned now (+)

        people's opt-outs and switch-offs, works-council
            anna.berg@contoso.com  mode opt-in → opt-out
            bo.ek@contoso.com      mode opt-in → opt-out (overrides their choice)
          - cara.dahl@contoso.com  mode opt-in → opt-out
          + bob@contoso.com        mode opt-in → opt-out
            dan.falk@contoso.com   mode opt-in → opt-out
            elin.gren@contoso.com  mode opt-in → opt-out
            finn.holm@contoso.com  mode opt-in → opt-out
            gro.lind@contoso.com   mode opt-in → opt-out
          - hal.moe@contoso.com    mode opt-in → opt-out
            ida.nord@contoso.com   mode opt-in → opt-out
            jon.ohlin@contoso.com  mode opt-in → opt-out

        tenant defaults switched off
          - dashboard       on → off
          - outlook-add-in  on → off

        Approved: Plan: 3 tenant settings, 17 people (1 opt-in, 12 opt-out, 3 pinned, 1
          features, 1 service-plan-removed) of 1,208 in scope, 24 calls and 41 reads,
          about 8 s.
        Now:      Plan: 3 tenant settings, 17 people (1 opt-in, 12 opt-out, 3 pinned, 1
          features, 1 service-plan-removed) of 1,208 in scope, 24 calls and 41 reads,
          about 8 s.
        ");
    }

    #[test]
    fn equal_plans_have_no_difference() {
        let text = shown(&sample::full(), &sample::full(), Look::default());
        assert!(text.contains("Each operation would be the same."), "{text}");
        assert_eq!(text.matches('→').count(), 0, "{text}");
    }

    #[test]
    fn long_differences_are_capped_and_counted_unless_everything_is_asked_for() {
        let (approved, now) = (sample::huge(2_000), sample::empty());
        let short = shown(&approved, &now, Look::default());
        assert!(short.contains("… and 40 more (--verbose shows all)"), "{short}");
        assert!(short.contains("\n… and 1,800 more (--verbose shows all)"), "{short}");
        assert!(short.lines().count() < 100, "{short}");
        let whole = shown(&approved, &now, Look { details: usize::MAX, ..Look::default() });
        assert_eq!(whole.lines().filter(|line| line.starts_with("  - ")).count(), 2_000);
        assert!(!whole.contains(" more ("));
    }

    #[test]
    fn hostile_names_are_inert() {
        let text = shown(&sample::hostile(), &sample::full(), Look::default());
        assert!(!text.contains(|c: char| c != '\n' && acts(c)), "{text:?}");
    }

    #[test]
    fn colours_are_for_terminals_that_want_them() {
        let coloured = shown(&sample::full(), &later(), Look { colour: true, ..Look::default() });
        assert!(coloured.contains("\u{1b}[31m") && coloured.contains("\u{1b}[32m"), "{coloured:?}");
    }
}

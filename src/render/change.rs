//! Writes changes of values: `mode opt-in → opt-out`.

use crate::model::Value;
use crate::plan::{Operation, PersonTarget};

/// Spells what was read; a setting that cannot be read has no value.
pub(super) fn value(value: Option<Value>) -> String {
    value.map_or_else(|| "unread".to_owned(), |value| value.to_string())
}

/// Writes one change: `mode opt-in → opt-out`, or `dashboard stays on`, held together by no-break spaces.
pub(super) fn change(name: &str, operation: &Operation) -> String {
    let stays = operation.from == Some(operation.to);
    if stays {
        format!("{name}\u{a0}stays\u{a0}{}", operation.to)
    } else {
        format!("{name}\u{a0}{}", becomes(operation))
    }
}

/// Writes several changes of one person; settings that change alike share their words.
///
/// For example `mode opt-out → opt-in; dashboard, outlook-add-in off → on`.
pub(super) fn changes(operations: &[(&PersonTarget, &Operation)]) -> String {
    let alike = |one: &Operation, other: &Operation| {
        one.through == other.through
            && (one.from, one.to, one.after_opt_out) == (other.from, other.to, other.after_opt_out)
    };
    let mut parts: Vec<(Vec<&str>, &Operation)> = Vec::new();
    for (target, operation) in operations {
        match parts.iter_mut().find(|(_, first)| alike(first, operation)) {
            Some((names, _)) => names.push(target.setting.word()),
            None => parts.push((vec![target.setting.word()], operation)),
        }
    }
    let parts: Vec<_> = parts
        .into_iter()
        .map(|(names, operation)| match names.as_slice() {
            [name] => change(name, operation),
            _ if operation.from == Some(operation.to) => {
                format!("{}\u{a0}stay\u{a0}{}", names.join(", "), operation.to)
            }
            _ => format!("{}\u{a0}{}", names.join(", "), becomes(operation)),
        })
        .collect();
    parts.join("; ")
}

/// Writes `opt-in → opt-out`, or `assigned → removed by group once opted out`, held together by no-break spaces.
pub(super) fn becomes(operation: &Operation) -> String {
    let after = if operation.after_opt_out { " once\u{a0}opted\u{a0}out" } else { "" };
    let by = if operation.through.is_empty() { "" } else { " by\u{a0}group" };
    format!("{}\u{a0}→\u{a0}{}{by}{after}", value(operation.from), operation.to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Class, Setting};
    use crate::plan::{Because, Phase, Target};
    use crate::render::sample::{operation, target};

    fn written(changes_of: &[(Setting, Option<Value>, Value)]) -> String {
        let operations: Vec<_> = changes_of
            .iter()
            .map(|(setting, from, to)| {
                let target = target(1, "ada@contoso.com", "pilot", *setting);
                operation(Phase::Grant, target, *from, *to, Class::Features, Because::FirstTouch)
            })
            .collect();
        let pairs: Vec<_> = operations
            .iter()
            .filter_map(|operation| match &operation.target {
                Target::Person(person) => Some((person, operation)),
                Target::Tenant(_) => None,
            })
            .collect();
        changes(&pairs).replace('\u{a0}', " ")
    }

    #[test]
    fn settings_that_change_alike_share_their_words() {
        let (off, on) = (Some(Value::OFF), Some(Value::ON));
        assert_eq!(
            written(&[
                (Setting::Mode, Some(Value::OPT_OUT), Value::OPT_IN),
                (Setting::Dashboard, off, Value::ON),
                (Setting::DigestEmail, off, Value::OFF),
                (Setting::OutlookAddIn, off, Value::ON),
            ]),
            "mode opt-out → opt-in; dashboard, outlook-add-in off → on; digest-email stays off"
        );
        assert_eq!(
            written(&[(Setting::Dashboard, on, Value::ON), (Setting::OutlookAddIn, on, Value::ON)]),
            "dashboard, outlook-add-in stay on"
        );
    }

    #[test]
    fn what_was_not_read_is_not_made_up() {
        assert_eq!(written(&[(Setting::Dashboard, None, Value::ON)]), "dashboard unread → on");
    }
}

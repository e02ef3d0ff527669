//! Says who made a change, and what came of asking the audit log.

use super::number::{count, counted, moment, span};
use super::words::Quote;
use crate::plan::{Attribution, Inquiry, Silence, Who};

/// Says who made a change, and when: `by themselves on 2026-03-03 10:00 UTC`.
pub(super) fn attribution(by: &Attribution, quote: Quote) -> String {
    let Attribution { who, name, at } = by;
    let (kind, nobody) = match who {
        Who::Themselves => return format!("by themselves on {}", moment(*at)),
        Who::Administrator => ("administrator ", "an administrator"),
        Who::Application => ("application ", "an application"),
        Who::Unknown => ("", "somebody"),
    };
    let whom = name.as_ref().map_or_else(|| nobody.to_owned(), |name| format!("{kind}{}", quote(name)));
    format!("by {whom} on {}", moment(*at))
}

/// Says the same behind what was changed, in parentheses; nothing where nobody knows.
pub(super) fn aside(by: Option<&Attribution>, quote: Quote) -> String {
    by.map(|by| format!(" ({})", attribution(by, quote))).unwrap_or_default()
}

/// Says what came of asking the audit log.
pub(super) fn inquiry(inquiry: &Inquiry, quote: Quote) -> String {
    let silence = match inquiry {
        Inquiry::Told { settings, told } => {
            let (asked, rest) = (counted(*settings, "setting", "settings"), settings - told);
            let of = format!("the audit log was asked who changed {asked}, and tells of {}", count(*told));
            let why = "Microsoft does not document which changes it records, so its silence means nothing";
            return if rest == 0 { of } else { format!("{of}; {why}") };
        }
        Inquiry::Silent(silence) => silence,
    };
    let why = match silence {
        Silence::NotPermitted => {
            "the application lacks the permission AuditLogsQuery.Read.All of Microsoft Graph".to_owned()
        }
        Silence::NotInTime { seconds } => format!(
            "the audit log did not answer within {}; `--who-changed=10m` waits longer, here 10 minutes",
            span(*seconds)
        ),
        Silence::CutShort => {
            "the audit log holds more records of that time than it gives out, and the newest may be missing"
                .to_owned()
        }
        Silence::Refused { message } => format!("the audit log did not tell: {}", quote(message)),
    };
    format!("who changed what others changed is not known: {why}")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::render::inert::{acts, code, quoted};
    use crate::render::sample::{HOSTILE, at};

    fn by(who: Who, name: Option<&str>) -> String {
        let at = at("2026-03-03T10:00:07Z");
        attribution(&Attribution { who, name: name.map(Arc::from), at }, quoted)
    }

    #[test]
    fn everybody_is_named_as_far_as_they_are_known() {
        let said = [
            by(Who::Themselves, None),
            by(Who::Administrator, Some("root@contoso.com")),
            by(Who::Administrator, None),
            by(Who::Application, Some("00000000-0000-0000-0000-00000000beef")),
            by(Who::Unknown, Some("someone@contoso.com")),
            by(Who::Unknown, None),
        ];
        insta::assert_snapshot!(said.join("\n"), @r"
        by themselves on 2026-03-03 10:00 UTC
        by administrator root@contoso.com on 2026-03-03 10:00 UTC
        by an administrator on 2026-03-03 10:00 UTC
        by application 00000000-0000-0000-0000-00000000beef on 2026-03-03 10:00 UTC
        by someone@contoso.com on 2026-03-03 10:00 UTC
        by somebody on 2026-03-03 10:00 UTC
        ");
    }

    #[test]
    fn silence_has_a_reason_and_where_it_can_a_remedy() {
        let said = [
            Inquiry::Told { settings: 3, told: 3 },
            Inquiry::Told { settings: 1, told: 0 },
            Inquiry::Silent(Silence::NotPermitted),
            Inquiry::Silent(Silence::NotInTime { seconds: 120 }),
            Inquiry::Silent(Silence::CutShort),
            Inquiry::Silent(Silence::Refused { message: "the directory answered 404".to_owned() }),
        ];
        insta::assert_snapshot!(said.map(|it| inquiry(&it, quoted)).join("\n"), @r"
        the audit log was asked who changed 3 settings, and tells of 3
        the audit log was asked who changed 1 setting, and tells of 0; Microsoft does not document which changes it records, so its silence means nothing
        who changed what others changed is not known: the application lacks the permission AuditLogsQuery.Read.All of Microsoft Graph
        who changed what others changed is not known: the audit log did not answer within 2 min; `--who-changed=10m` waits longer, here 10 minutes
        who changed what others changed is not known: the audit log holds more records of that time than it gives out, and the newest may be missing
        who changed what others changed is not known: the audit log did not tell: the directory answered 404
        ");
    }

    #[test]
    fn what_the_log_says_is_inert() {
        let hostile =
            Attribution { who: Who::Unknown, name: Some(HOSTILE.into()), at: at("2026-03-03T10:00:07Z") };
        let refused = Inquiry::Silent(Silence::Refused { message: HOSTILE.to_owned() });
        for said in [
            attribution(&hostile, quoted),
            aside(Some(&hostile), code),
            inquiry(&refused, quoted),
            inquiry(&refused, code),
        ] {
            assert!(!said.contains(acts), "{said:?}");
        }
        assert!(aside(Some(&hostile), code).contains("by `=cmd()"), "names stand in code spans");
    }
}

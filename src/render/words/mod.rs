//! The sentences for everything that a plan, a report or an explanation can say.
//!
//! Matches are exhaustive on purpose: a new case must find its words here before it compiles.

pub(super) mod doctor;
pub(super) mod rollout;
pub(super) mod window;

use std::borrow::Cow;

use super::number::{count, counted, list, people};
use super::{agreed, licensing, who};
use crate::apply::{Outcome, Stopped, Why};
use crate::model::{Class, RefusalKind, Waiver};
use crate::plan::{Because, MovesWithDefault, Note, Phase, Reason, Refused, Settled, Stays};

/// Makes foreign text fit for the form that is being written: plain text or Markdown.
pub(super) type Quote = fn(&str) -> String;

/// Names what a phase does.
pub(super) fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Withdraw => "people's opt-outs and switch-offs",
        Phase::Pin => "pins, so that people keep what the defaults will no longer give",
        Phase::DefaultsOff => "tenant defaults switched off",
        Phase::PlanRemove => "service plans removed",
        Phase::PlanAssign => "service plans assigned",
        Phase::DefaultsOn => "tenant defaults switched on, and rates",
        Phase::Grant => "people's opt-ins and switch-ons",
    }
}

/// Names what the operations of a phase find different, for those who only look.
pub(super) fn differs(phase: Phase) -> &'static str {
    match phase {
        Phase::Withdraw => "people who have more than the manifest gives",
        Phase::Pin => "people who have by default what they are to keep when the default goes",
        Phase::DefaultsOff => "tenant defaults that are on",
        Phase::PlanRemove => "service plans that are there",
        Phase::PlanAssign => "service plans that are missing",
        Phase::DefaultsOn => "tenant defaults that are off, and rates",
        Phase::Grant => "people who have less than the manifest gives",
    }
}

/// Labels an operation whose reason is not the ordinary one.
pub(super) fn label(because: Because) -> Option<&'static str> {
    match because {
        Because::Pinned => Some("pinned"),
        Because::RePin => Some("written again, a default moved it"),
        Because::ManifestChanged => Some("the manifest changed"),
        Because::DidNotTake => Some("sent again, it did not take"),
        Because::Overridden => Some("overrides their choice"),
        Because::Restored => Some("as found before"),
        Because::Recorded => Some("a script had written it"),
        Because::ReOptIn => Some("opted in again, against an earlier opt-out"),
        Because::RolledBack => Some("undone"),
        Because::FirstTouch | Because::WithOptIn | Because::Differs => None,
    }
}

/// Spells the word of a reason to write, as the JSON does.
pub(super) fn because_word(because: Because) -> &'static str {
    match because {
        Because::Pinned => "pinned",
        Because::RePin => "re-pin",
        Because::ManifestChanged => "manifest-changed",
        Because::DidNotTake => "did-not-take",
        Because::Overridden => "overridden",
        Because::FirstTouch => "first-touch",
        Because::WithOptIn => "with-opt-in",
        Because::Differs => "differs",
        Because::Restored => "restored",
        Because::Recorded => "recorded",
        Because::ReOptIn => "re-opt-in",
        Because::RolledBack => "rolled-back",
    }
}

/// Says why something is written.
pub(super) fn because(because: Because) -> &'static str {
    match because {
        Because::Pinned => {
            "equals the default today and would not after this plan, so it is written to outlive it"
        }
        Because::RePin => "a default moved what was written, and consent was given to write it again",
        Because::ManifestChanged => {
            "it was written as the manifest asked then; the manifest asks for something else now"
        }
        Because::DidNotTake => "a write did not show in time; it is sent again, once",
        Because::Overridden => "somebody chose otherwise, and the group says `on-user-choice: override`",
        Because::FirstTouch => "it follows the default, and nobody has chosen it",
        Because::WithOptIn => "stated again, since an opt-in leaves the features in no known state",
        Because::Differs => "it differs from the manifest",
        Because::Restored => "the person left the group, and gets back what was found before the first write",
        Because::Recorded => "a script had written it, as was recorded; the manifest asks for something else",
        Because::ReOptIn => {
            "the group says `re-opt-in`: whoever had opted out before that is opted in again, once"
        }
        Because::RolledBack => "it goes back to what it was before the run that is undone",
    }
}

/// Spells the word of a reason to leave alone, as the JSON does.
pub(super) fn reason_word(reason: Reason) -> &'static str {
    match reason {
        Reason::Unknown => "unknown",
        Reason::NotFound => "not-found",
        Reason::Guest => "guest",
        Reason::Disabled => "disabled",
        Reason::Protected => "protected",
        Reason::WaveNotStarted => "wave-not-started",
        Reason::OutsideWindow => "outside-window",
        Reason::NoMailbox => "no-mailbox",
        Reason::Unlicensed => "unlicensed",
        Reason::Quarantined => "quarantined",
        Reason::RolledBack => "rolled-back",
        Reason::Accepted => "accepted",
        Reason::ConsentFloor => "consent-floor",
        Reason::OwnChoice => "own-choice",
        Reason::InheritedLicence => "inherited-licence",
        Reason::OptedOut => "opted-out",
        Reason::Settling => "settling",
        Reason::DefaultSettling => "default-settling",
        Reason::DefaultMoved => "default-moved",
        Reason::MovesWithDefault => "moves-with-default",
        Reason::Released => "released",
        Reason::InSync => "in-sync",
    }
}

/// Says why something is left alone.
pub(super) fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Unknown => "something that decides could not be read",
        Reason::NotFound => "the directory does not know the address",
        Reason::Guest => "guests are left alone",
        Reason::Disabled => "the account is disabled",
        Reason::Protected => "protected by the manifest's guards",
        Reason::WaveNotStarted => "the wave of their group has not begun",
        Reason::OutsideWindow => "the windows of the wave are closed now",
        Reason::NoMailbox => "without a mailbox there is nothing to show",
        Reason::Unlicensed => "no licence carries personal insights",
        Reason::Quarantined => "what was written came back too often; `insightctl release` lets go of it",
        Reason::RolledBack => "a run was undone here, and stays so until the manifest changes",
        Reason::Accepted => "the manifest accepts it for a while",
        Reason::ConsentFloor => "somebody opted out, and nobody is opted in against that",
        Reason::OwnChoice => "somebody chose otherwise, and the choice stands",
        Reason::InheritedLicence => "a group hands the licence down, so it cannot be changed on the person",
        Reason::OptedOut => "features do not matter while a person is opted out",
        Reason::Settling => "what was written has not shown yet",
        Reason::DefaultSettling => "a change of the default has not shown yet",
        Reason::DefaultMoved => "a default moved what was written; `--allow re-pin` writes it again",
        Reason::MovesWithDefault => "the new default brings it about, without a call",
        Reason::Released => "the manifest does not ask for it",
        Reason::InSync => "as the manifest asks",
    }
}

/// Spells the word of a reason not to undo.
pub(super) fn stays_word(stays: Stays) -> &'static str {
    match stays {
        Stays::Because(reason) => reason_word(reason),
        Stays::WrittenAgain(_) => "written-again",
        Stays::DefaultChanged => "default-changed",
        Stays::OtherLicences => "other-licences",
        Stays::AfterThePlan => "after-the-plan",
        Stays::NothingKnown => "nothing-known",
        Stays::WasSo => "was-so",
        Stays::IsBack => "is-back",
    }
}

/// Says why something that a run wrote is not undone.
pub(super) fn stays(stays: Stays) -> Cow<'static, str> {
    Cow::Borrowed(match stays {
        Stays::Because(Reason::OwnChoice) => "somebody changed it since, and that stands",
        Stays::Because(Reason::Settling) => "what the run wrote has not shown yet; undo the run again later",
        Stays::Because(Reason::NotFound) => "the directory does not describe the person any more",
        Stays::Because(other) => reason(other),
        Stays::WrittenAgain(run) => {
            return Cow::Owned(format!("run {run:08} wrote it again; undo that run first"));
        }
        Stays::DefaultChanged => "somebody else changed the default since",
        Stays::OtherLicences => "somebody else changed the licences since",
        Stays::AfterThePlan => "it needs the service plan; undo the run again once that is there",
        Stays::NothingKnown => "nobody knows what was there before the run",
        Stays::WasSo => "the run wrote what was there already, so that it outlives a default",
        Stays::IsBack => "it is as it was before the run",
    })
}

/// Says in a sentence what the rows 1 to 14 of the verdict table find.
pub(super) fn row(row: u8) -> Option<&'static str> {
    Some(match row {
        1 => "the manifest does not ask for this setting, now or any more",
        2 => "what is could not be read, and nothing is written over the unknown",
        3 => "the person is, or will be, opted out, so features do not matter",
        4 => "what was written has not shown yet, and still has time to",
        5 => "what was written had shown, and shortly after it was another",
        6 => "the default changed less than a day ago, and this value may still follow it",
        7 => "it is as wanted only because of a default that this plan changes",
        8 => "it is as wanted",
        9 => "it was written and had shown; then the default changed, and this changed with it",
        10 => "what is there was written before, and the manifest asks for something else now",
        11 => "what was written never showed, although its time is over",
        12 => "somebody else decided so",
        13 => "the default will be as wanted, and this follows it",
        14 => "it follows the default, never written and never chosen",
        _ => return None,
    })
}

/// Says what became of an operation, in a word or two that a count can stand before.
pub(super) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "written and read back",
        Outcome::Settling => "written, and not to be seen yet; this is no failure",
        Outcome::Unanswered => "sent without an answer; the next run looks again",
        Outcome::Moved => "no longer as planned, so not written",
        Outcome::Waiting => "held back until something else of this plan is there",
        Outcome::Failed => "refused by the service",
        Outcome::NotBegun => "not begun before the run ended",
    }
}

/// Advises what to do about an outcome; `None` where nothing is to be done.
pub(super) fn outcome_hint(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Done => None,
        Outcome::Settling => Some(
            "people's settings usually show within 15 minutes, service plans within an hour, defaults within a day; \
             plan again then: what still differs is written once more",
        ),
        Outcome::Unanswered => {
            Some("run the same command again; it looks first, and writes only what is missing")
        }
        Outcome::Moved => Some("plan again to see what they have now"),
        Outcome::Waiting => {
            Some("run the same command again later; it carries on where this run had to wait")
        }
        Outcome::Failed => Some("plan again; what still differs is part of the next plan"),
        Outcome::NotBegun => Some("run the same command again; it carries on with what was not begun"),
    }
}

/// Spells what has become of a write, as the JSON does.
pub(super) fn settled_word(settled: Settled) -> &'static str {
    match settled {
        Settled::Confirmed => "confirmed",
        Settled::Settling => "settling",
        Settled::NotTaken => "not-taken",
        Settled::Changed => "changed",
        Settled::Unknown => "unknown",
    }
}

/// Says what has become of a write.
pub(super) fn settled(settled: Settled) -> &'static str {
    match settled {
        Settled::Confirmed => "it shows",
        Settled::Settling => "it does not show yet; this is no failure",
        Settled::NotTaken => "it did not show in its time",
        Settled::Changed => "it had shown, and somebody has changed it since",
        Settled::Unknown => "it could not be read",
    }
}

/// Advises what to do about a write that was looked at again.
pub(super) fn settled_hint(settled: Settled) -> Option<&'static str> {
    match settled {
        Settled::Confirmed => None,
        Settled::Settling => Some(
            "people's settings usually show within 15 minutes, service plans within an hour, defaults within a day",
        ),
        Settled::NotTaken => {
            Some("plan again: it is written once more, and after that taken for somebody's choice")
        }
        Settled::Changed => Some("plan again: it says whose decision that is"),
        Settled::Unknown => Some("try again later"),
    }
}

/// Says why an operation has its outcome.
pub(super) fn why(why: &Why, quote: Quote) -> String {
    match why {
        Why::Found { setting, value } => format!("found {setting} {value}"),
        Why::FoundDefault { value } => format!("found {value}"),
        Why::FoundLicencesChanged => "found as it is to be".to_owned(),
        Why::FoundOtherLicences => "found other licences".to_owned(),
        Why::Protected => "protected by the manifest's guards by now".to_owned(),
        Why::OptOutNotSeen => "the opt-out does not show yet".to_owned(),
        Why::OptOutUnreadable(refused) => format!("the opt-out cannot be read: {}", said(refused, quote)),
        Why::PinNotStanding { id: _, upn, outcome } => {
            format!("the pin of {} is {}", quote(upn), outcome.word())
        }
        Why::GroupJoined { group, people: 1, id: _, upn } => {
            format!("{} is in {} by now, and nothing is known of them", quote(upn), quote(group))
        }
        Why::GroupJoined { group, people: n, id: _, upn } => format!(
            "{} and {} more are in {} by now, and nothing is known of them",
            quote(upn),
            count(n.saturating_sub(1)),
            quote(group)
        ),
        Why::GroupHeldBack { group, id: _, upn, outcome } => {
            format!("{} is in {} too, and is {}", quote(upn), quote(group), outcome.word())
        }
        Why::GroupProcessing { group } => {
            format!("the directory still works on an earlier change of {}", quote(group))
        }
        Why::GroupErrors { group } => {
            format!("the directory reports licence errors of members of {}", quote(group))
        }
        Why::WriteOnly => "the service has no field to read it back from".to_owned(),
        Why::BrokenOff => "the run ended between two calls".to_owned(),
        Why::OutsideWindow(closed) => format!("closed {}", window::closed(closed, quote)),
        Why::Refused(refused) => said(refused, quote),
    }
}

/// Says who consented to what, until when and why.
pub(super) fn waiver(waiver: &Waiver, quote: Quote) -> String {
    let Waiver { plan: _, class, reason, by, until } = waiver;
    let classes: Vec<_> = class.iter().map(|class| class.word().to_owned()).collect();
    format!("{}, by {} until {until}: {}", list(&classes), quote(by), quote(reason))
}

/// Gives what the service said, or what kind of refusal it was where its words were not kept.
fn said(Refused { kind, message }: &Refused, quote: Quote) -> String {
    if message.is_empty() { refusal(*kind).to_owned() } else { quote(message) }
}

/// Says why a run ended early.
pub(super) fn stopped(stopped: &Stopped, quote: Quote) -> String {
    match stopped {
        Stopped::FailureLimit { failed, limit } => {
            format!("{} failed, and the failure limit is {}", people(*failed), count(*limit))
        }
        Stopped::Interrupted => "it was interrupted".to_owned(),
        Stopped::LockLost => "the lock on the store was lost to somebody else".to_owned(),
        Stopped::WindowClosed(closed) => format!("changes are closed {}", window::closed(closed, quote)),
        Stopped::Tenant(refused) => format!("the tenant did not let it go on: {}", said(refused, quote)),
    }
}

/// Says what kind of refusal it was.
pub(super) fn refusal(kind: RefusalKind) -> &'static str {
    match kind {
        RefusalKind::NotAsked => "not asked for",
        RefusalKind::SignIn => "the sign-in was not accepted",
        RefusalKind::Forbidden => "not permitted",
        RefusalKind::Missing => "does not exist",
        RefusalKind::BadRequest => "the service found the request wrong",
        RefusalKind::Conflict => "somebody else changed the same thing at the same moment",
        RefusalKind::Throttled => "the service asks for more patience than there is",
        RefusalKind::Failed => "the service failed",
        RefusalKind::Unreachable => "no answer came",
        RefusalKind::Garbled => "the answer means nothing to insightctl",
        RefusalKind::NoShell => "PowerShell cannot be used",
        RefusalKind::Closed => "no more changes may be made",
    }
}

/// Says whom a flip of the defaults moves.
pub(super) fn moves_with_default(moves: &MovesWithDefault) -> String {
    let MovesWithDefault { people: all, of: _, in_groups, protected, waiting } = moves;
    let mut parts =
        vec![format!("{} in groups", count(*in_groups)), format!("{} protected", count(*protected))];
    if *waiting > 0 {
        parts.push(format!("{} waiting for a wave", count(*waiting)));
    }
    if let Some(all) = all {
        parts.push(format!("{} in no group", count(all.saturating_sub(in_groups + protected + waiting))));
    }
    let part = parts.join(", ");
    match all {
        Some(1) => format!("1 person moves with the default ({part})"),
        Some(all) => format!("{} move with the default ({part})", people(*all)),
        None => format!(
            "nobody can say how many people move with the default ({part}): the directory's count could not be read"
        ),
    }
}

/// Says one thing to know before agreeing.
pub(super) fn note(note: &Note, quote: Quote) -> String {
    match note {
        Note::PlanInherited { licensing_group, id, people: n, removal, barrier } => {
            licensing::inherited(licensing_group, *id, *n, *removal, barrier, quote)
        }
        Note::Unreadable { group, selector, message } => format!(
            "{} of {} could not be read: {}; everyone whom it could hold is left alone",
            quote(selector),
            quote(group),
            quote(message)
        ),
        Note::UnreadableLater { group, selector, message } => format!(
            "{} of {} could not be read: {}; nobody waits for that today, and the group's wave will",
            quote(selector),
            quote(group),
            quote(message)
        ),
        Note::PlansComeLate { wave, begins: _, lead, people: n } => format!(
            "no service plan yet for {} of the wave {}: Microsoft takes days to bring it to people, and the manifest \
             asks for {} before the wave begins",
            people(*n),
            quote(wave),
            counted(u64::from(*lead), "day", "days")
        ),
        Note::TenantUnreadable { setting, message } => {
            format!("the tenant's {setting} could not be read, so it is left alone: {}", quote(message))
        }
        Note::DefaultSettling { setting, value } => format!(
            "the tenant's {setting} was written as {value} and does not show yet, which may take a day; what hangs \
             on it waits"
        ),
        Note::DefaultHeldBack { setting, value } => format!(
            "the tenant's {setting} stays {value}: somebody who should keep that could not be read, and would lose it \
             with the default; make them readable, or take them out of the group"
        ),
        Note::DefaultOutsideWindow { setting, value } => format!(
            "the tenant's {setting} stays {value}: the windows of somebody who should keep that are closed now, and the \
             default would take it away"
        ),
        Note::Closed { group: None, closed } => {
            format!("changes are closed {}", window::closed(closed, quote))
        }
        Note::Closed { group: Some(group), closed } => {
            format!("changes for {} are closed {}", quote(group), window::closed(closed, quote))
        }
        Note::DefaultRolledBack { setting, value } => format!(
            "the tenant's {setting} stays {value}: a run was undone there, and stays so until the manifest changes"
        ),
        Note::RecordedStay { people: n } => format!(
            "{} in scope stay opted out as a script had written it and somebody recorded it",
            people(*n)
        ),
        Note::ProtectedNotFound { address } => {
            format!("{} is to be protected, and the directory does not know it", quote(address))
        }
        Note::TenantWriteOnly { setting } => {
            format!("the tenant's {setting} cannot be read; it is taken to be as last written")
        }
        Note::GroupNowEmpty { group } => format!("{} held people before and holds nobody now", quote(group)),
        Note::RemovedStillCounts { group } => format!(
            "{} removes the service plan without `mode: opt-out`, so these people's data still feed the statistics \
             that others see",
            quote(group)
        ),
        Note::DigestPaused => {
            "Microsoft paused the digest e-mail in March 2024: switched on, it has no visible effect"
                .to_owned()
        }
        Note::WelcomeMail => {
            "Microsoft may send its own welcome e-mail to people who are opted in or get the service plan"
                .to_owned()
        }
        Note::NoLedger => {
            "there is no ledger: only choices that can be seen, and the consent floor, protect people"
                .to_owned()
        }
        Note::AcceptedNotFound { address } => {
            format!("a deviation of {} is accepted, and the directory does not know it", quote(address))
        }
        Note::AcceptanceEnds { selector, setting, value, until, ended } => {
            agreed::acceptance_ends(selector, *setting, *value, *until, *ended, quote)
        }
        Note::OptsInAgain { group, reason, until } => {
            format!("{}: {}", quote(group), agreed::opts_in_again(reason, *until, quote))
        }
        Note::OptsNobodyInAgain { group } => format!(
            "{} says `re-opt-in`, and without a ledger nobody knows who had opted out before; so nobody is opted in",
            quote(group)
        ),
        Note::WhoChanged { inquiry } => who::inquiry(inquiry, quote),
        Note::RestoreStays { people: n } => format!(
            "{} cannot get back all that was found: a value once written cannot be unset, only changed",
            people(*n)
        ),
    }
}

/// Names the people whom a class of operation counts, in the last line of a plan: `12 opt-out`.
pub(super) fn class_counted(class: Class, number: u64) -> String {
    format!("{} {class}", count(number))
}

/// Writes `1 tenant setting` or `2 tenant settings`.
pub(super) fn tenant_settings(number: u64) -> String {
    counted(number, "tenant setting", "tenant settings")
}

#[cfg(test)]
mod tests;

//! Holds what must be true after every case, judged by the sandbox's own log of writes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use insightctl::model::{Setting, TenantSetting, Value};
use insightctl::plan::{Operation, Target};
use insightctl::sandbox::{Call, Write};
use serde_json::{Value as Json, json};

use crate::faults::{Actor, Fault};
use crate::stage::{Done, END, Look, PEOPLE, Ran, Stage, id, upn};
use crate::twice::{self, features};

/// Checks everything; gives how many writes were rightly sent once more.
///
/// `last` is what the last look at the tenant gave.
pub(crate) fn holds(
    stage: &Stage,
    fault: &Fault,
    call: u64,
    runs: &[Ran],
    last: &Look,
) -> Result<usize, String> {
    for ran in runs {
        inside_the_plan(ran)?;
    }
    let again = twice(fault, call, runs)?;
    end_state(stage, fault, call, runs, &last.defaults())?;
    Ok(again)
}

/// Says in a few words what a run was to do, and what became of it.
pub(crate) fn brief(ran: &Ran) -> String {
    let Done { report, .. } = match &ran.done {
        Ok(done) => done,
        Err(why) => return why.clone(),
    };
    let one = |row: &insightctl::apply::Row| {
        let Operation { target, from, to, because, .. } = &row.operation;
        let target = match target {
            Target::Tenant(setting) => format!("default {setting}"),
            Target::Person(person) => format!("{} {}", person.upn, person.setting),
        };
        let from = from.map_or("?".to_owned(), |from| from.to_string());
        format!("{target} {from} → {to} ({because:?}): {}", row.outcome.word())
    };
    report.rows.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// Tells everything that happened, for whoever has to understand a failure.
pub(crate) fn story(runs: &[Ran]) -> String {
    let mut text = String::new();
    for (run, ran) in runs.iter().enumerate() {
        writeln!(text, "run {run}: {}", brief(ran)).unwrap();
        for write in &ran.writes {
            writeln!(text, "    {} {} {}", write.call, write.target, write.what).unwrap();
        }
    }
    for Call { call, path, cmdlets, people, fault, item, .. } in &runs[0].calls {
        if fault.is_some() {
            writeln!(text, "fault at {call}: {path} {cmdlets:?} {people:?}, an item: {item}").unwrap();
        }
    }
    text
}

/// Every write touches only what an operation of its run names.
fn inside_the_plan(ran: &Ran) -> Result<(), String> {
    let operations = ran.done.as_ref().map_or(&[][..], |done| &done.plan.operations);
    for write in &ran.writes {
        let planned = |setting: Setting| {
            operations.iter().any(|operation| match &operation.target {
                Target::Person(person) => person.id.to_string() == write.target && person.setting == setting,
                Target::Tenant(_) => false,
            })
        };
        let tenant = |setting: TenantSetting| {
            operations.iter().any(|operation| operation.target == Target::Tenant(setting))
        };
        let inside = match write.call.as_str() {
            "assignLicense" => planned(Setting::ServicePlan),
            "Set-MyAnalyticsFeatureConfig" => touched(write).into_iter().all(planned),
            _ => default(write).is_some_and(tenant),
        };
        if !inside {
            return Err(format!("a write is in no plan: {write:?}"));
        }
    }
    Ok(())
}

fn touched(write: &Write) -> Vec<Setting> {
    let mode = write.what.get("PrivacyMode").map(|_| Setting::Mode);
    let setting = |feature: &str| match feature {
        "dashboard" => Setting::Dashboard,
        "digest-email" => Setting::DigestEmail,
        _ => Setting::OutlookAddIn,
    };
    mode.into_iter().chain(features(&write.what).into_iter().map(setting)).collect()
}

fn default(write: &Write) -> Option<TenantSetting> {
    Some(match write.what["Feature"].as_str()?.to_ascii_lowercase().as_str() {
        "dashboard" => TenantSetting::Dashboard,
        "digest-email" => TenantSetting::DigestEmail,
        "add-in" => TenantSetting::OutlookAddIn,
        "scheduled-send" => TenantSetting::ScheduleSend,
        "meeting-effectiveness-survey" => TenantSetting::MeetingSurvey,
        "meeting-effectiveness-survey-sampling-rate" => TenantSetting::SurveySamplingRate,
        _ => return None,
    })
}

/// Nothing that was confirmed is written again; gives how much was written again that was not.
fn twice(fault: &Fault, call: u64, runs: &[Ran]) -> Result<usize, String> {
    let mut writes: Vec<(usize, &Write)> = Vec::new();
    for (run, ran) in runs.iter().enumerate() {
        writes.extend(ran.writes.iter().map(|write| (run, write)));
    }
    let writes = writes.iter().map(|(run, write)| (*run, write.target.as_str(), &write.what));
    // Whoever acted between a write and our look at it has undone what was never confirmed.
    let met = match fault.actor {
        Some(Actor::Person { who, .. }) => unseen(who, call, &runs[0].calls),
        Some(Actor::Admin(_)) | None => false,
    };
    let defaults = BTreeMap::from([("dashboard", true), ("digest-email", true), ("add-in", false)]);
    twice::twice(writes, defaults, |target, what| fault.shows(target, what, met))
}

impl Fault {
    /// Says whether whoever reads after a write can know that it was taken.
    fn shows(&self, target: &str, what: &Json, met: bool) -> bool {
        let theirs = |who: usize| met && target == id(who).to_string();
        if let Some(Actor::Person { who, .. }) = self.actor
            && theirs(who)
        {
            return false;
        }
        // A default that somebody turned back was not read in between.
        let moved = |feature: &&'static str| self.actor == Some(Actor::Admin(feature));
        let unreadable = what.get("SamplingRate").is_some() && self.carried_out;
        // Who still reads the old value after the settle time may try once more.
        !(unreadable || self.stale_for_long || features(what).iter().any(moved))
    }
}

/// Everybody has what the manifest asks for, except who decided otherwise.
fn end_state(
    stage: &Stage,
    fault: &Fault,
    call: u64,
    runs: &[Ran],
    defaults: &BTreeMap<TenantSetting, Value>,
) -> Result<(), String> {
    let have = stage.everyone();
    let mut want = END.map(|person| person.map(Some));
    if let Some(Actor::Person { who, place, to, repeats }) = fault.actor
        && !(repeats && is_before_our_write(who, call, &runs[0].calls))
    {
        want[who][place] = if unseen(who, call, &runs[0].calls) { None } else { Some(to) };
        if place == 0 && !to {
            // What a person sees who has opted out is nobody's business.
            want[who][1..].fill(None);
        }
    }
    if fault.actor == Some(Actor::Admin("dashboard")) && is_before_our_look(4, call, &runs[0].calls) {
        // What somebody chose against a default cannot be told from the default once it has become the same.
        want[4][1] = None;
    }
    for who in 0..PEOPLE {
        let differs =
            want[who].iter().zip(have[who]).any(|(want, have)| want.is_some_and(|want| want != have));
        if differs {
            return Err(format!("p{who} ends with {:?}, and not with {:?}", have[who], want[who]));
        }
    }
    let want = [
        (TenantSetting::Dashboard, Value::OFF),
        (TenantSetting::DigestEmail, Value::ON),
        (TenantSetting::OutlookAddIn, Value::ON),
        (TenantSetting::ScheduleSend, Value::ON),
        (TenantSetting::MeetingSurvey, Value::ON),
    ];
    if *defaults != BTreeMap::from(want) {
        return Err(format!("the defaults end as {defaults:?}"));
    }
    let writes = || runs.iter().flat_map(|ran| &ran.writes);
    let rate = writes().filter_map(|write| write.what["SamplingRate"].as_f64()).next_back();
    if rate != Some(0.3) {
        return Err(format!("the sampling rate ends as {rate:?}"));
    }
    let (p2, ea) = ("33c4f319-9bdd-48d6-9c4d-410b750a4a5a", "34c0d7a0-a70f-4668-9238-47f9fc208882");
    for (who, off) in [(1, json!([p2, ea])), (5, json!([]))] {
        let of = |write: &&Write| write.target == id(who).to_string() && write.call == "assignLicense";
        let last = writes().rfind(of).ok_or(format!("p{who} kept the licences"))?;
        if last.what["addLicenses"][0]["disabledPlans"] != off {
            return Err(format!("p{who} ends with {}", last.what));
        }
    }
    Ok(())
}

/// Says whether something happened before both a person and the defaults had been read.
fn is_before_our_look(who: usize, call: u64, calls: &[Call]) -> bool {
    let about = |seen: &&Call| seen.item && seen.service == "exchange" && seen.people.contains(&upn(who));
    let defaults = |seen: &&Call| seen.cmdlets.iter().any(|name| name.starts_with("Get-DefaultTenant"));
    // The defaults are read before people and once more after them, to see whether they are the same.
    let looks = [calls.iter().find(about), calls.iter().filter(defaults).nth(1)];
    looks.into_iter().any(|seen| seen.is_none_or(|seen| call <= seen.call))
}

/// Says whether a person acted before anything was written to them.
fn is_before_our_write(who: usize, call: u64, calls: &[Call]) -> bool {
    let ours = |seen: &&Call| seen.item && seen.write && seen.people.contains(&upn(who));
    calls.iter().find(ours).is_none_or(|seen| call <= seen.call)
}

/// Says whether a person acted where nobody can see it: between our last look before a write and the first one after.
///
/// Semantics §3, row 11, writes once more what does not show then, and `docs/trust.md` names the gap before a write.
fn unseen(who: usize, call: u64, calls: &[Call]) -> bool {
    let about = |seen: &&Call| seen.service == "exchange" && seen.item && seen.people.contains(&upn(who));
    let about: Vec<&Call> = calls.iter().filter(about).collect();
    about.iter().enumerate().filter(|(_, seen)| seen.write).any(|(at, _)| {
        let before = about[..at].iter().rev().find(|seen| !seen.write).map_or(0, |seen| seen.call);
        let after = about[at..].iter().find(|seen| !seen.write).map_or(u64::MAX, |seen| seen.call);
        before < call && call <= after
    })
}

//! What insightctl relies on when it writes a person's settings; everything is put back.

use insightctl::sandbox::Choice;
use serde_json::{Value, json};

use crate::clause::{Clause, Finding};
use crate::settings::{Settings, read};
use crate::stage::{Person, Stage};
use crate::wire::Seen;

const SET: &str = "Set-MyAnalyticsFeatureConfig";
/// What a person's features are called, in the order of the flags.
const FEATURES: [&str; 3] = ["dashboard", "add-in", "digest-email"];

/// Writes against what the test person chose themselves.
pub(crate) async fn own_choice(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "own-choice",
        says: "An administrator's write beats what the person chose before: the last writer wins.",
        expects: "the mode that was written shows",
        settles: &["O6"],
    };
    let (person, before) = match ready(stage).await {
        Ok(ready) => ready,
        Err(why) => return clause.untried(why),
    };
    if let Some(sandbox) = &stage.sandbox {
        let choice = Choice { mode: Some(!before.opted_in), ..Choice::default() };
        if let Err(error) = sandbox.person(&person.upn, &choice) {
            return clause.untried(error.to_string());
        }
        if shows(stage, person, |settings| settings.opted_in != before.opted_in).await.is_none() {
            return clause.untried("the person's choice does not show");
        }
    } else if !stage.consent.chose {
        return clause.untried(
            "it takes a human: let the test person change their own setting in Viva Insights, and set \
             INSIGHTCTL_CONTRACT_PERSON_CHOSE=1",
        );
    }
    let Some(chosen) = Settings::of(&read(stage, person).await) else {
        return clause.differs("the choice cannot be read");
    };
    let sent = set(stage, person, json!({ "PrivacyMode": mode(!chosen.opted_in) })).await;
    let seconds = shows(stage, person, |settings| settings.opted_in != chosen.opted_in).await;
    let told = format!(
        "chosen {}, written {}: {}, {}",
        mode(chosen.opted_in),
        mode(!chosen.opted_in),
        sent.told(),
        after(stage, seconds)
    );
    let told = told + &put_back(stage, person, before).await;
    clause.judged(sent.is_done() && seconds.is_some(), told)
}

/// Measures how long a write takes to show.
pub(crate) async fn shows_in_time(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "read-after-write",
        says: "What is written for a person shows within a quarter of an hour, and the answer is the object or nothing.",
        expects: "seen within 900 s; `settle:` in the manifest must be longer than what is measured",
        settles: &[],
    };
    let (person, before) = match ready(stage).await {
        Ok(ready) => ready,
        Err(why) => return clause.untried(why),
    };
    let wanted = !before.flags[0];
    let sent = set(stage, person, json!({ "Feature": "dashboard", "IsEnabled": wanted })).await;
    let seconds = shows(stage, person, |settings| settings.flags[0] == wanted).await;
    let answer = match (&sent.body, Settings::of(&sent)) {
        (Value::Null, _) => "nothing",
        (_, Some(settings)) if settings.flags[0] == wanted => "the object as it is now",
        (_, Some(_)) => "the object as it was",
        (_, None) if sent.objects().is_empty() => "no object",
        (_, None) => "something else",
    };
    let told = format!("{}, answered with {answer}; {}", sent.told(), after(stage, seconds));
    let told = told + &put_back(stage, person, before).await;
    let in_time = seconds.is_some_and(|seconds| seconds <= 900);
    clause.judged(sent.is_done() && in_time && answer != "something else", told)
}

/// Opts out and in again, and looks at the features.
pub(crate) async fn flags_of_the_mode(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "features-and-mode",
        says: "Opting out keeps the features or switches all off; opting in keeps them, restores them, or switches all on.",
        expects: "one of those; insightctl reads all five fields again after each write, so any of them will do",
        settles: &["O3"],
    };
    let (person, before) = match ready(stage).await {
        Ok(ready) => ready,
        Err(why) => return clause.untried(why),
    };
    // A pattern that is neither all on nor all off, to tell what was kept from what was set.
    let pattern = Settings { opted_in: true, flags: [true, false, false] };
    let prepared = put(stage, person, pattern).await;
    if prepared.is_none() {
        let told = "the features could not be prepared".to_owned() + &put_back(stage, person, before).await;
        return clause.untried(told);
    }
    let mut seen = Vec::new();
    for opted_in in [false, true] {
        let sent = set(stage, person, json!({ "PrivacyMode": mode(opted_in) })).await;
        let seconds = shows(stage, person, |settings| settings.opted_in == opted_in).await;
        seen.push((sent, seconds, Settings::of(&read(stage, person).await)));
    }
    let restored = put_back(stage, person, before).await;
    let flags: Vec<Option<[bool; 3]>> =
        seen.iter().map(|(_, _, settings)| settings.map(|now| now.flags)).collect();
    let done = seen.iter().all(|(sent, seconds, _)| sent.is_done() && seconds.is_some());
    let known = |flags: Option<[bool; 3]>, also: &[[bool; 3]]| {
        flags.is_some_and(|flags| flags == pattern.flags || also.contains(&flags))
    };
    let out = known(flags[0], &[[false; 3]]);
    let back = known(flags[1], &[[true; 3], flags[0].unwrap_or([true; 3])]);
    let word = |flags: Option<[bool; 3]>| match flags {
        Some(flags) if flags == pattern.flags => "the features as before".to_owned(),
        Some([false, false, false]) => "all features off".to_owned(),
        Some([true, true, true]) => "all features on".to_owned(),
        Some(flags) => format!("{flags:?}"),
        None => "unreadable".to_owned(),
    };
    let told = format!(
        "with dashboard on and the others off: opted out ({}) → {}; opted in again ({}) → {}{restored}",
        seen[0].0.told(),
        word(flags[0]),
        seen[1].0.told(),
        word(flags[1]),
    );
    clause.judged(done && out && back, told)
}

/// Sends a mode and a feature in one call, and all features in one.
pub(crate) async fn one_call(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "one-call",
        says: "A mode and one feature, or `all` features, go in one call, and the feature is taken after the mode.",
        expects: "`opt-in, all, off` leaves opt-in with all off; `all, on` all on",
        settles: &[],
    };
    let (person, before) = match ready(stage).await {
        Ok(ready) => ready,
        Err(why) => return clause.untried(why),
    };
    // From opt-out, so that the mode is one that changes.
    let out = set(stage, person, json!({ "PrivacyMode": "opt-out" })).await;
    let out = out.is_done() && shows(stage, person, |settings| !settings.opted_in).await.is_some();
    let all_off = json!({ "PrivacyMode": "opt-in", "Feature": "all", "IsEnabled": false });
    let both = set(stage, person, all_off).await;
    let wanted = Settings { opted_in: true, flags: [false; 3] };
    let first = shows(stage, person, |settings| *settings == wanted).await;
    let all = set(stage, person, json!({ "Feature": "all", "IsEnabled": true })).await;
    let second = shows(stage, person, |settings| settings.flags == [true; 3]).await;
    let told = format!(
        "both: {}, {}; all: {}, {}",
        both.told(),
        after(stage, first),
        all.told(),
        after(stage, second)
    );
    let told = told + &put_back(stage, person, before).await;
    clause.judged(out && first.is_some() && second.is_some(), told)
}

/// Sends words that no cmdlet takes.
pub(crate) async fn wrong_words(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "wrong-words",
        says: "A mode or feature that does not exist is refused, and nothing changes.",
        expects: "400 to 499 for the mode `Excluded` and for the feature `headspace`, everything as before",
        settles: &[],
    };
    let (person, before) = match ready(stage).await {
        Ok(ready) => ready,
        Err(why) => return clause.untried(why),
    };
    let mode = set(stage, person, json!({ "PrivacyMode": "Excluded" })).await;
    let feature = set(stage, person, json!({ "Feature": "headspace", "IsEnabled": !before.flags[0] })).await;
    let same = Settings::of(&read(stage, person).await) == Some(before);
    let mut told = format!(
        "mode: {}; feature: {}; {}",
        mode.told(),
        feature.told(),
        if same { "nothing changed" } else { "something changed" }
    );
    if mode.is_done() || feature.is_done() || !same {
        told += &put_back(stage, person, before).await;
    }
    let refused = [&mode, &feature].iter().all(|seen| (400..500).contains(&seen.status));
    clause.judged(refused && same, told)
}

/// Gives the test person and what they have, or why nothing can be tried.
pub(crate) async fn ready(stage: &Stage) -> Result<(&Person, Settings), String> {
    let person = stage.test_person()?;
    if let Some(why) = &stage.closed {
        return Err(why.clone());
    }
    let seen = read(stage, person).await;
    let settings = Settings::of(&seen);
    Ok((person, settings.ok_or_else(|| format!("the test person cannot be read: {}", seen.told()))?))
}

pub(crate) async fn set(stage: &Stage, person: &Person, mut parameters: Value) -> Seen {
    parameters["Identity"] = json!(person.upn);
    stage.wire.run(SET, &parameters).await
}

/// Waits until a person's settings are like this; gives the seconds that it took.
pub(crate) async fn shows(
    stage: &Stage,
    person: &Person,
    like_this: impl Fn(&Settings) -> bool,
) -> Option<i64> {
    stage.until(async || Settings::of(&read(stage, person).await).as_ref().is_some_and(&like_this)).await
}

/// Writes settings, the mode first, and waits until they show.
async fn put(stage: &Stage, person: &Person, wanted: Settings) -> Option<i64> {
    set(stage, person, json!({ "PrivacyMode": mode(wanted.opted_in) })).await;
    for (feature, on) in FEATURES.into_iter().zip(wanted.flags) {
        set(stage, person, json!({ "Feature": feature, "IsEnabled": on })).await;
    }
    shows(stage, person, |settings| *settings == wanted).await
}

/// Writes back what there was; gives words to add if that fails.
pub(crate) async fn put_back(stage: &Stage, person: &Person, before: Settings) -> String {
    match put(stage, person, before).await {
        Some(_) => String::new(),
        None => ". **Look at the test person: their settings may not be as they were**".to_owned(),
    }
}

pub(crate) fn mode(opted_in: bool) -> &'static str {
    if opted_in { "opt-in" } else { "opt-out" }
}

pub(crate) fn after(stage: &Stage, seconds: Option<i64>) -> String {
    match seconds {
        Some(seconds) => format!("seen after {seconds} s"),
        None => format!("not seen within {} s", stage.consent.patience),
    }
}

//! What insightctl relies on when it writes the tenant's defaults, which reaches everyone; everything is put back.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};

use crate::choices::{after, put_back, ready, set, shows};
use crate::clause::{Clause, Finding};
use crate::settings::{Settings, is_on, read};
use crate::stage::{Person, Stage};
use crate::wire::Seen;

const SET: &str = "Set-DefaultTenantMyAnalyticsFeatureConfig";

/// Sends both spellings of schedule send, with the value that it has already.
pub(crate) async fn schedule_send(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "scheduled-send",
        says: "The feature is called `Scheduled-send`; `Schedule-send`, which stands on the same page, is refused.",
        expects: "200 for the first, 400 to 499 for the second",
        settles: &[],
    };
    let now = match switch(stage, "IsScheduleSendEnabled").await {
        Ok(now) => now,
        Err(why) => return clause.untried(why),
    };
    let right = write(stage, json!({ "Feature": "Scheduled-send", "IsEnabled": now })).await;
    let wrong = write(stage, json!({ "Feature": "Schedule-send", "IsEnabled": now })).await;
    let told = format!("Scheduled-send: {}; Schedule-send: {}", right.told(), wrong.told());
    clause.judged(right.is_done() && (400..500).contains(&wrong.status), told)
}

/// Sends sampling rates beyond both ends.
pub(crate) async fn rates(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "sampling-rate-range",
        says: "A sampling rate is 0.1 to 0.7; what lies outside is refused.",
        expects: "400 to 499 for 0.05 and 0.8, 200 for the rate that is in force",
        settles: &[],
    };
    if let Err(why) = switch(stage, "IsScheduleSendEnabled").await {
        return clause.untried(why);
    }
    let Some(rate) = stage.consent.rate else {
        return clause.untried(
            "nothing shows the rate, so nobody could put it back: set INSIGHTCTL_CONTRACT_RATE to the one in force",
        );
    };
    let send = async |rate: f64| {
        let feature = "Meeting-effectiveness-survey-sampling-rate";
        write(stage, json!({ "Feature": feature, "SamplingRate": rate })).await
    };
    let (low, high, right) = (send(0.05).await, send(0.8).await, send(rate).await);
    let refused = [&low, &high].iter().all(|seen| (400..500).contains(&seen.status));
    let told = format!("0.05: {}; 0.8: {}; in force: {}", low.told(), high.told(), right.told());
    clause.judged(refused && right.is_done(), told)
}

/// Turns a default over and looks at somebody who chose, and at somebody who did not.
pub(crate) async fn reach(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "reach-of-a-default",
        says: "A default that changes reaches whoever follows it, and nobody who has a value of their own.",
        expects: "the untouched person follows, the test person keeps what was written for them",
        settles: &["O5"],
    };
    let (default, person, before, untouched) = match two_people(stage).await {
        Ok(ready) => ready,
        Err(why) => return clause.untried(why),
    };
    // Written away and back, so that it is surely stored although it equals the default.
    for value in [!default, default] {
        set(stage, person, json!({ "Feature": "dashboard", "IsEnabled": value })).await;
        if shows(stage, person, |settings| settings.flags[0] == value).await.is_none() {
            let told = "the test person's own value does not show".to_owned();
            return clause.untried(told + &put_back(stage, person, before).await);
        }
    }
    let turned = write(stage, json!({ "Feature": "Dashboard", "IsEnabled": !default })).await;
    let followed = shows(stage, untouched, |settings| settings.flags[0] != default).await;
    let theirs = Settings::of(&read(stage, person).await).map(|settings| settings.flags[0]);
    let restored = turn_back(stage, default).await + &put_back(stage, person, before).await;
    if followed.is_none() {
        let why =
            format!("the default ({}) reached nobody within {} s", turned.told(), stage.consent.patience);
        return clause.untried(format!("{why}: raise INSIGHTCTL_CONTRACT_WAIT, up to a day{restored}"));
    }
    stage.reached.store(true, Ordering::Relaxed);
    let word = match theirs {
        Some(value) if value == default => "kept their own",
        Some(_) => "followed, too",
        None => "could not be read",
    };
    let told = format!("the untouched person followed, {}; the test person {word}", after(stage, followed));
    clause.judged(theirs == Some(default), told + &restored)
}

/// Writes a value that equals the default, turns the default over, and looks whether the value stays.
pub(crate) async fn pin(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "pin",
        says: "A value that is written although it equals the default is stored, and stays when the default moves.",
        expects: "the second person keeps it for as long as is waited; insightctl's pins before a default flips rely on it",
        settles: &["O5"],
    };
    let (default, _, _, untouched) = match two_people(stage).await {
        Ok(ready) => ready,
        Err(why) => return clause.untried(why),
    };
    if !stage.reached.load(Ordering::Relaxed) {
        return clause.untried(
            "no default reached anybody in `reach-of-a-default`, so that staying would mean nothing",
        );
    }
    let pinned = set(stage, untouched, json!({ "Feature": "dashboard", "IsEnabled": default })).await;
    let turned = write(stage, json!({ "Feature": "Dashboard", "IsEnabled": !default })).await;
    // What was written may show late, and the value seem to move until then.
    let patience = stage.consent.patience;
    stage.wire.clock.sleep(Duration::from_secs(patience.unsigned_abs())).await;
    let theirs = Settings::of(&read(stage, untouched).await).map(|settings| settings.flags[0]);
    let restored = turn_back(stage, default).await;
    let word = match theirs {
        Some(value) if value == default => format!("after {patience} s it is as it was written"),
        Some(_) => format!("after {patience} s it has moved with the default"),
        None => "it could not be read".to_owned(),
    };
    let told = format!(
        "pinned: {}; default turned: {}; {word}. The second person is not untouched any more{restored}",
        pinned.told(),
        turned.told()
    );
    clause.judged(pinned.is_done() && turned.is_done() && theirs == Some(default), told)
}

/// Gives the dashboard's default, the test person with what they have, and the second person, who follows the default.
async fn two_people(stage: &Stage) -> Result<(bool, &Person, Settings, &Person), String> {
    let default = switch(stage, "IsDashboardEnabled").await?;
    let (person, before) = ready(stage).await?;
    let untouched = stage.named(stage.consent.untouched.as_ref());
    let untouched = untouched
        .ok_or("no second test person is named whose settings nobody ever touched: set INSIGHTCTL_CONTRACT_UNTOUCHED")?;
    let theirs = read(stage, untouched).await;
    match Settings::of(&theirs) {
        Some(settings) if settings.flags[0] == default => Ok((default, person, before, untouched)),
        Some(_) => Err("the second test person has a dashboard of their own".to_owned()),
        None => Err(format!("the second test person cannot be read: {}", theirs.told())),
    }
}

/// Reads one switch of the tenant, if defaults may be written.
async fn switch(stage: &Stage, name: &str) -> Result<bool, String> {
    stage.may_write_defaults()?;
    if let Some(why) = &stage.closed {
        return Err(why.clone());
    }
    let seen = stage.defaults().await;
    let value = seen.object().and_then(|object| is_on(object.get(name)?));
    value.ok_or_else(|| format!("{name} cannot be read: {}", seen.told()))
}

async fn write(stage: &Stage, parameters: Value) -> Seen {
    stage.wire.run(SET, &parameters).await
}

/// Turns the dashboard's default back; gives words to add if that fails.
async fn turn_back(stage: &Stage, default: bool) -> String {
    let sent = write(stage, json!({ "Feature": "Dashboard", "IsEnabled": default })).await;
    let back = stage
        .until(async || {
            let seen = stage.defaults().await;
            seen.object().and_then(|object| is_on(object.get("IsDashboardEnabled")?)) == Some(default)
        })
        .await;
    if sent.is_done() && back.is_some() {
        String::new()
    } else {
        ". **Look at the tenant's default for the dashboard: it may not be as it was**".to_owned()
    }
}

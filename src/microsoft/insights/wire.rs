//! The cmdlets' words: parameters going out, objects coming back.
//!
//! Reading is tolerant of spelling and strict about meaning: letter case, and switches written as text, do not matter;
//! a field that is missing, null or odd makes the whole object unknown. It is never taken for "off".

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::Identity;
use crate::microsoft::error::{Peer, Trouble};
use crate::model::{
    Feature, Known, Mode, Refusal, RefusalKind, Settings, Switch, TenantId, TenantSetting, Value,
};
use crate::plan::calls::{Set, Which};

/// Is one cmdlet with its parameters.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cmdlet {
    pub(crate) name: &'static str,
    pub(crate) parameters: Json,
}

/// Writes `Get-MyAnalyticsFeatureConfig`.
pub(crate) fn get_person(upn: &str) -> Result<Cmdlet, Refusal> {
    Ok(Cmdlet { name: "Get-MyAnalyticsFeatureConfig", parameters: json!({ "Identity": identity(upn)? }) })
}

/// Writes `Set-MyAnalyticsFeatureConfig`.
pub(crate) fn set_person(upn: &str, set: Set) -> Result<Cmdlet, Refusal> {
    let Set { mode, feature } = set;
    let mut parameters = Map::new();
    parameters.insert("Identity".to_owned(), json!(identity(upn)?));
    if let Some(mode) = mode {
        let word = match mode {
            Mode::OptIn => "opt-in",
            Mode::OptOut => "opt-out",
        };
        parameters.insert("PrivacyMode".to_owned(), json!(word));
    }
    if let Some((which, switch)) = feature {
        let word = match which {
            Which::One(Feature::Dashboard) => "dashboard",
            Which::One(Feature::DigestEmail) => "digest-email",
            Which::One(Feature::OutlookAddIn) => "add-in",
            Which::All => "all",
        };
        parameters.insert("Feature".to_owned(), json!(word));
        parameters.insert("IsEnabled".to_owned(), json!(bool::from(switch)));
    }
    if mode.is_none() && feature.is_none() {
        return Err(unsent("a write that changes nothing is not sent"));
    }
    Ok(Cmdlet { name: "Set-MyAnalyticsFeatureConfig", parameters: Json::Object(parameters) })
}

/// Writes `Get-DefaultTenantMyAnalyticsFeatureConfig`.
pub(crate) fn get_tenant() -> Cmdlet {
    Cmdlet { name: "Get-DefaultTenantMyAnalyticsFeatureConfig", parameters: json!({}) }
}

/// Writes `Set-DefaultTenantMyAnalyticsFeatureConfig` for one feature.
///
/// `All` is never sent: it reaches schedule send and surveys. `Scheduled-send` is the literal that is accepted, although
/// a vendor page spells it `Schedule-send` (office-docs-powershell#10700).
pub(crate) fn set_tenant(setting: TenantSetting, value: Value) -> Result<Cmdlet, Refusal> {
    let feature = match setting {
        TenantSetting::Dashboard => "Dashboard",
        TenantSetting::DigestEmail => "Digest-email",
        TenantSetting::OutlookAddIn => "Add-in",
        TenantSetting::ScheduleSend => "Scheduled-send",
        TenantSetting::MeetingSurvey => "Meeting-effectiveness-survey",
        TenantSetting::SurveySamplingRate => "Meeting-effectiveness-survey-sampling-rate",
    };
    let rated = setting == TenantSetting::SurveySamplingRate;
    let parameters = match value {
        Value::Switch(switch) if !rated => json!({ "Feature": feature, "IsEnabled": bool::from(switch) }),
        Value::Rate(rate) if rated => json!({ "Feature": feature, "SamplingRate": rate.share() }),
        Value::Switch(_) | Value::Rate(_) | Value::Mode(_) | Value::ServicePlan(_) => {
            return Err(unsent(&format!("the tenant's {setting} cannot be {value}")));
        }
    };
    Ok(Cmdlet { name: "Set-DefaultTenantMyAnalyticsFeatureConfig", parameters })
}

/// Refuses an identity that could be taken for "everyone": the cmdlet pages warn that a null one may be.
fn identity(upn: &str) -> Result<&str, Refusal> {
    let upn = upn.trim();
    if upn.is_empty() || upn == "*" {
        return Err(unsent("an empty identity may stand for everyone and is not sent"));
    }
    Ok(upn)
}

fn unsent(message: &str) -> Refusal {
    Refusal { kind: RefusalKind::BadRequest, message: message.to_owned(), request_id: None }
}

/// Reads the one object of an answer, `{"value": [{…}]}`.
pub(crate) fn only_object(body: &Json) -> Result<&Map<String, Json>, String> {
    let objects = body.get("value").and_then(Json::as_array).ok_or("it holds no list of objects")?;
    match objects.as_slice() {
        [Json::Object(object)] => Ok(object),
        [_] => Err("what it holds is no object".to_owned()),
        more => Err(format!("it holds {} objects where there must be one", more.len())),
    }
}

/// Reads what `Get-MyAnalyticsFeatureConfig` gives for one person.
pub(crate) fn person(body: &Json, who: &Identity) -> Result<Settings, String> {
    let object = only_object(body)?;
    let user = text(object, "UserId")?;
    if !user.eq_ignore_ascii_case(&who.upn) && !user.eq_ignore_ascii_case(&who.id.to_string()) {
        return Err("it is about somebody else".to_owned());
    }
    let mode = text(object, "PrivacyMode")?;
    let mode = match mode.to_ascii_lowercase().as_str() {
        "opt-in" => Mode::OptIn,
        "opt-out" => Mode::OptOut,
        _ => return Err(format!("`PrivacyMode` is `{mode}`")),
    };
    Ok(Settings {
        mode,
        dashboard: switch(object, "IsDashboardEnabled")?,
        digest_email: switch(object, "IsDigestEmailEnabled")?,
        outlook_add_in: switch(object, "IsAddInEnabled")?,
    })
}

/// Reads what `Get-DefaultTenantMyAnalyticsFeatureConfig` gives; each field is known or unknown by itself.
///
/// No read field is known for the sampling rate, so it is absent.
pub(crate) fn tenant(
    body: &Json,
    tenant: TenantId,
    request_id: Option<&str>,
) -> Result<BTreeMap<TenantSetting, Known<Value>>, String> {
    let object = only_object(body)?;
    // A sample shows the id; where it is left out, the address of the request has said whom we ask.
    if let Some(id) = field(object, "TenantId").and_then(Json::as_str)
        && !id.eq_ignore_ascii_case(&tenant.to_string())
    {
        return Err("it is about another tenant".to_owned());
    }
    let fields = [
        (TenantSetting::Dashboard, "IsDashboardEnabled"),
        (TenantSetting::DigestEmail, "IsDigestEmailEnabled"),
        (TenantSetting::OutlookAddIn, "IsAddInEnabled"),
        (TenantSetting::ScheduleSend, "IsScheduleSendEnabled"),
        (TenantSetting::MeetingSurvey, "IsMeetingEffectivenessSurveyEnabled"),
    ];
    Ok(fields
        .into_iter()
        .map(|(setting, name)| {
            let read = match switch(object, name) {
                Ok(switch) => Known::Is(Value::Switch(switch)),
                Err(how) => Known::Unknown(Arc::new(
                    Trouble::garbled(Peer::Settings, request_id.map(str::to_owned), how).refusal,
                )),
            };
            (setting, read)
        })
        .collect())
}

fn field<'a>(object: &'a Map<String, Json>, name: &str) -> Option<&'a Json> {
    object
        .get(name)
        .or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

fn text<'a>(object: &'a Map<String, Json>, name: &str) -> Result<&'a str, String> {
    match field(object, name) {
        Some(Json::String(text)) => Ok(text.trim()),
        Some(Json::Null) | None => Err(format!("it has no `{name}`")),
        Some(other) => Err(format!("`{name}` is `{other}`")),
    }
}

/// Reads a switch: a boolean, its name, or the survey's `opted-in` and `opted-out`.
fn switch(object: &Map<String, Json>, name: &str) -> Result<Switch, String> {
    if let Some(Json::Bool(on)) = field(object, name) {
        return Ok((*on).into());
    }
    let word = text(object, name)?;
    match word.to_ascii_lowercase().as_str() {
        "true" | "opted-in" => Ok(Switch::On),
        "false" | "opted-out" => Ok(Switch::Off),
        _ => Err(format!("`{name}` is `{word}`")),
    }
}

#[cfg(test)]
mod tests {
    use uuid::uuid;

    use super::*;
    use crate::model::{PersonId, Rate};

    fn ada() -> Identity {
        Identity {
            id: PersonId(uuid!("aaaaaaaa-0000-4000-8000-000000000001")),
            upn: "ada@contoso.com".into(),
        }
    }

    fn answer() -> Json {
        json!({ "value": [{
            "UserId": "Ada@contoso.com", "PrivacyMode": "Opt-In", "IsDashboardEnabled": true,
            "IsAddInEnabled": "True", "IsDigestEmailEnabled": "false", "PrivacyMode@data.type": "System.String"
        }], "@adminapi.warnings": [] })
    }

    #[test]
    fn spelling_does_not_matter() {
        let settings = person(&answer(), &ada()).unwrap();
        assert_eq!(
            settings,
            Settings {
                mode: Mode::OptIn,
                dashboard: Switch::On,
                digest_email: Switch::Off,
                outlook_add_in: Switch::On
            }
        );
    }

    #[test]
    fn a_field_that_is_missing_or_odd_makes_the_person_unknown() {
        for name in ["UserId", "PrivacyMode", "IsDashboardEnabled", "IsAddInEnabled", "IsDigestEmailEnabled"]
        {
            for odd in [Json::Null, json!("Excluded"), json!(0), json!(""), json!([true])] {
                let mut body = answer();
                body["value"][0][name] = odd.clone();
                assert!(person(&body, &ada()).is_err(), "{name} = {odd}");
            }
            let mut body = answer();
            body["value"][0].as_object_mut().unwrap().remove(name);
            assert_eq!(person(&body, &ada()), Err(format!("it has no `{name}`")));
        }
    }

    #[test]
    fn an_answer_about_nobody_or_everybody_is_no_answer() {
        let one = answer()["value"][0].clone();
        for value in [json!([]), json!([one, one]), json!(null), json!([null]), json!({})] {
            assert!(person(&json!({ "value": value }), &ada()).is_err(), "{value}");
        }
        assert!(person(&json!("<html>"), &ada()).is_err());
        let bob = Identity {
            upn: "bob@contoso.com".into(),
            id: PersonId(uuid!("bbbbbbbb-0000-4000-8000-000000000001")),
        };
        assert_eq!(person(&answer(), &bob), Err("it is about somebody else".to_owned()));
    }

    #[test]
    fn each_default_of_the_tenant_is_known_or_unknown_by_itself() {
        let id = TenantId(uuid!("3f2504e0-4f89-41d3-9a0c-0305e82c3301"));
        let mut body = json!({ "value": [{
            "TenantId": "3F2504E0-4F89-41D3-9A0C-0305E82C3301", "IsDashboardEnabled": true, "IsAddInEnabled": false,
            "IsScheduleSendEnabled": null, "IsMeetingEffectivenessSurveyEnabled": "opted-in"
        }] });
        let read = tenant(&body, id, None).unwrap();
        assert_eq!(read.len(), 5, "the sampling rate cannot be read");
        assert_eq!(read[&TenantSetting::Dashboard], Known::Is(Value::ON));
        assert_eq!(read[&TenantSetting::OutlookAddIn], Known::Is(Value::OFF));
        assert_eq!(read[&TenantSetting::MeetingSurvey], Known::Is(Value::ON));
        assert_eq!(read[&TenantSetting::ScheduleSend].known(), None);
        assert_eq!(read[&TenantSetting::DigestEmail].known(), None);
        body["value"][0]["TenantId"] = json!("00000000-0000-0000-0000-000000000000");
        assert!(tenant(&body, id, None).is_err());
    }

    #[test]
    fn writes_bear_the_cmdlets_own_words() {
        let say = |mode, feature| set_person("ada@contoso.com", Set { mode, feature }).unwrap().parameters;
        insta::assert_snapshot!(
            [
                say(Some(Mode::OptOut), None),
                say(None, Some((Which::One(Feature::OutlookAddIn), Switch::Off))),
                say(Some(Mode::OptIn), Some((Which::One(Feature::DigestEmail), Switch::Off))),
                say(None, Some((Which::All, Switch::On))),
            ]
            .map(|parameters| parameters.to_string())
            .join("\n"),
            @r#"
        {"Identity":"ada@contoso.com","PrivacyMode":"opt-out"}
        {"Feature":"add-in","Identity":"ada@contoso.com","IsEnabled":false}
        {"Feature":"digest-email","Identity":"ada@contoso.com","IsEnabled":false,"PrivacyMode":"opt-in"}
        {"Feature":"all","Identity":"ada@contoso.com","IsEnabled":true}
        "#
        );
        let rate = Value::Rate(Rate::new(0.2).unwrap());
        insta::assert_snapshot!(
            TenantSetting::ALL
                .map(|setting| {
                    let value = if setting == TenantSetting::SurveySamplingRate { rate } else { Value::OFF };
                    set_tenant(setting, value).unwrap().parameters.to_string()
                })
                .join("\n"),
            @r#"
        {"Feature":"Dashboard","IsEnabled":false}
        {"Feature":"Digest-email","IsEnabled":false}
        {"Feature":"Add-in","IsEnabled":false}
        {"Feature":"Scheduled-send","IsEnabled":false}
        {"Feature":"Meeting-effectiveness-survey","IsEnabled":false}
        {"Feature":"Meeting-effectiveness-survey-sampling-rate","SamplingRate":0.2}
        "#
        );
    }

    #[test]
    fn what_must_not_be_sent_is_not_written() {
        let set = Set { mode: Some(Mode::OptOut), feature: None };
        for upn in ["", " ", "\t", "*"] {
            assert!(set_person(upn, set).is_err());
            assert!(get_person(upn).is_err());
        }
        assert!(set_person("ada@contoso.com", Set { mode: None, feature: None }).is_err());
        assert!(set_tenant(TenantSetting::Dashboard, Value::OPT_IN).is_err());
        assert!(set_tenant(TenantSetting::SurveySamplingRate, Value::ON).is_err());
    }
}

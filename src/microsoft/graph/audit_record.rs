//! Reads one record of the audit log.
//!
//! Microsoft documents the fields that all records have in common, and nothing of what those of personal insights hold.
//! So reading is tolerant: what is understood counts, and a record of which nobody can tell when it was made, by whom
//! or on whom tells nothing. Names of fields in `auditData` are those of the common schema and of the Exchange
//! administrator's: <https://learn.microsoft.com/office/office-365-management-api/office-365-management-activity-api-schema>.
//! The address that somebody acted from is never taken in.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::microsoft::said::clip;
use crate::model::{Setting, TenantSetting};
use crate::plan::{AuditRecord, Who};

/// Reads a record; `None` where it tells nothing, or tells of our own application (`ours`, in lower case).
pub(super) fn read(record: &Value, ours: Option<&str>) -> Option<AuditRecord> {
    let record = record.as_object()?;
    let empty = Map::new();
    let data = field(record, "auditData").and_then(Value::as_object).unwrap_or(&empty);
    let at: Timestamp = text(record, "createdDateTime")?.parse().ok()?;
    let name = text(record, "userPrincipalName").or_else(|| text(record, "userId"))?;
    let called = [text(record, "userPrincipalName"), text(record, "userId"), text(data, "UserId")];
    let names: BTreeSet<String> = called.into_iter().flatten().map(str::to_lowercase).collect();
    let ids = ["AppId", "ClientAppId", "ApplicationId", "UserKey"].map(|name| text(data, name));
    let mut ids = ids.into_iter().flatten().map(str::to_lowercase).chain(names.iter().cloned());
    if let Some(ours) = ours
        && ids.any(|id| id.contains(ours))
    {
        return None;
    }
    let kind = text(record, "userType").or_else(|| text(data, "UserType")).unwrap_or_default();
    let (who, person) = match kind.to_ascii_lowercase().as_str() {
        "admin" => (Who::Administrator, false),
        "application" | "serviceprincipal" => (Who::Application, false),
        "regular" | "" => (Who::Unknown, true),
        _ => (Who::Unknown, false),
    };
    let mut about = About::default();
    about.object(data, 0);
    let objects = [text(record, "objectId"), text(data, "ObjectId"), about.identity.as_deref()];
    let mut concerns: BTreeSet<String> =
        objects.into_iter().flatten().filter(|name| is_name(name)).map(str::to_lowercase).collect();
    if concerns.is_empty() && person {
        // Without administrators' rights one can change nobody's settings but one's own.
        concerns.clone_from(&names);
    }
    let About { settings, defaults, identity: _ } = about;
    Some(AuditRecord { at, who, names, name: Some(clip(name).into()), concerns, settings, defaults })
}

/// Says whether this can be an object id or an address, and not a path or the name of a setting.
fn is_name(text: &str) -> bool {
    Uuid::try_parse(text).is_ok() || (text.contains('@') && !text.contains(['/', '\\', ' ']))
}

fn field<'v>(object: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn text<'v>(object: &'v Map<String, Value>, name: &str) -> Option<&'v str> {
    field(object, name)?.as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// Is how deep data may be nested and still be looked at.
const DEEPEST: u32 = 8;

/// Is what a record's data say of the change.
#[derive(Debug, Default)]
struct About {
    /// Whom a cmdlet was for.
    identity: Option<String>,
    settings: BTreeSet<Setting>,
    defaults: BTreeSet<TenantSetting>,
}

impl About {
    fn object(&mut self, object: &Map<String, Value>, depth: u32) {
        // The parameters of a cmdlet come as `{"Name": "PrivacyMode", "Value": "opt-out"}`.
        if let (Some(name), Some(value)) = (text(object, "Name"), field(object, "Value")) {
            self.pair(name, value);
        }
        for (key, value) in object {
            self.pair(key, value);
            self.value(value, depth);
        }
    }

    fn value(&mut self, value: &Value, depth: u32) {
        match value {
            Value::Object(object) if depth < DEEPEST => self.object(object, depth + 1),
            Value::Array(all) if depth < DEEPEST => all.iter().for_each(|one| self.value(one, depth + 1)),
            Value::Object(_)
            | Value::Array(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_) => {}
        }
    }

    fn pair(&mut self, name: &str, value: &Value) {
        self.word(name);
        let Some(value) = value.as_str() else { return };
        if name.eq_ignore_ascii_case("Identity") {
            self.identity.get_or_insert_with(|| value.trim().to_owned());
        } else if name.eq_ignore_ascii_case("Feature") && value.eq_ignore_ascii_case("all") {
            for feature in ["dashboard", "digest-email", "add-in"] {
                self.word(feature);
            }
            self.defaults.extend([TenantSetting::ScheduleSend, TenantSetting::MeetingSurvey]);
        } else {
            self.word(value);
        }
    }

    /// Takes in the name of a setting, as cmdlets spell it in parameters and in fields.
    fn word(&mut self, word: &str) {
        let (setting, default) = match word.to_ascii_lowercase().as_str() {
            "privacymode" => (Some(Setting::Mode), None),
            "dashboard" | "isdashboardenabled" => (Some(Setting::Dashboard), Some(TenantSetting::Dashboard)),
            "digest-email" | "isdigestemailenabled" => {
                (Some(Setting::DigestEmail), Some(TenantSetting::DigestEmail))
            }
            "add-in" | "isaddinenabled" => (Some(Setting::OutlookAddIn), Some(TenantSetting::OutlookAddIn)),
            "scheduled-send" | "schedule-send" | "isschedulesendenabled" => {
                (None, Some(TenantSetting::ScheduleSend))
            }
            "meeting-effectiveness-survey" | "ismeetingeffectivenesssurveyenabled" => {
                (None, Some(TenantSetting::MeetingSurvey))
            }
            "meeting-effectiveness-survey-sampling-rate" | "samplingrate" => {
                (None, Some(TenantSetting::SurveySamplingRate))
            }
            _ => return,
        };
        self.settings.extend(setting);
        self.defaults.extend(default);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const OURS: &str = "00000000-0000-0000-0000-00000000c0de";

    fn record(change: impl FnOnce(&mut Value)) -> Option<AuditRecord> {
        let mut record = json!({
            "id": "40706737-7eca-f9a1-97a5-dedd3260e24a",
            "createdDateTime": "2026-03-03T10:00:00Z",
            "auditLogRecordType": "myAnalyticsSettings",
            "operation": "Set-MyAnalyticsFeatureConfig",
            "userType": "admin",
            "userId": "Root@contoso.com",
            "userPrincipalName": "Root@contoso.com",
            "objectId": "Ada@contoso.com",
            "clientIp": "192.0.2.7",
            "auditData": {
                "@odata.type": "#microsoft.graph.security.myAnalyticsSettingsAuditRecord",
                "Parameters": [
                    { "Name": "Identity", "Value": "Ada@contoso.com" },
                    { "Name": "PrivacyMode", "Value": "opt-out" },
                ],
            },
        });
        change(&mut record);
        read(&record, Some(OURS))
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn an_administrator_who_ran_a_cmdlet_is_understood() {
        let told = record(|_| ()).unwrap();
        assert_eq!((told.who, told.name.as_deref()), (Who::Administrator, Some("Root@contoso.com")));
        assert_eq!(told.names, set(&["root@contoso.com"]));
        assert_eq!(told.concerns, set(&["ada@contoso.com"]));
        assert_eq!((told.settings, told.defaults), ([Setting::Mode].into(), BTreeSet::new()));
    }

    #[test]
    fn who_acts_without_naming_anybody_acts_on_themselves_unless_they_have_more_rights() {
        let on_nobody = |kind: &str| {
            let told = record(|record| {
                record["userType"] = json!(kind);
                record["objectId"] = json!("MyAnalyticsSettings");
                record["auditData"] = json!({ "IsDashboardEnabled": false });
            });
            told.unwrap()
        };
        let told = on_nobody("Regular");
        assert_eq!(told.concerns, set(&["root@contoso.com"]));
        assert_eq!(told.settings, [Setting::Dashboard].into());
        for kind in ["admin", "application", "dcAdmin", "unknownFutureValue"] {
            assert_eq!(on_nobody(kind).concerns, set(&[]), "{kind}");
        }
    }

    #[test]
    fn what_our_own_application_did_is_left_out() {
        let by = |who: Value| {
            record(|record| {
                record["userType"] = json!("application");
                record["userPrincipalName"] = json!(null);
                record["userId"] = who;
            })
        };
        assert_eq!(by(json!(OURS.to_uppercase())), None);
        assert_eq!(by(json!(format!("ServicePrincipal_{OURS}"))), None);
        let other = by(json!("00000000-0000-0000-0000-00000000beef")).unwrap();
        assert_eq!(other.who, Who::Application);
        assert_eq!(other.name.as_deref(), Some("00000000-0000-0000-0000-00000000beef"));
        let hidden = |record: &mut Value| record["auditData"]["AppId"] = json!(OURS);
        assert_eq!(record(hidden), None);
    }

    #[test]
    fn features_are_understood_one_by_one_and_all_at_once() {
        let named = |feature: &str| {
            let told = record(|record| {
                record["auditData"]["Parameters"][1] = json!({ "Name": "Feature", "Value": feature });
            });
            let AuditRecord { settings, defaults, .. } = told.unwrap();
            (settings, defaults)
        };
        let add_in = ([Setting::OutlookAddIn].into(), [TenantSetting::OutlookAddIn].into());
        assert_eq!(named("Add-in"), add_in);
        let (settings, defaults) = named("all");
        assert_eq!((settings.len(), defaults.len()), (3, 5));
        assert_eq!(named("tomorrow's"), (BTreeSet::new(), BTreeSet::new()));
    }

    #[test]
    fn a_record_that_means_nothing_tells_nothing() {
        for (field, odd) in [
            ("createdDateTime", json!("yesterday")),
            ("createdDateTime", json!(null)),
            ("createdDateTime", json!(7)),
        ] {
            assert_eq!(record(|record| record[field] = odd.clone()), None, "{field}: {odd}");
        }
        let nobody = |record: &mut Value| {
            record["userId"] = json!(" ");
            record["userPrincipalName"] = json!([]);
        };
        assert_eq!(record(nobody), None);
        for whole in [json!(null), json!([]), json!("x"), json!({})] {
            assert_eq!(read(&whole, None), None, "{whole}");
        }
        let odd = record(|record| record["auditData"] = json!("{}")).unwrap();
        assert_eq!((odd.concerns, odd.settings), (set(&["ada@contoso.com"]), BTreeSet::new()));
    }

    #[test]
    fn data_without_end_are_not_followed() {
        let deep = (0..100).fold(json!({ "PrivacyMode": "opt-in" }), |inner, _| json!({ "x": inner }));
        let told = record(|record| record["auditData"] = deep).unwrap();
        assert_eq!(told.settings, BTreeSet::new());
    }
}

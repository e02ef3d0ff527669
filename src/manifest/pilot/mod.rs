//! Writes the pilot that `init --pilot` begins with: a manifest, and the templates of its messages.

use jiff::civil::Date;

use super::text::in_quotes;
use crate::model::TenantId;

/// Lists the templates of messages, by their path beside the manifest.
const MESSAGES: [(&str, &str); 8] = [
    ("messages/closing.de.md", include_str!("messages/closing.de.md")),
    ("messages/closing.en.md", include_str!("messages/closing.en.md")),
    ("messages/midpoint.de.md", include_str!("messages/midpoint.de.md")),
    ("messages/midpoint.en.md", include_str!("messages/midpoint.en.md")),
    ("messages/welcome.de.md", include_str!("messages/welcome.de.md")),
    ("messages/welcome.en.md", include_str!("messages/welcome.en.md")),
    ("messages/widening.de.md", include_str!("messages/widening.de.md")),
    ("messages/widening.en.md", include_str!("messages/widening.en.md")),
];

/// Is a pilot to start from.
#[derive(Clone, Debug)]
pub struct Pilot {
    /// The manifest; valid as it stands, with warnings for what is still to be filled in.
    pub manifest: String,
    /// The templates of its messages, each with its path beside the manifest.
    pub messages: [(&'static str, &'static str); 8],
}

/// Writes a pilot of 45 days, with the milestones of Microsoft's deployment guide.
pub fn pilot(tenant: TenantId, name: &str, starts: Date) -> Pilot {
    let manifest = include_str!("insights.yaml")
        .replace("STARTS", &starts.to_string())
        .replace("TENANT-ID", &tenant.to_string())
        .replace("TENANT-NAME", &in_quotes(name));
    Pilot { manifest, messages: MESSAGES }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::manifest::{Manifest, Severity, parse, schema};

    fn made(name: &str) -> (String, Manifest) {
        let tenant = TenantId("3f2504e0-4f89-41d3-9a0c-0305e82c3301".parse().unwrap());
        let Pilot { manifest, messages } = pilot(tenant, name, date(2026, 3, 2));
        let files: Vec<_> = messages.iter().map(|(path, text)| (*path, text.as_bytes())).collect();
        let read = parse(&manifest, &files).unwrap_or_else(|problems| unreachable!("{:#?}", problems.list()));
        (manifest, read)
    }

    #[test]
    fn a_pilot_is_valid_and_warns_only_of_what_is_to_be_filled_in() {
        let (text, manifest) = made("contoso's \"TENANT-ID\"");
        assert_eq!(manifest.tenant_name(), Some("contoso's \"TENANT-ID\""));
        for problem in manifest.warnings().of(Severity::Warning) {
            let told = &problem.message;
            let to_do = told.starts_with("nobody is named yet as ")
                || told.ends_with("has no link")
                || told.ends_with("names no link");
            assert!(to_do, "{problem}");
        }
        let json: serde_json::Value =
            serde_yaml::from_str_with_options(&text, serde_yaml::options! { strict_booleans: true }).unwrap();
        let schema = jsonschema::validator_for(schema().as_value()).unwrap();
        assert!(schema.is_valid(&json), "{:?}", schema.validate(&json));
    }

    #[test]
    fn it_lasts_45_days_and_the_wave_after_it_waits_for_a_reviewer() {
        let (_, manifest) = made("contoso");
        let [pilot, next] = manifest.rollout().waves.as_slice() else { unreachable!("two waves") };
        assert_eq!((pilot.runs_for, next.after, next.approved), (Some(45), Some(0), Some(false)));
        let campaign = &manifest.rollout().campaign;
        let days: Vec<_> =
            campaign.milestones.iter().map(|milestone| (&*milestone.name, milestone.day)).collect();
        let expected = [
            ("welcome", -7),
            ("training", -5),
            ("start", 1),
            ("midpoint", 14),
            ("survey", 40),
            ("assess", 41),
            ("closing", 45),
            ("widening", -7),
        ];
        assert_eq!(days, expected);
        let surveys: Vec<_> = campaign.surveys.iter().map(|survey| survey.day).collect();
        assert_eq!(surveys, [-3, 14, 40]);
        let languages = campaign.milestones.iter().filter_map(|milestone| milestone.message.as_ref());
        for message in languages {
            let languages: Vec<_> = message.templates.iter().map(|template| &*template.language).collect();
            assert_eq!(languages, ["en", "de"]);
        }
    }
}

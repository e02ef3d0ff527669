//! Writes the manifest that `init` begins with.

use super::Scenario;
use super::text::in_quotes;
use crate::model::TenantId;

/// Writes a commented manifest for a scenario; it is valid as it stands, and changes nobody until it is applied.
///
/// The groups of `mixed` and `optional-opt-in` name people by department, which needs nothing to exist beforehand.
pub fn template(scenario: Scenario, tenant: TenantId, name: &str) -> String {
    let default = bool::from(scenario.defaults());
    let switch = if default { "on" } else { "off" };
    let pitch = pitch(scenario);
    let groups = groups(scenario);
    let name = in_quotes(name);
    format!(
        r"# What Microsoft Viva Insights should be in this tenant.
#
#   insightctl validate    says what is wrong with this file
#   insightctl plan        shows what would change, and changes nothing
#   insightctl apply       changes it, after asking
#
# For completion and hover text while typing, run `insightctl schema manifest > manifest.schema.json`
# and put this at the very top:  # yaml-language-server: $schema=manifest.schema.json
version: 1

tenant:
  id: {tenant}   # a token for another tenant is refused
  name: {name}

{pitch}scenario: {scenario}

# What everyone has who has not chosen otherwise. A key that is left out is not managed.
defaults:
  dashboard: {switch}
  digest-email: {switch}       # paused by Microsoft since March 2024
  outlook-add-in: {switch}
  # schedule-send: on
  # meeting-survey: {{ enabled: on, sampling-rate: 0.2 }}

{groups}
# Lets the licence of a group change where every member of that group is to lose, or get, the service plan.
# licences: {{ through-groups: true }}

# More than this needs consent: `insightctl apply --allow CLASS`.
guards:
  limits:
    opt-in:  {{ percent: 30, people: 500 }}
    opt-out: {{ percent: 30, people: 500 }}
    service-plan-removed: {{ percent: 5, people: 50 }}
    leaving: {{ percent: 10, people: 50 }}
  # protected:                                 # people whom no group changes
  #   - user: breakglass@contoso.com

# Remembers what was written and what was found, so that nobody's own choice is undone. Keep it.
store: file:.insightctl
"
    )
}

fn pitch(scenario: Scenario) -> &'static str {
    match scenario {
        Scenario::DefaultOn => {
            "# Everyone has everything from the start; people may switch it off or opt out.\n"
        }
        Scenario::DefaultOff => "# Everything is off until people switch it on for themselves.\n",
        Scenario::Mixed => "# Off for everyone, on for the groups below.\n",
        Scenario::OptionalOptIn => {
            "# Off for everyone, and the groups below are opted out; without the service plan they cannot opt in.\n"
        }
    }
}

fn groups(scenario: Scenario) -> &'static str {
    match scenario {
        Scenario::DefaultOn | Scenario::DefaultOff => {
            r"# People for whom it should be otherwise. The first group that holds a person decides everything for them.
# groups:
#   - name: works-council
#     mode: opt-out
#     members:
#       - group: works-council@contoso.com     # Entra group, nested groups included
#       - csv: people/works-council.csv        # column UserPrincipalName
"
        }
        Scenario::Mixed => {
            r#"# The first group that holds a person decides everything for them.
groups:
  - name: pilot
    mode: opt-in                               # alone it would do nothing: it is what everyone has
    features: { dashboard: on, outlook-add-in: on, digest-email: off }
    members:
      - filter: "department eq 'Sales'"        # Microsoft Graph $filter over users
      # - group: pilot@contoso.com             # Entra group, nested groups included
      # - csv: people/pilot.csv                # column UserPrincipalName
      # - user: ada@contoso.com
      # - licence: SPE_E5                      # everyone who holds it
    # except:
    #   - csv: people/left-the-pilot.csv
"#
        }
        Scenario::OptionalOptIn => {
            r#"# The first group that holds a person decides everything for them.
groups:
  - name: no-insights                          # only an administrator can undo a removed service plan
    mode: opt-out
    service-plan: removed
    members:
      - filter: "department eq 'Contractors'"  # Microsoft Graph $filter over users
      # - group: contractors@contoso.com       # Entra group, nested groups included
      # - csv: people/contractors.csv          # column UserPrincipalName
  - name: may-opt-in                           # opted out, and free to opt in
    mode: opt-out
    members:
      - filter: "department eq 'Sales'"
"#
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Severity, parse};

    #[test]
    fn every_template_is_a_valid_manifest_of_its_scenario() {
        let tenant = TenantId("3f2504e0-4f89-41d3-9a0c-0305e82c3301".parse().unwrap());
        for scenario in Scenario::ALL {
            let text = template(scenario, tenant, "contoso.onmicrosoft.com");
            let manifest = parse(&text, &[]).unwrap();
            assert_eq!(manifest.scenario(), Some(scenario));
            assert_eq!(manifest.tenant(), tenant);
            assert_eq!(manifest.warnings().count(Severity::Warning), 0, "{scenario}");
        }
    }

    #[test]
    fn a_template_with_a_placeholder_says_what_to_fill_in() {
        let text = template(Scenario::Mixed, TenantId(uuid::Uuid::nil()), "contoso");
        let problems = parse(&text, &[]).unwrap_err();
        assert_eq!(problems.list()[0].message, "this tenant id is a placeholder");
    }
}

//! Runs `doctor` where one thing is amiss at a time: it is told, with a remedy, and all else is looked at.
#![expect(clippy::unwrap_used, reason = "a test may stop at its first surprise")]

use std::fs;

use serde_json::{Value, json};

mod stage;

use stage::Stage;

const SANDBOX: [&str; 2] = ["--sandbox", "tenant.json"];
/// Is what a manifest of everything needs of Microsoft Graph, and no more.
const LEAST: [&str; 4] = [
    "GroupMember.Read.All",
    "User.Read.All",
    "LicenseAssignment.Read.All",
    "LicenseAssignment.ReadWrite.All",
];
const EXCHANGE_ADMINISTRATOR: &str = "29232cdf-9323-42fd-ade2-1d097af3e4de";

/// Is what `doctor` said as JSON, and how it exited.
struct Told {
    code: i32,
    value: Value,
}

impl Told {
    #[track_caller]
    fn check(&self, id: &str) -> &Value {
        let checks = self.value["checks"].as_array().unwrap();
        checks.iter().find(|check| check["check"] == id).expect(id)
    }

    #[track_caller]
    fn state(&self, id: &str) -> &str {
        self.check(id)["state"].as_str().unwrap()
    }

    /// Lists the checks in a state.
    fn all(&self, state: &str) -> Vec<&str> {
        let checks = self.value["checks"].as_array().unwrap().iter();
        checks.filter(|check| check["state"] == state).map(|check| check["check"].as_str().unwrap()).collect()
    }
}

fn doctor(stage: &Stage, arguments: &[&str]) -> Told {
    let ended = stage.run(&[&["doctor", "--format", "json"], arguments].concat());
    let value = serde_json::from_str(&ended.out).expect(&ended.err);
    Told { code: ended.code.unwrap(), value }
}

/// Registers an application under the id that `--sandbox` signs in with.
fn register(stage: &Stage, application: &Value) {
    edit(stage, |tenant| {
        let mut whole = json!({ "clientId": "00000000-0000-0000-0000-00000000c0de", "secret": "sandbox" });
        let fields = whole.as_object_mut().unwrap();
        fields.extend(application.as_object().unwrap().clone());
        tenant["applications"] = json!([whole]);
    });
}

fn edit(stage: &Stage, edit: impl FnOnce(&mut Value)) {
    let path = stage.path().join("tenant.json");
    let mut tenant: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    edit(&mut tenant);
    fs::write(path, tenant.to_string()).unwrap();
}

fn roles(more: &[&str]) -> Value {
    json!([&LEAST[..], more].concat())
}

#[test]
fn a_role_and_a_permission_that_are_missing_are_named_at_once() {
    let stage = Stage::set();
    register(&stage, &json!({ "roles": ["User.Read.All", "GroupMember.Read.All", "Exchange.ManageAsApp"] }));
    let told = doctor(&stage, &SANDBOX);
    assert_eq!(told.code, 4);
    assert_eq!(told.all("failure"), ["permissions", "role", "products", "settings"]);
    let permissions = told.check("permissions");
    assert_eq!(
        permissions["names"],
        json!(["LicenseAssignment.Read.All", "LicenseAssignment.ReadWrite.All"])
    );
    assert!(told.check("role")["remedy"].as_str().unwrap().contains("Exchange Administrator"));
    assert_eq!(told.state("people"), "ok");
    let text = stage.run(&[&["doctor"][..], &SANDBOX].concat()).with(4).out;
    assert!(text.contains("not granted: LicenseAssignment.Read.All"), "{text}");
}

#[test]
fn the_least_is_enough_for_plan_and_apply_and_the_tenants_name_is_the_manifests() {
    let stage = Stage::set();
    register(&stage, &json!({ "roles": roles(&["Exchange.ManageAsApp"]), "wids": [EXCHANGE_ADMINISTRATOR] }));
    let told = doctor(&stage, &SANDBOX);
    assert_eq!((told.code, told.all("failure"), told.all("warning")), (0, vec![], vec![]));
    assert!(told.check("tenant")["fact"].as_str().unwrap().contains("as the token says"));
    assert_eq!(told.value["granted"].as_array().unwrap().len(), 5);
    let apply = ["apply", "--yes", "--allow", "defaults"];
    let applied = stage.run(&[&apply[..], &SANDBOX].concat()).with(0).out;
    assert!(applied.contains("contoso.onmicrosoft.com"), "{applied}");
    stage.run(&[&["plan", "--detailed-exitcode"][..], &SANDBOX].concat()).with(0);
}

#[test]
fn whoever_only_plans_needs_less_and_is_told_what_is_too_much() {
    let stage = Stage::set();
    let reading = json!([&LEAST[..3], &["Exchange.ManageAsApp"]].concat());
    register(&stage, &json!({ "roles": reading, "wids": [EXCHANGE_ADMINISTRATOR] }));
    let told = doctor(&stage, &SANDBOX);
    assert_eq!((told.code, told.all("failure")), (4, vec!["permissions"]));
    let told = doctor(&stage, &[&["--for", "plan"][..], &SANDBOX].concat());
    assert_eq!((told.code, told.all("failure"), told.all("warning")), (0, vec![], vec![]));
    stage.run(&[&["plan"][..], &SANDBOX].concat()).with(0);

    let all = roles(&["Exchange.ManageAsApp", "Mail.Send"]);
    register(&stage, &json!({ "roles": all, "wids": [EXCHANGE_ADMINISTRATOR] }));
    let told = doctor(&stage, &[&["--for", "plan"][..], &SANDBOX].concat());
    assert_eq!((told.code, told.state("surplus")), (0, "warning"));
    assert_eq!(told.check("surplus")["names"], json!(["LicenseAssignment.ReadWrite.All", "Mail.Send"]));
}

#[test]
fn a_manifest_with_licences_alone_gets_along_without_exchange() {
    let stage = Stage::set();
    register(&stage, &json!({ "roles": &LEAST[1..] }));
    let manifest = "version: 1\ntenant: { id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301 }\ngroups:\n  - name: all\n    \
                    service-plan: assigned\n    members: [ { user: ada@contoso.com } ]\n";
    fs::write(stage.path().join("licences.yaml"), manifest).unwrap();
    let licences = ["--file", "licences.yaml", "--sandbox", "tenant.json"];
    let told = doctor(&stage, &licences);
    assert_eq!((told.code, told.all("failure")), (0, vec![]));
    assert_eq!((&told.value["role"], told.state("role")), (&Value::Null, "skipped"));
    for check in ["settings-sign-in", "settings", "groups"] {
        assert_eq!(told.state(check), "skipped", "{check}");
    }
    stage.run(&[&["plan"][..], &licences].concat()).with(0);
    // What asks for settings all the same is told before anybody is read.
    let refused = stage.run(&[&["export"][..], &licences].concat()).with(4);
    assert!(refused.err.contains("Exchange.ManageAsApp"), "{}", refused.err);
}

#[test]
fn a_secret_that_has_expired_fails_and_what_hangs_on_it_is_skipped() {
    let stage = Stage::set();
    register(&stage, &json!({ "roles": roles(&[]), "secretEnds": "2020-01-01T00:00:00Z" }));
    let told = doctor(&stage, &SANDBOX);
    assert_eq!((told.code, told.all("failure")), (4, vec!["directory-sign-in", "settings-sign-in"]));
    assert!(told.check("directory-sign-in")["fact"].as_str().unwrap().contains("AADSTS7000222"));
    for check in ["tenant", "permissions", "role", "people", "groups", "products", "settings"] {
        assert_eq!(told.state(check), "skipped", "{check}");
    }
    for check in ["manifest", "cloud", "network", "clock", "store"] {
        assert_eq!(told.state(check), "ok", "{check} hangs on nobody who signs in");
    }
}

#[test]
fn another_tenant_than_the_manifests_is_refused() {
    let stage = Stage::set();
    edit(&stage, |tenant| tenant["tenant"]["id"] = "11111111-1111-4111-8111-111111111111".into());
    let told = doctor(&stage, &SANDBOX);
    assert_eq!((told.code, told.all("failure")), (4, vec!["directory-sign-in"]));
    let fact = told.check("directory-sign-in")["fact"].as_str().unwrap();
    assert!(fact.contains("11111111") && fact.contains("3f2504e0"), "{fact}");
}

#[test]
fn a_guest_with_a_number_sign_is_a_person_as_any_other() {
    let stage = Stage::set();
    edit(&stage, |tenant| {
        let guest = json!({
            "userPrincipalName": "o'neill_fabrikam.com#EXT#@contoso.onmicrosoft.com", "displayName": "$(A Guest)",
            "id": "00000000-0000-4000-8000-000000000001", "userType": "Guest",
        });
        tenant["users"].as_array_mut().unwrap().push(guest);
    });
    let told = doctor(&stage, &SANDBOX);
    assert_eq!((told.code, told.state("people")), (0, "ok"));
}

#[test]
fn a_group_that_is_not_there_or_hides_its_members_is_named() {
    let stage = Stage::set();
    edit(&stage, |tenant| {
        let groups = tenant["groups"].as_array_mut().unwrap();
        groups.iter_mut().find(|group| group["displayName"] == "Works Council").unwrap()["visibility"] =
            "HiddenMembership".into();
    });
    let path = stage.path().join("insights.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, text.replace("executives@contoso.com", "nobody@contoso.com")).unwrap();
    let told = doctor(&stage, &SANDBOX);
    assert_eq!((told.code, told.state("groups")), (0, "warning"));
    let fact = told.check("groups")["fact"].as_str().unwrap();
    assert!(fact.contains("nobody@contoso.com") && fact.contains("works-council@contoso.com"), "{fact}");
}

#[test]
fn a_tenant_whose_products_carry_no_insights_draws_a_warning() {
    let stage = Stage::set();
    edit(&stage, |tenant| {
        for sku in tenant["skus"].as_array_mut().unwrap() {
            let plans = sku["servicePlans"].as_array_mut().unwrap();
            plans.retain(|plan| plan["servicePlanName"] == "TEAMS1");
        }
        for user in tenant["users"].as_array_mut().unwrap() {
            user.as_object_mut().unwrap().remove("licenses");
        }
        for group in tenant["groups"].as_array_mut().unwrap() {
            group.as_object_mut().unwrap().remove("licenses");
        }
    });
    let told = doctor(&stage, &SANDBOX);
    assert_eq!((told.code, told.check("products")["finding"].as_str()), (0, Some("none-carrying")));
}

#[test]
fn a_clock_that_is_off_is_measured_by_the_services_answers() {
    let stage = Stage::set();
    let with = |skew: &str| doctor(&stage, &[&SANDBOX[..], &["--sandbox-world", skew]].concat());
    let told = with("clock-skew=400");
    assert_eq!((told.code, told.all("failure")), (8, vec!["clock"]));
    let seconds = told.check("clock")["seconds"].as_i64().unwrap();
    assert!((398..=402).contains(&seconds), "{seconds}");
    assert_eq!(
        (with("clock-skew=-90").state("clock"), with("clock-skew=20").state("clock")),
        ("warning", "ok")
    );
}

#[test]
fn a_store_is_looked_at_without_being_used() {
    let stage = Stage::set();
    let told = doctor(&stage, &SANDBOX);
    assert_eq!((told.check("store")["finding"].as_str(), told.state("lock")), (Some("absent"), "skipped"));
    assert!(!stage.path().join(".insightctl").exists(), "it creates none");
    stage.run(&[&["apply", "--yes", "--allow", "defaults"][..], &SANDBOX].concat()).with(0);
    let listed = || {
        let entries = fs::read_dir(stage.path().join(".insightctl")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = listed();
    let told = doctor(&stage, &SANDBOX);
    assert_eq!((told.state("store"), told.state("lock"), told.state("store-writes")), ("ok", "ok", "ok"));
    assert!(told.check("store")["fact"].as_str().unwrap().ends_with("up to run 00000001"));
    assert_eq!(listed(), before, "the trial object is gone");
    let told = doctor(&stage, &[&["--for", "plan"][..], &SANDBOX].concat());
    assert_eq!(told.check("store-writes")["finding"], "untried");
    let told = doctor(&stage, &[&["--store", "none"][..], &SANDBOX].concat());
    assert_eq!((told.code, told.check("store")["finding"].as_str()), (0, Some("no-store")));
    let told = doctor(&stage, &[&["--store", "nowhere:x"][..], &SANDBOX].concat());
    assert_eq!((told.code, told.all("failure")), (3, vec!["store"]));
}

#[test]
fn whoever_applies_is_named_and_it_is_no_failure() {
    let stage = Stage::set();
    let now = ["--now", "2026-03-02T09:00:00Z"];
    stage.run(&[&["apply", "--yes", "--allow", "defaults"][..], &SANDBOX, &now].concat()).with(0);
    let claim = json!({
        "format": 1, "holder": "grace@laptop (process 7)", "since": "2026-03-02T08:59:50Z",
        "renewed": "2026-03-02T08:59:50Z", "released": false,
    });
    fs::write(stage.path().join(".insightctl/lock/00000099"), claim.to_string()).unwrap();
    let told = doctor(&stage, &[&SANDBOX[..], &now].concat());
    assert_eq!((told.code, told.state("lock")), (0, "warning"));
    assert!(told.check("lock")["fact"].as_str().unwrap().starts_with("grace@laptop (process 7) applies"));
}

#[test]
fn a_manifest_that_is_wrong_is_quoted_and_nothing_else_is_looked_at() {
    let stage = Stage::set();
    fs::write(stage.path().join("wrong.yaml"), "version: 2\n").unwrap();
    let told = doctor(&stage, &["--file", "wrong.yaml", "--sandbox", "tenant.json"]);
    assert_eq!((told.code, told.all("failure")), (3, vec!["manifest"]));
    assert_eq!(told.all("skipped").len(), 18);
    assert!(told.check("manifest")["fact"].as_str().unwrap().contains("wrong.yaml:1:"));
}

#[test]
fn powershell_and_its_module_are_told_by_their_versions() {
    let stage = Stage::set();
    let shell = ["--transport", "powershell", "--sandbox", "tenant.json"];
    let told = doctor(&stage, &shell);
    assert_eq!((told.code, told.state("settings")), (0, "ok"));
    insta::assert_snapshot!(
        told.check("powershell")["fact"].as_str().unwrap(),
        @"PowerShell 7.4.6 (played by insightctl), ExchangeOnlineManagement 3.7.1"
    );
    let unverified = told.value["unverified"].as_array().unwrap();
    assert!(unverified.iter().any(|what| what["id"] == "powershell"));
    assert!(!unverified.iter().any(|what| what["id"] == "exchange-rest"));
    let told = doctor(&stage, &[&["--pwsh", "/nowhere/pwsh"][..], &shell].concat());
    assert_eq!((told.code, told.all("failure")), (8, vec!["powershell"]));
    assert!(told.check("powershell")["remedy"].as_str().unwrap().contains("Install-Module"));
    assert_eq!((told.state("settings"), told.state("people")), ("skipped", "ok"));
}

#[test]
fn without_anybody_who_signs_in_powershell_and_the_store_are_looked_at() {
    let stage = Stage::set();
    let mut command = stage.command(&["doctor", "--format", "json", "--pwsh", "/nowhere/pwsh"]);
    let nothing = stage.path().join("nothing");
    let ended = command.env_clear().env("PATH", nothing).output().unwrap();
    let value: Value = serde_json::from_slice(&ended.stdout).unwrap();
    let told = Told { code: ended.status.code().unwrap(), value };
    assert_eq!((told.code, told.all("failure")), (4, vec!["directory-sign-in", "powershell"]));
    assert!(told.check("directory-sign-in")["fact"].as_str().unwrap().starts_with("nothing to sign in with"));
    assert_eq!(told.check("store")["finding"], "absent");
    assert_eq!((told.state("store"), told.state("network")), ("warning", "ok"));
}

#[test]
fn no_secret_of_the_surroundings_is_shown() {
    let stage = Stage::set();
    for form in ["text", "json"] {
        let mut command = stage.command(&["doctor", "-vv", "--format", form, "--transport", "exchange-rest"]);
        let command = command
            .env("AZURE_CLIENT_ID", "00000000-0000-0000-0000-00000000c0de")
            .env("AZURE_CLIENT_SECRET", "hush-1")
            .env("HTTPS_PROXY", "http://me:hush-2@127.0.0.1:9")
            .env("INSIGHTCTL_LOGIN_URL", "http://me:hush-3@127.0.0.1:9/login?hush-4")
            .env("INSIGHTCTL_GRAPH_URL", "http://127.0.0.1:9/graph")
            .env("INSIGHTCTL_EXCHANGE_URL", "http://127.0.0.1:9/exchange");
        let ended = stage::Ended::from(command.output().unwrap());
        assert!(!format!("{}{}", ended.out, ended.err).contains("hush"), "{}\n{}", ended.out, ended.err);
        assert!(ended.out.contains("127.0.0.1:9"), "the address itself is told: {}", ended.out);
    }
}

#[test]
fn the_json_is_what_it_promises_to_be() {
    let stage = Stage::set();
    let told = doctor(&stage, &[&["--now", "2026-03-02T09:00:00Z"][..], &SANDBOX].concat());
    let Value::Object(mut value) = told.value else { panic!("an object") };
    assert_eq!(value["version"], env!("CARGO_PKG_VERSION"));
    for (list, some) in [("checks", 4), ("unverified", 1)] {
        let items = value[list].as_array_mut().unwrap();
        assert!(items.len() > 5, "{list}");
        items.truncate(some);
    }
    value.remove("version");
    insta::assert_snapshot!(serde_json::to_string_pretty(&value).unwrap(), @r#"
    {
      "checks": [
        {
          "check": "manifest",
          "fact": "insights.yaml: 3 groups",
          "finding": "valid",
          "state": "ok"
        },
        {
          "check": "cloud",
          "fact": "the sandbox tenant.json: nothing here is Microsoft 365",
          "finding": "sandbox",
          "state": "ok"
        },
        {
          "check": "network",
          "fact": "this machine alone",
          "finding": "way",
          "state": "ok"
        },
        {
          "check": "directory-sign-in",
          "fact": "application 00000000-0000-0000-0000-00000000c0de with a secret, until 2026-03-02 09:59 UTC",
          "finding": "signed-in",
          "state": "ok"
        }
      ],
      "for": "apply",
      "format": 1,
      "granted": [
        "Exchange.ManageAsApp",
        "GroupMember.Read.All",
        "LicenseAssignment.ReadWrite.All",
        "Organization.Read.All",
        "User.Read.All"
      ],
      "needs": [
        {
          "for": "plan",
          "lines": [
            31,
            55
          ],
          "permission": "GroupMember.Read.All"
        },
        {
          "for": "plan",
          "permission": "User.Read.All"
        },
        {
          "for": "plan",
          "permission": "LicenseAssignment.Read.All"
        },
        {
          "for": "apply",
          "lines": [
            37
          ],
          "permission": "LicenseAssignment.ReadWrite.All"
        },
        {
          "for": "plan",
          "lines": [
            18,
            19,
            20,
            21,
            22,
            28,
            36,
            43,
            44
          ],
          "permission": "Exchange.ManageAsApp"
        }
      ],
      "role": "Exchange Administrator",
      "tenant": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
      "unverified": [
        {
          "fact": "No request of this version has met a live tenant: all of them are written by Microsoft's documents, and tested against the sandbox.",
          "id": "live-tenant"
        }
      ]
    }
    "#);
}

#[test]
fn the_documents_repeat_the_permissions_and_what_is_unverified() {
    let docs = fs::read_to_string("docs/microsoft-365.md").unwrap().replace("\r\n", "\n");
    let table = insightctl::render::doctor::permissions();
    assert!(docs.contains(&table), "the table of docs/microsoft-365.md is to be:\n{table}");
    let (_, below) = docs.split_once("## What is verified, and what is not\n").unwrap();
    let section = below.split("\n## ").next().unwrap();
    let (_, list) = section.split_once("Not verified:\n").unwrap();
    let items: Vec<String> =
        list.trim().split("\n- ").map(|item| item.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let told = insightctl::render::doctor::unverified();
    let listed: Vec<&str> = items.iter().map(|item| item.trim_start_matches("- ")).collect();
    assert_eq!(listed, told, "the list of docs/microsoft-365.md is to be:\n- {}", told.join("\n- "));
}

//! What is read of people and the tenant, and with how few calls.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use insightctl::microsoft::{Ask, Connection, Credential, Reader, Reading};
use insightctl::model::{
    Kind, Known, Mode, PersonId, RefusalKind, Selector, ServicePlan, Settings, Switch, TenantSetting, Value,
};
use insightctl::plan::Scope;
use serde_json::json;

use crate::stage::{
    ADA, ALL, APP, BEN, DORA, EVE, GUEST, LICENSING, Stage, TENANT, TIP, group, id, kind, people, resolve,
    tenant, user,
};

#[tokio::test]
async fn nobody_is_read_twice() {
    let stage = Stage::new("").await;
    let reader = stage.connect().await;
    let before = stage.sandbox.requests();
    resolve(&reader, &[group("Everyone"), user("ada@contoso.com"), user("eve@contoso.com")]).await;
    people(&reader, &[ADA, BEN, TIP, EVE]).await;
    let read = |before: &BTreeMap<String, u64>| {
        let after = stage.sandbox.requests();
        after
            .iter()
            .map(|(route, count)| (route.clone(), count - before.get(route).copied().unwrap_or_default()))
            .filter(|(route, count)| *count > 0 && route.ends_with("/users/*"))
            .map(|(_, count)| count)
            .sum::<u64>()
    };
    assert_eq!(read(&before), 1, "only Eve was in no group: {:?}", stage.sandbox.requests());

    let between = stage.sandbox.requests();
    people(&reader, &[ADA]).await;
    assert_eq!(read(&between), 1, "another reading looks again");
}

#[tokio::test]
async fn a_default_that_changes_while_people_are_read_is_unknown() {
    let stage = Stage::new("").await;
    let reader = stage.connect().await;
    let script = "faults: [ { match: { cmdlet: Get-MyAnalytics* }, admin: { dashboard: off } } ]";
    stage.sandbox.play(script).unwrap();
    let read = async || reader.observe(&BTreeSet::from([id(ADA)]), ALL).await.unwrap().tenant.settings;
    let settings = read().await;
    assert_eq!(
        kind(&settings[&TenantSetting::Dashboard]),
        RefusalKind::Conflict,
        "who follows it shows it already"
    );
    assert_eq!(settings[&TenantSetting::DigestEmail], Known::Is(Value::ON), "this one did not change");
    assert_eq!(read().await[&TenantSetting::Dashboard], Known::Is(Value::OFF), "the next look is steady");
}

#[tokio::test]
async fn people_are_seen_as_they_are() {
    let stage = Stage::new("").await;
    let reader = stage.connect().await;
    let everyone: BTreeSet<PersonId> = [ADA, BEN, TIP, GUEST, EVE, DORA, 99].map(id).into_iter().collect();
    let actual = reader.observe(&everyone, ALL).await.unwrap();
    assert_eq!((actual.tenant.id, &*actual.tenant.name), (TENANT, "Contoso"));
    assert_eq!(actual.tenant.people, Known::Is(4), "enabled members: Ada, Ben, Eve, Dora");
    assert_eq!(actual.people.len(), 6, "one is not in the directory");
    let all_on = Settings {
        mode: Mode::OptIn,
        dashboard: Switch::On,
        digest_email: Switch::On,
        outlook_add_in: Switch::On,
    };

    let ada = &actual.people[&id(ADA)];
    assert_eq!(
        (&*ada.upn, ada.kind, ada.enabled, ada.mailbox),
        ("Ada@contoso.com", Kind::Member, true, true)
    );
    assert_eq!(ada.settings, Known::Is(all_on));
    assert_eq!(ada.licences.service_plan(&actual.catalogue), Some(ServicePlan::Assigned));
    let ben = &actual.people[&id(BEN)];
    assert_eq!(ben.settings, Known::Is(Settings { mode: Mode::OptOut, ..all_on }));
    assert_eq!(ben.licences.service_plan(&actual.catalogue), Some(ServicePlan::Partial));
    assert_eq!(actual.catalogue.groups, BTreeMap::from([(LICENSING, "Licences E5".into())]));
    assert_eq!(kind(&actual.people[&id(EVE)].settings), RefusalKind::Forbidden, "for herself only");
    assert_eq!(actual.people[&id(EVE)].licences.service_plan(&actual.catalogue), None);
    for (who, why) in [(TIP, "disabled"), (GUEST, "a guest"), (DORA, "no mailbox")] {
        assert_eq!(kind(&actual.people[&id(who)].settings), RefusalKind::NotAsked, "{why}");
    }
    assert!(!actual.people[&id(DORA)].mailbox);
    assert!(Arc::ptr_eq(&ada.licences, &actual.people[&id(TIP)].licences), "equal licences are shared");

    assert_eq!(actual.tenant.settings.len(), 5, "the sampling rate cannot be read");
    assert!(actual.tenant.settings.values().all(|value| *value == Known::Is(Value::ON)));
}

#[tokio::test]
async fn nothing_is_read_that_was_not_asked_for() {
    let stage = Stage::new("").await;
    let reader = stage.connect().await;
    let nothing = Ask { settings: false, tenant_settings: false, count_people: false };
    let actual = reader.observe(&BTreeSet::from([id(ADA)]), nothing).await.unwrap();
    assert_eq!(kind(&actual.people[&id(ADA)].settings), RefusalKind::NotAsked);
    assert_eq!(kind(&actual.tenant.people), RefusalKind::NotAsked);
    assert!(actual.tenant.settings.values().all(|value| kind(value) == RefusalKind::NotAsked));
    assert_eq!(stage.asked("InvokeCommand") + stage.asked("$count"), 0);
}

#[tokio::test]
async fn whoever_waits_is_described_and_asked_nothing_about_settings() {
    let stage = Stage::new("").await;
    let reader = stage.connect().await;
    let scope = Scope {
        people: [id(ADA)].into(),
        waiting: [id(ADA), id(BEN)].into(),
        settings: true,
        tenant_settings: false,
        count_people: false,
    };
    let actual = reader.observe_scope(&scope).await.unwrap();
    assert!(actual.people[&id(ADA)].settings.known().is_some(), "nobody waits whom a group holds");
    let ben = &actual.people[&id(BEN)];
    assert_eq!(kind(&ben.settings), RefusalKind::NotAsked);
    assert_eq!(ben.licences.service_plan(&actual.catalogue), Some(ServicePlan::Partial));
    let with_ben = stage.asked("InvokeCommand");
    reader.observe(&scope.people, Ask::from(&scope)).await.unwrap();
    assert_eq!(stage.asked("InvokeCommand"), 2 * with_ben, "Ben cost no call");
}

#[tokio::test]
async fn throttled_items_of_a_batch_are_asked_again_by_themselves() {
    let mut crowd = tenant();
    for n in 0..95 {
        let upn = format!("p{n}@contoso.com");
        let person = json!({ "id": id(1000 + n), "userPrincipalName": upn, "mail": upn, "displayName": upn });
        crowd["users"].as_array_mut().unwrap().push(person);
    }
    let stage = Stage::with("batch-429=3", crowd).await;
    let reader = stage.connect().await;
    let who: Vec<u128> = (1000..1095).collect();
    let read = people(&reader, &who).await;
    assert_eq!(read.len(), 95);
    assert!(read.values().all(|person| person.settings.known().is_some()));
    let asked = stage.asked("InvokeCommand");
    assert!(asked < 150, "only what was turned away: {:?}", stage.sandbox.requests());
}

#[tokio::test]
async fn progress_is_told_to_the_end() {
    let stage = Stage::new("page-size=2").await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let ear = Arc::clone(&told);
    let credential = Credential::ClientSecret { client_id: APP.to_owned(), secret: "word".to_owned().into() };
    let on_reading: insightctl::microsoft::OnReading =
        Arc::new(move |reading| ear.lock().unwrap().push(reading));
    let mut connection = Connection::new(TENANT, stage.endpoints.clone(), credential);
    connection.on_reading = Some(on_reading);
    let reader = Reader::connect(connection, stage.ours.clone()).await.unwrap();
    resolve(&reader, &[Selector::Everyone, group("Sales")]).await;
    people(&reader, &[ADA, BEN, EVE]).await;
    let told = told.lock().unwrap();
    assert!(told.contains(&Reading::People { done: 6 }), "{told:?}");
    assert!(told.contains(&Reading::Groups { done: 2, of: 2 }), "{told:?}");
    assert_eq!(told.last(), Some(&Reading::Settings { done: 3, of: 3 }));
}

#[tokio::test]
async fn whose_account_is_gone_is_known_from_whose_could_not_be_looked_up() {
    let stage = Stage::new("").await;
    let reader = stage.connect().await;
    let gone = PersonId(uuid::Uuid::from_u128(404));
    let asked: Vec<PersonId> = [ADA, GUEST].map(id).into_iter().chain([gone]).collect();
    assert_eq!(
        reader.exist(&asked).await,
        BTreeMap::from([(id(ADA), true), (id(GUEST), true), (gone, false)])
    );
    let before = stage.asked("$batch");
    assert!(reader.exist(&[]).await.is_empty());
    assert_eq!(stage.asked("$batch"), before, "nobody is asked about, so nothing is sent");
}

#[tokio::test]
async fn a_profile_is_what_the_directory_says_beside_the_settings() {
    let stage = Stage::new("").await;
    let reader = stage.connect().await;
    let asked: BTreeSet<PersonId> = [ADA, BEN, EVE, 99].map(id).into();
    let few = reader.profiles(&asked).await.unwrap();
    let listed = || {
        let asked = stage.sandbox.requests();
        asked.iter().filter(|(route, _)| route.ends_with("/users")).map(|(_, count)| count).sum::<u64>()
    };
    assert_eq!(listed(), 0, "a few are asked for by id: {:?}", stage.sandbox.requests());
    assert_eq!(
        few.keys().copied().collect::<Vec<_>>(),
        [id(ADA), id(BEN), id(EVE)],
        "one is not in the directory"
    );
    let ada = &few[&id(ADA)];
    assert_eq!(ada.name.as_deref(), Some("Ada Lovelace"));
    assert_eq!((ada.title.as_deref(), ada.language.as_deref()), (Some("Analyst"), Some("en-GB")));
    assert_eq!(ada.manager, Some(id(BEN)));
    let ben = &few[&id(BEN)];
    assert!(Arc::ptr_eq(ada.language.as_ref().unwrap(), ben.language.as_ref().unwrap()), "kept once");
    assert_eq!((ben.title.as_deref(), ben.manager), (None, None));

    let many = asked.into_iter().chain((1_000..1_060).map(id)).collect();
    assert_eq!(reader.profiles(&many).await.unwrap(), few, "however they are read");
    assert_eq!(listed(), 1, "one listing takes fewer calls: {:?}", stage.sandbox.requests());
}

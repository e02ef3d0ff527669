//! What is written is taken and seen.

use insightctl::microsoft::{LicenceWrite, Sent, WriteError, Writer};
use insightctl::model::{
    Feature, Known, Mode, Rate, RefusalKind, ServicePlanId, Switch, TenantSetting, Value,
};
use insightctl::plan::LicenceChange;
use insightctl::plan::calls::Which;
use uuid::uuid;

use crate::stage::{ADA, BEN, E5, EA, EVE, P2, Stage, TIP, id, kind, write};

#[tokio::test]
async fn writes_are_taken_and_seen() {
    let stage = Stage::new("").await;
    let writer = Writer::new(stage.connect().await);
    let sent = writer
        .set_people(&[
            write(ADA, "Ada@contoso.com", Some(Mode::OptOut), None),
            write(
                BEN,
                "ben@contoso.com",
                Some(Mode::OptIn),
                Some((Which::One(Feature::OutlookAddIn), Switch::Off)),
            ),
            write(EVE, "eve@contoso.com", None, Some((Which::All, Switch::Off))),
            write(99, "gone@contoso.com", Some(Mode::OptOut), None),
            write(98, " ", Some(Mode::OptOut), None),
        ])
        .await;
    assert_eq!((&sent[0].result, &sent[1].result), (&Ok(()), &Ok(())));
    assert!(sent[0].request_id.is_some());
    let refused = |sent: &Sent| match &sent.result {
        Err(WriteError::Refused(refusal)) => (refusal.kind, sent.attempts),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&sent[2]), (RefusalKind::Forbidden, 1));
    assert_eq!(refused(&sent[3]), (RefusalKind::Missing, 1));
    assert_eq!(refused(&sent[4]), (RefusalKind::BadRequest, 0), "nobody's name is never sent");

    let again = [(id(BEN), "ben@contoso.com".into()), (id(ADA), "Ada@contoso.com".into())];
    let seen = writer.reader().people_settings(&again).await;
    let ben = seen[0].known().unwrap();
    assert_eq!((ben.mode, ben.dashboard, ben.outlook_add_in), (Mode::OptIn, Switch::On, Switch::Off));
    assert_eq!(seen[1].known().unwrap().mode, Mode::OptOut);
    assert_eq!(stage.sandbox.writes().len(), 2);
}

#[tokio::test]
async fn the_tenants_defaults_are_taken_one_by_one() {
    let stage = Stage::new("").await;
    let writer = Writer::new(stage.connect().await);
    for setting in TenantSetting::ALL {
        let value = if setting == TenantSetting::SurveySamplingRate {
            Value::Rate(Rate::new(0.3).unwrap())
        } else {
            Value::OFF
        };
        assert_eq!(writer.set_tenant(setting, value).await.result, Ok(()), "{setting}");
    }
    let seen = writer.reader().tenant_settings().await;
    assert_eq!(seen.len(), 5);
    assert!(seen.values().all(|value| *value == Known::Is(Value::OFF)));
    assert_eq!(stage.sandbox.writes().len(), 6);
    let too_much = Value::Rate(Rate::new(0.9).unwrap());
    let sent = writer.set_tenant(TenantSetting::SurveySamplingRate, too_much).await;
    assert!(
        matches!(sent.result, Err(WriteError::Refused(refusal)) if refusal.kind == RefusalKind::BadRequest)
    );
}

#[tokio::test]
async fn licences_are_replaced_where_they_are_direct() {
    let stage = Stage::new("").await;
    let writer = Writer::new(stage.connect().await);
    let change = |n, disabled: &[ServicePlanId]| LicenceWrite {
        id: id(n),
        changes: vec![LicenceChange {
            sku: E5,
            name: "SPE_E5".into(),
            disabled_before: vec![],
            disabled_after: disabled.to_vec(),
        }],
    };
    let no_plan_of_it = ServicePlanId(uuid!("aaaaaaaa-0000-4000-8000-000000000009"));
    let changes = [change(ADA, &[P2, EA]), change(TIP, &[no_plan_of_it]), change(99, &[P2])];
    let sent = writer.assign_licences(&changes).await;
    assert_eq!(sent[0].result, Ok(()));
    let kinds: Vec<_> = sent[1..]
        .iter()
        .map(|sent| match &sent.result {
            Err(WriteError::Refused(refusal)) => refusal.kind,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(kinds, [RefusalKind::BadRequest, RefusalKind::Missing]);

    let seen = writer.reader().people_licences(&[id(TIP), id(ADA), id(99)]).await;
    assert_eq!(seen[0].known().unwrap().0[0].disabled, []);
    assert_eq!(seen[1].known().unwrap().0[0].disabled, [P2, EA]);
    assert_eq!(kind(&seen[2]), RefusalKind::Missing);
}

//! Who the selectors of a manifest stand for.

use insightctl::model::{Known, Members, RefusalKind, Selector};
use uuid::Uuid;

use crate::stage::{
    ADA, BEN, DORA, EVE, GUEST, LICENSING, P2, Stage, TIP, are, filter, group, id, kind, licence, mail,
    resolve, user,
};

#[tokio::test]
async fn every_selector_stands_for_somebody() {
    let stage = Stage::new("").await;
    let reader = stage.connect().await;
    let expected = [
        (Selector::Id(id(ADA)), are(&[ADA])),
        (Selector::Id(id(99)), Members::NoSuchPerson),
        (user("ada@contoso.com"), are(&[ADA])),
        (user("o'neill@contoso.com"), are(&[TIP])),
        (user("$dora@contoso.com"), are(&[DORA])),
        (user("guest_fabrikam.com#ext#@contoso.onmicrosoft.com"), are(&[GUEST])),
        (user("gone@contoso.com"), Members::NoSuchPerson),
        (mail("ada.lovelace@contoso.com"), are(&[ADA])),
        (mail("o'neill@contoso.com"), are(&[TIP])),
        (mail("gone@contoso.com"), Members::NoSuchPerson),
        (group("Sales"), are(&[ADA, TIP])),
        (group("sales@contoso.com"), are(&[ADA, TIP])),
        (group("Everyone"), are(&[ADA, BEN, TIP])),
        (group(&LICENSING.to_string()), are(&[BEN])),
        (group("Nobody"), are(&[])),
        (group("Gone"), Members::Gone),
        (group("gone@contoso.com"), Members::Gone),
        (group(&Uuid::from_u128(7).to_string()), Members::Gone),
        (group("Twins"), Members::Ambiguous(2)),
        (filter("department eq 'Sales'"), are(&[ADA, BEN])),
        (filter("not(department eq 'Sales') and accountEnabled eq false"), are(&[TIP])),
        (licence("spe_e5"), are(&[ADA, BEN, TIP])),
        (licence("EXCHANGE_ANALYTICS"), are(&[ADA, TIP])),
        (licence(&P2.0.to_string()), are(&[ADA, BEN, TIP])),
        (licence("SPE_E3"), Members::Gone),
    ];
    let selectors: Vec<Selector> = expected.iter().map(|(selector, _)| selector.clone()).collect();
    for ((selector, members), found) in expected.iter().zip(resolve(&reader, &selectors).await) {
        assert_eq!(found, Known::Is(members.clone()), "{selector:?}");
    }
    let everyone = resolve(&reader, &[Selector::Everyone]).await;
    assert_eq!(everyone, [Known::Is(are(&[ADA, BEN, TIP, GUEST, EVE, DORA]))]);
}

#[tokio::test]
async fn what_cannot_be_read_is_unknown_and_not_nobody() {
    let stage = Stage::new("").await;
    let reader = stage.connect().await;
    let selectors = [group("Secret"), filter("shoeSize eq 43"), filter("department eq"), group("Sales")];
    let found = resolve(&reader, &selectors).await;
    assert_eq!(kind(&found[0]), RefusalKind::Forbidden, "hidden members");
    assert_eq!(kind(&found[1]), RefusalKind::BadRequest, "no such property");
    assert_eq!(kind(&found[2]), RefusalKind::BadRequest, "no sentence");
    assert_eq!(found[3], Known::Is(are(&[ADA, TIP])), "the others are none the worse");
}

#[tokio::test]
async fn small_and_empty_pages_change_nothing() {
    let stage = Stage::new("page-size=1,empty-pages=on").await;
    let reader = stage.connect().await;
    let selectors = [
        Selector::Everyone,
        group("Everyone"),
        filter("department eq 'Sales'"),
        mail("ben@contoso.com"),
        group("Twins"),
    ];
    let found = resolve(&reader, &selectors).await;
    assert_eq!(found[0], Known::Is(are(&[ADA, BEN, TIP, GUEST, EVE, DORA])));
    assert_eq!(found[1], Known::Is(are(&[ADA, BEN, TIP])));
    assert_eq!(found[2], Known::Is(are(&[ADA, BEN])));
    assert_eq!(found[3], Known::Is(are(&[BEN])));
    assert_eq!(found[4], Known::Is(Members::Ambiguous(2)));
}

#[tokio::test]
async fn many_names_are_answered_by_one_listing() {
    let stage = Stage::new("").await;
    let reader = stage.connect().await;
    let mut selectors: Vec<Selector> = (0..50).map(|n| user(&format!("u{n}@contoso.com"))).collect();
    selectors.extend([user("ben@contoso.com"), mail("ada.lovelace@contoso.com"), Selector::Id(id(EVE))]);
    let found = resolve(&reader, &selectors).await;
    assert!(found[..50].iter().all(|members| *members == Known::Is(Members::NoSuchPerson)));
    assert_eq!(found[50..], [are(&[BEN]), are(&[ADA]), are(&[EVE])].map(Known::Is));
    assert_eq!(stage.asked("/users/*"), 0, "nobody was asked for by name: {:?}", stage.sandbox.requests());
}

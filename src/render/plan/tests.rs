#[test]
fn look() {
    let mut out = Vec::new();
    super::text(
        &mut out,
        &crate::render::sample::full(),
        &crate::render::sample::objections(),
        crate::render::Look::default(),
    )
    .unwrap();
    println!("{}", String::from_utf8(out).unwrap());
    let mut out = Vec::new();
    crate::render::report::text(&mut out, &crate::render::sample::report(), crate::render::Look::default())
        .unwrap();
    println!("{}", String::from_utf8(out).unwrap());
}

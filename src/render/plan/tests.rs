#[test]
fn look() {
    println!("{}", super::markdown(&crate::render::sample::full(), &crate::render::sample::objections(), 3));
    println!("{}", crate::render::report::markdown(&crate::render::sample::report(), 3));
}

//! What the service says, through PowerShell: patience, a token that ends, a connection that is refused.

use std::io;
use std::sync::{Arc, Mutex};

use insightctl::microsoft::Transport;
use insightctl::model::{Known, Refusal, RefusalKind};

use crate::company::{Company, outcome};

#[tokio::test]
async fn a_token_that_ends_is_replaced_between_two_cmdlets() {
    let company = Company::of(20).await;
    let writer = company.over(&[]).await;
    company
        .sandbox
        .play("faults: [ { match: { service: exchange, write: true }, after: 7, expire-token: true } ]")
        .unwrap();
    for sent in company.opt_out(&writer).await {
        assert_eq!(outcome(&sent), Ok(()));
    }
    assert_eq!(company.written().len(), 20);
    let signed_in: u64 =
        company.sandbox.requests().iter().filter(|(route, _)| route.contains("token")).map(|(_, n)| n).sum();
    assert_eq!(signed_in, 3, "one for the directory, and two for the settings");
}

#[tokio::test]
async fn a_throttled_cmdlet_waits_as_long_as_it_is_told_and_is_run_again() {
    let company = Company::of(20).await;
    let writer = company.over(&[]).await;
    company
        .sandbox
        .play("faults: [ { match: { service: exchange }, every: 4, times: 6, status: 429, retry-after: 3 } ]")
        .unwrap();
    let sent = company.opt_out(&writer).await;
    assert!(sent.iter().all(|sent| sent.result == Ok(())), "{sent:?}");
    assert_eq!(sent.iter().map(|sent| sent.attempts).sum::<u32>(), 26);
    assert_eq!(company.written().len(), 20);
}

#[tokio::test]
async fn a_write_that_the_service_fails_is_left_open_and_a_read_is_read_again() {
    let company = Company::of(4).await;
    let writer = company.over(&[]).await;
    let script = "faults: [ { match: { service: exchange }, times: 2, status: 500, carried-out: true } ]";
    company.sandbox.play(script).unwrap();
    assert!(company.read(&writer).await.iter().all(|read| read.known().is_some()));
    company.sandbox.play(script).unwrap();
    let open = company.opt_out(&writer).await.iter().filter(|sent| outcome(sent).is_err()).count();
    assert_eq!((open, company.written().len()), (2, 4));
}

#[tokio::test]
async fn an_answer_that_is_cut_at_the_service_leaves_a_write_open() {
    let company = Company::of(1).await;
    let writer = company.over(&[]).await;
    company.sandbox.play("faults: [ { match: { service: exchange }, cut: after } ]").unwrap();
    let sent = company.opt_out(&writer).await;
    assert_eq!((outcome(&sent[0]), company.written().len()), (Err(RefusalKind::Unreachable), 1));
}

#[tokio::test]
async fn a_refused_connection_is_about_everybody() {
    let company = Company::of(1).await;
    let told = async |words| {
        let writer = company.over(&["--refuse", words]).await;
        match &company.read(&writer).await[0] {
            Known::Unknown(why) => Refusal::clone(why),
            Known::Is(settings) => panic!("{settings:?}"),
        }
    };
    let role = told("The role assigned to application 7 isn't supported in this scenario.").await;
    assert_eq!(role.kind, RefusalKind::SignIn);
    insta::assert_snapshot!(role, @"PowerShell could not connect to Exchange Online: the settings service refused: The role assigned to application 7 isn't supported in this scenario");
    let crowd =
        "Fail to create a runspace because you have exceeded the maximum number of connections allowed : 3";
    assert_eq!(told(crowd).await.kind, RefusalKind::Throttled);
}

#[tokio::test]
async fn both_transports_tell_a_refusal_of_one_person_alike() {
    let company = Company::of(1).await;
    let mut told = Vec::new();
    for transport in [Transport::ExchangeRest, Transport::PowerShell(company.shell(&[]))] {
        let writer = company.connect(transport).await.unwrap();
        let forbidden = r#"faults: [ { match: { cmdlet: "Get-MyAnalytics*" }, every: 1, status: 403,
            body: { json: { Code: Forbidden, Message: "Access to the requested resource is forbidden." } } } ]"#;
        company.sandbox.play(forbidden).unwrap();
        match &company.read(&writer).await[0] {
            Known::Unknown(why) => told.push((why.kind, why.message.clone())),
            Known::Is(settings) => panic!("{settings:?}"),
        }
    }
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0].0, RefusalKind::Forbidden);
}

#[tokio::test]
async fn a_tenant_is_connected_to_by_its_domain_and_by_its_id() {
    let mut company = Company::of(2).await;
    for name in [Some("contoso.onmicrosoft.com"), Some("contoso.com"), None] {
        company.name = name;
        let writer = company.over(&[]).await;
        assert!(company.read(&writer).await.iter().all(|read| read.known().is_some()), "{name:?}");
    }
}

/// Takes in what is traced.
#[derive(Clone, Default)]
struct Trace(Arc<Mutex<Vec<u8>>>);

impl io::Write for Trace {
    fn write(&mut self, some: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(some)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_token_that_powershell_prints_reaches_neither_a_trace_nor_a_refusal() {
    let trace = Trace::default();
    let writer = trace.clone();
    let traces = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone());
    let _traced = tracing::subscriber::set_default(traces.finish());
    let company = Company::of(1).await;
    let writer = company.over(&["--leak"]).await;
    let (read, wrote) = (company.read(&writer).await, company.opt_out(&writer).await);
    let told = format!("{read:?}{wrote:?}");
    assert!(told.contains("the token (the token) is odd"), "{told}");
    let written = String::from_utf8(trace.0.lock().unwrap().clone()).unwrap();
    for line in ["PowerShell prints line=\"WARNING: (the token)\"", "Bearer (the token)", "| (the token)"] {
        assert!(written.contains(line), "{line}: {written}");
    }
    // Every token of the sandbox begins with these: `{"` in base64.
    assert!(!told.contains("eyJ") && !written.contains("eyJ"), "{told}\n{written}");
}

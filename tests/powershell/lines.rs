//! What goes over the pipes: names as data, answers among noise, and everything that can be lost on the way.

use std::time::Duration;

use insightctl::microsoft::{Shell, Transport};
use insightctl::model::{Mode, RefusalKind, TenantSetting, Value};

use crate::company::{Company, outcome};

#[tokio::test]
async fn whatever_somebody_is_called_arrives_as_it_is() {
    let names = [
        "o'neill@contoso.com",
        "$dora@contoso.com",
        "$(whoami)@contoso.com",
        "${env:PATH}@contoso.com",
        "back`tick`n@contoso.com",
        "guest_fabrikam.com#EXT#@contoso.onmicrosoft.com",
        "quote\"s@contoso.com",
        "new\nline@contoso.com",
        "semi;Stop-Process -Id 1@contoso.com",
        "-Confirm@contoso.com",
        "@splat@contoso.com",
        "back\\slash\\u0041@contoso.com",
        "ölçek😀@contoso.com",
        "line\u{2028}end@contoso.com",
        "{\"id\":3,\"ok\":true}@contoso.com",
    ]
    .map(str::to_owned);
    let company = Company::called(&names).await;
    let writer = company.over(&["--noise"]).await;
    for sent in company.opt_out(&writer).await {
        assert_eq!(sent.result, Ok(()));
    }
    let mut everybody: Vec<String> = company.people.iter().map(|(id, _)| id.to_string()).collect();
    everybody.sort();
    assert_eq!(company.written(), everybody);
    for (read, (_, upn)) in company.read(&writer).await.iter().zip(&company.people) {
        assert_eq!(read.known().map(|settings| settings.mode), Some(Mode::OptOut), "{upn}");
    }
}

#[tokio::test]
async fn both_transports_see_the_same() {
    let company = Company::of(12).await;
    let (rest, shell) = (company.connect(Transport::ExchangeRest).await.unwrap(), company.over(&[]).await);
    let sent = shell.set_tenant(TenantSetting::Dashboard, Value::OFF).await;
    assert_eq!((sent.result, sent.attempts), (Ok(()), 1));
    assert_eq!(company.read(&rest).await, company.read(&shell).await);
    assert_eq!(rest.reader().tenant_settings().await, shell.reader().tenant_settings().await);
    // Somebody who is not there, and a request that is wrong.
    let nobody = [(company.people[0].0, "nobody@contoso.com".into())];
    let (one, other) =
        (rest.reader().people_settings(&nobody).await, shell.reader().people_settings(&nobody).await);
    let why = |read: &[insightctl::model::Known<_>]| match &read[0] {
        insightctl::model::Known::Unknown(why) => (why.kind, why.message.clone()),
        insightctl::model::Known::Is(_) => panic!("nobody was read"),
    };
    assert_eq!(why(&one), why(&other));
    assert_eq!(why(&one).0, RefusalKind::Missing);
}

#[tokio::test]
async fn noise_and_answers_that_nobody_waits_for_are_passed_over() {
    let company = Company::of(25).await;
    let writer = company.over(&["--noise", "--stray"]).await;
    assert!(company.read(&writer).await.iter().all(|read| read.known().is_some()));
    for sent in company.opt_out(&writer).await {
        assert_eq!((sent.result, sent.attempts), (Ok(()), 1));
    }
    assert_eq!(company.written().len(), 25);
}

#[tokio::test]
async fn a_read_whose_answer_is_cut_is_read_again_and_a_write_is_left_open() {
    let company = Company::of(25).await;
    let writer = company.over(&["--garble", "3"]).await;
    assert!(company.read(&writer).await.iter().all(|read| read.known().is_some()));
    let sent = company.opt_out(&writer).await;
    let open = sent.iter().filter(|sent| outcome(sent) == Err(RefusalKind::Garbled)).count();
    let done = sent.iter().filter(|sent| outcome(sent) == Ok(())).count();
    assert!(open >= 5 && open + done == 25, "{open} open, {done} done");
    assert!(sent.iter().all(|sent| sent.attempts == 1));
    assert_eq!(company.written().len(), 25, "each was written once");
}

#[tokio::test]
async fn a_worker_that_always_garbles_makes_people_unknown() {
    let company = Company::of(1).await;
    let writer = company.over(&["--garble", "1"]).await;
    let read = company.read(&writer).await;
    assert!(matches!(&read[0], insightctl::model::Known::Unknown(why) if why.kind == RefusalKind::Garbled));
}

#[tokio::test]
async fn a_write_is_neither_lost_nor_doubled_when_its_worker_dies() {
    for (when, written) in [("--die-before", 0), ("--die-after", 1)] {
        let company = Company::of(1).await;
        let writer = company.over(&[when, "1"]).await;
        let sent = company.opt_out(&writer).await;
        assert_eq!(outcome(&sent[0]), Err(RefusalKind::Unreachable), "{when}");
        assert_eq!((sent[0].attempts, company.written().len()), (1, written), "{when}");
    }
}

#[tokio::test]
async fn workers_that_die_are_replaced_and_reads_are_read_again() {
    let company = Company::of(30).await;
    for when in ["--die-before", "--die-after"] {
        let writer = company.over(&[when, "4"]).await;
        assert!(company.read(&writer).await.iter().all(|read| read.known().is_some()), "{when}");
    }
}

#[tokio::test]
async fn a_worker_that_falls_silent_is_ended() {
    let company = Company::of(6).await;
    let mut shell = company.shell(&["--hang-after", "3"]);
    shell.answer_within = Duration::from_millis(500);
    let writer = company.connect(Transport::PowerShell(shell)).await.unwrap();
    let sent = company.opt_out(&writer).await;
    let open = sent.iter().filter(|sent| outcome(sent) == Err(RefusalKind::Unreachable)).count();
    assert!((1..=2).contains(&open), "{sent:?}");
    assert_eq!(company.written().len(), 6, "each was written once");
    assert!(company.read(&writer).await.iter().all(|read| read.known().is_some()));
}

#[cfg(unix)]
#[tokio::test]
async fn a_write_that_could_not_be_handed_over_whole_may_be_done_and_is_not_repeated() {
    // Whoever is connected, and reads no more: nobody knows how much of a line such a process has taken.
    let script = r#"
        read -r hello
        mark=$(printf %s "$hello" | sed 's/.*"mark":"\([^"]*\)".*/\1/')
        echo "$mark {\"id\":1,\"ok\":true,\"value\":{\"protocol\":1,\"module\":\"3.7.1\",\"oldest\":\"3.2.0\"}}"
        read -r connect
        exec 0<&-
        echo "$mark {\"id\":2,\"ok\":true}"
        exec sleep 20"#;
    let company = Company::of(1).await;
    let mut shell = Shell::new("/bin/sh");
    shell.arguments = vec!["-c".into(), script.into()];
    let writer = company.connect(Transport::PowerShell(shell)).await.unwrap();
    let sent = company.opt_out(&writer).await;
    assert_eq!((outcome(&sent[0]), sent[0].attempts), (Err(RefusalKind::Unreachable), 1));
}

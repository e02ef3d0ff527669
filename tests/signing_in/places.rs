//! Where the services are: clouds, gateways, and certificate authorities of one's own.

use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::stage::{APP, SECRET, Scene, certificate};

const ASKS: [(&str, &str); 2] = [("AZURE_CLIENT_ID", APP), ("AZURE_CLIENT_SECRET", SECRET)];

/// Opens TLS in front of a sandbox, as `localhost`, with a certificate of an authority that no machine knows.
async fn tls_before(url: &str) -> String {
    drop(rustls::crypto::ring::default_provider().install_default());
    let behind = url.strip_prefix("http://").unwrap().to_owned();
    let pem = std::fs::read(certificate("server.pem")).unwrap();
    let chain = CertificateDer::pem_slice_iter(&pem).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(&pem).unwrap();
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (acceptor, behind) = (acceptor.clone(), behind.clone());
            tokio::spawn(async move {
                // A client that trusts nobody hangs up.
                let Ok(mut opened) = acceptor.accept(socket).await else { return };
                let mut onward = TcpStream::connect(behind).await.unwrap();
                drop(tokio::io::copy_bidirectional(&mut opened, &mut onward).await);
            });
        }
    });
    format!("https://localhost:{port}")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_of_ones_own_is_trusted_when_it_is_named() {
    let scene = Scene::set().await;
    let gateway = tls_before(scene.sandbox.url()).await;
    let [login, graph] = ["login", "graph"].map(|service| format!("{gateway}/{service}"));
    // The items of a batch bear whole addresses, and the sandbox knows itself by another one than the gateway's.
    let exchange = format!("{}/exchange", scene.sandbox.url());
    let typed = |last: &'static [&'static str]| {
        let places = [
            "plan",
            "--new-store",
            "--login-url",
            &login,
            "--graph-url",
            &graph,
            "--exchange-url",
            &exchange,
        ];
        [&places[..], last].concat().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let run = async |arguments: Vec<String>, variables: &[(&str, &str)]| {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        scene.run(&arguments, &[&ASKS[..], variables].concat()).await
    };
    let authority = certificate("authority.pem");
    let named = ("INSIGHTCTL_CA_FILE", authority.as_str());
    let ended = run(typed(&[]), &[named]).await.with(0);
    assert!(ended.out.contains("Plan: "), "{}", ended.out);
    // Some authority has to be known, or no connection is prepared at all.
    let other = certificate("app.pem");
    let ended = run(typed(&[]), &[("INSIGHTCTL_CA_FILE", &other)]).await.with(8);
    assert!(
        ended.err.contains("sign-in could not be reached: ") && ended.err.contains("ertificate"),
        "{}",
        ended.err
    );
    let ended = run(typed(&["--ca-file", "insights.yaml"]), &[]).await.with(3);
    assert!(ended.err.contains("it holds no certificate in PEM form"), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_asked_for_the_cloud_whatever_the_address() {
    let scene = Scene::set().await;
    let manifest = std::fs::read_to_string(scene.stage.path().join("insights.yaml")).unwrap();
    scene.file("high.yaml", &format!("{manifest}\ncloud: GCC-High\n"));
    let ended = scene.run(&["plan", "--new-store", "--file", "high.yaml"], &ASKS).await.with(4);
    assert!(
        ended.err.contains("Microsoft does not offer personal insights in the cloud `gcc-high`"),
        "{}",
        ended.err
    );
    // The sandbox stands in for the worldwide cloud, and has no tokens for another.
    assert!(ended.err.contains("the scope that was asked for is not valid (AADSTS70011)"), "{}", ended.err);
    scene.stage.run(&["validate", "--file", "high.yaml"]).with(0);
    scene.stage.run(&["validate", "--file", "high.yaml", "--strict"]).with(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_would_tell_tokens_to_a_listener_is_refused() {
    let scene = Scene::set().await;
    for flag in ["--login-url", "--graph-url", "--exchange-url"] {
        let ended = scene.run(&["plan", "--new-store", flag, "http://graph.example"], &ASKS).await.with(3);
        assert!(
            ended.err.contains("tokens are sent in the clear to this machine only"),
            "{flag}: {}",
            ended.err
        );
    }
    assert_eq!(scene.asked("token"), 0);
}

/// Opens a proxy that carries tunnels and nothing else, and keeps the first line of all that it is asked.
async fn proxy() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let lines = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&lines);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let kept = Arc::clone(&kept);
            tokio::spawn(async move {
                let mut socket = BufReader::new(socket);
                let mut first = String::new();
                socket.read_line(&mut first).await.unwrap();
                kept.lock().unwrap().push(first.trim_end().to_owned());
                let Some(onward) = first.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next())
                else {
                    return;
                };
                let mut header = String::new();
                while socket.read_line(&mut header).await.unwrap() > 2 {
                    header.clear();
                }
                socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                let mut onward = TcpStream::connect(onward).await.unwrap();
                drop(tokio::io::copy_bidirectional(&mut socket, &mut onward).await);
            });
        }
    });
    (address, lines)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_in_the_clear_to_this_machine_passes_no_proxy() {
    let scene = Scene::set().await;
    let gateway = tls_before(scene.sandbox.url()).await;
    let (proxy, lines) = proxy().await;
    let login = format!("{gateway}/login");
    let authority = certificate("authority.pem");
    let mut variables = ASKS.to_vec();
    variables.push(("INSIGHTCTL_CA_FILE", &authority));
    variables
        .extend(["ALL_PROXY", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY"].map(|name| (name, proxy.as_str())));
    scene.run(&["plan", "--new-store", "--login-url", &login], &variables).await.with(0);
    let lines = lines.lock().unwrap().clone();
    let tunnel = format!("CONNECT {} HTTP/1.1", gateway.trim_start_matches("https://"));
    assert!(!lines.is_empty(), "sign-in goes over it");
    assert!(lines.iter().all(|line| *line == tunnel), "{lines:?}");
}

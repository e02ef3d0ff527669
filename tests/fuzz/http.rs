//! One answer of a service, status and headers included; all others are as the sandbox gives them.
//!
//! An input is a byte that says which answer of the session it replaces, and the answer's bytes.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use insightctl::clock::Clock;
use insightctl::microsoft::{
    Ask, Connection, Credential, Endpoints, LicenceWrite, PersonWrite, Reader, Sent, Writer,
};
use insightctl::model::{
    Feature, Known, Mode, PersonId, Refusal, Selector, Switch, TenantId, TenantSetting, Value,
};
use insightctl::plan::LicenceChange;
use insightctl::plan::calls::{Set, Which};
use insightctl::sandbox::{Options, Sandbox, Source};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use uuid::uuid;

use crate::drive::Target;

const TENANT: TenantId = TenantId(uuid!("3f2504e0-4f89-41d3-9a0c-0305e82c3301"));
const NOON: i64 = 1_790_000_000;

/// Asks the server to send an answer's last bytes again and again, up to so many MiB.
const AGAIN: &[u8] = b"x-again: ";

const WORDS: [&str; 50] = [
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 204 No Content\r\n",
    "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n",
    "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer claims=\"e30=\", error=\"insufficient_claims\"\r\n",
    "HTTP/1.1 404 Not Found\r\n",
    "HTTP/1.1 429 Too Many Requests\r\n",
    "HTTP/1.1 503 Service Unavailable\r\n",
    "HTTP/1.1 999 ?\r\n",
    "HTTP/0.9",
    "Content-Length: 0\r\n",
    "Content-Length: 99999999999999999999\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Content-Encoding: gzip\r\n",
    "Retry-After: 1.5\r\n",
    "Retry-After: -1\r\n",
    "Retry-After: 1e300\r\n",
    "Retry-After: Wed, 21 Oct 9999 07:28:00 GMT\r\n",
    "x-ms-retry-after-ms: 18446744073709551615\r\n",
    "request-id: \u{1b}[31m\r\n",
    "\r\n\r\n",
    "{\"error\":{\"code\":\"Request_ResourceNotFound\",\"message\":\"gone\"}}",
    "{\"error\":\"invalid_client\",\"error_description\":\"no\",\"error_codes\":[90055]}",
    "{\"Code\":\"Forbidden\",\"Message\":\"no\",\"Details\":[]}",
    "maximum number of concurrent requests",
    "<html><title>\u{202e}no</title>",
    "\"@odata.nextLink\":\"",
    "\"@odata.nextLink\":null",
    "\"value\":[]",
    "\"value\":null",
    "\"responses\":[]",
    "\"id\":\"0\"",
    "\"id\":0",
    "\"status\":200",
    "\"status\":429",
    "\"status\":null",
    "\"headers\":{\"Retry-After\":\"3\"}",
    "\"headers\":{\"Retry-After\":3}",
    "\"body\":null",
    "\"body\":\"e30=\"",
    "\"userType\":\"Guest\"",
    "\"expires_in\":0",
    "\"expires_in\":-9223372036854775808",
    "\"access_token\":\"\"",
    "\"access_token\":\"a\\nb\"",
    "\\ud800",
    "\\u0000",
    "null",
    "[]",
    "{}",
    "1e999",
];

/// Is one request and its answer, as they were seen.
type Exchange = (String, Vec<u8>);

/// Is what the server does.
#[derive(Debug)]
enum Script {
    /// Asks the sandbox, and writes down what it says.
    Record { behind: String, seen: Vec<Exchange> },
    /// Gives what was written down, except for one answer.
    Replay { seen: Arc<[Exchange]>, which: usize, answer: Arc<[u8]> },
}

pub(crate) fn target() -> Target {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (url, mode, seen) = runtime.block_on(record());
    let corpus: Vec<Vec<u8>> =
        (0_u8..).zip(&*seen).map(|(which, (_, answer))| input(which, answer)).collect();
    // One of each kind of request: they differ in how their answers are read.
    let kind = |key: &str| key.split(['?', ' ']).nth(1).unwrap().to_owned();
    let mut kinds = BTreeSet::new();
    let giants = (0_u8..)
        .zip(&*seen)
        .filter(|(_, (key, _))| kinds.insert(kind(key)))
        .flat_map(|(which, (_, answer))| giants(which, answer))
        .collect();
    let judge = move |input: &[u8]| {
        let (which, answer) = input.split_first().unwrap_or((&0, &[]));
        let which = usize::from(*which) % seen.len();
        *mode.lock().unwrap() = Script::Replay { seen: Arc::clone(&seen), which, answer: answer.into() };
        let told = runtime.block_on(session(&url));
        for said in &told {
            if let Some(acts) = said.chars().find(|character| character.is_control()) {
                return Err(format!("{acts:?} stands in a refusal: {said:?}"));
            }
            if said.chars().count() > 1_000 {
                return Err(format!("a refusal of {} characters: {said:?}", said.chars().count()));
            }
        }
        // Ids of requests are new each time.
        let mut kinds: Vec<&str> = told.iter().map(|said| said.split(" (request ").next().unwrap()).collect();
        kinds.dedup();
        Ok(kinds.join("\n"))
    };
    Target { name: "http", corpus, words: WORDS.to_vec(), giants, judge: Box::new(judge) }
}

fn input(which: u8, answer: &[u8]) -> Vec<u8> {
    [&[which], answer].concat()
}

/// Makes answers that do not end: of lists in lists, of the real beginning, of an error and of nothing.
fn giants(which: u8, answer: &[u8]) -> Vec<Vec<u8>> {
    let head = "Connection: close\r\nContent-Type: application/json\r\n";
    let endless = |status: &str, body: &[u8], most: u32| {
        let head = format!("HTTP/1.1 {status}\r\n{head}{}{most}\r\n\r\n", String::from_utf8_lossy(AGAIN));
        input(which, &[head.as_bytes(), body].concat())
    };
    let body =
        answer.windows(4).position(|four| four == b"\r\n\r\n").map_or(&b""[..], |at| &answer[at + 4..]);
    let mut nested = br#"{"responses":[{"id":"0","status":200,"body":["#.to_vec();
    nested.resize(8_192, b' ');
    nested.extend(b"0,".repeat(4_096));
    let mut users = br#"{"value":["#.to_vec();
    users.resize(8_192, b' ');
    users.extend(br#"{"id":"3f2504e0-4f89-41d3-9a0c-0305e82c3301"},"#.repeat(100));
    vec![
        endless("200 OK", &nested, 3),
        endless("200 OK", &nested, 15),
        endless("200 OK", &nested, 63),
        endless("200 OK", &users, 15),
        endless("403 Forbidden", &nested, 63),
        endless("429 Too Many Requests", b"<html>", 63),
        endless("200 OK", body, 256),
    ]
}

/// Lets the session run once against the sandbox, with a server of ours between them that keeps the answers.
async fn record() -> (String, Arc<Mutex<Script>>, Arc<[Exchange]>) {
    let tenant = std::fs::read_to_string("examples/contoso/tenant.json").unwrap();
    let tenant = serde_json::from_str(&tenant).unwrap();
    let mut options = Options::new(Source::Value(tenant), Arc::new(|| NOON));
    options.world = "page-size=10".parse().unwrap();
    let sandbox = Sandbox::start(options).await.unwrap();
    let behind = sandbox.url().to_owned();
    let mode = Arc::new(Mutex::new(Script::Record { behind, seen: Vec::new() }));
    drop(rustls::crypto::ring::default_provider().install_default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (ours, state) = (url.clone(), Arc::clone(&mode));
    tokio::spawn(async move {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        while let Ok((socket, _)) = listener.accept().await {
            let (ours, state, client) = (ours.clone(), Arc::clone(&state), client.clone());
            // A client that hangs up early is not the server's trouble.
            tokio::spawn(async move { drop(answer(socket, &ours, &state, &client).await) });
        }
    });
    let told = session(&url).await;
    assert!(told.is_empty(), "the session goes well while nothing is damaged: {told:?}");
    let seen = match &mut *mode.lock().unwrap() {
        Script::Record { seen, .. } => std::mem::take(seen).into(),
        Script::Replay { .. } => unreachable!("nothing has been replayed yet"),
    };
    (url, mode, seen)
}

/// Answers one request, and hangs up.
async fn answer(
    mut socket: TcpStream,
    ours: &str,
    mode: &Mutex<Script>,
    client: &reqwest::Client,
) -> std::io::Result<()> {
    let (reading, mut writing) = socket.split();
    let mut reading = BufReader::new(reading);
    let (mut first, mut length, mut token) = (String::new(), 0, None);
    reading.read_line(&mut first).await?;
    loop {
        let mut line = String::new();
        reading.read_line(&mut line).await?;
        match line.trim_end().split_once(": ") {
            None => break,
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().unwrap();
            }
            Some((name, value)) if name.eq_ignore_ascii_case("authorization") => {
                token = Some(value.to_owned());
            }
            Some(_) => {}
        }
    }
    let mut body = vec![0; length];
    reading.read_exact(&mut body).await?;
    let key = format!("{first}{}", String::from_utf8_lossy(&body));
    let ask = match &*mode.lock().unwrap() {
        Script::Record { behind, .. } => Ok(behind.clone()),
        Script::Replay { seen, which, answer } => Err(found(seen, *which, answer, &key, &first)),
    };
    let answer = match ask {
        Ok(behind) => {
            let answer = pass_on(client, &behind, ours, &first, token, body).await;
            if let Script::Record { seen, .. } = &mut *mode.lock().unwrap() {
                seen.push((key, answer.clone()));
            }
            answer.into()
        }
        Err(answer) => answer,
    };
    writing.write_all(&answer).await?;
    if let Some(at) = answer.windows(AGAIN.len()).position(|some| some == AGAIN) {
        let most: String = answer[at + AGAIN.len()..].iter().map(|byte| char::from(*byte)).take(3).collect();
        let again = &answer[answer.len().saturating_sub(8_192)..];
        let mut left = most.trim().parse().unwrap_or(0_usize) << 20;
        while left > again.len() && !again.is_empty() {
            writing.write_all(again).await?;
            left -= again.len();
        }
    }
    writing.shutdown().await
}

/// Finds the answer to a request; what is asked only because of the damaged one gets that again, or nothing.
fn found(seen: &[Exchange], which: usize, damaged: &Arc<[u8]>, key: &str, first: &str) -> Arc<[u8]> {
    let is_route = seen[which].0.starts_with(first);
    match seen.iter().position(|(known, _)| known == key) {
        Some(at) if at != which => seen[at].1.as_slice().into(),
        Some(_) => Arc::clone(damaged),
        None if is_route => Arc::clone(damaged),
        None => b"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"[..].into(),
    }
}

/// Asks the sandbox, and writes its answer down with our address instead of its own.
async fn pass_on(
    client: &reqwest::Client,
    behind: &str,
    ours: &str,
    first: &str,
    token: Option<String>,
    body: Vec<u8>,
) -> Vec<u8> {
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let kind =
        if path.starts_with("/login") { "application/x-www-form-urlencoded" } else { "application/json" };
    let mut request = client.request(method.parse().unwrap(), format!("{behind}{path}"));
    let body = String::from_utf8(body).unwrap().replace(ours, behind);
    request = request.header("Content-Type", kind).header("ConsistencyLevel", "eventual").body(body);
    if let Some(token) = token {
        request = request.header("Authorization", token);
    }
    let answer = request.send().await.unwrap();
    let mut raw = format!("HTTP/1.1 {}\r\nConnection: close\r\n", answer.status());
    for name in ["content-type", "request-id", "retry-after", "www-authenticate"] {
        if let Some(value) = answer.headers().get(name) {
            write!(raw, "{name}: {}\r\n", value.to_str().unwrap()).unwrap();
        }
    }
    let body = answer.text().await.unwrap().replace(behind, ours);
    format!("{raw}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// Does everything that a client does; gives every refusal's words.
async fn session(url: &str) -> Vec<String> {
    let mut told = Vec::new();
    if let Err(refusal) = attempt(url, &mut told).await {
        told.push(refusal.to_string());
    }
    told
}

async fn attempt(url: &str, told: &mut Vec<String>) -> Result<(), Refusal> {
    let endpoints = Endpoints::of_sandbox(url);
    let credential = Credential::ClientSecret {
        client_id: "00000000-0000-0000-0000-00000000c0de".to_owned(),
        secret: "sandbox".to_owned().into(),
    };
    let clock = Clock::still(jiff::Timestamp::from_second(NOON).unwrap());
    let reader = Reader::connect(Connection::new(TENANT, endpoints, credential), clock).await?;
    let named = |name: &str| name.to_owned();
    let selectors = BTreeSet::from([
        Selector::Group(named("works-council@contoso.com")),
        Selector::Filter(named("department eq 'Sales'")),
        Selector::Licence(named("SPE_E5")),
        Selector::User(named("ada@contoso.com")),
        Selector::Mail(named("dana@contoso.com")),
    ]);
    let membership = reader.membership(&selectors).await?;
    let mut people = BTreeSet::new();
    for members in membership.of.values() {
        match members {
            Known::Is(insightctl::model::Members::Are(ids)) => people.extend(ids.iter().copied()),
            Known::Is(other) => told.push(format!("{other:?}").chars().take(60).collect()),
            Known::Unknown(why) => told.push(why.to_string()),
        }
    }
    let people: BTreeSet<PersonId> = people.into_iter().take(15).collect();
    let actual =
        reader.observe(&people, Ask { settings: true, tenant_settings: true, count_people: true }).await?;
    told.extend(actual.tenant.people.known().is_none().then(|| "the number of people is unknown".to_owned()));
    let unread =
        |why: &Refusal| (why.kind != insightctl::model::RefusalKind::NotAsked).then(|| why.to_string());
    for setting in actual.tenant.settings.values() {
        told.extend(refused(setting).and_then(unread));
    }
    for person in actual.people.values() {
        told.extend(refused(&person.settings).and_then(unread));
    }
    let some: Vec<(PersonId, Arc<str>)> =
        actual.people.iter().take(3).map(|(id, person)| (*id, Arc::clone(&person.upn))).collect();
    let ids: Vec<PersonId> = some.iter().map(|(id, _)| *id).collect();
    told.extend(reader.people_licences(&ids).await.iter().filter_map(refused).map(ToString::to_string));

    let writer = Writer::new(reader);
    let both = Set { mode: Some(Mode::OptOut), feature: Some((Which::One(Feature::Dashboard), Switch::Off)) };
    let settings: Vec<PersonWrite> =
        some.iter().map(|(id, upn)| PersonWrite { id: *id, upn: Arc::clone(upn), set: both }).collect();
    let mut answers = writer.set_people(&settings).await;
    answers.push(writer.set_tenant(TenantSetting::Dashboard, Value::OFF).await);
    let change = actual.catalogue.skus.iter().next().map(|(id, sku)| LicenceChange {
        sku: *id,
        name: Arc::clone(&sku.name),
        disabled_before: Vec::new(),
        disabled_after: sku.insights.clone(),
    });
    let licences: Vec<LicenceWrite> =
        ids.iter().map(|id| LicenceWrite { id: *id, changes: change.iter().cloned().collect() }).collect();
    answers.extend(writer.assign_licences(&licences).await);
    for Sent { attempts: _, request_id: _, result } in answers {
        told.extend(result.err().map(|error| error.refusal().to_string()));
    }
    Ok(())
}

fn refused<T>(known: &Known<T>) -> Option<&Refusal> {
    match known {
        Known::Is(_) => None,
        Known::Unknown(why) => Some(why),
    }
}

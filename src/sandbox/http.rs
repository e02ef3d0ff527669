//! Carries requests in and replies out; every request and every item of a batch goes through [`pass`].

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, State as Extract};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::error::SandboxError;
use super::faults::{self, Faults, Script};
use super::limit::Limit;
use super::line::Scissors;
use super::state::State;
use super::text;
use super::token::Caller;
use super::{Now, desk, exchange, graph, surroundings, token};

/// Is what every request shares.
pub(super) struct Shared {
    state: RwLock<State>,
    requests: Mutex<BTreeMap<String, u64>>,
    batch_items: AtomicU64,
    pub(super) limit: Limit,
    pub(super) clock: Now,
    delay: Duration,
    pub(super) faults: Faults,
}

impl Shared {
    pub(super) fn new(state: State, clock: Now, delay: Duration, script: Option<Script>) -> Self {
        Self {
            state: RwLock::new(state),
            requests: Mutex::default(),
            batch_items: AtomicU64::new(0),
            limit: Limit::default(),
            clock,
            delay,
            faults: Faults::new(script),
        }
    }

    pub(super) fn now(&self) -> i64 {
        (self.clock)()
    }

    /// Writes the time as answers show it.
    fn date(&self) -> String {
        let shown = self.now().saturating_add(self.read().world.clock_skew);
        let shown = Timestamp::from_second(shown).unwrap_or(Timestamp::UNIX_EPOCH);
        shown.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells how often each route was asked, items of batches included.
    pub(super) fn requests(&self) -> BTreeMap<String, u64> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets a script of faults that came over the wire, or from a test.
    pub(super) fn play(&self, script: &str) -> Result<(), SandboxError> {
        let script = Script::read(script, &self.read().tenant);
        let name = "the script of faults".to_owned();
        self.faults.set(script.map_err(|mistakes| SandboxError::Script { name, mistakes })?);
        Ok(())
    }

    fn count(&self, route: String) {
        *self.requests.lock().unwrap_or_else(PoisonError::into_inner).entry(route).or_default() += 1;
    }
}

/// Is a request as a plain value, whether it came by itself or inside a batch.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: String,
    /// `http://127.0.0.1:4000`, from the `Host` header: the stem of every link in an answer.
    pub(super) base: String,
    /// The path below the base, still escaped.
    pub(super) path: String,
    /// The query without its question mark, still escaped.
    pub(super) query: String,
    /// Names in lower case.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
    /// Who asks; known from the start for the items of a batch.
    pub(super) caller: Option<Caller>,
    /// Whether it is an item of a batch.
    pub(super) item: bool,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Gives the unescaped segments of the path; `None` when one cannot be unescaped.
    pub(super) fn segments(&self) -> Option<Vec<String>> {
        self.path.split('/').filter(|segment| !segment.is_empty()).map(text::unescape).collect()
    }
}

/// Is an answer as a plain value.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Content,
    /// Whether something was written that has to reach the disk before the answer goes out.
    pub(super) wrote: bool,
    /// How long it keeps the client waiting.
    pub(super) slow: Duration,
    pub(super) end: End,
}

/// Says how a call ends; the end of an item is the end of its batch, and no further item is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With the answer.
    Answered,
    /// The connection is closed without one.
    Cut,
    /// The same, once the next script of faults is set.
    Held,
}

/// Is the body of an answer.
#[derive(Clone, Debug)]
pub(super) enum Content {
    Nothing,
    Json(Value),
    Text(String),
}

impl Reply {
    fn new(status: u16, body: Content) -> Self {
        let (headers, slow) = (Vec::new(), Duration::ZERO);
        Self { status, headers, body, wrote: false, slow, end: End::Answered }
    }

    pub(super) fn json(status: u16, body: Value) -> Self {
        Self::new(status, Content::Json(body))
    }

    pub(super) fn empty(status: u16) -> Self {
        Self::new(status, Content::Nothing)
    }

    pub(super) fn text(status: u16, body: String) -> Self {
        Self::new(status, Content::Text(body))
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Marks that the answer acknowledges a write.
    pub(super) fn written(mut self) -> Self {
        self.wrote = true;
        self
    }

    /// Writes the answer as an item of a batch.
    pub(super) fn item(self, id: &Value) -> Value {
        let mut headers: serde_json::Map<String, Value> =
            self.headers.into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))).collect();
        let body = match self.body {
            Content::Nothing => Value::Null,
            Content::Json(body) => body,
            Content::Text(text) => Value::String(text),
        };
        if !body.is_null() {
            headers.entry("Content-Type").or_insert_with(|| "application/json".into());
        }
        serde_json::json!({ "id": id, "status": self.status, "headers": headers, "body": body })
    }
}

/// Answers one request or one item of a batch.
///
/// This is where scripted faults happen: what is refused here never reached the service, and what is altered after
/// `answer` did. The sandbox's own desk has none.
pub(super) fn pass(shared: &Shared, request: &Request) -> Reply {
    shared.count(route(request));
    if request.path.starts_with("/sandbox/") {
        return answer(shared, request);
    }
    faults::pass(shared, request, || {
        if request.item && throttled(shared) {
            return graph::throttled(request).with("Retry-After", "1");
        }
        let cmdlet = request.path.starts_with("/exchange/") && request.path.ends_with("/InvokeCommand");
        let a_second = shared.read().world.calls_per_second;
        match shared.limit.take(if cmdlet { a_second } else { 0 }) {
            Some(seconds) => graph::throttled(request).with("Retry-After", seconds.to_string()),
            None => answer(shared, request),
        }
    })
}

/// Answers the items of a batch one after the other, each as `one` says, and puts them together.
///
/// Where one of them ends without an answer, so does the batch, and those behind it are not looked at.
pub(super) fn batch<'i>(items: &'i [Value], mut one: impl FnMut(&'i Value) -> Reply) -> (Vec<Value>, Reply) {
    let (mut responses, mut whole) = (Vec::with_capacity(items.len()), Reply::empty(200));
    for item in items {
        let reply = one(item);
        whole.wrote |= reply.wrote;
        whole.slow += reply.slow;
        if reply.end != End::Answered {
            whole.end = reply.end;
            break;
        }
        responses.push(reply.item(&item["id"]));
    }
    (responses, whole)
}

fn answer(shared: &Shared, request: &Request) -> Reply {
    let Some(segments) = request.segments() else {
        return Reply::text(400, "the path is not well formed".to_owned());
    };
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match segments.split_first() {
        Some((&"login", rest)) => token::answer(shared, request, rest),
        Some((&"graph", rest)) => graph::answer(shared, request, rest),
        Some((&"exchange", rest)) => exchange::answer(shared, request, rest),
        Some((&"around", rest)) => surroundings::answer(shared, request, rest),
        Some((&"sandbox", rest)) => desk::answer(shared, request, rest),
        _ => {
            Reply::text(404, "the sandbox serves /login, /graph, /exchange, /around and /sandbox".to_owned())
        }
    }
}

/// Says whether this item of a batch is one of those that the world refuses.
fn throttled(shared: &Shared) -> bool {
    let every = shared.read().world.batch_429;
    every > 0 && (shared.batch_items.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(every)
}

/// Names a route for the counters: the method, and the path with ids and addresses left out.
fn route(request: &Request) -> String {
    let named = |segment: &str| {
        let letters = segment.trim_start_matches('$');
        let plain = !letters.is_empty()
            && letters.chars().all(|char| char.is_ascii_alphanumeric() || char == '.')
            && Uuid::try_parse(segment).is_err();
        if plain { segment.to_owned() } else { "*".to_owned() }
    };
    let path: Vec<String> = request.path.split('/').filter(|part| !part.is_empty()).map(named).collect();
    format!("{} /{}", request.method, path.join("/"))
}

/// Takes a request off the wire, answers it, and flushes what it wrote.
pub(super) async fn serve(
    Extract(shared): Extract<Arc<Shared>>,
    ConnectInfo(scissors): ConnectInfo<Scissors>,
    incoming: axum::extract::Request,
) -> Response {
    const LARGEST_BODY: usize = 16 << 20;
    if !shared.delay.is_zero() {
        tokio::time::sleep(shared.delay).await;
    }
    let (head, body) = incoming.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        return respond(Reply::text(413, "the body is too large".to_owned()));
    };
    let headers: BTreeMap<String, String> = head
        .headers
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    let request = Request {
        method: head.method.as_str().to_owned(),
        base: format!("http://{}", headers.get("host").map_or("127.0.0.1", String::as_str)),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers,
        body: body.into(),
        caller: None,
        item: false,
    };
    let released = shared.faults.released();
    let reply = pass(&shared, &request).with("Date", shared.date());
    tracing::debug!(method = request.method, path = request.path, status = reply.status, "sandbox");
    if reply.wrote && !flush(&shared).await {
        return respond(Reply::text(503, "the sandbox could not write its log".to_owned()));
    }
    if !reply.slow.is_zero() {
        tokio::time::sleep(reply.slow).await;
    }
    match reply.end {
        End::Answered => {}
        End::Cut => scissors.cut(),
        End::Held => {
            released.await;
            scissors.cut();
        }
    }
    respond(reply)
}

/// Brings acknowledged writes to the disk; says whether that worked.
async fn flush(shared: &Shared) -> bool {
    let Some(file) = shared.read().log_file() else { return true };
    matches!(tokio::task::spawn_blocking(move || file.sync_data()).await, Ok(Ok(())))
}

fn respond(reply: Reply) -> Response {
    let (kind, body) = match reply.body {
        Content::Nothing => (None, Bytes::new()),
        Content::Json(value) => (Some("application/json; charset=utf-8"), value.to_string().into()),
        Content::Text(text) => (Some("text/plain; charset=utf-8"), text.into()),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if let Some(kind) = kind {
        headers.insert("content-type", HeaderValue::from_static(kind));
    }
    for (name, value) in reply.headers {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value))
        {
            headers.insert(name, value);
        }
    }
    response
}

//! A model of a service that bears so much and no more, and counts.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::microsoft::error::{Peer, Trouble};
use crate::microsoft::message::{Answer, Body, Content, Load, Request};
use crate::microsoft::service::Carrier;

/// Says what the service tells those whom it turns away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// 429 and nothing else.
    Silent,
    /// 429, and in how many whole seconds there is room again.
    Polite,
}

/// Says what a service bears.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bears {
    /// Calls a second.
    pub(crate) a_second: f64,
    /// Calls that may come together after a rest.
    pub(crate) together: f64,
    /// Requests under way.
    pub(crate) at_once: u32,
    /// How long an answer takes.
    pub(crate) latency: Duration,
    pub(crate) manner: Manner,
}

impl Bears {
    /// Bears anything, and answers after so long.
    pub(crate) fn anything(latency: Duration) -> Self {
        let all = f64::INFINITY;
        Self { a_second: all, together: all, at_once: u32::MAX, latency, manner: Manner::Silent }
    }
}

/// Is what answers a call that was let in: its method, its address, and its body.
pub(crate) type Answers = Box<dyn Fn(&str, &str, &Value) -> Value + Send + Sync>;

/// Is the service; clones are the same one.
#[derive(Clone)]
pub(crate) struct Service {
    bears: Bears,
    answers: Arc<Answers>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    a_second: f64,
    level: f64,
    at: Instant,
    busy: u32,
    seen: Seen,
}

/// Is what was counted; a batch is not a call, and each of its items is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) taken: u64,
    pub(crate) refused: u64,
    /// By name, for the cmdlets that were taken.
    pub(crate) cmdlets: BTreeMap<String, u64>,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("bears", &self.bears).finish_non_exhaustive()
    }
}

impl Service {
    pub(crate) fn new(
        bears: Bears,
        answers: impl Fn(&str, &str, &Value) -> Value + Send + Sync + 'static,
    ) -> Self {
        let state = State {
            a_second: bears.a_second,
            level: bears.together,
            at: Instant::now(),
            busy: 0,
            seen: Seen::default(),
        };
        Self { bears, answers: Arc::new(Box::new(answers)), state: Arc::new(Mutex::new(state)) }
    }

    /// Bears so many calls a second from now on.
    pub(crate) fn now_bears(&self, a_second: f64) {
        self.state().a_second = a_second;
    }

    /// Gives what was counted since it was asked the last time.
    pub(crate) fn seen(&self) -> Seen {
        std::mem::take(&mut self.state().seen)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Answers a request, or the items of a batch one by one.
    fn answer(&self, peer: Peer, request: &Request) -> Answer {
        let body = match &request.content {
            Content::Json(body) => body.clone(),
            Content::Nothing | Content::Form(_) => Value::Null,
        };
        if !request.url.ends_with("/$batch") {
            let (status, wait, body) = self.call(peer, request.method, &request.url, &body);
            let retry_after = wait.map(Duration::from_secs);
            return answer(status, retry_after, &body);
        }
        let items = body["requests"].as_array().unwrap().iter();
        let responses: Vec<Value> = items
            .map(|item| {
                let word = |name: &str| item[name].as_str().unwrap();
                let (status, wait, body) = self.call(peer, word("method"), word("url"), &item["body"]);
                let headers = wait.map_or(json!({}), |wait| json!({ "Retry-After": wait.to_string() }));
                json!({ "id": item["id"], "status": status, "headers": headers, "body": body })
            })
            .collect();
        answer(200, None, &json!({ "responses": responses }))
    }

    /// Lets one call in, or turns it away; sign-in is free.
    fn call(&self, peer: Peer, method: &str, url: &str, body: &Value) -> (u16, Option<u64>, Value) {
        if peer == Peer::SignIn {
            return (200, None, (self.answers)(method, url, body));
        }
        let mut state = self.state();
        let now = Instant::now();
        let filled = state.level + now.duration_since(state.at).as_secs_f64() * state.a_second;
        state.level = filled.min(self.bears.together);
        state.at = now;
        if state.level < 1.0 {
            state.seen.refused += 1;
            let seconds = Duration::from_secs_f64((1.0 - state.level) / state.a_second);
            let whole = seconds.as_secs() + u64::from(seconds.subsec_nanos() > 0);
            let wait = (self.bears.manner == Manner::Polite).then_some(whole);
            return (429, wait, json!({ "error": { "code": "TooManyRequests", "message": "slow down" } }));
        }
        state.level -= 1.0;
        state.seen.taken += 1;
        if let Some(name) = body["CmdletInput"]["CmdletName"].as_str() {
            *state.seen.cmdlets.entry(name.to_owned()).or_default() += 1;
        }
        (200, None, (self.answers)(method, url, body))
    }

    /// Says whether one more request may be under way.
    fn enters(&self) -> bool {
        let mut state = self.state();
        let room = state.busy < self.bears.at_once;
        if room {
            state.busy += 1;
        } else {
            state.seen.refused += 1;
        }
        room
    }
}

impl Carrier for Service {
    fn once<'a>(
        &'a self,
        peer: Peer,
        request: &'a Request,
        _token: Option<&'a SecretString>,
    ) -> BoxFuture<'a, Result<Answer, Trouble>> {
        async move {
            sleep(self.bears.latency / 2).await;
            if !self.enters() {
                sleep(self.bears.latency / 2).await;
                let text = "You have reached the maximum number of concurrent requests per tenant.";
                return Ok(answer(429, None, &json!(text)));
            }
            let answer = self.answer(peer, request);
            sleep(self.bears.latency / 2).await;
            self.state().busy -= 1;
            Ok(answer)
        }
        .boxed()
    }
}

fn answer(status: u16, retry_after: Option<Duration>, body: &Value) -> Answer {
    let text = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
    Answer {
        status,
        retry_after,
        request_id: None,
        claims: None,
        load: Load::default(),
        body: Body::Bytes(text.into_bytes()),
        attempts: 1,
    }
}

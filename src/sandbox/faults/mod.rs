//! Plays faults from a script: what goes wrong, at which call, and what others do meanwhile.
//!
//! A call is one request that reaches a service, or one item of a batch; they are numbered from 1, from the moment a
//! script is set. Nothing is numbered, and nothing kept, while there is none.

mod play;
mod rule;
mod script;
mod seen;

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::watch;

pub use self::script::Mistake;
pub(super) use self::script::Script;

use self::rule::Rule;
use self::seen::Seen;
use super::http::{Reply, Request, Shared};

/// Is how many calls are remembered; of older ones only the number is known.
const REMEMBERED: usize = 65_536;

/// Is one call that reached a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Call {
    /// Its number, from 1.
    pub call: u64,
    /// `GET` or `POST`.
    pub method: String,
    /// `login`, `graph` or `exchange`; empty for anything else.
    pub service: String,
    /// The path below the service, without its query.
    pub path: String,
    /// The cmdlets, in the order in which they stand in the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cmdlets: Vec<String>,
    /// Whom it is about, as the request names them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<String>,
    /// Whether it writes.
    pub write: bool,
    /// Whether it is an item of a batch.
    pub item: bool,
    /// The line of the rule that was played, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<u64>,
    /// Whether it is held until the next script is set.
    pub held: bool,
}

/// Keeps the script that is being played, and the calls that it saw.
#[derive(Debug)]
pub(super) struct Faults {
    playing: Mutex<Playing>,
    /// Counts the scripts; what is held waits for the next one.
    turn: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Playing {
    /// `None`: no script was ever set.
    rules: Option<Vec<Armed>>,
    calls: VecDeque<Call>,
    number: u64,
    /// Tokens that a script has let die.
    dead: BTreeSet<String>,
}

#[derive(Debug)]
struct Armed {
    rule: Arc<Rule>,
    /// How many calls it was about.
    met: u64,
    played: u64,
}

impl Faults {
    pub(super) fn new(script: Option<Script>) -> Self {
        let faults = Self { playing: Mutex::default(), turn: watch::Sender::new(0) };
        if let Some(script) = script {
            faults.set(script);
        }
        faults
    }

    /// Sets the script, counts calls from 1 again, and ends what is held; tokens that died stay dead.
    pub(super) fn set(&self, Script { rules }: Script) {
        let mut playing = self.playing();
        playing.number = 0;
        playing.calls.clear();
        let armed = |rule| Armed { rule: Arc::new(rule), met: 0, played: 0 };
        playing.rules = Some(rules.into_iter().map(armed).collect());
        drop(playing);
        self.turn.send_modify(|turn| *turn += 1);
    }

    /// Lists the calls since the script was set, oldest first.
    pub(super) fn calls(&self) -> Vec<Call> {
        self.playing().calls.iter().cloned().collect()
    }

    /// Says whether a token has died before its time.
    pub(super) fn is_dead(&self, token: &str) -> bool {
        self.playing().dead.contains(token)
    }

    /// Waits until the next script is set.
    pub(super) fn released(&self) -> impl Future<Output = ()> + use<> {
        let mut turns = self.turn.subscribe();
        async move {
            // The sender goes only with the sandbox itself, and then nothing is held any more.
            drop(turns.changed().await);
        }
    }

    fn kill(&self, token: String) {
        self.playing().dead.insert(token);
    }

    fn playing(&self) -> MutexGuard<'_, Playing> {
        self.playing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Numbers a call, and chooses the rule that is played at it.
    ///
    /// Of several rules that are due the first is played; each counts the calls that it is about, played or not.
    fn meet(&self, request: &Request, shared: &Shared) -> Option<Arc<Rule>> {
        self.playing().rules.as_ref()?;
        let seen = Seen::of(request);
        let state = shared.read();
        let mut playing = self.playing();
        let Playing { rules, calls, number, dead: _ } = &mut *playing;
        *number += 1;
        let mut chosen: Option<Arc<Rule>> = None;
        for Armed { rule, met, played } in rules.iter_mut().flatten() {
            if !rule.when.is_about(&seen, &state.tenant) {
                continue;
            }
            *met += 1;
            if chosen.is_none() && rule.when.is_due(*number, *met, *played) {
                *played += 1;
                chosen = Some(Arc::clone(rule));
            }
        }
        if calls.len() == REMEMBERED {
            calls.pop_front();
        }
        calls.push_back(seen.call(*number, request, chosen.as_deref()));
        chosen
    }
}

/// Answers one request or one item of a batch, with the fault that the script has for it.
pub(super) fn pass(shared: &Shared, request: &Request, answer: impl FnOnce() -> Reply) -> Reply {
    match shared.faults.meet(request, shared) {
        Some(rule) => play::play(shared, request, &rule.what, answer),
        None => answer(),
    }
}

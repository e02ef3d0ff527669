//! Lists the faults, each as the script that plays it at one call.

use crate::stage::PINNED;

/// Is something that goes wrong at one call.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    /// What a rule of a script says happens.
    what: &'static str,
    /// How many calls in a row it happens to.
    times: u64,
    /// Whether the service does what it is asked all the same.
    pub(crate) carried_out: bool,
    /// Whether what is written shows only after the settle time.
    pub(crate) stale_for_long: bool,
    /// Who acts meanwhile.
    pub(crate) actor: Option<Actor>,
}

/// Is somebody who acts right before a call is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Actor {
    /// A person brings a setting of their own, by its place in the end state, to this.
    Person {
        who: usize,
        place: usize,
        to: bool,
        /// Whether they had it before, so that nobody can see that they chose it again.
        repeats: bool,
    },
    /// An administrator elsewhere moves this default; it is brought back.
    Admin(&'static str),
}

const fn fault(name: &'static str, what: &'static str) -> Fault {
    Fault { name, what, times: 1, carried_out: false, stale_for_long: false, actor: None }
}

const fn done(name: &'static str, what: &'static str) -> Fault {
    Fault { carried_out: true, ..fault(name, what) }
}

const fn acts(name: &'static str, what: &'static str, actor: Actor) -> Fault {
    Fault { actor: Some(actor), ..fault(name, what) }
}

const fn person(who: usize, place: usize, to: bool) -> Actor {
    Actor::Person { who, place, to, repeats: false }
}

/// Lists them all.
pub(crate) const FAULTS: &[Fault] = &[
    fault("500", "status: 500"),
    done("500, and it was done", "status: 500, carried-out: true"),
    Fault { times: 12, ..fault("500, twelve times in a row", "status: 500") },
    fault("503", "status: 503"),
    fault("503 with Retry-After", "status: 503, retry-after: 2"),
    fault("429", "status: 429"),
    fault("429 with Retry-After", "status: 429, retry-after: 2"),
    fault("429 with half a second", "status: 429, retry-after: 0.5"),
    fault("429 with a date", "status: 429, retry-after: 'Mon, 21 Sep 2026 15:14:00 GMT'"),
    fault(
        "429 in plain text",
        "status: 429, body: { text: 'You have reached the maximum number of concurrent requests per tenant.' }",
    ),
    fault("408", "status: 408"),
    fault("502 as a page", "status: 502, body: { html: '<html><title>Bad Gateway</title></html>' }"),
    done("502 as a page, and it was done", "status: 502, body: { html: '<html>' }, carried-out: true"),
    fault("404 as a page", "status: 404, body: { html: '<html><title>Not Found</title></html>' }"),
    fault("401, the token expired", "expire-token: true"),
    fault("403", "status: 403"),
    fault("cut before", "cut: before"),
    done("cut after", "cut: after"),
    fault("garbled", "body: { text: '{\"value\":[{' }"),
    done("garbled, and it was done", "body: { text: '{\"value\":[{' }, carried-out: true"),
    fault("slow", "slow: 5"),
    fault("stale for ten minutes", "stale: 600"),
    Fault { stale_for_long: true, ..fault("stale for a day", "stale: 86400") },
    acts(
        "a person switches off",
        "person: { who: p3@contoso.com, dashboard: off }",
        person(PINNED, 1, false),
    ),
    acts("a person opts out", "person: { who: p3@contoso.com, mode: opt-out }", person(PINNED, 0, false)),
    acts(
        "a person opts out again",
        "person: { who: p2@contoso.com, mode: opt-out }",
        Actor::Person { who: 2, place: 0, to: false, repeats: true },
    ),
    acts("an admin switches off", "admin: { dashboard: off }", Actor::Admin("dashboard")),
    acts("an admin switches off late", "admin: { outlook-add-in: off }", Actor::Admin("add-in")),
];

impl Fault {
    /// Writes the script that plays it at a call.
    pub(crate) fn script(&self, call: u64) -> String {
        let Self { what, times, .. } = self;
        format!("faults: [ {{ match: {{}}, after: {}, times: {times}, {what} }} ]", call - 1)
    }
}

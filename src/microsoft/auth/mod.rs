//! Signs in: gets tokens, looks into them, keeps them while they last, and renews them before they end.
//!
//! An application proves itself by a secret, by a certificate or by a token of somebody else whom its tenant trusts
//! (`grant`, with `assertion`, `certificate` and `federated`); managed identities and the Azure CLI are served by the
//! official library (`library`). `claims` reads what a token says, and `aadsts` puts refusals into plain sentences.
//!
//! ```text
//!  Credential ─┬─ grant ── certificate · assertion · federated ─┐
//!              └─ library ── managed identity · Azure CLI ──────┴─▶ tokens ─▶ claims ─▶ SignedIn
//! ```

mod aadsts;
mod assertion;
mod certificate;
mod claims;
mod credential;
mod federated;
mod grant;
mod library;
mod tokens;

pub(crate) use aadsts::{is_passing, number, plainly};
pub use certificate::{Certificate, CertificateError};
pub(crate) use claims::claims_challenge;
pub use claims::{Lack, SignedIn, TokenClaims};
pub use credential::Credential;
pub use federated::Federated;
pub(crate) use tokens::{Audience, Token, Tokens};

use crate::model::Refusal;

/// Gives the advice that goes with a refusal, where it is one of those that signing in knows.
pub fn advice(refusal: &Refusal) -> Option<&'static str> {
    let lack = || Lack::ALL.into_iter().find(|lack| refusal.message.ends_with(lack.fact()));
    aadsts::advice(&refusal.message).or_else(|| lack().map(Lack::hint))
}

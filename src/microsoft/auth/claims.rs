//! Reads what a token says, as far as it can be read, and says what is amiss before the first call.
//!
//! Tokens are the services' own and may become opaque: what cannot be read is for the service to judge.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_PAD_INDIFFERENT, URL_SAFE_PAD_INDIFFERENT};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::tokens::Audience;
use crate::model::{AdminRole, Refusal, RefusalKind, TenantId};

/// Is what an access token says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenClaims {
    /// The application that asked for it (`appid` or `azp`).
    pub application: Option<String>,
    /// The object id of who signed in (`oid`).
    pub object: Option<String>,
    /// The directory that issued it (`tid`).
    pub tenant: Option<String>,
    /// The name of the person who signed in (`upn`); `None` for an application that acts for itself.
    pub user: Option<String>,
    /// The resource that it opens (`aud`), as an address or an application id.
    pub audience: Option<String>,
    /// The application permissions that were granted and consented to (`roles`).
    pub roles: BTreeSet<String>,
    /// The delegated permissions (`scp`); `None` for an application that acts for itself.
    pub scopes: Option<BTreeSet<String>>,
    /// The role template ids of the directory roles of who signed in (`wids`); `None` when the token does not tell.
    pub directory_roles: Option<BTreeSet<Uuid>>,
    /// When it ends (`exp`).
    pub expires: Option<Timestamp>,
}

/// Is who signed in, as the tokens say; `None` for a token that cannot be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignedIn {
    /// The token for Microsoft Graph.
    pub graph: Option<TokenClaims>,
    /// The token for Exchange Online, which the settings service takes.
    pub exchange: Option<TokenClaims>,
}

impl SignedIn {
    /// Says what keeps the caller from reading the directory, if something does.
    pub fn directory_lack(&self) -> Option<Lack> {
        self.graph.as_ref()?.lack(Audience::Graph)
    }

    /// Says what keeps the caller from the insights settings, if something does.
    pub fn settings_lack(&self) -> Option<Lack> {
        self.exchange.as_ref()?.lack(Audience::Exchange)
    }
}

/// Names what a token would need, and has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// Any permission for Microsoft Graph.
    GraphPermission,
    /// `Exchange.ManageAsApp`.
    ExchangePermission,
    /// A directory role that the settings service accepts.
    DirectoryRole,
}

impl Lack {
    /// Lists everything that a token can lack.
    pub const ALL: [Self; 3] = [Self::GraphPermission, Self::ExchangePermission, Self::DirectoryRole];

    /// Says it in one sentence.
    pub fn fact(self) -> &'static str {
        match self {
            Self::GraphPermission => {
                "the application may not use Microsoft Graph: its token carries no permission at all"
            }
            Self::ExchangePermission => {
                "the application may not run Exchange cmdlets: its token does not carry `Exchange.ManageAsApp`"
            }
            Self::DirectoryRole => {
                "the insights settings are closed to whoever signed in: the token carries none of the directory roles \
                 that open them"
            }
        }
    }

    /// Says what to do about it.
    pub fn hint(self) -> &'static str {
        match self {
            Self::GraphPermission => {
                "add the application permissions `User.Read.All` and `GroupMember.Read.All` of Microsoft Graph, and grant \
                 admin consent; docs/microsoft-365.md lists what a manifest needs"
            }
            Self::ExchangePermission => {
                "add the application permission `Exchange.ManageAsApp` of Office 365 Exchange Online, and grant admin consent"
            }
            Self::DirectoryRole => {
                "assign Exchange Administrator (or Global, Teams or Insights Administrator) to the application's service \
                 principal; a reading role is not enough, and a token from before does not count"
            }
        }
    }

    /// Makes a refusal of it.
    pub fn refusal(self) -> Refusal {
        Refusal { kind: RefusalKind::Forbidden, message: self.fact().to_owned(), request_id: None }
    }
}

/// Is the payload as it is written.
#[derive(Deserialize)]
struct Payload {
    appid: Option<String>,
    azp: Option<String>,
    oid: Option<String>,
    tid: Option<String>,
    upn: Option<String>,
    aud: Option<String>,
    #[serde(default)]
    roles: BTreeSet<String>,
    scp: Option<String>,
    wids: Option<Vec<String>>,
    exp: Option<i64>,
}

impl TokenClaims {
    /// Reads a token; `None` when it is opaque.
    pub(crate) fn read(token: &SecretString) -> Option<Self> {
        let Payload { appid, azp, oid, tid, upn, aud, roles, scp, wids, exp } = payload(token)?;
        Some(Self {
            application: appid.or(azp),
            object: oid,
            tenant: tid,
            user: upn,
            audience: aud,
            roles,
            scopes: scp.map(|scopes| scopes.split_whitespace().map(str::to_owned).collect()),
            directory_roles: wids
                .map(|wids| wids.iter().filter_map(|wid| Uuid::try_parse(wid).ok()).collect()),
            expires: exp.and_then(|exp| Timestamp::from_second(exp).ok()),
        })
    }

    /// Refuses a token for another resource, known by its address and its application id, or for another tenant.
    pub(super) fn check(&self, uri: &str, id: &str, tenant: TenantId) -> Result<(), Refusal> {
        let wrong = |message| Err(Refusal { kind: RefusalKind::SignIn, message, request_id: None });
        if let Some(audience) = &self.audience
            && audience.trim_end_matches('/') != uri
            && audience != id
        {
            return wrong(format!("sign-in gave a token for {audience}, not for {uri}"));
        }
        if let Some(is) = &self.tenant
            && !is.eq_ignore_ascii_case(&tenant.to_string())
        {
            return wrong(format!("sign-in gave a token for tenant {is}, not for {tenant}"));
        }
        Ok(())
    }

    /// Says what the service will miss in the token, if anything surely.
    fn lack(&self, audience: Audience) -> Option<Lack> {
        let delegated = self.scopes.is_some();
        // A token need not tell the roles of who signed in; then the service judges.
        let roleless = self
            .directory_roles
            .as_ref()
            .is_some_and(|has| AdminRole::ALL.iter().all(|role| !has.contains(&role.template())));
        match audience {
            Audience::Graph => (!delegated && self.roles.is_empty()).then_some(Lack::GraphPermission),
            Audience::Exchange if !delegated && !self.roles.contains("Exchange.ManageAsApp") => {
                Some(Lack::ExchangePermission)
            }
            Audience::Exchange => roleless.then_some(Lack::DirectoryRole),
        }
    }
}

/// Reads what a token says; `None` when it is opaque.
pub(super) fn payload<T: DeserializeOwned>(token: &SecretString) -> Option<T> {
    let payload = token.expose_secret().split('.').nth(1).and_then(decode)?;
    serde_json::from_slice(&payload).ok()
}

/// Reads the claims that a 401 asks for, `WWW-Authenticate: Bearer …, claims="BASE64"`.
pub(crate) fn claims_challenge(header: &str) -> Option<String> {
    let rest = header.split_once("claims=\"")?.1;
    let encoded = rest.split_once('"')?.0;
    String::from_utf8(decode(encoded)?).ok()
}

/// Decodes base64 in either alphabet, padded or not.
fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_PAD_INDIFFERENT.decode(text).or_else(|_| STANDARD_PAD_INDIFFERENT.decode(text)).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::uuid;

    use super::*;

    const TENANT: TenantId = TenantId(uuid!("3f2504e0-4f89-41d3-9a0c-0305e82c3301"));
    const EXCHANGE_ADMINISTRATOR: &str = "29232cdf-9323-42fd-ade2-1d097af3e4de";
    const GLOBAL_READER: &str = "f2ef992c-3afb-46b9-b7cf-a126ee74c451";

    fn claims(payload: &Value) -> TokenClaims {
        let token = format!("h.{}.s", URL_SAFE_PAD_INDIFFERENT.encode(payload.to_string()));
        TokenClaims::read(&token.into()).expect("it can be read")
    }

    #[test]
    fn a_token_for_another_resource_or_tenant_is_refused() {
        let graph = ("https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000");
        let said =
            |payload| claims(&payload).check(graph.0, graph.1, TENANT).map_err(|refusal| refusal.message);
        insta::assert_snapshot!(
            said(json!({ "aud": "https://outlook.office365.com" })).unwrap_err(),
            @"sign-in gave a token for https://outlook.office365.com, not for https://graph.microsoft.com"
        );
        insta::assert_snapshot!(
            said(json!({ "aud": graph.1, "tid": "0" })).unwrap_err(),
            @"sign-in gave a token for tenant 0, not for 3f2504e0-4f89-41d3-9a0c-0305e82c3301"
        );
        let tid = TENANT.to_string().to_uppercase();
        assert_eq!(said(json!({ "aud": "https://graph.microsoft.com/", "tid": tid })), Ok(()));
        assert_eq!(TokenClaims::read(&"opaque".to_owned().into()), None);
        assert_eq!(TokenClaims::read(&"a.b.c".to_owned().into()), None);
    }

    #[test]
    fn an_application_needs_permissions_and_a_role() {
        let of = |graph: Value, exchange: Value| {
            let signed_in = SignedIn { graph: Some(claims(&graph)), exchange: Some(claims(&exchange)) };
            (signed_in.directory_lack(), signed_in.settings_lack())
        };
        let may = "Exchange.ManageAsApp";
        assert_eq!(
            of(json!({ "idtyp": "app" }), json!({ "wids": [EXCHANGE_ADMINISTRATOR] })),
            (Some(Lack::GraphPermission), Some(Lack::ExchangePermission))
        );
        assert_eq!(
            of(json!({ "roles": ["User.Read.All"] }), json!({ "roles": [may], "wids": [GLOBAL_READER] })),
            (None, Some(Lack::DirectoryRole))
        );
        assert_eq!(
            of(
                json!({ "roles": ["User.Read.All"] }),
                json!({ "roles": [may], "wids": [EXCHANGE_ADMINISTRATOR] })
            ),
            (None, None)
        );
        assert_eq!(
            of(json!({ "roles": ["x"] }), json!({ "roles": [may] })),
            (None, None),
            "it does not tell"
        );
        assert_eq!(SignedIn::default().settings_lack(), None, "an opaque token is for the service to judge");
    }

    #[test]
    fn a_person_is_judged_by_their_directory_roles() {
        let of = |token: Value| {
            let signed_in = SignedIn { graph: Some(claims(&token)), exchange: Some(claims(&token)) };
            (signed_in.directory_lack(), signed_in.settings_lack())
        };
        assert_eq!(of(json!({ "scp": "User.Read" })), (None, None));
        assert_eq!(of(json!({ "scp": "a b", "wids": [EXCHANGE_ADMINISTRATOR] })), (None, None));
        assert_eq!(of(json!({ "scp": "a b", "wids": [GLOBAL_READER] })), (None, Some(Lack::DirectoryRole)));
        let both = claims(&json!({ "scp": "a b" })).scopes.expect("it has scopes");
        assert_eq!(both.len(), 2);
        let user = |token: Value| claims(&token).user;
        assert_eq!(user(json!({ "upn": "ada@contoso.com" })).as_deref(), Some("ada@contoso.com"));
        assert_eq!(user(json!({ "idtyp": "app" })), None, "an application has no name to sign in with");
    }

    #[test]
    fn a_challenge_names_the_claims_of_the_next_token() {
        let header = r#"Bearer realm="", error="insufficient_claims", claims="eyJhIjoxfQ==""#;
        assert_eq!(claims_challenge(header).as_deref(), Some(r#"{"a":1}"#));
        assert_eq!(claims_challenge("Bearer"), None);
        assert_eq!(claims_challenge(r#"claims="eyJhIjoxfQ""#).as_deref(), Some(r#"{"a":1}"#), "unpadded");
        assert_eq!(claims_challenge(r#"claims="eyJhIjoifn4_In0""#).as_deref(), Some(r#"{"a":"~~?"}"#));
        assert_eq!(claims_challenge(r#"claims="eyJhIjoifn4/In0=""#).as_deref(), Some(r#"{"a":"~~?"}"#));
    }
}

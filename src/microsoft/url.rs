//! Writes addresses: what has to be encoded, quoted or refused.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::model::{Refusal, RefusalKind};

/// Encodes all but what never needs it.
pub(crate) const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Encodes a query value.
pub(crate) fn value(text: &str) -> String {
    utf8_percent_encode(text, VALUE).to_string()
}

/// Quotes a text for `$filter`, where apostrophes are doubled.
pub(crate) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Writes the path of one user.
///
/// A guest's name holds `#EXT#`, which would cut the address, and a name that begins with `$` would be taken for an
/// option unless it stands in parentheses.
pub(crate) fn user_path(id_or_upn: &str) -> String {
    if id_or_upn.starts_with('$') {
        format!("/users('{}')", value(&id_or_upn.replace('\'', "''")))
    } else {
        format!("/users/{}", value(id_or_upn).replace("%40", "@"))
    }
}

/// Writes an address so that no password in it is shown: without all that stands before the last `@`, and without a
/// query.
///
/// It need not be a good address; what it is shown for is that it is none.
pub(crate) fn without_user(base: &str) -> String {
    let (scheme, rest) = base.find("://").map_or(("", base), |at| base.split_at(at + 3));
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let host = rest.rfind('@').map_or(rest, |at| &rest[at + 1..]);
    format!("{scheme}{host}")
}

/// Says whether an address is on this machine.
pub(crate) fn is_loopback(base: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(base) else { return false };
    let Some(host) = url.host_str() else { return false };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Says whether an address is reached without TLS; one that cannot be read is not reached at all.
pub(crate) fn is_plain(address: &str) -> bool {
    reqwest::Url::parse(address).is_ok_and(|url| url.scheme() == "http")
}

/// Refuses a base address that would carry tokens in the clear, or that is none.
pub(crate) fn check_base(base: &str) -> Result<(), Refusal> {
    let url = check_scheme(base)?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || base.ends_with('/')
    {
        return Err(refuse(base, "may hold no password, no query and no slash at its end"));
    }
    Ok(())
}

/// Refuses an address that would carry tokens in the clear, or that is none.
pub(crate) fn check_scheme(address: &str) -> Result<reqwest::Url, Refusal> {
    let url = reqwest::Url::parse(address).map_err(|_| refuse(address, "cannot be read"))?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(address) => Ok(url),
        "http" => Err(refuse(address, "is not https, and tokens are sent in the clear to this machine only")),
        _ => Err(refuse(address, "is not https")),
    }
}

fn refuse(address: &str, how: &str) -> Refusal {
    Refusal {
        kind: RefusalKind::BadRequest,
        message: format!("the address `{}` {how}", without_user(address)),
        request_id: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_break_addresses_are_written_so_that_they_do_not() {
        assert_eq!(user_path("ada@contoso.com"), "/users/ada@contoso.com");
        assert_eq!(user_path("bob_x.com#EXT#@contoso.com"), "/users/bob_x.com%23EXT%23@contoso.com");
        assert_eq!(user_path("$anna@contoso.com"), "/users('%24anna%40contoso.com')");
        assert_eq!(user_path("o'neil@contoso.com"), "/users/o%27neil@contoso.com");
        assert_eq!(user_path("a/b?c@contoso.com"), "/users/a%2Fb%3Fc@contoso.com");
        assert_eq!(
            value(&format!("mail eq {}", quote("o'neil & co"))),
            "mail%20eq%20%27o%27%27neil%20%26%20co%27"
        );
    }

    #[test]
    fn tokens_go_out_in_the_clear_to_this_machine_only() {
        for good in [
            "https://graph.microsoft.com",
            "http://127.0.0.1:4000/graph",
            "http://[::1]:1",
            "http://localhost:1",
        ] {
            assert!(check_base(good).is_ok(), "{good}");
        }
        for bad in [
            "http://graph.microsoft.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "https://user:word@graph.microsoft.com",
            "https://graph.microsoft.com/",
            "ftp://127.0.0.1",
            "graph.microsoft.com",
            "",
        ] {
            assert!(check_base(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_in_an_address_is_never_shown() {
        for (bad, shown) in [
            ("https://user:word@graph.microsoft.com", "https://graph.microsoft.com"),
            ("http://user:w@rd@graph.microsoft.com/x", "http://graph.microsoft.com/x"),
            ("user:word@graph.microsoft.com", "graph.microsoft.com"),
            ("https://user:word?@graph", "https://"),
            ("https://graph.microsoft.com?key=word", "https://graph.microsoft.com"),
        ] {
            let message = check_base(bad).expect_err("it is bad").message;
            assert!(message.starts_with(&format!("the address `{shown}")), "{message}");
            assert!(!message.contains("rd@"), "{message}");
        }
    }
}

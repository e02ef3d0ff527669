//! What a library said, with everything taken out that could be a secret.

use std::error::Error;
use std::fmt;

use secrecy::ExposeSecret;

use super::place::Options;

/// Is how much of one text is kept: a service may answer with a page.
const LONGEST: usize = 400;

/// Is a value that is too short to be a secret, and would tear holes into any text.
const SHORTEST_SECRET: usize = 6;

/// Is why something failed, as the library said it, and what was behind that.
#[derive(Debug)]
pub struct Cause {
    text: String,
    source: Option<Box<Self>>,
}

impl Cause {
    /// Copies a chain of errors.
    ///
    /// The library repeats a deeper error in the text of the one above; such a copy is left out. Out of every text go
    /// the values of secret options, and whatever follows the `?` of a URL, where a signature stands.
    pub(super) fn of(error: &(dyn Error + 'static), options: &Options) -> Self {
        let mut texts: Vec<String> = Vec::new();
        let mut next = Some(error);
        while let Some(at) = next {
            let text = at.to_string();
            if !texts.iter().any(|above| above.contains(&text)) {
                texts.push(text);
            }
            next = at.source();
        }
        let clean =
            |text: String| shorten(&without_queries(&without_markup(&without_secrets(text, options))));
        let chain = texts.into_iter().rev().map(clean);
        let cause = chain.fold(None, |source, text| Some(Self { text, source: source.map(Box::new) }));
        cause.unwrap_or_else(|| Self { text: String::new(), source: None })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

fn without_secrets(mut text: String, options: &Options) -> String {
    let secret = |name: &str| {
        ["KEY", "SECRET", "TOKEN", "SAS", "PASSWORD"]
            .iter()
            .any(|word| name.to_ascii_uppercase().contains(word))
    };
    for (_, value) in options.iter().filter(|(name, _)| secret(name)) {
        let value = value.expose_secret();
        if value.len() >= SHORTEST_SECRET {
            text = text.replace(value, "[redacted]");
        }
    }
    text
}

/// Takes code and message out of the XML in which a service says what is wrong.
fn without_markup(text: &str) -> String {
    let Some(start) = text.find("<?xml").or_else(|| text.find("<Error>")) else { return text.to_owned() };
    let (before, document) = text.split_at(start);
    let element = |name: &str| {
        let (_, rest) = document.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0)
    };
    let said: Vec<_> = [element("Code"), element("Message")].into_iter().flatten().collect();
    if said.is_empty() { text.to_owned() } else { format!("{before}{}", said.join(": ")) }
}

/// Cuts what follows the `?` of each URL.
fn without_queries(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("://") {
        let (before, url) = rest.split_at(start + 3);
        out.push_str(before);
        let end = url.find(|c: char| c.is_whitespace() || "\"'<>)".contains(c)).unwrap_or(url.len());
        let (url, after) = url.split_at(end);
        match url.split_once('?') {
            Some((path, _)) => out.extend([path, "?…"]),
            None => out.push_str(url),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Puts a text on one line, and cuts it where it grows too long.
fn shorten(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Said {
        text: &'static str,
        source: Option<Box<Self>>,
    }

    #[test]
    fn no_secret_and_no_signature_is_passed_on() {
        let error = Said {
            text: "GET https://contoso.blob.core.windows.net/state?sv=2026&sig=c2lnbmVk with hushhush\n  failed",
            source: None,
        };
        let options = Options::from([("AZURE_STORAGE_SAS_TOKEN".to_owned(), "hushhush".into())]);
        let cause = Cause::of(&error, &options).to_string();
        assert_eq!(cause, "GET https://contoso.blob.core.windows.net/state?… with [redacted] failed");
    }

    #[test]
    fn what_a_text_already_says_is_not_said_again() {
        let deepest = Said { text: "connection refused", source: None };
        let middle = Said { text: "error sending request", source: Some(Box::new(deepest)) };
        let top = Said { text: "GET failed: error sending request", source: Some(Box::new(middle)) };
        let cause = Cause::of(&top, &Options::new());
        assert_eq!(cause.to_string(), "GET failed: error sending request");
        assert_eq!(cause.source().map(ToString::to_string), Some("connection refused".to_owned()));
    }

    #[test]
    fn of_a_document_code_and_message_are_told() {
        let text = "404: <?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code><Message>It is\ngone</Message></Error>";
        let cause = Cause::of(&Said { text, source: None }, &Options::new());
        assert_eq!(cause.to_string(), "404: NoSuchBucket: It is gone");
    }

    #[test]
    fn a_page_is_cut_short() {
        let page: &'static str = Box::leak("ä".repeat(5000).into_boxed_str());
        assert_eq!(
            Cause::of(&Said { text: page, source: None }, &Options::new()).to_string().chars().count(),
            401
        );
    }
}

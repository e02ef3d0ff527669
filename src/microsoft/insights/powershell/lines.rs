//! Speaks with a worker in lines: one JSON object out, one back, whatever else the other side prints between them.
//!
//! A worker is told a mark that nobody else knows, and begins its answers with it. What PowerShell, a module or the text
//! of an error prints by itself (warnings, progress, CLIXML, blank lines, byte order marks) lacks the mark and is passed
//! over; it can therefore never be taken for an answer, also when somebody's name looks like one.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use tokio::io::{self, AsyncBufRead, AsyncBufReadExt};

/// Is the version of what is said; the script knows the same.
pub(super) const PROTOCOL: u32 = 1;
/// Is the longest line that is taken in: one object of a few KiB, and some more.
const LONGEST: usize = 4 << 20;

/// Is one line to a worker.
#[derive(Debug, Serialize)]
pub(super) struct Request<'a> {
    pub(super) id: u64,
    #[serde(flatten)]
    pub(super) order: Order<'a>,
}

/// Is what a worker is asked to do.
#[derive(Debug, Serialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub(super) enum Order<'a> {
    /// Loads the module, and tells its version.
    Hello { protocol: u32, mark: &'a str },
    /// Connects to Exchange Online, anew if it is connected.
    Connect {
        token: &'a str,
        organization: &'a str,
        /// Whose token it is, where it is not an application's.
        #[serde(skip_serializing_if = "Option::is_none")]
        user: Option<String>,
        /// The name of a cloud other than the worldwide one.
        #[serde(skip_serializing_if = "Option::is_none")]
        environment: Option<&'a str>,
    },
    /// Runs one of the four cmdlets.
    Run { cmdlet: &'a str, parameters: &'a Json },
}

impl Request<'_> {
    /// Writes the line, in ASCII only, so that no code page of the other side can harm a name.
    pub(super) fn line(&self) -> String {
        let json = serde_json::to_string(self).expect("a request has text keys only");
        let mut line = String::with_capacity(json.len() + 1);
        for char in json.chars() {
            if char.is_ascii() {
                line.push(char);
            } else {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    write!(line, "\\u{unit:04x}").expect("a text takes more text");
                }
            }
        }
        line.push('\n');
        line
    }
}

/// Is one answer.
#[derive(Debug, PartialEq, Deserialize)]
pub(super) struct Reply {
    pub(super) id: u64,
    pub(super) ok: bool,
    /// The objects that a cmdlet gave, or what `hello` tells.
    #[serde(default)]
    pub(super) value: Json,
    #[serde(default)]
    pub(super) error: Map<String, Json>,
}

/// Is what a line turns out to be.
#[derive(Debug, PartialEq)]
pub(super) enum Heard {
    /// An answer.
    Reply(Reply),
    /// An answer that cannot be read, and how.
    Garbled(String),
    /// Something else.
    Noise,
}

/// Makes out what a line is.
///
/// Text may stand before the mark, when somebody printed without ending their line, and behind the object.
pub(super) fn hear(line: &str, mark: &str) -> Heard {
    let Some((_, answer)) = line.split_once(mark) else { return Heard::Noise };
    let mut objects = serde_json::Deserializer::from_str(answer).into_iter();
    match objects.next() {
        Some(Ok(reply)) => Heard::Reply(reply),
        Some(Err(error)) => Heard::Garbled(error.to_string()),
        None => Heard::Garbled("it is empty".to_owned()),
    }
}

/// Reads one line without its end; `None` when there are no more.
///
/// An error for a line that is too long: whoever writes it has lost their wits.
pub(super) async fn next(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    loop {
        let some = reader.fill_buf().await?;
        if some.is_empty() {
            return Ok((!line.is_empty()).then(|| text(&line)));
        }
        let end = some.iter().position(|byte| *byte == b'\n');
        let more = &some[..end.unwrap_or(some.len())];
        if line.len() + more.len() > LONGEST {
            return Err(io::Error::other(format!("a line is longer than {} MiB", LONGEST >> 20)));
        }
        line.extend_from_slice(more);
        let used = more.len() + usize::from(end.is_some());
        reader.consume(used);
        if end.is_some() {
            return Ok(Some(text(&line)));
        }
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).trim_end_matches('\r').to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::io::BufReader;

    use super::*;

    const MARK: &str = "@7f3c@";

    fn heard(line: &str) -> Heard {
        hear(line, MARK)
    }

    #[test]
    fn a_request_is_one_line_of_ascii_whatever_somebody_is_called() {
        let upn = "o'neill_$(whoami)`n\n#EXT#😀é\"@contoso.com";
        let parameters = json!({ "Identity": upn });
        let order = Order::Run { cmdlet: "Get-MyAnalyticsFeatureConfig", parameters: &parameters };
        let line = Request { id: 7, order }.line();
        insta::assert_snapshot!(line.trim_end(), @r#"{"id":7,"do":"run","cmdlet":"Get-MyAnalyticsFeatureConfig","parameters":{"Identity":"o'neill_$(whoami)`n\n#EXT#\ud83d\ude00\u00e9\"@contoso.com"}}"#);
        assert!(line.is_ascii() && line.ends_with('\n') && line.matches('\n').count() == 1);
        let back: Json = serde_json::from_str(&line).unwrap();
        assert_eq!(back["parameters"]["Identity"], upn);
    }

    #[test]
    fn an_answer_is_found_among_noise() {
        let reply = || Heard::Reply(Reply { id: 7, ok: true, value: json!([]), error: Map::new() });
        for line in [
            r#"@7f3c@ {"id":7,"ok":true,"value":[]}"#,
            "\u{feff}@7f3c@{\"id\":7,\"ok\":true,\"value\":[]}",
            r#"Loading 40 %@7f3c@ {"id":7,"ok":true,"value":[]}WARNING: slow"#,
            r#"@7f3c@ {"id":7,"ok":true,"value":[]} @7f3c@ {"id":8"#,
        ] {
            assert_eq!(heard(line), reply(), "{line}");
        }
        for line in ["", "#< CLIXML", "WARNING: @7f3c", r#"{"id":7,"ok":true,"value":[]}"#, "\u{feff}"] {
            assert_eq!(heard(line), Heard::Noise, "{line}");
        }
    }

    #[test]
    fn an_answer_that_is_cut_is_no_answer() {
        for line in ["@7f3c@", r#"@7f3c@ {"id":7,"ok":tr"#, r#"@7f3c@ {"id":7}"#, "@7f3c@ 7", "@7f3c@ <html>"]
        {
            assert!(matches!(heard(line), Heard::Garbled(_)), "{line}");
        }
    }

    #[tokio::test]
    async fn lines_end_where_they_end_and_a_line_without_end_is_refused() {
        let mut reader = BufReader::with_capacity(3, "one\r\n\ntwo\u{ff}".as_bytes());
        let mut lines = Vec::new();
        while let Some(line) = next(&mut reader).await.unwrap() {
            lines.push(line);
        }
        assert_eq!(lines, ["one", "", "two\u{ff}"]);
        let endless = vec![b'x'; LONGEST + 1];
        assert!(next(&mut endless.as_slice()).await.is_err());
    }
}

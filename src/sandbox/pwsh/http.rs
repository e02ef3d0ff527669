//! Posts JSON to a sandbox, and takes its answer: the least of HTTP that is enough for that.

use std::collections::BTreeMap;
use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Is an answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// By their names in lower case.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
}

/// Sends one request on a connection of its own.
pub(super) async fn post(at: &str, path: &str, token: &str, body: &str) -> io::Result<Answer> {
    let base = at.trim_end_matches('/').strip_prefix("http://");
    let base = base.ok_or_else(|| io::Error::other("the stand-in speaks plain HTTP only"))?;
    let (host, prefix) = base.find('/').map_or((base, ""), |at| base.split_at(at));
    let mut line = TcpStream::connect(host).await?;
    let request = format!(
        "POST {prefix}{path} HTTP/1.0\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json; charset=utf-8\r\nContent-Length: {}\r\n\r\n{body}",
        body.len(),
    );
    line.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    line.read_to_end(&mut answer).await?;
    read(&String::from_utf8_lossy(&answer)).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// Reads an answer; `None` when it is not whole.
fn read(answer: &str) -> Option<Answer> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    (body.len() >= length).then(|| Answer { status, headers, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_an_answer_is_none() {
        let whole = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 2\r\nContent-Length: 2\r\n\r\n{}";
        let answer = read(whole).unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (429, "{}"));
        assert_eq!(answer.headers["retry-after"], "2");
        for cut in [&whole[..whole.len() - 1], "HTTP/1.1 200 OK\r\n", ""] {
            assert!(read(cut).is_none(), "{cut}");
        }
    }
}

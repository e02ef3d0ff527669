//! Stands between the client and the sandbox, so that an answer can be lost and a run can die between two bytes.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

/// Is what goes wrong during one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// Of all reads after the first write, this many are refused.
    LosesReads(u32),
    /// The answer to this write, counted from 0, never comes.
    LosesAnswer(u32),
    /// The process dies at this request of the apply, counted from 0: before it is sent, or once it has been taken.
    Dies { request: u32, taken: bool },
}

/// Is what the wire knows of the run under way.
#[derive(Debug)]
struct State {
    fault: Fault,
    requests: u32,
    writes: u32,
    reads_after_write: u32,
}

/// Is a proxy that passes everything on, except where a fault says otherwise.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
    died: Arc<Notify>,
    task: JoinHandle<()>,
}

/// Is what happens to one request.
enum Way {
    Pass,
    Refuse,
    PassAndLose,
    Die,
    PassAndDie,
}

impl State {
    fn way(&mut self, request: &[u8]) -> Way {
        let text = String::from_utf8_lossy(request);
        let writes = ["\"Set-MyAnalytics", "\"Set-DefaultTenant", "assignLicense"]
            .iter()
            .any(|word| text.contains(word));
        let number = self.requests;
        self.requests += 1;
        if writes {
            self.writes += 1;
        } else if self.writes > 0 {
            self.reads_after_write += 1;
        }
        match self.fault {
            Fault::LosesReads(most) if !writes && self.writes > 0 && self.reads_after_write <= most => {
                Way::Refuse
            }
            Fault::LosesAnswer(which) if writes && self.writes == which + 1 => Way::PassAndLose,
            Fault::Dies { request, taken } if request == number => {
                if taken {
                    Way::PassAndDie
                } else {
                    Way::Die
                }
            }
            Fault::None | Fault::LosesReads(_) | Fault::LosesAnswer(_) | Fault::Dies { .. } => Way::Pass,
        }
    }
}

impl Wire {
    pub(crate) async fn to(url: &str) -> Self {
        let backend = url.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = State { fault: Fault::None, requests: 0, writes: 0, reads_after_write: 0 };
        let (state, died) = (Arc::new(Mutex::new(state)), Arc::new(Notify::new()));
        let (shared, dying) = (Arc::clone(&state), Arc::clone(&died));
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(serve(client, backend.clone(), Arc::clone(&shared), Arc::clone(&dying)));
            }
        });
        Self { url, state, died, task }
    }

    /// Chooses what goes wrong from now on.
    pub(crate) fn fault(&self, fault: Fault) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = State { fault, requests: 0, writes: 0, reads_after_write: 0 };
    }

    /// Waits until the process is to die.
    pub(crate) async fn died(&self) {
        self.died.notified().await;
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut client: TcpStream, backend: String, state: Arc<Mutex<State>>, died: Arc<Notify>) {
    let Ok(mut behind) = TcpStream::connect(backend).await else { return };
    while let Some(request) = message(&mut client).await {
        let way = state.lock().unwrap_or_else(PoisonError::into_inner).way(&request);
        if matches!(way, Way::Die) {
            died.notify_one();
            std::future::pending::<()>().await;
        }
        let mut answer = if matches!(way, Way::Refuse) {
            canned("404 Not Found", "application/json", r#"{"error":{"code":"NotFound","message":"lost"}}"#)
        } else {
            if behind.write_all(&request).await.is_err() {
                return;
            }
            let Some(answer) = message(&mut behind).await else { return };
            answer
        };
        match way {
            Way::PassAndLose => answer = canned("502 Bad Gateway", "text/html", "<html>lost</html>"),
            Way::PassAndDie => {
                died.notify_one();
                std::future::pending::<()>().await;
            }
            Way::Pass | Way::Refuse | Way::Die => {}
        }
        if client.write_all(&answer).await.is_err() {
            return;
        }
    }
}

fn canned(status: &str, kind: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// Reads one message, head and body; both sides always say how long it is.
async fn message(from: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(4096);
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if from.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    assert!(!text.contains("transfer-encoding"), "the proxy knows no chunks: {text}");
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
    while bytes.len() < head + length {
        if from.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some(bytes)
}

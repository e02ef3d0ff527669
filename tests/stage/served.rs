//! Serves the sandbox in a process of its own, for runs of the program that come and go.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::stage::Stage;

/// Is a sandbox that serves in a process of its own, until it is dropped.
pub(crate) struct Served {
    process: Child,
    pub(crate) url: String,
}

impl Served {
    /// Begins to serve the stage's tenant; each answer takes so many milliseconds.
    pub(crate) fn slow(stage: &Stage, delay: &str) -> Self {
        let mut command =
            stage.command(&["sandbox", "serve", "--sandbox-delay", delay, "--sandbox", "tenant.json"]);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { process, url: url.trim().to_owned() }
    }

    /// Lists the writes that the services have accepted: to whom, and what.
    pub(crate) fn writes(&self) -> Vec<(String, String)> {
        let address = self.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET /sandbox/writes HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        let writes = body["value"].as_array().unwrap();
        writes.iter().map(|write| (write["target"].to_string(), write["what"].to_string())).collect()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

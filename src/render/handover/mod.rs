//! Writes a handed-over plan: the steps as data, one JSON object per line, and the PowerShell script that carries them out.
//!
//! Nothing of the plan stands in the script but hashes, ids, moments and numbers, and the header of comments, which names the
//! tenant alone. No name of people or groups stands in it: these are in the data, which the script reads and never runs.

mod header;

use std::fmt::Write as _;
use std::io::{self, Write};

use sha2::{Digest, Sha256};

use super::number::{counted, people};
use super::{inert, json};
use crate::apply::{Handover, Step};

/// Is the script, less what is different for each plan.
const SCRIPT: &str = include_str!("script.ps1");

/// Is what a hash of bytes is written as: 64 hexadecimal digits in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint(String);

/// Writes the steps as data; gives the SHA-256 of what was written.
///
/// Characters that a terminal would obey are escaped; the values are the same.
pub fn data<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    out: &mut dyn Write,
    steps: impl IntoIterator<Item = Result<Step, E>>,
) -> io::Result<Fingerprint> {
    let mut hashing = Hashing { out, digest: Sha256::new() };
    for step in steps {
        json::compact(&mut hashing, &step.map_err(io::Error::other)?)?;
        hashing.write_all(b"\n")?;
    }
    let mut hex = String::with_capacity(64);
    for byte in hashing.digest.finalize() {
        write!(hex, "{byte:02x}").expect("writing to a string cannot fail");
    }
    Ok(Fingerprint(hex))
}

/// Writes the script for steps that were written as data.
///
/// It begins with a byte order mark, by which Windows PowerShell knows that it is UTF-8.
pub fn script(out: &mut dyn Write, handover: &Handover<'_>, steps: &Fingerprint) -> io::Result<()> {
    let (plan, bounds) = (handover.plan, handover.bounds);
    let filled = SCRIPT
        .replace("{{PLAN}}", &plan.hash.to_string())
        .replace("{{TENANT}}", &plan.basis.tenant.to_string())
        .replace("{{STEPS_SHA256}}", &steps.0)
        .replace("{{STEPS}}", &handover.len().to_string())
        .replace("{{LICENCE_STEPS}}", &handover.licences().to_string())
        .replace("{{NOT_AFTER}}", &format!("{:.0}", bounds.not_after))
        .replace("{{MAY_MOVE}}", &bounds.may_move.to_string())
        .replace("{{EXCHANGE_CLOUD}}", bounds.exchange_environment())
        .replace("{{GRAPH_CLOUD}}", bounds.graph_environment())
        // The only place for names comes last, so that none of them can stand for anything.
        .replace("{{HEADER}}", &header::header(handover));
    out.write_all("\u{feff}".as_bytes())?;
    out.write_all(filled.as_bytes())
}

/// Says what was written, and what to do with it.
pub fn written(handover: &Handover<'_>, script: &str, data: &str) -> String {
    let steps = counted(handover.len(), "step", "steps");
    let mut lines =
        vec![format!("Written: {} and {} ({steps}).", inert::quoted(script), inert::quoted(data))];
    if handover.people_left_out > 0 {
        let number = people(handover.people_left_out);
        lines.push(format!("Left out: {number} no longer as planned, or protected by now."));
    }
    if handover.defaults_left_out > 0 {
        let defaults = counted(handover.defaults_left_out, "default", "defaults");
        lines.push(format!("Left out: {defaults} of the tenant that somebody else has changed."));
    }
    if handover.licences() > 0 {
        let steps = counted(handover.licences(), "step", "steps");
        lines.push(format!(
            "On service plans: {steps}; for these the script signs in to Microsoft Graph, too."
        ));
    }
    lines.push("Nothing was written to the tenant or to the store.".to_owned());
    lines.push("Once the script has run: `insightctl record RESULTS.csv --plan PLAN.json`.".to_owned());
    lines.join("\n")
}

/// Hashes what passes through.
struct Hashing<'w> {
    out: &'w mut dyn Write,
    digest: Sha256,
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.out.write(bytes)?;
        self.digest.update(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

//! The only place that reads the environment, once.

use std::ffi::OsStr;

/// Is what the surroundings say about this process.
#[derive(Clone, Debug)]
pub(super) struct Environment {
    /// `NO_COLOR` is set to anything.
    pub(super) no_color: bool,
    /// `CI` is set to anything but `false`: lines instead of bars.
    pub(super) ci: bool,
    /// Who runs this.
    pub(super) who: String,
    /// Who runs this and in which process, for whoever is locked out by it.
    pub(super) holder: String,
}

impl Environment {
    pub(super) fn read() -> Self {
        let user = variable("USER").or_else(|| variable("USERNAME")).unwrap_or_else(|| "somebody".to_owned());
        let host = variable("HOSTNAME").or_else(|| variable("COMPUTERNAME")).map(|host| format!("@{host}"));
        let who = format!("{user}{}", host.unwrap_or_default());
        Self {
            no_color: variable("NO_COLOR").is_some(),
            ci: variable("CI").is_some_and(|ci| ci != "false"),
            holder: format!("{who} (process {})", std::process::id()),
            who,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var_os(name)
        .filter(|value| value != OsStr::new(""))
        .map(|value| value.to_string_lossy().into_owned())
}

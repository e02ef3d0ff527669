//! The only place that reads the environment, once.

use std::ffi::OsStr;

use crate::store::Options;

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
    /// What matters to a store.
    pub(super) stores: Stores,
}

/// Is what the surroundings say about places where a store can be.
#[derive(Clone, Debug, Default)]
pub(super) struct Stores {
    /// This machine is thrown away after the job, with every folder on it.
    pub(super) throw_away: bool,
    /// How buckets are reached: every variable that their services' own tools know.
    pub(super) options: Options,
}

/// Begins the names of the variables that say how buckets are reached.
const CLOUD: [&str; 3] = ["AZURE_", "AWS_", "GOOGLE_"];

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
            stores: Stores { throw_away: is_throw_away(variable), options: options() },
        }
    }
}

/// Says whether a job's machine goes when the job does.
///
/// GitHub says so of its own runners. GitLab and Azure Pipelines do not tell: their hosted runners are thrown away,
/// and on others a job's working folder is cleaned, so a store there is as good as lost.
fn is_throw_away(variable: impl Fn(&str) -> Option<String>) -> bool {
    let is = |name: &str, value: &str| variable(name).is_some_and(|is| is.eq_ignore_ascii_case(value));
    (is("GITHUB_ACTIONS", "true") && is("RUNNER_ENVIRONMENT", "github-hosted"))
        || is("GITLAB_CI", "true")
        || is("TF_BUILD", "true")
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
fn options() -> Options {
    let variables = std::env::vars_os().filter_map(|(name, value)| {
        let (name, value) = (name.into_string().ok()?, value.into_string().ok()?);
        (CLOUD.iter().any(|start| name.starts_with(start)) && !value.is_empty()).then(|| (name, value.into()))
    });
    let mut options: Options = variables.collect();
    // A managed identity of Azure is announced under a name of its own.
    if let Some(endpoint) = variable("IDENTITY_ENDPOINT") {
        options.insert("AZURE_IDENTITY_ENDPOINT".to_owned(), endpoint.into());
    }
    options
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var_os(name)
        .filter(|value| value != OsStr::new(""))
        .map(|value| value.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runner_of_ones_own_is_not_thrown_away() {
        let runner = |variables: &[(&str, &str)]| {
            is_throw_away(|name| {
                let of_that_name = variables.iter().find(|(is, _)| *is == name);
                of_that_name.map(|(_, value)| (*value).to_owned())
            })
        };
        let github = ("GITHUB_ACTIONS", "true");
        assert!(runner(&[github, ("RUNNER_ENVIRONMENT", "github-hosted")]));
        assert!(!runner(&[github, ("RUNNER_ENVIRONMENT", "self-hosted")]));
        assert!(runner(&[("GITLAB_CI", "true")]) && runner(&[("TF_BUILD", "True")]));
        assert!(!runner(&[]));
    }
}

//! Chooses what carries the insights settings.

use super::args::Global;
use super::console::Console;
use super::failure::Failure;
use crate::manifest::{self, Manifest};
use crate::microsoft::{Shell, Transport, exchange_environment};

/// Is PowerShell 7, as its installers put it on the search path.
const PWSH: &str = "pwsh";

/// Chooses for a tenant of Microsoft 365, where PowerShell is what Microsoft supports.
pub(super) fn of_tenant(
    global: &Global,
    console: &Console,
    manifest: &Manifest,
) -> Result<Transport, Failure> {
    match named(global, manifest).unwrap_or(manifest::Transport::PowerShell) {
        manifest::Transport::PowerShell => {
            let named = global.pwsh.as_deref().or(console.pwsh.as_deref());
            let mut shell = Shell::new(named.unwrap_or(PWSH.as_ref()));
            shell.environment = exchange_environment(manifest.cloud()).map(str::to_owned);
            Ok(Transport::PowerShell(shell))
        }
        manifest::Transport::ExchangeRest => {
            console.say(
                "warning: settings travel in the Exchange REST envelope, which is verified against the sandbox only; \
                 nobody has seen Microsoft take the insights cmdlets in it\n\
                 hint: `transport: powershell` is what Microsoft supports",
            )?;
            Ok(Transport::ExchangeRest)
        }
    }
}

/// Chooses for the sandbox at an address, which brings a stand-in for PowerShell: this very program.
///
/// Another takes its place only where it is typed: one that the surroundings name for tenants would meet Microsoft.
pub(super) fn of_sandbox(global: &Global, manifest: &Manifest, url: &str) -> Result<Transport, Failure> {
    match named(global, manifest).unwrap_or(manifest::Transport::ExchangeRest) {
        manifest::Transport::ExchangeRest => Ok(Transport::ExchangeRest),
        manifest::Transport::PowerShell => {
            if let Some(program) = &global.pwsh {
                return Ok(Transport::PowerShell(Shell::new(program)));
            }
            let mut shell = Shell::new(std::env::current_exe()?);
            shell.arguments = ["sandbox", "pwsh", "--at", url, "--"].map(Into::into).to_vec();
            Ok(Transport::PowerShell(shell))
        }
    }
}

fn named(global: &Global, manifest: &Manifest) -> Option<manifest::Transport> {
    global.transport.or(manifest.transport())
}

//! Notices that somebody wants us to stop: Ctrl-C at a terminal, SIGTERM from a scheduler or a container.

use std::io;

use super::exit::Exit;
use super::failure::Failure;

/// Waits until we are to stop; each call waits for the next time.
pub(super) async fn interrupted() -> io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};

        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

/// Does something that may be broken off anywhere, and lets go of everything when we are to stop.
///
/// Processes that it started end with it, which they would not if a signal ended us.
pub(super) async fn until_interrupted(
    work: impl Future<Output = Result<Exit, Failure>>,
) -> Result<Exit, Failure> {
    tokio::select! {
        biased;
        interrupted = interrupted() => interrupted.map(|()| Exit::Interrupted).map_err(Failure::from),
        done = work => done,
    }
}

//! Stops asking a service that is not there, instead of asking for a million people one batch after the other.

use std::sync::{Arc, Mutex, PoisonError};

use crate::model::{Known, Refusal, RefusalKind};

/// Is how many batches may fail whole, one after the other, before we stop.
const MOST: u32 = 5;

/// Counts batches of which nothing came.
#[derive(Debug, Default)]
pub(crate) struct Fuse(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failed: u32,
    blown: Option<Arc<Refusal>>,
}

impl Fuse {
    /// Gives the refusal that stands for all further answers, once there is one.
    pub(crate) fn blown(&self) -> Option<Arc<Refusal>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).blown.clone()
    }

    /// Looks at the answers of one batch.
    ///
    /// One answer for one person, even a refusal, means that the service is there.
    pub(crate) fn record<T>(&self, answers: &[Known<T>]) {
        let mut first = None;
        for answer in answers {
            match answer {
                Known::Unknown(refusal) if refusal.kind.is_about_the_service() => {
                    first.get_or_insert(refusal);
                }
                Known::Unknown(_) | Known::Is(_) => {
                    self.0.lock().unwrap_or_else(PoisonError::into_inner).failed = 0;
                    return;
                }
            }
        }
        let Some(first) = first else { return };
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.failed += 1;
        // Signing in was tried twice by then, and would fail for everyone; so would starting PowerShell.
        if state.failed >= MOST || matches!(first.kind, RefusalKind::SignIn | RefusalKind::NoShell) {
            state.blown = Some(Arc::clone(first));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(kind: RefusalKind) -> Known<()> {
        Known::Unknown(Arc::new(Refusal { kind, message: String::new(), request_id: None }))
    }

    #[test]
    fn five_dead_batches_in_a_row_are_enough() {
        let fuse = Fuse::default();
        let dead = [refused(RefusalKind::Failed), refused(RefusalKind::Unreachable)];
        for _ in 0..4 {
            fuse.record(&dead);
        }
        fuse.record(&[refused(RefusalKind::Failed), Known::Is(())]);
        for _ in 0..4 {
            assert_eq!(fuse.blown(), None, "somebody answered in between");
            fuse.record(&dead);
        }
        fuse.record(&dead);
        assert_eq!(fuse.blown().expect("that was the fifth").kind, RefusalKind::Failed);
    }

    #[test]
    fn a_refusal_about_people_never_stops_the_others() {
        let fuse = Fuse::default();
        for _ in 0..100 {
            fuse.record(&[refused(RefusalKind::Forbidden), refused(RefusalKind::Missing)]);
        }
        assert_eq!(fuse.blown(), None);
    }

    #[test]
    fn a_lost_sign_in_stops_at_once() {
        let fuse = Fuse::default();
        fuse.record(&[refused(RefusalKind::SignIn)]);
        assert!(fuse.blown().is_some());
    }
}

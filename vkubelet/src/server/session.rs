//! Limits of open sessions, and their end at shutdown.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Sessions or connections of one kind. Cheap to clone.
#[derive(Clone)]
pub struct Sessions {
    permits: Arc<Semaphore>,
    /// Tasks that must end before the process does.
    pub tasks: TaskTracker,
    /// Cancelled when drained long enough: everything still open ends at once.
    pub cut: CancellationToken,
    open: Gauge,
}

/// One of them; dropped when it ends.
pub struct Session {
    _permit: OwnedSemaphorePermit,
    open: Gauge,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.open.dec();
    }
}

impl Sessions {
    /// At most `limit` at once; `open` counts them.
    pub fn new(limit: usize, open: Gauge) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(limit)),
            tasks: TaskTracker::new(),
            cut: CancellationToken::new(),
            open,
        }
    }

    /// Begins one; `None` when there are too many.
    pub fn begin(&self) -> Option<Session> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        self.open.inc();
        Some(Session {
            _permit: permit,
            open: self.open.clone(),
        })
    }

    /// Waits until all tasks have ended, cuts what is left after `patience`, and waits for that.
    pub async fn drain(&self, patience: Duration) {
        self.tasks.close();
        if timeout(patience, self.tasks.wait()).await.is_err() {
            tracing::info!(sessions = self.tasks.len(), "ending sessions that are still open");
        }
        self.cut.cancel();
        // What is cut ends at its next await; a task that does not is not waited for twice.
        let _ended = timeout(Duration::from_secs(1), self.tasks.wait()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_drain_waits_and_then_cuts() {
        let sessions = Sessions::new(1, Gauge::default());
        let session = sessions.begin().unwrap();
        assert!(sessions.begin().is_none());
        let cut = sessions.cut.clone();
        sessions.tasks.spawn(async move {
            cut.cancelled().await;
            drop(session);
        });
        let begun = tokio::time::Instant::now();
        sessions.drain(Duration::from_secs(25)).await;
        assert_eq!(begun.elapsed().as_secs(), 25);
        assert!(sessions.begin().is_some());
    }
}

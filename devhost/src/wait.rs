//! Waits for conditions: polled often, with a deadline, and with a message that says what was last seen.
use std::{
    future::Future,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

/// Time between two looks. Short enough that no wait costs more than it must.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// What one look at a condition found.
pub enum Look<T> {
    /// The condition holds.
    Ready(T),
    /// Not yet; the text is shown if the deadline passes.
    NotYet(String),
    /// It will never hold (the process ended); waiting stops at once.
    Never(String),
}

/// Looks until `look` says [`Look::Ready`].
///
/// # Errors
/// After `deadline`, or on [`Look::Never`]: names `what`, the last thing seen and the log to read.
pub async fn until<T, F, Fut>(what: &str, log: Option<&Path>, deadline: Duration, mut look: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Look<T>>,
{
    let start = Instant::now();
    loop {
        let (last_seen, never) = match look().await {
            Look::Ready(value) => return Ok(value),
            Look::NotYet(seen) => (seen, false),
            Look::Never(seen) => (seen, true),
        };
        if never || start.elapsed() > deadline {
            let log = log
                .map(|path| format!("\nlog to read: {}", path.display()))
                .unwrap_or_default();
            let seconds = start.elapsed().as_secs();
            bail!("waited {seconds} s for {what}, last seen: {last_seen}{log}");
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_message_says_what_was_last_seen_and_which_log_to_read() {
        let error = until::<(), _, _>(
            "etcd",
            Some(Path::new("/log/etcd.log")),
            Duration::ZERO,
            || async { Look::NotYet("connection refused".to_owned()) },
        )
        .await
        .unwrap_err()
        .to_string();
        assert!(
            error.contains("etcd") && error.contains("connection refused") && error.contains("/log/etcd.log")
        );
    }

    #[tokio::test]
    async fn a_condition_that_can_never_hold_ends_the_wait() {
        let look = || async { Look::<()>::Never("process ended".to_owned()) };
        let error = until("kubelet", None, Duration::from_mins(10), look)
            .await
            .unwrap_err();
        assert!(error.to_string().contains("process ended"));
    }
}

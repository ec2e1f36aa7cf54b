//! Waiting for a condition, with a deadline and the last thing seen in the message.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How often a condition is looked at.
const PERIOD: Duration = Duration::from_millis(200);

/// Looks until `look` returns `Ok(value)`; its errors say what is missing, and the last one is in the message.
///
/// # Errors
/// When `deadline` passes first.
pub async fn eventually<T, F>(what: &str, deadline: Duration, mut look: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let begun = Instant::now();
    loop {
        match look().await {
            Ok(value) => return Ok(value),
            Err(error) if begun.elapsed() > deadline => {
                bail!(
                    "not within {} s: {what}; last seen: {error:#}",
                    deadline.as_secs()
                )
            }
            Err(_not_yet) => tokio::time::sleep(PERIOD).await,
        }
    }
}

//! Steps of a longer command: what runs now, and how long each took.

use std::future::Future;
use std::time::Instant;

use anyhow::{Context as _, Result};

/// Runs one step, printing its name before and its time after it. On standard error: standard output is for results.
///
/// # Errors
/// The step's own, with its name.
pub(crate) async fn step<T>(name: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
    eprintln!("▸ {name}");
    let begun = Instant::now();
    let value = work.await.with_context(|| format!("{name} failed"))?;
    eprintln!("  ✓ {name}: {:.1} s", begun.elapsed().as_secs_f64());
    Ok(value)
}

/// Runs a command to its end, with its output where ours is.
///
/// # Errors
/// When it cannot be started or exits with another status than 0.
pub(crate) async fn run(command: &mut tokio::process::Command) -> Result<()> {
    let shown = format!("{:?}", command.as_std());
    let status = command
        .status()
        .await
        .with_context(|| format!("failed to start {shown}"))?;
    anyhow::ensure!(status.success(), "{shown} ended with {status}");
    Ok(())
}

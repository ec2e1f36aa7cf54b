//! One shutdown token a process: the first SIGTERM or SIGINT cancels it, the second aborts.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Installs the signal handlers and returns the token that the first signal cancels.
///
/// # Errors
/// When a handler cannot be installed.
pub fn install() -> std::io::Result<CancellationToken> {
    let token = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let signalled = token.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if signalled.is_cancelled() {
                tracing::warn!("second signal: aborting");
                std::process::exit(130);
            }
            tracing::info!("shutting down");
            signalled.cancel();
        }
    });
    Ok(token)
}

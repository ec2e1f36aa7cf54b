//! `/livez`, `/readyz` and `/metrics`, on a thread of their own so that a busy runtime cannot fail a probe.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use parking_lot::RwLock;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

/// One named thing that must be so before the process is ready.
#[derive(Clone, Debug)]
pub struct Check {
    name: &'static str,
    ok: Arc<AtomicBool>,
}

impl Check {
    /// Says whether it is so now.
    pub fn set(&self, ok: bool) {
        self.ok.store(ok, Ordering::Relaxed);
    }
}

/// What `/readyz` answers from.
#[derive(Clone, Debug, Default)]
pub struct Health {
    checks: Arc<RwLock<Vec<Check>>>,
}

impl Health {
    /// Adds a check that is not so yet.
    pub fn check(&self, name: &'static str) -> Check {
        let check = Check {
            name,
            ok: Arc::default(),
        };
        self.checks.write().push(check.clone());
        check
    }

    /// The names of the checks that are not so.
    pub fn failing(&self) -> Vec<&'static str> {
        self.checks
            .read()
            .iter()
            .filter(|c| !c.ok.load(Ordering::Relaxed))
            .map(|c| c.name)
            .collect()
    }
}

/// Serves until `shutdown`, on all addresses at `port`.
///
/// # Errors
/// When the port cannot be bound or the thread cannot be started.
pub fn spawn(
    port: u16,
    health: Health,
    metrics: Metrics,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    let listener = std::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))?;
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    std::thread::Builder::new()
        .name("health".to_owned())
        .spawn(move || {
            runtime.block_on(async move {
                let served = match tokio::net::TcpListener::from_std(listener) {
                    Ok(listener) => {
                        axum::serve(listener, router(health, metrics))
                            .with_graceful_shutdown(shutdown.cancelled_owned())
                            .await
                    }
                    Err(error) => Err(error),
                };
                if let Err(error) = served {
                    tracing::error!(%error, "health server ended");
                }
            });
        })?;
    Ok(())
}

fn router(health: Health, metrics: Metrics) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route(
            "/readyz",
            get(move || async move {
                let failing = health.failing();
                if failing.is_empty() {
                    (StatusCode::OK, "ok".to_owned())
                } else {
                    (
                        StatusCode::SERVICE_UNAVAILABLE,
                        format!("not ready: {}", failing.join(", ")),
                    )
                }
            }),
        )
        .route("/metrics", get(move || async move { metrics.encode() }))
}

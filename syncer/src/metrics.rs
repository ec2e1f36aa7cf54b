//! The syncer's own metrics.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::gauge::Gauge;
use warren_runtime::metrics::Metrics;

/// The common metrics and the syncer's own. Cheap to clone.
#[derive(Clone)]
pub struct Own {
    /// What every process has.
    pub common: Metrics,
    /// Seconds since the epoch of the last write to either cluster, for "a converged cluster is silent".
    pub last_write: Gauge<f64, AtomicU64>,
}

impl Own {
    /// Makes and registers them.
    pub fn register(common: Metrics) -> Self {
        let last_write = Gauge::default();
        common.register(
            "last_write_timestamp_seconds",
            "Time of the last write to either cluster",
            last_write.clone(),
        );
        Self { common, last_write }
    }
}

//! The metric set that every loop of every process has.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Metric, Registry};

/// Label of a loop.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct ByController {
    /// Name of the loop.
    pub controller: &'static str,
}

/// Labels of an outcome.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct ByReason {
    /// Name of the loop.
    pub controller: &'static str,
    /// Reason, in `PascalCase`.
    pub reason: &'static str,
}

/// The registry and the common metrics of one process. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    /// Rounds by loop.
    pub rounds: Family<ByController, Counter>,
    /// Failed rounds by loop and reason.
    pub errors: Family<ByReason, Counter>,
    /// Duration of rounds, in seconds.
    pub seconds: Family<ByController, Histogram, fn() -> Histogram>,
    /// Keys in each queue.
    pub queue_depth: Family<ByController, Gauge>,
    /// Failures of watches by kind.
    pub watch_errors: Family<ByController, Counter>,
    /// Times that a bound of [`crate::limits`] was reached.
    pub limits_reached: Family<ByReason, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// A registry with the common metrics, all under the prefix `warren_`.
    pub fn new() -> Self {
        let metrics = Self {
            registry: Arc::new(Mutex::new(Registry::with_prefix("warren"))),
            rounds: Family::default(),
            errors: Family::default(),
            seconds: Family::new_with_constructor(buckets),
            queue_depth: Family::default(),
            watch_errors: Family::default(),
            limits_reached: Family::default(),
        };
        metrics.register("reconcile", "Rounds of a loop", metrics.rounds.clone());
        metrics.register(
            "reconcile_errors",
            "Failed rounds of a loop",
            metrics.errors.clone(),
        );
        metrics.register("reconcile_seconds", "Duration of rounds", metrics.seconds.clone());
        metrics.register("workqueue_depth", "Keys that wait", metrics.queue_depth.clone());
        metrics.register(
            "watch_errors",
            "Failures of watches",
            metrics.watch_errors.clone(),
        );
        metrics.register(
            "limits_reached",
            "Times that a bound was reached",
            metrics.limits_reached.clone(),
        );
        metrics
    }

    /// Adds a metric of the process's own; counters get `_total` by themselves.
    pub fn register(&self, name: &str, help: &str, metric: impl Metric) {
        self.registry.lock().register(name, help, metric);
    }

    /// Counts one round of `controller` and its duration.
    pub fn round(&self, controller: &'static str, took: Duration) {
        self.rounds.get_or_create(&ByController { controller }).inc();
        self.seconds
            .get_or_create(&ByController { controller })
            .observe(took.as_secs_f64());
    }

    /// Counts one failure of `controller`.
    pub fn error(&self, controller: &'static str, reason: &'static str) {
        self.errors.get_or_create(&ByReason { controller, reason }).inc();
    }

    /// All metrics in `OpenMetrics` text.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail; an encoder that fails yields what it has.
        let _infallible = encode(&mut text, &self.registry.lock());
        text
    }
}

fn buckets() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 4.0, 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_rounds_with_prefix_and_label() {
        let metrics = Metrics::new();
        metrics.round("pods", Duration::from_millis(5));
        assert!(
            metrics
                .encode()
                .contains("warren_reconcile_total{controller=\"pods\"} 1")
        );
    }
}

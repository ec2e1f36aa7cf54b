//! The vkubelet's own metrics.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use warren_runtime::metrics::Metrics;

/// Label of a decision of the gate.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct ByDecision {
    /// `Kubelet`, `Dial`, `NotReady`, `Unreachable`, or the reason of a denial.
    pub decision: &'static str,
}

/// Labels of a request to the kubelet API.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct ByRoute {
    /// `exec`, `containerLogs`, …
    pub route: &'static str,
    /// HTTP status code.
    pub code: u16,
}

/// The vkubelet's own metrics. Cheap to clone.
#[derive(Clone, Default)]
pub struct Own {
    /// `CONNECT`s by decision.
    pub gate: Family<ByDecision, Counter>,
    /// Connections through the gate that are open now.
    pub gate_open: Gauge,
    /// Requests to the kubelet API.
    pub requests: Family<ByRoute, Counter>,
    /// exec, attach, port-forward and log sessions that are open now.
    pub sessions: Gauge,
    /// Bytes of tunnelled sessions, both directions.
    pub session_bytes: Counter,
    /// 1 while the operator's node stream is down and the view is old.
    pub view_stale: Gauge,
    /// Status fields that the tenant's apiserver did not take and that are not sent again.
    pub masked: Counter,
}

impl Own {
    /// Makes and registers them.
    pub fn register(metrics: &Metrics) -> Self {
        let own = Self::default();
        metrics.register("gate_connects", "CONNECTs by decision", own.gate.clone());
        metrics.register("gate_open", "Connections through the gate", own.gate_open.clone());
        metrics.register(
            "kubelet_requests",
            "Requests to the kubelet API",
            own.requests.clone(),
        );
        metrics.register("kubelet_sessions", "Open sessions", own.sessions.clone());
        metrics.register(
            "kubelet_session_bytes",
            "Bytes of tunnelled sessions",
            own.session_bytes.clone(),
        );
        metrics.register(
            "node_view_stale",
            "1 while the node stream is down",
            own.view_stale.clone(),
        );
        metrics.register(
            "status_masked",
            "Statuses that the tenant's API did not take",
            own.masked.clone(),
        );
        own
    }
}

//! The operator's own metrics.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use warren_crds::VirtualCluster;
use warren_crds::condition;
use warren_crds::virtual_cluster::conditions::READY;
use warren_runtime::metrics::Metrics;
use warren_runtime::store::Store;

use crate::pki::rotate::Decision;

/// Why a certificate was issued.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByDecision {
    reason: String,
}

/// The state of a virtual cluster.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByReady {
    ready: String,
}

/// The operator's own metrics. Cheap to clone.
#[derive(Clone, Default)]
pub struct OwnMetrics {
    certificates: Family<ByDecision, Counter>,
    clusters: Family<ByReady, Gauge>,
    ready_seconds: ReadySeconds,
}

#[derive(Clone)]
struct ReadySeconds(Histogram);

impl Default for ReadySeconds {
    fn default() -> Self {
        // Around the budget of 6 seconds, and up to what somebody would report as a fault.
        Self(Histogram::new([
            2.0, 4.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0,
        ]))
    }
}

impl OwnMetrics {
    /// Registers them.
    pub fn new(metrics: &Metrics) -> Self {
        let own = Self::default();
        metrics.register(
            "certificates_issued",
            "Certificates issued, by reason",
            own.certificates.clone(),
        );
        metrics.register(
            "virtualclusters",
            "Virtual clusters, by the status of Ready",
            own.clusters.clone(),
        );
        metrics.register(
            "virtualcluster_ready_seconds",
            "From creation to the first Ready",
            own.ready_seconds.0.clone(),
        );
        own
    }

    /// Counts an issued certificate.
    pub fn issued(&self, why: Decision) {
        self.certificates
            .get_or_create(&ByDecision {
                reason: format!("{why:?}"),
            })
            .inc();
    }

    /// Notes a first Ready.
    pub fn became_ready(&self, seconds: f64) {
        self.ready_seconds.0.observe(seconds);
    }

    /// Counts the virtual clusters of `store`.
    pub fn count(&self, store: &Store<VirtualCluster>) {
        self.clusters.clear();
        for cluster in store.all() {
            let conditions = cluster
                .status
                .as_ref()
                .map(|status| status.conditions.as_slice())
                .unwrap_or_default();
            let ready = condition::get(conditions, READY).map_or("Unknown", |c| c.status.as_str());
            self.clusters
                .get_or_create(&ByReady {
                    ready: ready.to_owned(),
                })
                .inc();
        }
    }
}

//! What the changes of the host's Services raise.

use serde_json::json;
use tokio_util::sync::CancellationToken;
use warren_runtime::metrics::Metrics;
use warren_runtime::queue::Queue;
use warren_translate::identity::{Cluster, ClusterId, ClusterUid, HostNamespace};

use super::*;
use crate::references::References;

/// How many keys a Service of the host raises that stands for `team/<name>`, when it comes and when it goes.
fn raised(name: &str) -> [usize; 2] {
    let host: Service = serde_json::from_value(json!({ "metadata": {
        "namespace": "wc-ci", "name": "x", "uid": "h", "labels": { "warren.dev/cluster": "ci" },
        "annotations": { "warren.dev/origin-namespace": "team", "warren.dev/origin-name": name,
            "warren.dev/origin-uid": "t" },
    } }))
    .unwrap();
    [(None, Some(host.clone())), (Some(host), None)].map(|(old, new)| {
        let metrics = Metrics::new();
        let exports = json!({ "toHost": { "services": [{ "namespace": "team", "name": "web" }] } });
        let wiring = Wiring {
            cluster: Cluster {
                id: ClusterId::new("ci"),
                uid: ClusterUid::new("uid"),
                workload_namespace: HostNamespace::new("wc-ci"),
            },
            queue: Queue::new("syncer", metrics.clone()),
            named_addresses: Arc::default(),
            gateways: Arc::default(),
            placed_by_host: false,
            unsynced: Arc::default(),
            sync: Arc::new(serde_json::from_value(exports).unwrap()),
            named_ranges: Arc::default(),
            references: Arc::new(References::default()),
            metrics,
            shutdown: CancellationToken::new(),
        };
        host_service(&wiring)(&Change {
            key: ObjectKey::new("wc-ci", "x"),
            old: old.map(Arc::new),
            new: new.map(Arc::new),
        });
        wiring.queue.depth()
    })
}

#[tokio::test]
async fn a_service_of_the_host_raises_its_export_as_well_if_it_has_one() {
    assert_eq!(raised("web"), [2, 2]);
    assert_eq!(raised("other"), [1, 1]);
}

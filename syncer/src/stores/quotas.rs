//! The platform's quotas in the workload namespace: what they refused is tried again as soon as there may be room.

use std::sync::Arc;

use k8s_openapi::api::core::v1::ResourceQuota;
use kube::Client;
use warren_runtime::quotas;
use warren_runtime::store::Store;

use super::Wiring;

/// Starts the watch. Without the right to it nothing is lost but time: failed keys are tried again anyway.
pub fn start(host: &Client, wiring: &Wiring) -> Store<ResourceQuota> {
    let (queue, unsynced) = (wiring.queue.clone(), Arc::clone(&wiring.unsynced));
    quotas::watch(
        host,
        wiring.cluster.workload_namespace.as_str(),
        move || {
            for key in unsynced.failing() {
                queue.add(key);
            }
        },
        &wiring.metrics,
        wiring.shutdown.clone(),
    )
}

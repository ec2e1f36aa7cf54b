//! What the operator remembers of each virtual cluster between rounds. Losing it costs one round, nothing else.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::time::Instant;
use warren_runtime::clients::TenantClient;

use super::plan::Addresses;
use super::validate::ValidatedCluster;
use crate::limits::{REASSERT, REPAIR_PAUSE};

/// The last complete pass of one virtual cluster.
#[derive(Clone)]
pub struct Pass {
    /// What was applied.
    pub cluster: Arc<ValidatedCluster>,
    /// What the host chose.
    pub addresses: Addresses,
    /// URL of the tenant's API for users; `None` while the host has not assigned it.
    pub endpoint: Option<String>,
    /// Client of the tenant's API with a short-lived certificate.
    pub tenant: TenantClient,
    /// Since when.
    pub tenant_since: Instant,
    /// Certificate (PEM) of the root that signs what the vkubelet serves with.
    pub kubelet_serving_ca: String,
    /// When a certificate must be renewed.
    pub next_renewal: Option<Timestamp>,
    /// When the pass was.
    pub at: Instant,
    /// Whether the tenant got its first objects in this pass.
    pub bootstrapped: bool,
}

impl Pass {
    /// Whether the pass still says what must be: then a round only looks.
    ///
    /// `lost`: a component has no Pod at all, so somebody may have deleted its Deployment.
    pub fn holds(&self, cluster: &ValidatedCluster, lost: bool, now: Timestamp) -> bool {
        let age = self.at.elapsed();
        *self.cluster == *cluster
            && self.endpoint.is_some()
            && age < REASSERT
            && !(lost && age > REPAIR_PAUSE)
            && self.next_renewal.is_none_or(|at| now < at)
    }
}

/// All virtual clusters, by UID.
#[derive(Default)]
pub struct Memory {
    passes: Mutex<HashMap<String, Pass>>,
}

impl Memory {
    /// The last pass.
    pub fn pass(&self, uid: &str) -> Option<Pass> {
        self.passes.lock().get(uid).cloned()
    }

    /// Remembers a pass.
    pub fn remember(&self, uid: &str, pass: Pass) {
        self.passes.lock().insert(uid.to_owned(), pass);
    }

    /// Notes that the tenant has its first objects.
    pub fn bootstrapped(&self, uid: &str) {
        if let Some(pass) = self.passes.lock().get_mut(uid) {
            pass.bootstrapped = true;
        }
    }

    /// Forgets a virtual cluster that is gone.
    pub fn forget(&self, uid: &str) {
        self.passes.lock().remove(uid);
    }
}

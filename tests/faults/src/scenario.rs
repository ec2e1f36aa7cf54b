//! The stories that are told again and again: every kind of the agents comes, changes and goes, step by step. Several, so
//! that a fault at a write costs the steps of its own story only.
//!
//! What controllers and kubelets do elsewhere (bind a claim, count a budget's Pods, run a Pod) is done here by hand.

use anyhow::Result;
use futures::future::BoxFuture;
use serde_json::Value;
use warren_translate::kinds::persistent_volume_claim;
use warren_translate::{Cluster, ClusterId, ClusterUid, HostNamespace, TenantKey, name};

use crate::agent::{CLUSTER_ID, CLUSTER_UID, WORKLOADS};
use crate::bench::{Bench, TEAM};

pub mod basics;
pub mod classes;
pub mod devices;
pub mod edge;
pub mod families;
pub mod pods;
pub mod shared;

/// Steps, each of which begins when both sides have settled after the one before. The first starts the agent.
pub type Story = &'static [Step];

/// One step.
#[derive(Clone, Copy)]
pub struct Step {
    /// What happens.
    pub name: &'static str,
    /// Does it. Fails when an apiserver refuses something.
    pub perform: for<'a> fn(&'a Bench) -> BoxFuture<'a, Result<()>>,
}

impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// A [`Step`] of a name and an async function.
macro_rules! step {
    ($name:literal, $perform:expr) => {
        $crate::scenario::Step {
            name: $name,
            perform: |bench| Box::pin($perform(bench)),
        }
    };
}
pub(crate) use step;

/// The virtual cluster, for names on the host.
pub fn cluster() -> Cluster {
    Cluster {
        id: ClusterId::new(CLUSTER_ID),
        uid: ClusterUid::new(CLUSTER_UID),
        workload_namespace: HostNamespace::new(WORKLOADS),
    }
}

/// Path of something of the tenant's namespace in the core group.
pub fn core(rest: &str) -> String {
    format!("/api/v1/namespaces/{TEAM}/{rest}")
}

/// Path of something of the tenant's namespace in another group: `apis("networking.k8s.io/v1", "ingresses/web")`.
pub fn apis(group: &str, rest: &str) -> String {
    format!("/apis/{group}/namespaces/{TEAM}/{rest}")
}

/// Path of the host object of a tenant object of this kind.
pub fn on_host(resource: &str, kind: name::Kind, name: &str) -> String {
    on_host_in("/api/v1", resource, kind, name)
}

/// As [`on_host`], of any group: `/apis/networking.k8s.io/v1`.
pub fn on_host_in(group: &str, resource: &str, kind: name::Kind, name: &str) -> String {
    let host_name = name::host_name(&cluster(), kind, &TenantKey::new(TEAM, name));
    format!("{group}/namespaces/{WORKLOADS}/{resource}/{host_name}")
}

/// Path of the host claim of a tenant claim.
pub fn host_claim(name: &str) -> String {
    let host_name = persistent_volume_claim::host_name(&cluster(), &TenantKey::new(TEAM, name));
    format!("/api/v1/namespaces/{WORKLOADS}/persistentvolumeclaims/{host_name}")
}

/// Changes something of the tenant's.
async fn patch(bench: &Bench, path: &str, change: &Value) -> Result<()> {
    bench.tenant.patch(path, change).await.map(drop)
}

/// Makes something on the host.
async fn make_on_host(bench: &Bench, collection: &str, object: &Value) -> Result<()> {
    bench.host.create(collection, object).await.map(drop)
}

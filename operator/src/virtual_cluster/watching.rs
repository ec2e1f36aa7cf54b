//! I/O: looks at what runs: the components' Pods from the watch, and the tenant's API.

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use warren_crds::virtual_cluster::conditions::MAPPINGS_ACCEPTED;
use warren_crds::{VirtualCluster, keys};

use super::component::{self, Level, State};
use super::conditions::{Seen, Tenant};
use super::memory::Pass;
use super::names::component as names;
use super::plan::kubeconfig;
use super::report::Facts;
use super::validate::ValidatedCluster;
use super::{observe, pass, tenant};
use crate::context::Context;
use crate::nodes;
use warren_runtime::log::Chain;

/// The components on the host.
#[derive(Clone, Debug, Default)]
pub struct Components {
    etcd: State,
    control_plane: State,
    syncer: State,
    vkubelet: State,
    coredns: State,
    /// One of them has no Pod at all.
    pub lost: bool,
}

/// Reads the components from the watch of Pods.
pub fn components(context: &Context, cluster: &ValidatedCluster) -> Components {
    let pods = context.pods.filter(|pod| is_of(pod, cluster));
    let state = |name: &str| {
        component::state(
            pods.iter()
                .map(AsRef::as_ref)
                .filter(|pod| pod.labels().get(keys::COMPONENT).is_some_and(|c| c == name)),
        )
    };
    let mut components = Components {
        etcd: state(names::ETCD),
        control_plane: state(names::CONTROL_PLANE),
        syncer: state(names::SYNCER),
        vkubelet: state(names::VKUBELET),
        coredns: state(names::COREDNS),
        lost: false,
    };
    let all = [
        &components.etcd,
        &components.control_plane,
        &components.syncer,
        &components.vkubelet,
        &components.coredns,
    ];
    components.lost = all.iter().any(|state| state.level == Level::Absent);
    components
}

fn is_of(pod: &Pod, cluster: &ValidatedCluster) -> bool {
    pod.metadata.namespace.as_deref() == Some(&cluster.namespaces.system)
}

/// Asks the tenant's API, and gives it its first objects when it answers for the first time since the last pass.
///
/// `was_ready`: it was Ready once, so what does not run now has failed, and is not just starting.
pub async fn look(context: &Context, pass: &Pass, components: Components, was_ready: bool) -> Seen {
    let Components {
        etcd,
        control_plane,
        syncer,
        vkubelet,
        coredns,
        lost: _,
    } = components;
    // Before its containers run there is nothing to ask.
    let tenant = async {
        if control_plane.level >= Level::Begun {
            ask(context, pass).await
        } else {
            Tenant::Silent("its Pod does not run".to_owned())
        }
    };
    let unsynced = async {
        if syncer.level == Level::Ready {
            observe::unsynced(&context.host.client(), &pass.cluster).await
        } else {
            None
        }
    };
    let (tenant, unsynced) = tokio::join!(tenant, unsynced);
    Seen {
        etcd,
        control_plane,
        syncer,
        unsynced,
        vkubelet,
        coredns,
        tenant,
        next_renewal: pass.next_renewal,
        endpoint: pass.endpoint.clone(),
        eligible_nodes: nodes::selector::eligible(&context.nodes, &pass.cluster.node_selector),
        was_ready,
        refused: None,
    }
}

/// What of `spec.sync` is not shared; `None` where nobody asks, nor has asked before.
pub fn refused(cluster: &VirtualCluster, pass: &Pass) -> Option<Vec<String>> {
    let conditions = cluster.status.iter().flat_map(|status| &status.conditions);
    let asked_before = || {
        conditions
            .into_iter()
            .any(|condition| condition.type_ == MAPPINGS_ACCEPTED)
    };
    (!cluster.spec.sync.is_empty() || asked_before()).then(|| pass.cluster.shared.refused.clone())
}

async fn ask(context: &Context, pass: &Pass) -> Tenant {
    let view = match tenant::look(&pass.tenant).await {
        Ok(view) => view,
        Err(error) => return Tenant::Silent(error.to_string()),
    };
    let bootstrapped = context
        .memory
        .pass(&pass.cluster.uid)
        .is_some_and(|pass| pass.bootstrapped);
    if !bootstrapped {
        let (bootstrapped, ()) = tokio::join!(
            tenant::bootstrap(&pass.tenant, &pass.addresses, &pass.cluster),
            tenant::offer_metrics(&pass.tenant, &pass.kubelet_serving_ca),
        );
        if let Err(error) = bootstrapped {
            return Tenant::Silent(format!("its first objects cannot be written: {error}"));
        }
        if let Err(error) = pass::start_waiting(context, pass).await {
            return Tenant::Silent(format!("its DNS cannot be started: {}", Chain(&error)));
        }
        context.memory.bootstrapped(&pass.cluster.uid);
    }
    Tenant::Serves(view)
}

/// What the status says beside conditions.
pub fn facts(pass: &Pass, seen: &Seen) -> Facts {
    let cluster = &pass.cluster;
    Facts {
        class: Some(cluster.class.clone()),
        version: Some(cluster.release.clone()),
        endpoint: pass.endpoint.clone(),
        kubeconfig_secret: pass
            .endpoint
            .as_ref()
            .map(|_| kubeconfig::secret_name(&cluster.name)),
        tenant_uid: match &seen.tenant {
            Tenant::Serves(view) => Some(view.uid.clone()),
            Tenant::Silent(_) => None,
        },
        control_plane_replicas: Some(seen.control_plane.ready_pods),
    }
}

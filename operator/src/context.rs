//! What all parts of the operator share.

use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use k8s_openapi::api::networking::v1::ServiceCIDR;
use kube::core::PartialObjectMeta;
use kube::runtime::events::Reporter;
use warren_crds::{VirtualCluster, VirtualClusterClass};
use warren_runtime::clients::HostClient;
use warren_runtime::clock::SharedClock;
use warren_runtime::events::Recorder;
use warren_runtime::metrics::Metrics;
use warren_runtime::store::Store;

use crate::args::Args;
use crate::metrics::OwnMetrics;
use crate::pki::Pair;
use crate::virtual_cluster::apply::MANAGER;
use crate::virtual_cluster::memory::Memory;
use crate::virtual_cluster::plan::Settings;

/// What all parts of the operator share.
pub struct Context {
    /// The host's API.
    pub host: HostClient,
    /// Now.
    pub clock: SharedClock,
    /// What is the same for every virtual cluster.
    pub settings: Settings,
    /// The operator's own CA.
    pub operator_root: Pair,
    /// Watched.
    pub clusters: Store<VirtualCluster>,
    /// Watched.
    pub classes: Store<VirtualClusterClass>,
    /// Watched, pruned.
    pub nodes: Store<Node>,
    /// Watched, pruned: all of the host's.
    pub pods: Store<Pod>,
    /// Watched.
    pub service_cidrs: Store<ServiceCIDR>,
    /// Watched: namespaces that are open to mappings.
    pub sync_sources: Store<PartialObjectMeta<Namespace>>,
    /// Between rounds.
    pub memory: Memory,
    /// Events on VirtualClusters.
    pub recorder: Recorder,
    /// The set that every process has.
    pub metrics: Metrics,
    /// The operator's own.
    pub own_metrics: OwnMetrics,
}

/// Settings from flags and what the host says.
pub fn settings(args: &Args, operator_address: String) -> Settings {
    let Args {
        namespace,
        pod_name: _,
        service_account,
        service: _,
        syncer_image,
        vkubelet_image,
        image_pull_policy,
        priority_class,
        log_format: _,
        health_port: _,
        grpc_port: _,
        default_class: _,
        workers: _,
    } = args;
    let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    Settings {
        operator_namespace: namespace.clone(),
        operator_service_account: service_account.clone(),
        operator_address,
        syncer_image: syncer_image.clone(),
        vkubelet_image: vkubelet_image.clone(),
        image_pull_policy: some(image_pull_policy),
        priority_class: some(priority_class),
        log_format: args.log_format_name().to_owned(),
    }
}

/// The recorder of the operator's Events.
pub fn recorder(host: &HostClient, pod_name: &str) -> Recorder {
    let reporter = Reporter {
        controller: MANAGER.to_owned(),
        instance: Some(pod_name.to_owned()),
    };
    Recorder::new(host.client(), reporter)
}

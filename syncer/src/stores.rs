//! The watches of both clusters: what each keeps. Which keys a change raises is in `raise`.

mod area;
mod both;
pub mod budgets;
mod certificates;
pub mod customs;
pub mod exports;
pub mod ingresses;
pub mod mapped;
pub mod network_policies;
pub mod quotas;
mod raise;
pub mod resource_claims;
pub mod shared;
pub mod storage;
mod ups;

use std::sync::Arc;

use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::ObjectMeta;
use kube::core::{DeserializeGuard, PartialObjectMeta};
use kube::runtime::watcher;
use kube::{Api, Client};
use tokio_util::sync::CancellationToken;
use warren_crds::gateways::OfferedGateway;
use warren_crds::keys;
use warren_crds::sync::SyncSpec;
use warren_runtime::metrics::Metrics;
use warren_runtime::queue::Queue;
use warren_runtime::store::Store;
use warren_runtime::watch;
use warren_translate::identity::Cluster;
use warren_translate::kinds::endpoint_slice::{MANAGED_BY, MANAGED_BY_SELECTOR, MANAGED_BY_WARREN};
use warren_translate::kinds::{pod_certificate, token};
use warren_translate::meta::LAST_APPLIED;
use warren_translate::mirrored::is_mirrored;

use crate::host_pod::HostPod;
use crate::key::{Key, Kind};
use crate::named_addresses::NamedAddresses;
use crate::named_ranges::NamedRanges;
use crate::references::References;
use crate::tenant_pod::TenantPod;
use crate::unsynced::Unsynced;

pub use area::{Area, Parts, Sides};
pub use both::Both;
pub use certificates::{Candidate, CertificateApis};
pub use storage::{HostStorage, Storage, TenantStorage};
pub use ups::Ups;

/// Pods that a node runs or is about to run; others name nothing that has to be on the host.
const BOUND_TENANT_PODS: &str = "spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed";
/// The same, where the host's scheduler places Pods: they are on the host before they are bound.
const LIVE_TENANT_PODS: &str = LIVE_HOST_PODS;
/// Finished Pods read nothing any more.
const LIVE_HOST_PODS: &str = "status.phase!=Succeeded,status.phase!=Failed";

/// What the tenant has.
pub struct TenantStores {
    /// Pods that are, or may come, to the host and are not finished: who they are and what they name.
    pub pods: Store<TenantPod>,
    /// ConfigMaps, metadata only.
    pub config_maps: Store<PartialObjectMeta<ConfigMap>>,
    /// Secrets, metadata only.
    pub secrets: Store<PartialObjectMeta<Secret>>,
    /// Services.
    pub services: Store<Service>,
    /// EndpointSlices, without those that the tenant's controller makes of selectors.
    pub endpoint_slices: Store<EndpointSlice>,
    /// Trust bundles and certificate requests, where the tenant serves them.
    pub certificates: CertificateApis,
    /// Claims and volumes.
    pub storage: TenantStorage,
}

/// What the host has, of this cluster only.
pub struct HostStores {
    /// ConfigMaps, metadata only.
    pub config_maps: Store<PartialObjectMeta<ConfigMap>>,
    /// Secrets, metadata only.
    pub secrets: Store<PartialObjectMeta<Secret>>,
    /// Services.
    pub services: Store<Service>,
    /// EndpointSlices that this syncer made.
    pub endpoint_slices: Store<EndpointSlice>,
    /// Pods that are not finished: what they stand for and their addresses.
    pub pods: Store<HostPod>,
    /// Claims and volumes.
    pub storage: HostStorage,
}

/// What watches need to raise keys.
#[derive(Clone)]
pub struct Wiring {
    /// The virtual cluster.
    pub cluster: Cluster,
    /// The host's scheduler places the tenant's Pods.
    pub placed_by_host: bool,
    /// Where keys go.
    pub queue: Queue<Key>,
    /// What Pods name.
    pub references: Arc<References>,
    /// What the tenant's EndpointSlices name.
    pub named_addresses: Arc<NamedAddresses>,
    /// What failed.
    pub unsynced: Arc<Unsynced>,
    /// What is shared with the host by name.
    pub sync: Arc<SyncSpec>,
    /// Gateways of the host on offer.
    pub gateways: Arc<[OfferedGateway]>,
    /// Which ranges of addresses the tenant's NetworkPolicies name.
    pub named_ranges: Arc<NamedRanges>,
    /// Counts failures of watches.
    pub metrics: Metrics,
    /// Ends the watches.
    pub shutdown: CancellationToken,
}

impl TenantStores {
    /// Starts the watches of the tenant. `host` tells which unreferenced objects still have a copy.
    pub fn start(client: &Client, host: &HostStores, wiring: &Wiring) -> Self {
        let on_map = raise::content(Kind::ConfigMap, host.config_maps.clone(), wiring);
        let on_secret = raise::content(Kind::Secret, host.secrets.clone(), wiring);
        let pods = if wiring.placed_by_host {
            LIVE_TENANT_PODS
        } else {
            BOUND_TENANT_PODS
        };
        Self {
            pods: watch::spawn(
                Api::<DeserializeGuard<TenantPod>>::all(client.clone()),
                "Pod",
                watcher::Config::default().fields(pods),
                |_pod| {},
                raise::pod(wiring),
                &wiring.metrics,
                wiring.shutdown.clone(),
            ),
            config_maps: watch::spawn_metadata(
                Api::all(client.clone()),
                "ConfigMap",
                watcher::Config::default(),
                |object| keep_identity(&mut object.metadata),
                on_map,
                &wiring.metrics,
                wiring.shutdown.clone(),
            ),
            secrets: watch::spawn_metadata(
                Api::all(client.clone()),
                "Secret",
                watcher::Config::default(),
                |object| keep_identity(&mut object.metadata),
                on_secret,
                &wiring.metrics,
                wiring.shutdown.clone(),
            ),
            services: watch::spawn(
                Api::all(client.clone()),
                "Service",
                watcher::Config::default(),
                |_service: &mut Service| {},
                raise::service(wiring),
                &wiring.metrics,
                wiring.shutdown.clone(),
            ),
            endpoint_slices: watch::spawn(
                Api::all(client.clone()),
                "EndpointSlice",
                watcher::Config::default().labels(&format!("{MANAGED_BY}!={MANAGED_BY_SELECTOR}")),
                |slice: &mut EndpointSlice| without_last_applied(&mut slice.metadata),
                raise::endpoint_slice(wiring),
                &wiring.metrics,
                wiring.shutdown.clone(),
            ),
            certificates: CertificateApis::start(client, wiring),
            storage: TenantStorage::start(client, wiring),
        }
    }

    /// Waits until each but storage has seen one complete list.
    pub async fn wait_until_ready(&self) {
        self.pods.wait_until_ready().await;
        self.config_maps.wait_until_ready().await;
        self.secrets.wait_until_ready().await;
        self.services.wait_until_ready().await;
        self.endpoint_slices.wait_until_ready().await;
        self.certificates.wait_until_settled().await;
    }
}

impl HostStores {
    /// Starts the watches of this cluster's objects in the workload namespace.
    pub fn start(client: &Client, wiring: &Wiring) -> Self {
        let namespace = wiring.cluster.workload_namespace.as_str();
        let own = own(wiring);
        Self {
            config_maps: watch::spawn_metadata(
                Api::namespaced(client.clone(), namespace),
                "ConfigMap",
                own.clone(),
                |object| keep_origin(&mut object.metadata),
                raise::origin(Kind::ConfigMap, wiring),
                &wiring.metrics,
                wiring.shutdown.clone(),
            ),
            secrets: watch::spawn_metadata(
                Api::namespaced(client.clone(), namespace),
                "Secret",
                own.clone(),
                |object| keep_origin(&mut object.metadata),
                raise::origin(Kind::Secret, wiring),
                &wiring.metrics,
                wiring.shutdown.clone(),
            ),
            services: watch::spawn(
                Api::namespaced(client.clone(), namespace),
                "Service",
                own.clone(),
                |_service: &mut Service| {},
                raise::host_service(wiring),
                &wiring.metrics,
                wiring.shutdown.clone(),
            ),
            endpoint_slices: watch::spawn(
                Api::namespaced(client.clone(), namespace),
                "HostEndpointSlice",
                // Beside the label of the cluster, which the host's controller copies from Services to its own slices.
                watcher::Config::default().labels(&format!(
                    "{}={},{MANAGED_BY}={MANAGED_BY_WARREN}",
                    keys::CLUSTER,
                    wiring.cluster.id
                )),
                |_slice: &mut EndpointSlice| {},
                raise::origin(Kind::EndpointSlice, wiring),
                &wiring.metrics,
                wiring.shutdown.clone(),
            ),
            pods: watch::spawn(
                Api::<DeserializeGuard<HostPod>>::namespaced(client.clone(), namespace),
                "HostPod",
                own.clone().fields(LIVE_HOST_PODS),
                |pod| keep_origin(&mut pod.metadata),
                raise::host_pod(wiring),
                &wiring.metrics,
                wiring.shutdown.clone(),
            ),
            storage: HostStorage::start(client, own, wiring),
        }
    }

    /// Waits until each but storage has seen one complete list.
    pub async fn wait_until_ready(&self) {
        self.config_maps.wait_until_ready().await;
        self.secrets.wait_until_ready().await;
        self.services.wait_until_ready().await;
        self.endpoint_slices.wait_until_ready().await;
        self.pods.wait_until_ready().await;
    }
}

fn without_last_applied(metadata: &mut ObjectMeta) {
    if let Some(annotations) = metadata.annotations.as_mut() {
        annotations.remove(LAST_APPLIED);
    }
}

/// Selects what is on the host of this cluster.
fn own(wiring: &Wiring) -> watcher::Config {
    watcher::Config::default().labels(&format!("{}={}", keys::CLUSTER, wiring.cluster.id))
}

/// Of a tenant object only who it is and which version, and whether it came from the host.
fn keep_identity(metadata: &mut ObjectMeta) {
    let labels = is_mirrored(metadata).then(|| metadata.labels.take()).flatten();
    let from_host = labels.map(|mut labels| {
        labels.retain(|key, _| key == keys::FROM_HOST);
        labels
    });
    *metadata = ObjectMeta {
        labels: from_host,
        name: metadata.name.take(),
        namespace: metadata.namespace.take(),
        uid: metadata.uid.take(),
        resource_version: metadata.resource_version.take(),
        ..ObjectMeta::default()
    };
}

/// Of a host object also whose it is, what it stands for, who owns it, and when its tokens or certificate end.
pub fn keep_origin(metadata: &mut ObjectMeta) {
    const KEPT: [&str; 7] = [
        keys::ORIGIN_NAMESPACE,
        keys::ORIGIN_NAME,
        keys::ORIGIN_UID,
        keys::ORIGIN_KIND,
        token::EXPIRY,
        pod_certificate::REFRESH,
        pod_certificate::SOURCE,
    ];
    if let Some(labels) = metadata.labels.as_mut() {
        labels.retain(|key, _| key == keys::CLUSTER);
    }
    if let Some(annotations) = metadata.annotations.as_mut() {
        annotations.retain(|key, _| KEPT.contains(&key.as_str()));
    }
    *metadata = ObjectMeta {
        name: metadata.name.take(),
        namespace: metadata.namespace.take(),
        uid: metadata.uid.take(),
        resource_version: metadata.resource_version.take(),
        labels: metadata.labels.take(),
        annotations: metadata.annotations.take(),
        owner_references: metadata.owner_references.take(),
        deletion_timestamp: metadata.deletion_timestamp.take(),
        ..ObjectMeta::default()
    };
}

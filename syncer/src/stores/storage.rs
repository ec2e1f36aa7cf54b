//! What is kept of both clusters' storage: claims and volumes. Classes are among what comes up (`ups`).
//!
//! The rights to it on the host may be missing (a chart that is older than this syncer, or an administrator who does not
//! grant them). Then storage stands still, and nothing else: nobody waits for these stores longer than a moment.

mod raise;

use std::time::Duration;

use k8s_openapi::api::core::v1::{
    CSIPersistentVolumeSource, PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec,
};
use kube::runtime::watcher;
use kube::{Api, Client};
use tokio::time::timeout;
use warren_runtime::store::Store;
use warren_runtime::watch;
use warren_translate::mirrored::is_mirrored;

use super::{Wiring, without_last_applied};

/// How long the start waits for these stores.
const MOMENT: Duration = Duration::from_secs(5);

/// What the tenant has.
pub struct TenantStorage {
    /// Claims.
    pub claims: Store<PersistentVolumeClaim>,
    /// Volumes; of those that the tenant made itself only who they are.
    pub volumes: Store<PersistentVolume>,
}

/// What the host has.
pub struct HostStorage {
    /// Claims of this cluster.
    pub claims: Store<PersistentVolumeClaim>,
    /// Volumes that are bound to a claim in the workload namespace, without how they are reached.
    pub volumes: Store<PersistentVolume>,
}

impl TenantStorage {
    /// Starts the watches.
    pub(super) fn start(client: &Client, wiring: &Wiring) -> Self {
        let everything = watcher::Config::default;
        Self {
            claims: watch::spawn(
                Api::all(client.clone()),
                "PersistentVolumeClaim",
                everything(),
                |claim: &mut PersistentVolumeClaim| without_last_applied(&mut claim.metadata),
                raise::tenant_claim(wiring),
                &wiring.metrics,
                wiring.shutdown.clone(),
            ),
            volumes: watch::spawn(
                Api::all(client.clone()),
                "PersistentVolume",
                everything(),
                prune_tenant_volume,
                raise::tenant_volume(wiring),
                &wiring.metrics,
                wiring.shutdown.clone(),
            ),
        }
    }

    async fn wait_until_ready(&self) {
        self.claims.wait_until_ready().await;
        self.volumes.wait_until_ready().await;
    }

    fn is_ready(&self) -> bool {
        self.claims.is_ready() && self.volumes.is_ready()
    }
}

impl HostStorage {
    /// Starts the watches.
    pub(super) fn start(client: &Client, own: watcher::Config, wiring: &Wiring) -> Self {
        let namespace = wiring.cluster.workload_namespace.as_str();
        let in_namespace = namespace.to_owned();
        Self {
            claims: watch::spawn(
                Api::namespaced(client.clone(), namespace),
                "HostPersistentVolumeClaim",
                own,
                |_claim: &mut PersistentVolumeClaim| {},
                raise::host_claim(wiring),
                &wiring.metrics,
                wiring.shutdown.clone(),
            ),
            volumes: watch::spawn(
                Api::all(client.clone()),
                "HostPersistentVolume",
                watcher::Config::default(),
                move |volume| prune_host_volume(volume, &in_namespace),
                raise::host_volume(wiring),
                &wiring.metrics,
                wiring.shutdown.clone(),
            ),
        }
    }

    async fn wait_until_ready(&self) {
        self.claims.wait_until_ready().await;
        self.volumes.wait_until_ready().await;
    }

    fn is_ready(&self) -> bool {
        self.claims.is_ready() && self.volumes.is_ready()
    }
}

/// Whether all of both clusters has been listed once: before, nothing may be taken for absent.
pub fn is_ready(tenant: &TenantStorage, host: &HostStorage) -> bool {
    tenant.is_ready() && host.is_ready()
}

/// Waits until [`is_ready`].
pub async fn wait_until_ready(tenant: &TenantStorage, host: &HostStorage) {
    tokio::join!(tenant.wait_until_ready(), host.wait_until_ready());
}

/// As [`wait_until_ready`], for a moment only.
pub async fn wait_a_moment(tenant: &TenantStorage, host: &HostStorage) {
    if timeout(MOMENT, wait_until_ready(tenant, host)).await.is_err() {
        tracing::warn!(
            tenant = tenant.is_ready(),
            host = host.is_ready(),
            "claims and volumes cannot be read (an older chart does not grant it): volumes wait, \
             everything else goes on"
        );
    }
}

fn prune_tenant_volume(volume: &mut PersistentVolume) {
    without_last_applied(&mut volume.metadata);
    if !is_mirrored(&volume.metadata) {
        volume.metadata.annotations = None;
        volume.spec = None;
        volume.status = None;
    }
}

/// Others' volumes are not kept at all, and of those that are nothing that only a kubelet or a driver needs.
fn prune_host_volume(volume: &mut PersistentVolume, namespace: &str) -> bool {
    let Some(spec) = volume.spec.take() else {
        return false;
    };
    let claim = spec.claim_ref.as_ref();
    let kept =
        claim.is_some_and(|claim| claim.namespace.as_deref() == Some(namespace) && claim.uid.is_some());
    if let Some(annotations) = volume.metadata.annotations.as_mut() {
        annotations.retain(|key, _| key.starts_with("pv.kubernetes.io/"));
    }
    volume.spec = Some(PersistentVolumeSpec {
        access_modes: spec.access_modes,
        capacity: spec.capacity,
        claim_ref: spec.claim_ref,
        csi: spec.csi.map(|csi| CSIPersistentVolumeSource {
            driver: csi.driver,
            // Taken out of texts that go up.
            volume_handle: csi.volume_handle,
            ..CSIPersistentVolumeSource::default()
        }),
        node_affinity: spec.node_affinity,
        persistent_volume_reclaim_policy: spec.persistent_volume_reclaim_policy,
        storage_class_name: spec.storage_class_name,
        volume_mode: spec.volume_mode,
        ..PersistentVolumeSpec::default()
    });
    kept
}

#[cfg(test)]
mod tests;

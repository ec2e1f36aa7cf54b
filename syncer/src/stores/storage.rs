//! What is kept of both clusters' storage: claims and volumes. Classes are among what comes up (`ups`).

mod raise;

use std::collections::BTreeSet;

use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::{
    CSIPersistentVolumeSource, PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec,
};
use kube::runtime::watcher;
use kube::{Api, Client};
use warren_runtime::store::Store;
use warren_runtime::watch;
use warren_translate::identity::{Cluster, TenantKey};
use warren_translate::mirrored::is_mirrored;

use super::area::{Parts, Sides};
use super::{Wiring, without_last_applied};
use crate::key::{Key, Kind};

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
}

/// Claims and volumes of both clusters.
pub struct Storage<'a> {
    /// What the tenant has.
    pub tenant: &'a TenantStorage,
    /// What the host has.
    pub host: &'a HostStorage,
}

impl Parts for Storage<'_> {
    fn is_read(&self) -> Sides<bool> {
        let (tenant, host) = (self.tenant, self.host);
        Sides {
            tenant: tenant.claims.is_ready() && tenant.volumes.is_ready(),
            host: host.claims.is_ready() && host.volumes.is_ready(),
        }
    }

    fn until_read(&self) -> BoxFuture<'_, ()> {
        let (tenant, host) = (self.tenant, self.host);
        async move {
            tenant.claims.wait_until_ready().await;
            tenant.volumes.wait_until_ready().await;
            host.claims.wait_until_ready().await;
            host.volumes.wait_until_ready().await;
        }
        .boxed()
    }

    fn trouble(&self) -> Sides<Option<&'static str>> {
        let (tenant, host) = (self.tenant, self.host);
        Sides {
            tenant: tenant.claims.trouble().or_else(|| tenant.volumes.trouble()),
            host: host.claims.trouble().or_else(|| host.volumes.trouble()),
        }
    }

    fn keys(&self, cluster: &Cluster, _claims: Kind) -> BTreeSet<Key> {
        let (tenant, host) = (self.tenant, self.host);
        let claims = tenant.claims.keys().into_iter();
        let mut keys: BTreeSet<Key> = claims
            .map(|claim| Key::new(Kind::Claim, TenantKey::new(claim.namespace, claim.name)))
            .collect();
        for claim in host.claims.all() {
            keys.extend(Key::of_host(Kind::Claim, &claim.metadata));
            keys.extend(Key::volume_of_claim(&claim));
        }
        let volumes = tenant.volumes.filter(|volume| is_mirrored(&volume.metadata));
        let names = volumes
            .iter()
            .filter_map(|volume| volume.metadata.name.as_deref());
        keys.extend(names.map(|name| Key::cluster(Kind::Volume, name)));
        let volumes = host.volumes.all();
        keys.extend(
            volumes
                .iter()
                .filter_map(|volume| Key::of_host_volume(cluster, volume)),
        );
        keys
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

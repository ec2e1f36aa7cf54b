//! Storage between two APIs in memory: what a tenant asks for, what a host's controllers do, and rounds until both sides
//! are at rest.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use warren_runtime::store::Stored;
use warren_translate::identity::TenantKey;
use warren_translate::kinds::persistent_volume_claim;

use super::{FakeApi, TEAM, World, refill};
use crate::error::{Error, Result};
use crate::key::{Key, Kind};
use crate::registry::{self, Round};
use crate::stores::Both;

/// Where the tenant's claims are.
pub(crate) const CLAIMS: &str = "/api/v1/namespaces/team/persistentvolumeclaims/";
/// Where the host's claims are.
pub(crate) const HOST_CLAIMS: &str = "/api/v1/namespaces/wc-ci/persistentvolumeclaims/";
/// Where the volumes of either side are.
pub(crate) const VOLUMES: &str = "/api/v1/persistentvolumes/";
/// Where the StorageClasses of either side are.
pub(crate) const CLASSES: &str = "/apis/storage.k8s.io/v1/storageclasses/";
/// Where the IngressClasses of either side are.
pub(crate) const INGRESS_CLASSES: &str = "/apis/networking.k8s.io/v1/ingressclasses/";
/// Where the PriorityClasses of either side are.
pub(crate) const PRIORITY_CLASSES: &str = "/apis/scheduling.k8s.io/v1/priorityclasses/";
/// Where the RuntimeClasses of either side are.
pub(crate) const RUNTIME_CLASSES: &str = "/apis/node.k8s.io/v1/runtimeclasses/";
/// Where the DeviceClasses of either side are.
pub(crate) const DEVICE_CLASSES: &str = "/apis/resource.k8s.io/v1/deviceclasses/";
/// Where the CSIDrivers of either side are.
pub(crate) const CSI_DRIVERS: &str = "/apis/storage.k8s.io/v1/csidrivers/";
/// Where the CSINodes of either side are.
pub(crate) const CSI_NODES: &str = "/apis/storage.k8s.io/v1/csinodes/";
/// Where the CSIStorageCapacities of either side are, in every namespace.
pub(crate) const CSI_CAPACITIES: &str = "/apis/storage.k8s.io/v1/namespaces/";

/// The key of the tenant's claim `data`.
pub(crate) fn data() -> Key {
    Key::new(Kind::Claim, TenantKey::new(TEAM, "data"))
}

impl World {
    /// With a class `fast` on the host, and both sides at rest.
    pub(crate) async fn with_class() -> Self {
        let world = Self::new().await;
        world.host_class("fast", &json!({}));
        world.at_rest().await;
        world.host.calls();
        world.tenant.calls();
        world
    }

    /// The host has a class.
    pub(crate) fn host_class(&self, name: &str, extra: &Value) {
        let mut class = json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {},
            "provisioner": "csi.example.com", "parameters": { "secret": "of-the-host" },
            "reclaimPolicy": "Delete", "volumeBindingMode": "WaitForFirstConsumer", "allowVolumeExpansion": true,
        });
        for (field, value) in extra.as_object().into_iter().flatten() {
            class[field] = value.clone();
        }
        self.host.put(&format!("{CLASSES}{name}"), class);
    }

    /// The tenant has the claim `data` with this UID; `extra` goes into its spec.
    pub(crate) fn tenant_claim(&self, uid: &str, extra: &Value) {
        let mut claim = json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": { "namespace": TEAM, "uid": uid },
            "spec": { "accessModes": ["ReadWriteOnce"], "storageClassName": "fast", "volumeMode": "Filesystem",
                "resources": { "requests": { "storage": "1Gi" } } },
            "status": { "phase": "Pending" },
        });
        for (field, value) in extra.as_object().into_iter().flatten() {
            claim["spec"][field] = value.clone();
        }
        self.tenant.put(&format!("{CLAIMS}data"), claim);
    }

    /// Somebody else changes an object.
    pub(crate) fn change(api: &FakeApi, path: &str, change: impl FnOnce(&mut Value)) {
        let mut objects = api.list(path);
        assert_eq!(objects.len(), 1, "{path}");
        let mut object = objects.remove(0);
        change(&mut object);
        api.put(path, object);
    }

    /// Path of the host claim of `data`.
    pub(crate) fn host_claim(&self) -> String {
        let name = persistent_volume_claim::host_name(&self.ctx.cluster, &data().tenant);
        format!("{HOST_CLAIMS}{name}")
    }

    /// The host's provisioner makes a volume for the host claim of `data`, and its binder binds it. Returns the name that
    /// it has in the tenant.
    pub(crate) fn provision(&self, reclaim_policy: &str) -> String {
        let path = self.host_claim();
        let claim = self.host.only(&path).1;
        let uid = claim["metadata"]["uid"].as_str().unwrap();
        self.host.put(
            &format!("{VOLUMES}of-the-host"),
            json!({
                "apiVersion": "v1", "kind": "PersistentVolume",
                "metadata": { "annotations": { "pv.kubernetes.io/provisioned-by": "csi.example.com" } },
                "spec": {
                    "accessModes": ["ReadWriteOnce"], "capacity": { "storage": "1Gi" }, "volumeMode": "Filesystem",
                    "persistentVolumeReclaimPolicy": reclaim_policy, "storageClassName": "fast",
                    "claimRef": { "kind": "PersistentVolumeClaim", "namespace": "wc-ci",
                        "name": claim["metadata"]["name"], "uid": uid },
                    "csi": { "driver": "csi.example.com", "volumeHandle": "handle-of-the-host",
                        "nodeStageSecretRef": { "name": "secret-of-the-host", "namespace": "kube-system" } },
                },
                "status": { "phase": "Bound" },
            }),
        );
        let name = format!("pvc-{uid}");
        Self::change(&self.host, &path, |claim| {
            claim["spec"]["volumeName"] = json!("of-the-host");
            claim["metadata"]["annotations"]["pv.kubernetes.io/bind-completed"] = json!("yes");
            claim["status"] = json!({ "phase": "Bound", "accessModes": ["ReadWriteOnce"],
                "capacity": { "storage": "1Gi" } });
        });
        name
    }

    /// `data` is bound on both sides. Returns the name of its volume in the tenant.
    pub(crate) async fn bound(&self, reclaim_policy: &str) -> String {
        self.tenant_claim("t-data", &json!({}));
        self.at_rest().await;
        let name = self.provision(reclaim_policy);
        self.at_rest().await;
        let claim = self.tenant.only(&format!("{CLAIMS}data")).1;
        assert_eq!(claim["status"]["phase"], "Bound");
        assert_eq!(claim["spec"]["volumeName"], json!(name));
        name
    }

    /// The watches of both sides catch up.
    pub(crate) fn storage_catches_up(&self) {
        let (host, tenant) = (&self.ctx.host.storage, &self.ctx.tenant.storage);
        refill(&host.claims, self.host.list(HOST_CLAIMS));
        refill(&host.volumes, self.host.list(VOLUMES));
        refill(&tenant.claims, self.tenant.list(CLAIMS));
        refill(&tenant.volumes, self.tenant.list(VOLUMES));
    }

    /// The watches of what comes up catch up.
    pub(crate) fn ups_catch_up(&self) {
        self.catches_up(&self.ctx.ups.storage_classes, CLASSES);
        self.catches_up(&self.ctx.ups.ingress_classes, INGRESS_CLASSES);
        self.catches_up(&self.ctx.ups.priority_classes, PRIORITY_CLASSES);
        self.catches_up(&self.ctx.ups.runtime_classes, RUNTIME_CLASSES);
        self.catches_up(&self.ctx.ups.device_classes, DEVICE_CLASSES);
        self.catches_up(&self.ctx.ups.csi_drivers, CSI_DRIVERS);
        self.catches_up(&self.ctx.ups.csi_nodes, CSI_NODES);
        self.catches_up(&self.ctx.ups.csi_capacities, CSI_CAPACITIES);
        refill(&self.ctx.ups.nodes, self.tenant.list("/api/v1/nodes/"));
    }

    /// What a full pass raises of what comes up.
    pub(crate) fn up_keys(&self) -> Vec<Key> {
        let areas = self.ctx.ups.areas();
        let keys = areas.iter().flat_map(|area| area.keys(&self.ctx.cluster));
        keys.collect()
    }

    fn catches_up<K: DeserializeOwned + Stored>(&self, both: &Both<K>, path: &str) {
        refill(&both.host, self.host.list(path));
        refill(&both.tenant, self.tenant.list(path));
    }

    /// One round of each key that either side has.
    pub(crate) async fn pass(&self) {
        self.storage_catches_up();
        self.ups_catch_up();
        for key in self.keys(Kind::Claim).into_iter().chain(self.up_keys()) {
            let _tried_again_by_the_queue = self.round(&key).await;
        }
    }

    /// One round with what the stores show.
    pub(crate) async fn round(&self, key: &Key) -> Result<Round> {
        registry::round(&self.ctx, key).await
    }

    /// Rounds until nothing changes any more; what was called on the way is still to be read by
    /// [`FakeApi::calls`] and [`FakeApi::writes`].
    pub(crate) async fn at_rest(&self) {
        let versions = || (self.host.version(), self.tenant.version());
        for _ in 0..10 {
            let before = versions();
            self.pass().await;
            if before == versions() {
                return;
            }
        }
        panic!("never at rest");
    }

    /// Another pass calls nobody.
    pub(crate) async fn is_silent(&self) {
        self.at_rest().await;
        self.tenant.calls();
        self.host.calls();
        self.pass().await;
        assert_eq!(self.tenant.calls(), Vec::<String>::new(), "in the tenant");
        assert_eq!(self.host.calls(), Vec::<String>::new(), "on the host");
    }

    /// Waits for an Event of this reason in the tenant, and returns what it says.
    pub(crate) async fn told(&self, reason: &str) -> String {
        for _ in 0..200 {
            let events = self.tenant.list("/apis/events.k8s.io/v1/namespaces/");
            let of_reason = events.iter().find(|event| event["reason"] == reason);
            if let Some(event) = of_reason {
                return event["note"].as_str().unwrap_or_default().to_owned();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nobody said {reason}");
    }
}

/// True for a round that is to be tried again because a store or an object is behind.
pub(crate) fn is_stale(round: &Result<Round>) -> bool {
    matches!(round, Err(Error::Stale))
}

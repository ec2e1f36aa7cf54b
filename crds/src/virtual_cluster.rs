//! `VirtualCluster`: the object with which somebody asks for a cluster.

#![allow(
    unreachable_pub,
    reason = "the KubeSchema derive repeats each struct inside a private module"
)]

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scheduler::Scheduler;
use crate::scheduling::Scheduling;
use crate::sync::SyncSpec;

/// A whole Kubernetes cluster that runs inside this one.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[kube(
    group = "warren.dev",
    version = "v1alpha1",
    kind = "VirtualCluster",
    plural = "virtualclusters",
    shortname = "wvc",
    category = "warren",
    namespaced,
    status = "VirtualClusterStatus",
    derive = "Default",
    derive = "PartialEq",
    printcolumn = r#"{"name":"Version","type":"string","jsonPath":".status.version"}"#,
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name":"Endpoint","type":"string","jsonPath":".status.endpoint","priority":1}"#,
    printcolumn = r#"{"name":"Namespace","type":"string","jsonPath":".status.namespaces.workloads","priority":1}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#,
    scale(
        spec_replicas_path = ".spec.controlPlane.replicas",
        status_replicas_path = ".status.controlPlaneReplicas"
    ),
    validation = Rule::new("self.metadata.name.size() <= 40").message("`metadata.name` must be no more than 40 characters: Warren adds a suffix and it becomes part of namespace names"),
    validation = Rule::new("has(self.spec.class) == has(oldSelf.spec.class)").message("`class` may not be added or removed after creation; create a new VirtualCluster")
)]
#[serde(rename_all = "camelCase")]
pub struct VirtualClusterSpec {
    /// Name of the `VirtualClusterClass` that offers the images and sets the bounds. Unset: the default class.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self == oldSelf").message("`class` is immutable; create a new VirtualCluster"))]
    pub class: Option<String>,
    /// Kubernetes minor version, for example `1.37`; one of the class's. Unset: the class's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.matches('^1\\\\.[0-9]{2}$')").message("`version` must be a minor version such as '1.37'; the patch release is the class's choice"))]
    pub version: Option<String>,
    /// The tenant's kube-apiserver, controller-manager and scheduler.
    #[serde(default)]
    pub control_plane: ControlPlane,
    /// Where the tenant's objects are kept.
    #[serde(default)]
    #[x_kube(validation = Rule::new("self == oldSelf").message("`datastore` is immutable; create a new VirtualCluster"))]
    pub datastore: Datastore,
    /// Which of the host's nodes the tenant sees, and who places its Pods on them.
    #[serde(default)]
    pub nodes: Nodes,
    /// What the tenant shares with the host by name: ConfigMaps, Secrets, Services, custom resources. The class must
    /// allow each; the condition `MappingsAccepted` names what it does not.
    #[serde(default, skip_serializing_if = "SyncSpec::is_empty")]
    pub sync: SyncSpec,
    /// Hard limits over all of the tenant's workloads, as in a ResourceQuota's `hard` (`requests.cpu`, `pods`,
    /// `services.nodeports`, `requests.example.com/gpu`, `count/secrets`, …). The control plane does not count. Where it
    /// bounds `cpu` or `memory`, as requests or limits, each container must say its own, or the class a default.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quota: BTreeMap<String, Quantity>,
    /// How the tenant's API is reached.
    #[serde(default)]
    pub access: Access,
    /// What happens to the tenant's volumes when the virtual cluster is deleted.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

/// The tenant's control plane.
#[derive(KubeSchema, Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ControlPlane {
    /// How many control-plane Pods run; 1 to 3.
    #[serde(default = "one")]
    #[x_kube(validation = Rule::new("self >= 1 && self <= 3").message("`controlPlane.replicas` must be between 1 and 3"))]
    pub replicas: i32,
    /// kube-apiserver settings.
    #[serde(default)]
    pub api_server: ApiServer,
    /// kube-scheduler settings.
    #[serde(default, skip_serializing_if = "Scheduler::is_unset")]
    pub scheduler: Scheduler,
    /// Requests and limits of the kube-apiserver container. Unset: the class's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
}

impl Default for ControlPlane {
    fn default() -> Self {
        Self {
            replicas: 1,
            api_server: ApiServer::default(),
            scheduler: Scheduler::default(),
            resources: None,
        }
    }
}

/// kube-apiserver settings that a tenant's owner may choose.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ApiServer {
    /// Flags without the dashes, for example `feature-gates: "Foo=true"`. Only flags on Warren's allow-list pass:
    /// the rest could open a way around the egress gate. The condition `Ready` names a flag that is refused.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra_args: BTreeMap<String, String>,
}

/// Where the tenant's objects are kept.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Datastore {
    /// An etcd of the tenant's own.
    #[serde(default)]
    pub etcd: Etcd,
}

/// The tenant's etcd.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!(has(self.ephemeral) && self.ephemeral && has(self.storage))").message("`datastore.etcd.storage` may not be set when `datastore.etcd.ephemeral` is true; remove one of the two"))]
pub struct Etcd {
    /// Keep data in memory only: for throwaway clusters. A restart of etcd loses everything.
    #[serde(default)]
    pub ephemeral: bool,
    /// The volume, unless `ephemeral`. Unset: 2Gi of the host's default StorageClass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
}

/// A volume for etcd.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// Size. Unset: 2Gi.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Quantity>,
    /// Host StorageClass. Unset: the host's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class_name: Option<String>,
}

/// Which of the host's nodes the tenant sees, and who places its Pods on them.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Nodes {
    /// Labels a host node must have, in addition to those the class asks for. Empty: all that the class allows.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub selector: BTreeMap<String, String>,
    /// Who places the tenant's Pods; one of the class's `scheduling`.
    #[serde(default)]
    #[x_kube(validation = Rule::new("self == oldSelf").message("`nodes.scheduling` is immutable; create a new VirtualCluster"))]
    pub scheduling: Scheduling,
}

/// How the tenant's API is reached.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Access {
    /// Type of the host Service in front of the tenant's kube-apiserver.
    #[serde(default)]
    pub expose: Expose,
    /// Further DNS names or IP addresses for the API's serving certificate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(validation = Rule::new("self.size() <= 16").message("`access.extraNames` must hold no more than 16 entries"))]
    pub extra_names: Vec<String>,
}

/// Type of the host Service in front of the tenant's kube-apiserver.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
pub enum Expose {
    /// Inside the host only; `warren connect` tunnels through the host's API.
    #[default]
    ClusterIP,
    /// On a port of every host node.
    NodePort,
    /// By the host's load balancer.
    LoadBalancer,
}

impl Expose {
    /// The Service type's name.
    pub const fn service_type(self) -> &'static str {
        match self {
            Self::ClusterIP => "ClusterIP",
            Self::NodePort => "NodePort",
            Self::LoadBalancer => "LoadBalancer",
        }
    }
}

/// What happens to the tenant's volumes when the virtual cluster is deleted.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
pub enum DeletionPolicy {
    /// Everything goes.
    #[default]
    Delete,
}

fn one() -> i32 {
    1
}

/// What Warren observed. At most 4 KiB.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VirtualClusterStatus {
    /// Generation of the spec that the rest of the status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Short unique name, chosen once: the value of the label `warren.dev/cluster`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_id: Option<String>,
    /// The two host namespaces, chosen once and read from here ever after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<HostNamespaces>,
    /// The class in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Kubernetes version that runs, or that is being rolled out, for example `v1.37.0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// URL of the tenant's API for users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Name of the Secret (same namespace, key `value`) with the kubeconfig.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubeconfig_secret: Option<String>,
    /// When it became `Ready` for the first time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_ready_time: Option<Time>,
    /// UID of the tenant's `kube-system` namespace: proof that it is still the same cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_uid: Option<String>,
    /// Ready control-plane Pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane_replicas: Option<i32>,
    /// `Ready` (summary), `ControlPlaneAvailable`, `DatastoreHealthy`, `CertificatesValid`, `SyncHealthy`,
    /// `NodesReady`, `NetworkIsolated`, with `spec.sync` also `MappingsAccepted`, and while being deleted `Deleting`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// The two host namespaces of a virtual cluster.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
pub struct HostNamespaces {
    /// Control plane and keys.
    pub system: String,
    /// The tenant's Pods, Services and claims.
    pub workloads: String,
}

/// The condition types of a `VirtualCluster`.
pub mod conditions {
    /// Summary: API, Nodes and DNS serve, and a Pod created now would run.
    pub const READY: &str = "Ready";
    /// kube-apiserver answers, and what runs beside it in the control plane runs.
    pub const CONTROL_PLANE_AVAILABLE: &str = "ControlPlaneAvailable";
    /// etcd is ready.
    pub const DATASTORE_HEALTHY: &str = "DatastoreHealthy";
    /// All certificates are in place and not about to expire.
    pub const CERTIFICATES_VALID: &str = "CertificatesValid";
    /// The syncer and DNS work, and everything that can be synced is: otherwise the message says what is not, and why.
    pub const SYNC_HEALTHY: &str = "SyncHealthy";
    /// At least one virtual Node is Ready.
    pub const NODES_READY: &str = "NodesReady";
    /// NetworkPolicies of the baseline are in place.
    pub const NETWORK_ISOLATED: &str = "NetworkIsolated";
    /// Present with `spec.sync`: whether the class and the host allow all of it. What they do not is left out; everything
    /// else runs.
    pub const MAPPINGS_ACCEPTED: &str = "MappingsAccepted";
    /// Present while being deleted: what is waited for.
    pub const DELETING: &str = "Deleting";
}

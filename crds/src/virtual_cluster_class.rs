//! `VirtualClusterClass`: what a platform team offers, and the bounds that no tenant may leave.

#![allow(
    unreachable_pub,
    reason = "the KubeSchema derive repeats each struct inside a private module"
)]

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::classes::Classes;
use crate::container_defaults::ContainerDefaults;
use crate::gateways::OfferedGateway;
use crate::network::Network;
use crate::scheduling::Scheduling;
use crate::sync::SyncBounds;
use crate::virtual_cluster::Expose;

/// What a platform team offers, and the bounds that no tenant may leave.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[kube(
    group = "warren.dev",
    version = "v1alpha1",
    kind = "VirtualClusterClass",
    plural = "virtualclusterclasses",
    shortname = "wvcc",
    category = "warren",
    derive = "Default",
    derive = "PartialEq",
    printcolumn = r#"{"name":"Default","type":"string","jsonPath":".metadata.labels.warren\\.dev/is-default-class"}"#,
    printcolumn = r#"{"name":"Version","type":"string","jsonPath":".spec.defaultVersion"}"#,
    printcolumn = r#"{"name":"PodSecurity","type":"string","jsonPath":".spec.podSecurity"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct VirtualClusterClassSpec {
    /// The Kubernetes versions on offer and the images of each.
    // The bound repeats the rule: the apiserver estimates the cost of CEL from it, and refuses the CRD without.
    #[schemars(length(max = 8))]
    #[x_kube(validation = Rule::new("self.size() >= 1 && self.size() <= 8").message("`versions` must hold 1 to 8 entries"))]
    pub versions: Vec<Version>,
    /// Minor version used when a VirtualCluster names none. Unset: the first of `versions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_version: Option<String>,
    /// Requests and limits of each control-plane container, by name: `kube-apiserver`, `kube-controller-manager`,
    /// `kube-scheduler`, `etcd`, `syncer`, `vkubelet`, `coredns`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub resources: BTreeMap<String, ResourceRequirements>,
    /// Environment of control-plane containers, by container name, then variable (for example `GOGC`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, BTreeMap<String, String>>,
    /// Labels a host node must have to be seen by tenants of this class.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Which values `spec.nodes.scheduling` may have. With `Host` tenants' affinities and spreading are work of the host's
    /// scheduler.
    #[serde(default = "by_tenants")]
    pub scheduling: Vec<Scheduling>,
    /// `schedulerName` of the host Pods of clusters with `nodes.scheduling: Host`: a scheduler of the platform's, such as one
    /// for batches. Unset: the host's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub host_scheduler_name: Option<String>,
    /// Taints of host nodes that tenants' Pods may tolerate, by taint key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_tolerations: Vec<String>,
    /// Ceiling of `spec.quota`, and the quota where a VirtualCluster sets none. Where it bounds `requests.cpu`, `limits.cpu` or
    /// the same of memory, a Pod whose containers do not say them is refused: `containerDefaults` say them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quota: BTreeMap<String, Quantity>,
    /// Requests and limits of containers that set none, so that no container is without bound.
    #[serde(default, skip_serializing_if = "ContainerDefaults::is_nothing")]
    pub container_defaults: ContainerDefaults,
    /// Which types `spec.access.expose` may have.
    #[serde(default = "all_exposures")]
    pub expose: Vec<Expose>,
    /// Pod Security Standard that every Pod must meet, whatever the tenant's own labels say.
    #[serde(default)]
    pub pod_security: PodSecurity,
    /// What images of tenants' Pods may be: each complete reference begins with one of these, for example
    /// `registry.example.com/team-a/`; `docker.io/library/` is what short names such as `nginx` mean. At most 64.
    /// Empty: any image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 255)))]
    #[x_kube(validation = Rule::new(crate::registry::rule()).message(Message::Expression(crate::registry::message())))]
    pub allowed_registries: Vec<String>,
    /// What happens to a Pod with fields that this Warren does not know, because the tenant's Kubernetes is newer.
    #[serde(default)]
    pub unknown_fields: UnknownFields,
    /// Label keys that pass to the host unchanged, at most 64: complete keys, and none that Warren or the host's
    /// Kubernetes acts on. Everything else gets Warren's prefix.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 317)))]
    #[x_kube(validation = Rule::new(crate::reserved::rule()).message(Message::Expression(crate::reserved::message("allowedLabels"))))]
    pub allowed_labels: Vec<String>,
    /// Annotation keys that pass to the host unchanged, at most 64; as `allowedLabels`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 317)))]
    #[x_kube(validation = Rule::new(crate::reserved::rule()).message(Message::Expression(crate::reserved::message("allowedAnnotations"))))]
    pub allowed_annotations: Vec<String>,
    /// Where EndpointSlices of Services without selector may point beside the tenant's own Pods: CIDRs, at most 64. Not
    /// the host's Pod, Service or node ranges, or tenants reach through a Service what they must not. Empty: nowhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 49)))]
    #[x_kube(validation = Rule::new(crate::range::RULE).message(Message::Expression(crate::range::message("allowedEndpointRanges"))))]
    pub allowed_endpoint_ranges: Vec<String>,
    /// Which host names tenants may serve by Ingresses and routes, at most 64: `shop.example.com` this one, `*.apps.example.com` every
    /// name below, `*` any, and requests for no name in particular. `{name}` and `{namespace}` stand for the
    /// VirtualCluster's, for example `*.{name}.{namespace}.example.com`. Empty: none, so that no Ingress and no route works.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 251)))]
    #[x_kube(validation = Rule::new(crate::served_host::rule()).message(Message::Expression(crate::served_host::message())))]
    pub allowed_host_names: Vec<String>,
    /// Gateways of the host that tenants see, under the same namespace and name, and may attach HTTPRoutes and TLSRoutes to,
    /// at most 16. The Gateways themselves must let routes of the workload namespaces in. Empty: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["namespace", "name"]))]
    pub gateways: Vec<OfferedGateway>,
    /// Which of the host's class objects tenants see and may use.
    #[serde(default, skip_serializing_if = "Classes::is_unset")]
    pub classes: Classes,
    /// What of `spec.sync` VirtualClusters may use. Nothing that is not named here.
    #[serde(default, skip_serializing_if = "SyncBounds::is_nothing")]
    pub sync: SyncBounds,
    /// Who of the host's world may reach tenants' Pods, beside their own cluster and what is outside the host.
    #[serde(default, skip_serializing_if = "Network::is_nothing")]
    pub network: Network,
    /// Host PriorityClass of tenant Pods that name none of `classes.priority`. Unset: the host's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority_class_name: Option<String>,
    /// Host RuntimeClass of tenant Pods that name none of `classes.runtime`. Unset: the host's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime_class_name: Option<String>,
}

fn by_tenants() -> Vec<Scheduling> {
    vec![Scheduling::Tenant]
}

fn all_exposures() -> Vec<Expose> {
    vec![Expose::ClusterIP, Expose::NodePort, Expose::LoadBalancer]
}

/// One Kubernetes version on offer.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.release.startsWith('v' + self.name + '.')").message("`versions[].release` must be a patch release of `name`, such as 'v1.37.0' for '1.37'"))]
pub struct Version {
    /// Minor version, for example `1.37`.
    #[schemars(length(max = 8))]
    #[x_kube(validation = Rule::new("self.matches('^1\\\\.[0-9]{2}$')").message("`versions[].name` must be a minor version such as '1.37'"))]
    pub name: String,
    /// Patch release of `name`, for example `v1.37.0`. It may only become a newer one: tenants that run it are not
    /// taken back.
    #[schemars(length(max = 64))]
    pub release: String,
    /// The images.
    pub images: Images,
}

/// The images of one version. Complete references.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Images {
    /// For example `registry.k8s.io/kube-apiserver:v1.37.0`.
    pub kube_apiserver: String,
    /// For example `registry.k8s.io/kube-controller-manager:v1.37.0`.
    pub kube_controller_manager: String,
    /// For example `registry.k8s.io/kube-scheduler:v1.37.0`.
    pub kube_scheduler: String,
    /// For example `registry.k8s.io/etcd:3.7.3-0`.
    pub etcd: String,
    /// For example `registry.k8s.io/coredns/coredns:v1.15.0`.
    pub coredns: String,
}

/// Pod Security Standards, <https://kubernetes.io/docs/concepts/security/pod-security-standards/>.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PodSecurity {
    /// Nothing is refused by the standard: host namespaces, host ports, host paths and privileged containers are the
    /// tenant's. Only for tenants that the platform trusts with its nodes, and for conformance runs.
    Privileged,
    /// No privileged containers, host namespaces or host paths.
    #[default]
    Baseline,
    /// Also non-root, seccomp, and no privilege escalation.
    Restricted,
}

impl PodSecurity {
    /// The value of the `pod-security.kubernetes.io/enforce` label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Privileged => "privileged",
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        }
    }
}

/// What happens to a Pod with fields that this Warren does not know.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
pub enum UnknownFields {
    /// The Pod is refused with an Event that names the fields.
    #[default]
    Deny,
    /// The Pod runs without them, and an Event names them.
    Drop,
}

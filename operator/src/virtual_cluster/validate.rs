//! Pure: a VirtualCluster and its class become a `ValidatedCluster` with every default filled, or reasons why not.

pub mod class;
pub mod extra_args;
pub mod names;
pub mod quota;
pub mod release;
pub mod sync;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource;
use warren_crds::classes::Classes;
use warren_crds::container_defaults::ContainerDefaults;
use warren_crds::gateways::OfferedGateway;
use warren_crds::network::Network;
use warren_crds::scheduler::Profile;
use warren_crds::scheduling::{HostScheduling, Scheduling};
use warren_crds::virtual_cluster::{Expose, HostNamespaces};
use warren_crds::virtual_cluster_class::{Images, PodSecurity, UnknownFields};
use warren_crds::{VirtualCluster, VirtualClusterClass, VirtualClusterClassSpec};

use super::names::component;

/// What the operator knows of the host that a plan depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostFacts {
    /// Ranges of the host's Services, one of each IP family at most: what a kube-apiserver's flag can hold.
    pub service_cidrs: Vec<String>,
    /// Internal addresses of the host's nodes, sorted.
    pub node_addresses: Vec<String>,
    /// Pod ranges of the host's nodes, sorted.
    pub pod_cidrs: Vec<String>,
    /// Namespaces that are open to mappings by their label, sorted.
    pub sync_sources: Vec<String>,
}

/// Where the tenant's objects are kept.
#[derive(Clone, Debug, PartialEq)]
pub enum Datastore {
    /// In memory.
    Ephemeral,
    /// On a volume.
    Volume {
        /// Size of the claim.
        size: Quantity,
        /// Host StorageClass; `None` is the host's default.
        storage_class: Option<String>,
    },
}

/// The class's bounds that syncer and vkubelet enforce.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bounds {
    /// Pod Security Standard.
    pub pod_security: PodSecurity,
    /// What images begin with; empty: any.
    pub allowed_registries: Vec<String>,
    /// What happens to Pods with unknown fields.
    pub unknown_fields: UnknownFields,
    /// Label keys that pass.
    pub allowed_labels: Vec<String>,
    /// Annotation keys that pass.
    pub allowed_annotations: Vec<String>,
    /// Taint keys that may be tolerated.
    pub allowed_tolerations: Vec<String>,
    /// Ranges that EndpointSlices may point into.
    pub allowed_endpoint_ranges: Vec<String>,
    /// Host names that may be served, placeholders filled.
    pub allowed_host_names: Vec<String>,
    /// Gateways of the host that routes may attach to.
    pub gateways: Vec<OfferedGateway>,
    /// Which of the host's class objects tenants see.
    pub classes: Classes,
    /// Host PriorityClass of tenant Pods that name none on offer.
    pub priority_class_name: Option<String>,
    /// Host RuntimeClass of tenant Pods that name none on offer.
    pub runtime_class_name: Option<String>,
    /// Requests and limits of containers that set none.
    pub container_defaults: ContainerDefaults,
    /// `None`: the tenant's own scheduler places its Pods.
    pub host_scheduling: Option<HostScheduling>,
}

/// A VirtualCluster whose every field is decided.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidatedCluster {
    /// Name of the VirtualCluster.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its UID.
    pub uid: String,
    /// The VirtualCluster as the owner of its kubeconfig Secret.
    pub owner: OwnerReference,
    /// Label value on everything.
    pub id: String,
    /// The two host namespaces.
    pub namespaces: HostNamespaces,
    /// Name of the class.
    pub class: String,
    /// Minor version, for example `1.37`.
    pub version: String,
    /// Patch release, for example `v1.37.0`.
    pub release: String,
    /// The images.
    pub images: Images,
    /// Control-plane Pods.
    pub replicas: i32,
    /// Checked extra flags of kube-apiserver.
    pub extra_args: BTreeMap<String, String>,
    /// Profiles of kube-scheduler; none: upstream's own.
    pub scheduler_profiles: Vec<Profile>,
    /// Requests and limits by container.
    pub resources: BTreeMap<String, ResourceRequirements>,
    /// Environment by container.
    pub env: BTreeMap<String, BTreeMap<String, String>>,
    /// Where the tenant's objects are kept.
    pub datastore: Datastore,
    /// Labels that a host node must have.
    pub node_selector: BTreeMap<String, String>,
    /// Hard limits over the workloads; empty is no quota.
    pub quota: BTreeMap<String, Quantity>,
    /// Type of the API's Service.
    pub expose: Expose,
    /// Further names for the API's certificate.
    pub extra_names: Vec<String>,
    /// What the agents enforce.
    pub bounds: Bounds,
    /// What is shared with the host by name.
    pub shared: sync::Shared,
    /// Who of the host's world may reach its Pods.
    pub network: Network,
    /// Whether the tenant's API answered once.
    pub answered: bool,
    /// The host.
    pub host: HostFacts,
}

/// Why a VirtualCluster cannot be built, in the words of a condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {message}")]
pub struct Invalid {
    /// CamelCase.
    pub reason: &'static str,
    /// Names the field and what is allowed.
    pub message: String,
}

impl Invalid {
    /// The spec asks for something that cannot be had.
    pub fn spec(message: impl Into<String>) -> Self {
        Self {
            reason: "InvalidSpec",
            message: message.into(),
        }
    }
}

/// Checks everything that the CRD's CEL rules cannot see, and fills every default.
///
/// # Errors
/// The first reason why not.
pub fn validate(
    cluster: &VirtualCluster,
    classes: &[VirtualClusterClass],
    host: &HostFacts,
) -> Result<ValidatedCluster, Invalid> {
    let (id, namespaces) = identity(cluster)?;
    let (class_name, class) = class::find(cluster, classes)?;
    class::check_bounds(class_name, class)?;
    let version = class::version(cluster, class_name, class)?;
    release::check(cluster, class_name, class, version)?;
    let spec = &cluster.spec;
    if !class.expose.contains(&spec.access.expose) {
        return Err(Invalid::spec(format!(
            "`access.expose` must be one of {} in class '{class_name}', not '{}'",
            names::list(class.expose.iter().map(|e| e.service_type())),
            spec.access.expose.service_type(),
        )));
    }
    if !class.scheduling.contains(&spec.nodes.scheduling) {
        return Err(Invalid::spec(format!(
            "`nodes.scheduling` must be one of {} in class '{class_name}', not '{}'",
            names::list(class.scheduling.iter().map(|by| by.as_str())),
            spec.nodes.scheduling.as_str(),
        )));
    }
    names::check_extra_names(&spec.access.extra_names)?;
    names::check_node_selector(&class.node_selector, &spec.nodes.selector)?;
    extra_args::check(&spec.control_plane.api_server.extra_args)?;
    if host.service_cidrs.is_empty() {
        return Err(Invalid {
            reason: "HostNotSupported",
            message: "the host has no ServiceCIDR objects; Warren needs a host of Kubernetes 1.33 or newer"
                .into(),
        });
    }
    Ok(ValidatedCluster {
        name: cluster.metadata.name.clone().unwrap_or_default(),
        namespace: cluster.metadata.namespace.clone().unwrap_or_default(),
        uid: cluster.metadata.uid.clone().unwrap_or_default(),
        owner: cluster
            .controller_owner_ref(&())
            .ok_or_else(|| Invalid::spec("the VirtualCluster has no UID yet"))?,
        id,
        namespaces,
        class: class_name.to_owned(),
        version: version.name.clone(),
        release: version.release.clone(),
        images: version.images.clone(),
        replicas: spec.control_plane.replicas,
        extra_args: spec.control_plane.api_server.extra_args.clone(),
        scheduler_profiles: spec.control_plane.scheduler.profiles.clone(),
        resources: resources(cluster, class),
        env: class.env.clone(),
        datastore: datastore(cluster),
        node_selector: crate::nodes::selector::merged(class, cluster),
        quota: quota::effective(&class.quota, &spec.quota)?,
        expose: spec.access.expose,
        extra_names: spec.access.extra_names.clone(),
        bounds: bounds(cluster, class),
        shared: sync::shared(
            &spec.sync,
            sync::Bounds {
                class: class_name,
                allowed: &class.sync,
                sources: &host.sync_sources,
            },
        ),
        network: class.network.clone(),
        answered: cluster.status.as_ref().is_some_and(|s| s.tenant_uid.is_some()),
        host: host.clone(),
    })
}

/// Cluster id and namespaces as recorded in the status; `None` until they are chosen.
pub fn recorded_identity(cluster: &VirtualCluster) -> Option<(String, HostNamespaces)> {
    let status = cluster.status.as_ref()?;
    Some((status.cluster_id.clone()?, status.namespaces.clone()?))
}

fn identity(cluster: &VirtualCluster) -> Result<(String, HostNamespaces), Invalid> {
    recorded_identity(cluster).ok_or(Invalid {
        reason: "NotAdmitted",
        message: "the cluster id is not recorded yet".into(),
    })
}

fn datastore(cluster: &VirtualCluster) -> Datastore {
    let etcd = &cluster.spec.datastore.etcd;
    if etcd.ephemeral {
        return Datastore::Ephemeral;
    }
    let storage = etcd.storage.clone().unwrap_or_default();
    Datastore::Volume {
        size: storage.size.unwrap_or_else(|| Quantity("2Gi".to_owned())),
        storage_class: storage.storage_class_name,
    }
}

fn resources(
    cluster: &VirtualCluster,
    class: &VirtualClusterClassSpec,
) -> BTreeMap<String, ResourceRequirements> {
    let mut resources = class.resources.clone();
    if let Some(own) = &cluster.spec.control_plane.resources {
        resources.insert(component::API_SERVER.to_owned(), own.clone());
    }
    resources
}

fn bounds(cluster: &VirtualCluster, class: &VirtualClusterClassSpec) -> Bounds {
    Bounds {
        pod_security: class.pod_security,
        allowed_registries: class.allowed_registries.clone(),
        unknown_fields: class.unknown_fields,
        allowed_labels: class.allowed_labels.clone(),
        allowed_annotations: class.allowed_annotations.clone(),
        allowed_tolerations: class.allowed_tolerations.clone(),
        allowed_endpoint_ranges: class.allowed_endpoint_ranges.clone(),
        allowed_host_names: class::host_names(cluster, class),
        gateways: class.gateways.clone(),
        classes: class.classes.clone(),
        priority_class_name: class.priority_class_name.clone(),
        runtime_class_name: class.runtime_class_name.clone(),
        container_defaults: class.container_defaults.clone(),
        host_scheduling: match cluster.spec.nodes.scheduling {
            Scheduling::Tenant => None,
            Scheduling::Host => Some(HostScheduling {
                node_selector: crate::nodes::selector::merged(class, cluster),
                scheduler_name: class.host_scheduler_name.clone(),
            }),
        },
    }
}

#[cfg(test)]
mod tests;

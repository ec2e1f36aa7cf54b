//! Pure: everything that must exist on the host for one virtual cluster, as complete objects in a fixed order.
//!
//! Two plans, because certificates and flags need addresses that only the host can choose: [`foundation`] holds the
//! namespaces, the operator's own grant and the Services; [`complete`] everything else. One child object or group a
//! file; [`build`] has what Pods share, `agent` what syncer and vkubelet share.
//!
//! **Invariant:** a plan leaves no choice to `apply`: final names, full objects, and a [`Wave`] each.

pub mod admission;
mod agent;
pub mod anchor;
pub mod build;
pub mod control_plane;
pub mod control_plane_flags;
pub mod coredns;
pub mod etcd;
pub mod kubeconfig;
pub mod namespace;
pub mod network_policy;
pub mod pki;
pub mod policy;
pub mod quota;
pub mod rbac;
pub mod scheduler;
pub mod service;
pub mod sync;
pub mod syncer;
pub mod vkubelet;

use kube::core::ApiResource;
use serde::Serialize;
use serde_json::Value;

use super::keyring::Keyring;
use super::validate::ValidatedCluster;

/// Objects of one wave are applied in parallel, waves one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Wave {
    /// Everything else lives in them.
    Namespaces,
    /// The operator's rights in them.
    Grants,
    /// Their addresses go into certificates and flags.
    Services,
    /// What Pods mount or run as. Before the Pods: a Pod that mounts a Secret which does not exist yet loses tens
    /// of seconds to the kubelet's back-off.
    Configuration,
    /// What runs.
    Workloads,
}

/// How an object is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Method {
    /// Server-side apply.
    Apply,
    /// Created once and never overwritten: roots and the token key.
    Create,
    /// Must not exist: what an earlier spec asked for.
    Delete,
}

/// One object as it must be.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// When.
    pub wave: Wave,
    /// How.
    pub method: Method,
    /// Group, version, kind, plural.
    pub resource: ApiResource,
    /// `None` for cluster-scoped kinds.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
    /// The object, with `apiVersion` and `kind`.
    pub object: Value,
}

impl Planned {
    /// For messages: `Secret wc-a-system/ca-etcd`.
    pub fn describe(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{} {namespace}/{}", self.resource.kind, self.name),
            None => format!("{} {}", self.resource.kind, self.name),
        }
    }
}

/// An object could not be written as JSON. Cannot happen with the types used; an error is still better than a panic.
#[derive(Debug, thiserror::Error)]
#[error("{kind} cannot be serialised: {source}")]
pub struct Error {
    /// Kind of the object.
    pub kind: String,
    /// Why.
    #[source]
    pub source: serde_json::Error,
}

/// A list of objects that is being written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// In the order they were added; `apply` goes by wave.
    pub objects: Vec<Planned>,
}

impl Plan {
    /// Adds an object to be applied.
    ///
    /// # Errors
    /// When it cannot be serialised.
    pub fn apply<K>(&mut self, wave: Wave, object: &K) -> Result<(), Error>
    where
        K: kube::Resource<DynamicType = ()> + Serialize,
    {
        self.push(wave, Method::Apply, object)
    }

    /// Adds an object to be created once.
    ///
    /// # Errors
    /// When it cannot be serialised.
    pub fn create<K>(&mut self, wave: Wave, object: &K) -> Result<(), Error>
    where
        K: kube::Resource<DynamicType = ()> + Serialize,
    {
        self.push(wave, Method::Create, object)
    }

    /// Adds an object that must not exist; only its names matter.
    ///
    /// # Errors
    /// When it cannot be serialised.
    pub fn delete<K>(&mut self, wave: Wave, object: &K) -> Result<(), Error>
    where
        K: kube::Resource<DynamicType = ()> + Serialize,
    {
        self.push(wave, Method::Delete, object)
    }

    fn push<K>(&mut self, wave: Wave, method: Method, object: &K) -> Result<(), Error>
    where
        K: kube::Resource<DynamicType = ()> + Serialize,
    {
        let resource = ApiResource::erase::<K>(&());
        let value = serde_json::to_value(object).map_err(|source| Error {
            kind: resource.kind.clone(),
            source,
        })?;
        let meta = object.meta();
        self.objects.push(Planned {
            wave,
            method,
            resource,
            namespace: meta.namespace.clone(),
            name: meta.name.clone().unwrap_or_default(),
            object: value,
        });
        Ok(())
    }
}

/// What is the same for every virtual cluster of this operator.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Namespace of the operator.
    pub operator_namespace: String,
    /// ServiceAccount of the operator, which binds itself in the namespaces it makes.
    pub operator_service_account: String,
    /// ClusterIP of the operator's Service, where `WatchNodes` is served.
    pub operator_address: String,
    /// Image of the syncer.
    pub syncer_image: String,
    /// Image of the vkubelet.
    pub vkubelet_image: String,
    /// `imagePullPolicy` of every container; `None` leaves it to the host.
    pub image_pull_policy: Option<String>,
    /// PriorityClass of everything in `-system` namespaces.
    pub priority_class: Option<String>,
    /// `json` or `text`.
    pub log_format: String,
}

/// Addresses that the host chose for the foundation's Services.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// ClusterIP of Service `api`.
    pub api: String,
    /// Port of Service `api` on every node, if it has one.
    pub api_node_port: Option<i32>,
    /// Address of Service `api` at the host's load balancer, once assigned.
    pub api_load_balancer: Option<String>,
    /// ClusterIP of Service `etcd`.
    pub etcd: String,
    /// ClusterIP of Service `vkubelet`.
    pub vkubelet: String,
    /// ClusterIP of Service `syncer`.
    pub syncer: String,
    /// ClusterIP of Service `dns`.
    pub dns: String,
}

/// Namespaces, the operator's grant in them, Services.
///
/// # Errors
/// When an object cannot be serialised.
pub fn foundation(cluster: &ValidatedCluster, settings: &Settings) -> Result<Plan, Error> {
    let mut plan = Plan::default();
    namespace::plan(cluster, &mut plan)?;
    rbac::plan_operator(cluster, settings, &mut plan)?;
    service::plan(cluster, &mut plan)?;
    Ok(plan)
}

/// Everything else.
///
/// # Errors
/// When an object cannot be serialised.
pub fn complete(
    cluster: &ValidatedCluster,
    settings: &Settings,
    addresses: &Addresses,
    keys: &Keyring,
) -> Result<Plan, Error> {
    let mut plan = Plan::default();
    pki::plan(cluster, keys, &mut plan)?;
    kubeconfig::plan(cluster, addresses, keys, &mut plan)?;
    rbac::plan_agents(cluster, &mut plan)?;
    network_policy::plan(cluster, settings, &mut plan)?;
    quota::plan(cluster, &mut plan)?;
    policy::plan(cluster, &mut plan)?;
    sync::plan(cluster, &mut plan)?;
    anchor::plan(cluster, &mut plan)?;
    etcd::plan(cluster, settings, addresses, &mut plan)?;
    control_plane::plan(cluster, settings, addresses, keys, &mut plan)?;
    coredns::plan(cluster, settings, &mut plan)?;
    syncer::plan(cluster, settings, addresses, keys, &mut plan)?;
    vkubelet::plan(cluster, settings, addresses, keys, &mut plan)?;
    Ok(plan)
}

/// What waits for the first answer of the tenant's API.
///
/// # Errors
/// When an object cannot be serialised.
pub fn waiting(cluster: &ValidatedCluster, settings: &Settings) -> Result<Plan, Error> {
    let mut plan = Plan::default();
    coredns::plan(cluster, settings, &mut plan)?;
    Ok(plan)
}

#[cfg(test)]
mod tests;

//! Names that the parts of one virtual cluster agree on: cluster id, namespaces, components, objects, labels.

use std::collections::BTreeMap;

use data_encoding::BASE32_NOPAD;
use sha2::{Digest, Sha256};
use warren_crds::keys;
use warren_crds::virtual_cluster::HostNamespaces;

/// Services, workloads and containers of the `-system` namespace: one word each, used for all of them.
pub mod component {
    /// StatefulSet, Service and container.
    pub const ETCD: &str = "etcd";
    /// Headless Service of etcd's members.
    pub const ETCD_PEERS: &str = "etcd-peers";
    /// Deployment.
    pub const CONTROL_PLANE: &str = "control-plane";
    /// Container.
    pub const API_SERVER: &str = "kube-apiserver";
    /// Container.
    pub const CONTROLLER_MANAGER: &str = "kube-controller-manager";
    /// Container.
    pub const SCHEDULER: &str = "kube-scheduler";
    /// Service in front of the tenant's kube-apiserver.
    pub const API: &str = "api";
    /// Deployment, Service, container and Lease.
    pub const SYNCER: &str = "syncer";
    /// Deployment, Service, container and Lease.
    pub const VKUBELET: &str = "vkubelet";
    /// Deployment and container.
    pub const COREDNS: &str = "coredns";
    /// Service in front of the tenant's CoreDNS.
    pub const DNS: &str = "dns";
}

/// ConfigMap with the class's bounds for syncer and vkubelet.
pub const POLICY: &str = "policy";
/// ConfigMap with the kubeconfigs of Warren's and the control plane's processes; their keys are files beside them.
pub const KUBECONFIGS: &str = "kubeconfigs";
/// ConfigMap with kube-apiserver's configuration files.
pub const API_SERVER_CONFIG: &str = "kube-apiserver";
/// ConfigMap with kube-scheduler's configuration file; empty where there is none.
pub const SCHEDULER_CONFIG: &str = "kube-scheduler";

/// A name for one life of one VirtualCluster, short enough for namespaces and label values.
///
/// `name` is at most 40 characters (a CEL rule of the CRD), so that the longest name made of it has 56.
pub fn cluster_id(name: &str, uid: &str) -> String {
    let hash = Sha256::digest(uid.as_bytes());
    let suffix: String = BASE32_NOPAD
        .encode(&hash)
        .to_ascii_lowercase()
        .chars()
        .take(5)
        .collect();
    // A VirtualCluster's name may hold dots, a namespace's may not.
    format!("{}-{suffix}", name.replace('.', "-"))
}

/// The two host namespaces of a new virtual cluster. Read from status ever after.
pub fn host_namespaces(cluster_id: &str) -> HostNamespaces {
    HostNamespaces {
        system: format!("wc-{cluster_id}-system"),
        workloads: format!("wc-{cluster_id}"),
    }
}

/// Labels of every host object of a virtual cluster.
pub fn labels(cluster_id: &str) -> BTreeMap<String, String> {
    [
        (keys::CLUSTER, cluster_id),
        (keys::MANAGED_BY, keys::MANAGED_BY_WARREN),
        ("app.kubernetes.io/part-of", "virtual-cluster"),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect()
}

/// Labels of the objects of one component.
pub fn component_labels(cluster_id: &str, component: &str) -> BTreeMap<String, String> {
    let mut labels = labels(cluster_id);
    labels.insert(keys::COMPONENT.to_owned(), component.to_owned());
    labels
}

/// The labels by which Services, Deployments and policies find a component's Pods.
pub fn selector(cluster_id: &str, component: &str) -> BTreeMap<String, String> {
    [(keys::CLUSTER, cluster_id), (keys::COMPONENT, component)]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_between_lives_and_fit_namespaces() {
        let long = "a".repeat(40);
        let first = cluster_id(&long, "0b6d0c5e-1");
        assert_ne!(first, cluster_id(&long, "0b6d0c5e-2"));
        assert_eq!(first, cluster_id(&long, "0b6d0c5e-1"));
        assert!(host_namespaces(&first).system.len() <= 63);
        assert_eq!(cluster_id("a.b", "x").chars().filter(|c| *c == '.').count(), 0);
    }
}

//! Objects for this crate's tests.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::api::ObjectMeta;
use warren_crds::virtual_cluster_class::{Images, Version};
use warren_crds::{
    VirtualCluster, VirtualClusterClass, VirtualClusterClassSpec, VirtualClusterSpec, VirtualClusterStatus,
    keys,
};

use crate::virtual_cluster::names;
use crate::virtual_cluster::plan::{Addresses, Settings};
use crate::virtual_cluster::validate::{HostFacts, ValidatedCluster, validate};

/// `team-a/ci` with its identity recorded, and nothing set in its spec.
pub(crate) fn cluster() -> VirtualCluster {
    let uid = "6f1c4d0e-0000-4000-8000-000000000001";
    let id = names::cluster_id("ci", uid);
    VirtualCluster {
        metadata: ObjectMeta {
            name: Some("ci".to_owned()),
            namespace: Some("team-a".to_owned()),
            uid: Some(uid.to_owned()),
            generation: Some(1),
            ..ObjectMeta::default()
        },
        spec: VirtualClusterSpec::default(),
        status: Some(VirtualClusterStatus {
            namespaces: Some(names::host_namespaces(&id)),
            cluster_id: Some(id),
            ..VirtualClusterStatus::default()
        }),
    }
}

/// The default class.
pub(crate) fn class() -> VirtualClusterClass {
    let image = |name: &str| format!("registry.k8s.io/{name}:v1.37.0");
    VirtualClusterClass {
        metadata: ObjectMeta {
            name: Some("default".to_owned()),
            labels: Some([(keys::DEFAULT_CLASS.to_owned(), "true".to_owned())].into()),
            ..ObjectMeta::default()
        },
        spec: VirtualClusterClassSpec {
            versions: vec![Version {
                name: "1.37".to_owned(),
                release: "v1.37.0".to_owned(),
                images: Images {
                    kube_apiserver: image("kube-apiserver"),
                    kube_controller_manager: image("kube-controller-manager"),
                    kube_scheduler: image("kube-scheduler"),
                    etcd: "registry.k8s.io/etcd:3.7.3-0".to_owned(),
                    coredns: "registry.k8s.io/coredns/coredns:v1.15.0".to_owned(),
                },
            }],
            env: [(
                "kube-apiserver".to_owned(),
                [("GOGC".to_owned(), "50".to_owned())].into(),
            )]
            .into(),
            expose: vec![
                warren_crds::virtual_cluster::Expose::ClusterIP,
                warren_crds::virtual_cluster::Expose::NodePort,
                warren_crds::virtual_cluster::Expose::LoadBalancer,
            ],
            scheduling: vec![warren_crds::scheduling::Scheduling::Tenant],
            ..VirtualClusterClassSpec::default()
        },
    }
}

/// The embedded host.
pub(crate) fn host_facts() -> HostFacts {
    HostFacts {
        service_cidrs: vec!["10.96.0.0/16".to_owned()],
        node_addresses: vec!["10.88.0.11".to_owned(), "10.88.0.12".to_owned()],
        pod_cidrs: vec!["10.244.1.0/24".to_owned(), "10.244.2.0/24".to_owned()],
        sync_sources: vec!["shared".to_owned()],
    }
}

/// [`cluster`] in [`class`] on [`host_facts`].
pub(crate) fn validated() -> ValidatedCluster {
    validate(&cluster(), &[class()], &host_facts()).unwrap()
}

/// An operator.
pub(crate) fn settings() -> Settings {
    Settings {
        operator_namespace: "warren-system".to_owned(),
        operator_service_account: "warren-operator".to_owned(),
        operator_address: "10.96.7.7".to_owned(),
        syncer_image: "ghcr.io/warren-dev/syncer:0.1.0".to_owned(),
        vkubelet_image: "ghcr.io/warren-dev/vkubelet:0.1.0".to_owned(),
        image_pull_policy: None,
        priority_class: Some("warren-control-plane".to_owned()),
        log_format: "json".to_owned(),
    }
}

/// What the host answered.
pub(crate) fn addresses() -> Addresses {
    Addresses {
        api: "10.96.1.1".to_owned(),
        etcd: "10.96.1.2".to_owned(),
        vkubelet: "10.96.1.3".to_owned(),
        syncer: "10.96.1.4".to_owned(),
        dns: "10.96.1.5".to_owned(),
        ..Addresses::default()
    }
}

/// A quantity.
pub(crate) fn quantity(text: &str) -> Quantity {
    Quantity(text.to_owned())
}

//! A tenant as its own cluster sees it, and the same on the host.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::LazyLock;

use k8s_openapi::api::networking::v1::NetworkPolicy;
use warren_crds::keys;

use super::super::*;
use crate::identity::{Cluster as Identity, ClusterId, ClusterUid, HostNamespace, TenantKey, TenantUid};
use crate::testing::reach::{Cluster, End, Labels, Pod};
use crate::{TenantPolicy, meta};

pub(super) const API: &str = "10.96.0.2";
pub(super) const DNS: &str = "10.96.0.3";

pub(super) fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(super) fn labels(pairs: &[(&str, &str)]) -> Labels {
    let pairs = pairs.iter();
    pairs
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

/// The operator's policies for the cluster `id`.
pub(super) fn operators(id: &str) -> &'static [NetworkPolicy; 3] {
    static READ: LazyLock<[[NetworkPolicy; 3]; 2]> = LazyLock::new(|| {
        ["ci", "cd"].map(|id| {
            let text = include_str!("../../../testing/open.yaml");
            let text = text
                .replace("wc-ci", &format!("wc-{id}"))
                .replace("warren.dev/cluster: ci", &format!("warren.dev/cluster: {id}"));
            serde_saphyr::from_str::<Vec<_>>(&text)
                .unwrap()
                .try_into()
                .unwrap()
        })
    });
    &READ[usize::from(id != "ci")]
}

pub(super) fn open(id: &str) -> Open {
    let [_, ingress, egress] = operators(id);
    Open::read(ingress, egress, None)
}

/// A tenant's Pod.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) pod: Pod,
    pub(super) addresses: Vec<IpAddr>,
}

impl Member {
    pub(super) fn end(&self, address: IpAddr) -> End<'_> {
        End {
            address,
            pod: Some(&self.pod),
        }
    }
}

/// A tenant.
#[derive(Clone, Debug)]
pub(super) struct Tenant {
    pub(super) id: &'static str,
    pub(super) cluster: Cluster,
    pub(super) members: Vec<Member>,
}

impl Tenant {
    pub(super) fn identity(&self) -> Identity {
        Identity {
            id: ClusterId::new(self.id),
            uid: ClusterUid::new(self.id),
            workload_namespace: HostNamespace::new(format!("wc-{}", self.id)),
        }
    }

    /// What goes down of each of its policies.
    pub(super) fn down(&self) -> Vec<Down> {
        let (cluster, policy, open) = (self.identity(), TenantPolicy::default(), open(self.id));
        let pods: BTreeSet<IpAddr> = self
            .members
            .iter()
            .flat_map(|pod| pod.addresses.clone())
            .collect();
        let around = Around {
            cluster: &cluster,
            policy: &policy,
            open: &open,
            namespaces: &self.cluster.namespaces,
            pods: &pods,
            api: Some(address(API)),
            dns: Some(address(DNS)),
        };
        self.cluster
            .policies
            .iter()
            .map(|policy| down(&around, policy).unwrap())
            .collect()
    }

    /// Its Pods as the host has them.
    pub(super) fn on_host(&self) -> Vec<Member> {
        let on_host = |member: &Member| {
            let own = &member.pod.namespace;
            let isolates: Vec<Isolates> = self
                .cluster
                .policies
                .iter()
                .filter(|policy| policy.metadata.namespace.as_ref() == Some(own))
                .map(Isolates::of)
                .collect();
            let mut metadata = k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
                labels: Some(meta::labels_down(&member.pod.labels, &TenantPolicy::default())),
                ..Default::default()
            };
            let key = TenantKey::new(own.as_str(), "web");
            meta::stamp(&self.identity(), &key, &TenantUid::new("u"), None, &mut metadata);
            let mut labels = metadata.labels.unwrap();
            labels.extend(open_labels(Some(isolation(&isolates, &member.pod.labels))));
            Member {
                pod: Pod {
                    namespace: format!("wc-{}", self.id),
                    labels,
                    ports: member.pod.ports.clone(),
                },
                addresses: member.addresses.clone(),
            }
        };
        self.members.iter().map(on_host).collect()
    }

    /// A Pod of its control plane.
    pub(super) fn component(&self, name: &str) -> Pod {
        Pod {
            namespace: format!("wc-{}-system", self.id),
            labels: labels(&[(keys::CLUSTER, self.id), (keys::COMPONENT, name)]),
            ports: Vec::new(),
        }
    }
}

/// DNS as it is in any cluster.
pub(super) fn any_dns() -> Pod {
    Pod {
        namespace: "kube-system".to_owned(),
        labels: labels(&[("k8s-app", "kube-dns")]),
        ports: vec![
            ("dns".to_owned(), "UDP".to_owned(), 53),
            ("dns-tcp".to_owned(), "TCP".to_owned(), 53),
        ],
    }
}

/// The host of these tenants.
pub(super) fn host(tenants: &[&Tenant]) -> Cluster {
    let mut namespaces = BTreeMap::from([named("ingress-nginx", &[])]);
    let mut policies = Vec::new();
    for tenant in tenants {
        let role = |role| [(keys::CLUSTER, tenant.id), (keys::NAMESPACE_ROLE, role)];
        namespaces.extend([
            named(&format!("wc-{}", tenant.id), &role("workloads")),
            named(&format!("wc-{}-system", tenant.id), &role("system")),
        ]);
        policies.extend(operators(tenant.id).iter().cloned());
        policies.extend(tenant.down().into_iter().filter_map(|down| down.object));
    }
    Cluster { namespaces, policies }
}

/// A namespace with these labels and its name.
pub(super) fn named(name: &str, pairs: &[(&str, &str)]) -> (String, Labels) {
    let mut labels = labels(pairs);
    labels.insert("kubernetes.io/metadata.name".to_owned(), name.to_owned());
    (name.to_owned(), labels)
}

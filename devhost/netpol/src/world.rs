//! The cluster as policies see it: Pods that have a network of their own, namespaces, and policies.
use std::{collections::BTreeMap, fmt, net::Ipv4Addr};

use k8s_openapi::api::core::v1::{self, Container};
use kube::core::{Selector, SelectorExt as _};

use crate::policy::{Policy, Protocol};

/// Labels of a Pod or a namespace.
pub type Labels = BTreeMap<String, String>;

/// Names an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Its namespace; empty for a namespace itself.
    pub namespace: String,
    /// Its name there.
    pub name: String,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// A Pod that has, or will have, an address of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Tells it from an earlier one of its name.
    pub uid: String,
    /// Where it runs.
    pub node: Option<String>,
    /// What policies select it by.
    pub labels: Labels,
    /// From its status.
    pub address: Option<Ipv4Addr>,
    /// The ports that have a name.
    pub ports: Vec<NamedPort>,
}

/// A port that a container names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPort {
    /// Its name.
    pub name: String,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its number.
    pub number: u16,
}

impl Pod {
    /// `None` for a Pod in its node's network, which no policy is about, and for one that has ended: its address may be
    /// another's by now.
    pub fn read(pod: &v1::Pod) -> Option<Self> {
        let spec = pod.spec.as_ref()?;
        let status = pod.status.as_ref();
        let phase = status.and_then(|status| status.phase.as_deref());
        if spec.host_network == Some(true) || matches!(phase, Some("Succeeded" | "Failed")) {
            return None;
        }
        let sidecar = |container: &&Container| container.restart_policy.as_deref() == Some("Always");
        let sidecars = spec.init_containers.iter().flatten().filter(sidecar);
        Some(Self {
            uid: pod.metadata.uid.clone()?,
            node: spec.node_name.clone(),
            labels: pod.metadata.labels.clone().unwrap_or_default(),
            address: status.and_then(|status| status.pod_ip.as_ref()?.parse().ok()),
            ports: spec
                .containers
                .iter()
                .chain(sidecars)
                .flat_map(named_ports)
                .collect(),
        })
    }
}

fn named_ports(container: &Container) -> impl Iterator<Item = NamedPort> {
    container.ports.iter().flatten().filter_map(|port| {
        Some(NamedPort {
            name: port.name.clone()?,
            protocol: Protocol::read(port.protocol.as_deref())?,
            number: u16::try_from(port.container_port).ok()?,
        })
    })
}

/// What the CNI plugin says of a Pod of this node, long before the Pod's status does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// Which of the Pods of this name.
    pub uid: String,
    /// What it has got.
    pub address: Ipv4Addr,
}

/// Everything that policies depend on.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// All nodes' Pods.
    pub pods: BTreeMap<Key, Pod>,
    /// Labels of the namespaces, by name.
    pub namespaces: BTreeMap<Key, Labels>,
    /// All policies.
    pub policies: BTreeMap<Key, Policy>,
    /// Of this node's Pods.
    pub announced: BTreeMap<Key, Announced>,
}

impl World {
    /// A Pod's address. What was announced is newer than what the status says: a sandbox may have been made anew.
    pub fn address(&self, key: &Key, pod: &Pod) -> Option<Ipv4Addr> {
        let announced = self
            .announced
            .get(key)
            .filter(|announced| announced.uid == pod.uid);
        announced.map(|announced| announced.address).or(pod.address)
    }

    /// All Pods that have an address.
    pub fn addressed(&self) -> impl Iterator<Item = (&Key, &Pod, Ipv4Addr)> {
        self.pods
            .iter()
            .filter_map(|(key, pod)| Some((key, pod, self.address(key, pod)?)))
    }

    /// Addresses of the Pods that `pods` selects, in the namespaces that `namespaces` selects; `None` is the namespace `own`.
    /// Namespace by namespace: a policy of one must not cost a look at the Pods of all.
    pub fn selected<'a>(
        &'a self,
        namespaces: Option<&'a Selector>,
        own: &'a str,
        pods: &'a Selector,
    ) -> impl Iterator<Item = Ipv4Addr> + 'a {
        let names: Vec<&str> = match namespaces {
            None => vec![own],
            Some(selector) => self
                .namespaces
                .iter()
                .filter(|(_, labels)| selector.matches(labels))
                .map(|(key, _)| key.name.as_str())
                .collect(),
        };
        names
            .into_iter()
            .flat_map(|namespace| self.in_namespace(namespace))
            .filter(|(_, pod)| pods.matches(&pod.labels))
            .filter_map(|(key, pod)| self.address(key, pod))
    }

    fn in_namespace<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = (&'a Key, &'a Pod)> {
        let first = Key {
            namespace: namespace.to_owned(),
            name: String::new(),
        };
        self.pods
            .range(first..)
            .take_while(move |(key, _)| key.namespace == namespace)
    }

    /// Forgets announcements that the status has caught up with, and those of Pods that are gone.
    pub fn forget_announced(&mut self) {
        let pods = &self.pods;
        self.announced.retain(|key, announced| {
            pods.get(key)
                .is_some_and(|pod| pod.uid == announced.uid && pod.address != Some(announced.address))
        });
    }
}

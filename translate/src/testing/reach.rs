//! Who reaches whom under NetworkPolicies, as Kubernetes documents it. It shares nothing with the translation, which it
//! judges; the operator's tests use it too.

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::networking::v1::{IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

pub(crate) type Labels = BTreeMap<String, String>;

/// A Pod of a cluster.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pod {
    pub(crate) namespace: String,
    pub(crate) labels: Labels,
    /// Name, protocol and number of its ports.
    pub(crate) ports: Vec<(String, String, i32)>,
}

/// One end of a connection: an address, and the Pod that has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End<'a> {
    pub(crate) address: IpAddr,
    pub(crate) pod: Option<&'a Pod>,
}

/// A cluster that enforces its policies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cluster {
    /// Labels of its namespaces.
    pub(crate) namespaces: BTreeMap<String, Labels>,
    pub(crate) policies: Vec<NetworkPolicy>,
}

impl Cluster {
    /// Whether a connection is let out and in.
    pub(crate) fn passes(&self, from: End<'_>, to: End<'_>, protocol: &str, port: i32) -> bool {
        self.goes_out(from, to, protocol, port) && self.comes_in(from, to, protocol, port)
    }

    /// Whether the Pod it comes from lets it out.
    pub(crate) fn goes_out(&self, from: End<'_>, to: End<'_>, protocol: &str, port: i32) -> bool {
        let Some(source) = from.pod else { return true };
        let policies = self.selecting(source, "Egress");
        policies.is_empty()
            || policies.iter().any(|policy| {
                let rules = policy.spec.iter().flat_map(|spec| spec.egress.iter().flatten());
                rules.into_iter().any(|rule| {
                    self.named(policy, rule.to.as_deref(), to)
                        && on_port(rule.ports.as_deref(), to.pod, protocol, port)
                })
            })
    }

    /// Whether the Pod it goes to lets it in.
    pub(crate) fn comes_in(&self, from: End<'_>, to: End<'_>, protocol: &str, port: i32) -> bool {
        let Some(target) = to.pod else { return true };
        let policies = self.selecting(target, "Ingress");
        policies.is_empty()
            || policies.iter().any(|policy| {
                let rules = policy.spec.iter().flat_map(|spec| spec.ingress.iter().flatten());
                rules.into_iter().any(|rule| {
                    self.named(policy, rule.from.as_deref(), from)
                        && on_port(rule.ports.as_deref(), to.pod, protocol, port)
                })
            })
    }

    fn selecting(&self, pod: &Pod, direction: &str) -> Vec<&NetworkPolicy> {
        let selects = |policy: &&NetworkPolicy| {
            let spec = policy.spec.clone().unwrap_or_default();
            let types = spec.policy_types.unwrap_or_else(|| {
                let egress = spec.egress.is_some_and(|rules| !rules.is_empty());
                let types = if egress {
                    vec!["Ingress", "Egress"]
                } else {
                    vec!["Ingress"]
                };
                types.into_iter().map(str::to_owned).collect()
            });
            policy.metadata.namespace.as_ref() == Some(&pod.namespace)
                && types.iter().any(|said| said == direction)
                && selects(&spec.pod_selector.unwrap_or_default(), &pod.labels)
        };
        self.policies.iter().filter(selects).collect()
    }

    fn named(&self, policy: &NetworkPolicy, peers: Option<&[NetworkPolicyPeer]>, end: End<'_>) -> bool {
        let peers = peers.unwrap_or_default();
        peers.is_empty() || peers.iter().any(|peer| self.is(policy, peer, end))
    }

    fn is(&self, policy: &NetworkPolicy, peer: &NetworkPolicyPeer, end: End<'_>) -> bool {
        if let Some(block) = &peer.ip_block {
            return is_in(block, end.address);
        }
        let Some(pod) = end.pod else { return false };
        let in_namespace = match &peer.namespace_selector {
            None => policy.metadata.namespace.as_ref() == Some(&pod.namespace),
            Some(selector) => self
                .namespaces
                .get(&pod.namespace)
                .is_some_and(|labels| selects(selector, labels)),
        };
        let is_selected = |selector: &LabelSelector| selects(selector, &pod.labels);
        in_namespace && peer.pod_selector.as_ref().is_none_or(is_selected)
    }
}

fn selects(selector: &LabelSelector, labels: &Labels) -> bool {
    let equal = selector.match_labels.iter().flatten();
    let expressions = selector.match_expressions.iter().flatten();
    equal
        .into_iter()
        .all(|(key, value)| labels.get(key) == Some(value))
        && expressions.into_iter().all(|expression| {
            let value = labels.get(&expression.key);
            let listed = || {
                let values = expression.values.as_deref().unwrap_or_default();
                value.is_some_and(|value| values.contains(value))
            };
            match expression.operator.as_str() {
                "In" => listed(),
                "NotIn" => !listed(),
                "Exists" => value.is_some(),
                "DoesNotExist" => value.is_none(),
                other => panic!("{other}"),
            }
        })
}

fn on_port(ports: Option<&[NetworkPolicyPort]>, target: Option<&Pod>, protocol: &str, number: i32) -> bool {
    let ports = ports.unwrap_or_default();
    let is = |port: &NetworkPolicyPort| {
        let number_is = match &port.port {
            None => true,
            Some(IntOrString::Int(first)) => (*first..=port.end_port.unwrap_or(*first)).contains(&number),
            Some(IntOrString::String(name)) => {
                let is_port =
                    |(of, on, at): &(String, String, i32)| of == name && on == protocol && *at == number;
                target.is_some_and(|pod| pod.ports.iter().any(is_port))
            }
        };
        port.protocol.as_deref().unwrap_or("TCP") == protocol && number_is
    };
    ports.is_empty() || ports.iter().any(is)
}

fn is_in(block: &IPBlock, address: IpAddr) -> bool {
    let inside = |range: &String| {
        let (network, length) = range.split_once('/').unwrap();
        let (network, length): (IpAddr, u32) = (network.parse().unwrap(), length.parse().unwrap());
        let bits = |address: IpAddr| match address {
            IpAddr::V4(v4) => (u128::from(v4.to_bits()), 32),
            IpAddr::V6(v6) => (v6.to_bits(), 128),
        };
        let ((network, width), (address, other)) = (bits(network), bits(address));
        width == other && (length == 0 || (network ^ address) >> (width - length) == 0)
    };
    inside(&block.cidr) && !block.except.iter().flatten().any(inside)
}

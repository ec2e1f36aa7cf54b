//! The host policy of a tenant policy.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use k8s_openapi::api::networking::v1::{
    NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicySpec,
};
use warren_crds::keys;

use super::block::Block;
use super::isolation::Isolation;
use super::open::Open;
use super::peers::{Direction, HostRule, Reading};
use super::{NARROWED, ports};
use crate::error::Result;
use crate::identity::{Cluster, TenantKey};
use crate::meta;
use crate::name::{NETWORK_POLICY, host_name};
use crate::note::Note;
use crate::policy::TenantPolicy;
use crate::selector::{self, Requirement};

/// Peers, parts that are taken out of ranges, and names of namespaces that one host policy may hold: some 300 KiB. A rule
/// that does not fit is left out.
pub const MAX_ENTRIES: usize = 4_000;

/// What the translation of a policy needs besides the policy.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// The virtual cluster.
    pub cluster: &'a Cluster,
    /// The class's bounds.
    pub policy: &'a TenantPolicy,
    /// What "everyone" is.
    pub open: &'a Open,
    /// The tenant's namespaces with their labels. Read only for policies that [select namespaces](selects_namespaces).
    pub namespaces: &'a BTreeMap<String, BTreeMap<String, String>>,
    /// Addresses of the cluster's live *host* Pods. Read only for policies that have [`blocks`].
    pub pods: &'a BTreeSet<IpAddr>,
    /// Address of the tenant's `default/kubernetes`.
    pub api: Option<IpAddr>,
    /// Address of the tenant's `kube-system/kube-dns`.
    pub dns: Option<IpAddr>,
}

/// What becomes of a tenant policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Down {
    /// What the host should have; `None`: nothing, so that the Pods that it isolates are closed.
    pub object: Option<NetworkPolicy>,
    /// What the tenant is told.
    pub notes: Vec<Note>,
}

/// The host policy.
///
/// # Errors
/// When the policy has no name, namespace or UID.
pub fn down(around: &Around<'_>, tenant: &NetworkPolicy) -> Result<Down> {
    let NetworkPolicy { metadata, spec } = tenant;
    let key = TenantKey::of(metadata)?;
    let nothing = NetworkPolicySpec::default();
    let spec = spec.as_ref().unwrap_or(&nothing);
    let NetworkPolicySpec {
        egress,
        ingress,
        pod_selector,
        policy_types: _, // read by `Isolation::of`
    } = spec;
    let mut notes = Vec::new();
    let pods = pod_selector.clone().unwrap_or_default();
    let Some(mut pods) = selector::requirements(&meta::label_selector_down(&pods, around.policy)) else {
        let why = "has an operator that this platform does not know: Pods of the namespace are closed";
        notes.push(Note::new(NARROWED, "spec.podSelector", why));
        return Ok(Down { object: None, notes });
    };
    pods.insert(Requirement::is(keys::CLUSTER, around.cluster.id.as_str()));
    pods.insert(Requirement::is(keys::TENANT_NAMESPACE, key.namespace.as_str()));
    let directions = Isolation::of(spec);
    let mut rules = Rules {
        around,
        namespace: key.namespace.as_str(),
        notes: &mut notes,
        entries: 0,
    };
    let mut ingress_down = Vec::new();
    let mut egress_down = Vec::new();
    if directions.ingress {
        for (index, rule) in ingress.iter().flatten().enumerate() {
            let NetworkPolicyIngressRule { from, ports } = rule;
            let from = from.as_deref();
            let rules = rules.of(Direction::Ingress, index, from, &ports::read(ports.as_deref()));
            ingress_down.extend(rules.into_iter().map(|rule| NetworkPolicyIngressRule {
                from: Some(rule.peers),
                ports: rule.ports,
            }));
        }
    }
    if directions.egress {
        for (index, rule) in egress.iter().flatten().enumerate() {
            let NetworkPolicyEgressRule { ports, to } = rule;
            let to = to.as_deref();
            let rules = rules.of(Direction::Egress, index, to, &ports::read(ports.as_deref()));
            egress_down.extend(rules.into_iter().map(|rule| NetworkPolicyEgressRule {
                ports: rule.ports,
                to: Some(rule.peers),
            }));
        }
    }
    let name = host_name(around.cluster, NETWORK_POLICY, &key);
    let object = NetworkPolicy {
        metadata: meta::host_meta(around.cluster, around.policy, &name, metadata)?,
        spec: Some(NetworkPolicySpec {
            // Empty lists are left out: the API drops them, and they would be written again each time.
            egress: (!egress_down.is_empty()).then_some(egress_down),
            ingress: (!ingress_down.is_empty()).then_some(ingress_down),
            pod_selector: Some(selector::selector(&pods)),
            policy_types: Some(directions.types()),
        }),
    };
    Ok(Down {
        object: Some(object),
        notes,
    })
}

/// The rules of one policy, as far as there is room.
struct Rules<'a> {
    around: &'a Around<'a>,
    namespace: &'a str,
    notes: &'a mut Vec<Note>,
    entries: usize,
}

impl Rules<'_> {
    fn of(
        &mut self,
        direction: Direction,
        index: usize,
        peers: Option<&[NetworkPolicyPeer]>,
        ports: &ports::Ports,
    ) -> Vec<HostRule> {
        let (rule, list) = match direction {
            Direction::Ingress => (format!("spec.ingress[{index}]"), "from"),
            Direction::Egress => (format!("spec.egress[{index}]"), "to"),
        };
        let mut reading = Reading {
            around: self.around,
            direction,
            namespace: self.namespace,
            notes: self.notes,
        };
        let host = reading.rule(&format!("{rule}.{list}"), peers, ports);
        let entries = self.entries + host.iter().map(|rule| rule.entries).sum::<usize>();
        if entries > MAX_ENTRIES {
            let why = format!(
                "allows nothing: with it the policy would name more than {MAX_ENTRIES} namespaces, Pods and ranges on \
                 the host; name Pods and namespaces by labels rather than addresses"
            );
            self.notes.push(Note::new(NARROWED, rule, why));
            return Vec::new();
        }
        self.entries = entries;
        host
    }
}

/// Whether what a policy says depends on the labels of namespaces.
pub fn selects_namespaces(tenant: &NetworkPolicy) -> bool {
    peers(tenant).any(|peer| peer.namespace_selector.is_some())
}

/// The ranges of addresses that a policy names: what it says depends on which Pods are in them.
pub fn blocks(tenant: &NetworkPolicy) -> Vec<Block> {
    peers(tenant)
        .filter_map(|peer| Block::read(peer.ip_block.as_ref()?))
        .collect()
}

fn peers(tenant: &NetworkPolicy) -> impl Iterator<Item = &NetworkPolicyPeer> {
    tenant.spec.iter().flat_map(|spec| {
        let from = spec
            .ingress
            .iter()
            .flatten()
            .flat_map(|rule| rule.from.iter().flatten());
        let to = spec
            .egress
            .iter()
            .flatten()
            .flat_map(|rule| rule.to.iter().flatten());
        from.chain(to)
    })
}

//! What "everyone" is, in each direction: the rules of the operator's open policies. They are the one place that says which
//! ranges are outside, where the tenant's API and DNS are, and who else may come in.

use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicyPeer};
use warren_crds::keys;

use super::block::Block;
use super::ports::{self, Ports};

/// Both open policies.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Open {
    pub(super) ingress: Vec<OpenRule>,
    pub(super) egress: Vec<OpenRule>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OpenRule {
    /// Whom it names by labels.
    pub(super) selected: Vec<NetworkPolicyPeer>,
    /// Whom it names by address.
    pub(super) blocks: Vec<Block>,
    /// On which ports.
    pub(super) ports: Ports,
}

impl Open {
    /// Reads the operator's policies as the host has them, and the syncer's own for node ports where there is one.
    pub fn read(ingress: &NetworkPolicy, egress: &NetworkPolicy, node_ports: Option<&NetworkPolicy>) -> Self {
        let ingress = ingress.spec.iter().flat_map(|spec| spec.ingress.iter().flatten());
        let egress = [Some(egress), node_ports].into_iter().flatten();
        let egress = egress.flat_map(|policy| &policy.spec);
        let egress = egress.flat_map(|spec| spec.egress.iter().flatten());
        Self {
            ingress: ingress
                .map(|rule| OpenRule::read(rule.from.as_deref(), ports::read(rule.ports.as_deref())))
                .collect(),
            egress: egress
                .map(|rule| OpenRule::read(rule.to.as_deref(), ports::read(rule.ports.as_deref())))
                .collect(),
        }
    }
}

impl OpenRule {
    /// A rule without peers would mean everybody; the operator writes none, and here it names nobody.
    fn read(peers: Option<&[NetworkPolicyPeer]>, ports: Ports) -> Self {
        let peers = peers.unwrap_or_default();
        Self {
            selected: peers
                .iter()
                .filter(|peer| peer.ip_block.is_none())
                .cloned()
                .collect(),
            blocks: peers
                .iter()
                .filter_map(|peer| Block::read(peer.ip_block.as_ref()?))
                .collect(),
            ports,
        }
    }

    /// Whom it names by labels, but for Pods of the tenant's own.
    pub(super) fn others(&self) -> impl Iterator<Item = &NetworkPolicyPeer> {
        self.selected.iter().filter(|peer| {
            let selector = peer.namespace_selector.as_ref();
            let labels = selector.and_then(|selector| selector.match_labels.as_ref());
            !labels.is_some_and(|labels| labels.contains_key(keys::CLUSTER))
        })
    }
}

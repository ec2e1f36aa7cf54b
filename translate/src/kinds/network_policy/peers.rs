//! Whom a rule names, in the host's terms.
//!
//! A list of peers that becomes empty must take its rule along: an empty list means everyone.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::networking::v1::{IPBlock, NetworkPolicyPeer};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use warren_crds::keys::{self, ports};

use super::NARROWED;
use super::block::Block;
use super::down::Around;
use super::open::{Open, OpenRule};
use super::ports::{Ports, leads_to, within};
use crate::meta;
use crate::note::Note;
use crate::selector::{self, Requirement, Requirements};

/// Namespace and labels of DNS in any cluster. The tenant's runs beside its control plane.
const DNS_NAMESPACE: &str = "kube-system";
const DNS_LABEL: (&str, &str) = ("k8s-app", "kube-dns");

/// Which way a rule is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Ingress,
    Egress,
}

impl Direction {
    fn everyone(self, open: &Open) -> &[OpenRule] {
        match self {
            Self::Ingress => &open.ingress,
            Self::Egress => &open.egress,
        }
    }
}

/// One rule of a host policy. It names somebody: there is no such rule without peers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct HostRule {
    pub(super) peers: Vec<NetworkPolicyPeer>,
    pub(super) ports: Ports,
    /// How much room it takes.
    pub(super) entries: usize,
}

impl HostRule {
    fn new(named: Named, ports: Ports) -> Option<Self> {
        let Named { selected, blocks } = named;
        let entries = selected.iter().map(selected_entries).sum::<usize>()
            + blocks.iter().map(Block::entries).sum::<usize>();
        let peers: Vec<_> = selected
            .into_iter()
            .chain(blocks.iter().map(Block::peer))
            .collect();
        (!peers.is_empty()).then_some(Self {
            peers,
            ports,
            entries,
        })
    }

    fn of_open(rule: &OpenRule, wanted: &Ports) -> Option<Self> {
        let named = Named {
            selected: rule.selected.clone(),
            blocks: rule.blocks.iter().cloned().collect(),
        };
        Self::new(named, within(&rule.ports, wanted)?)
    }
}

fn selected_entries(peer: &NetworkPolicyPeer) -> usize {
    let selectors = [&peer.namespace_selector, &peer.pod_selector]
        .into_iter()
        .flatten();
    let expressions = selectors.flat_map(|selector| selector.match_expressions.iter().flatten());
    1 + expressions
        .map(|expression| expression.values.as_ref().map_or(0, Vec::len))
        .sum::<usize>()
}

/// Who is named, without repetition.
#[derive(Debug, Default)]
struct Named {
    selected: Vec<NetworkPolicyPeer>,
    blocks: BTreeSet<Block>,
}

impl Named {
    fn select(&mut self, peer: NetworkPolicyPeer) {
        if !self.selected.contains(&peer) {
            self.selected.push(peer);
        }
    }
}

/// One rule of a tenant's policy, being read.
pub(super) struct Reading<'a> {
    pub(super) around: &'a Around<'a>,
    pub(super) direction: Direction,
    /// The policy's.
    pub(super) namespace: &'a str,
    pub(super) notes: &'a mut Vec<Note>,
}

impl Reading<'_> {
    /// The host rules of a tenant's rule on these ports. None at all when it names nobody.
    pub(super) fn rule(
        &mut self,
        field: &str,
        peers: Option<&[NetworkPolicyPeer]>,
        ports: &Ports,
    ) -> Vec<HostRule> {
        let everyone = self.direction.everyone(self.around.open);
        let Some(peers) = peers.filter(|peers| !peers.is_empty()) else {
            return everyone
                .iter()
                .filter_map(|rule| HostRule::of_open(rule, ports))
                .collect();
        };
        let mut named = Named::default();
        // Ports of the tenant's own that are behind other addresses and other numbers on the host.
        let mut targets = BTreeSet::new();
        for (index, peer) in peers.iter().enumerate() {
            let field = format!("{field}[{index}]");
            let NetworkPolicyPeer {
                ip_block,
                namespace_selector,
                pod_selector,
            } = peer;
            if let Some(block) = ip_block {
                self.block(&format!("{field}.ipBlock"), block, &mut named, &mut targets);
            } else {
                let selectors = (namespace_selector.as_ref(), pod_selector.as_ref());
                self.selected(&field, selectors, &mut named, &mut targets);
            }
        }
        let behind = everyone
            .iter()
            .filter(|rule| targets.iter().any(|target| leads_to(&rule.ports, *target)));
        HostRule::new(named, ports.clone())
            .into_iter()
            .chain(behind.filter_map(|rule| HostRule::of_open(rule, ports)))
            .collect()
    }

    /// Pods by their labels, and those of their namespaces.
    fn selected(
        &mut self,
        field: &str,
        (namespaces, pods): (Option<&LabelSelector>, Option<&LabelSelector>),
        named: &mut Named,
        targets: &mut BTreeSet<u16>,
    ) {
        let empty = LabelSelector::default();
        let pods = pods.unwrap_or(&empty);
        let on_host = selector::requirements(&meta::label_selector_down(pods, self.around.policy));
        let in_tenant = selector::requirements(pods);
        let namespaces = match namespaces {
            None => Some(Namespaces::These(BTreeSet::from([self.namespace.to_owned()]))),
            Some(selector) => selector::requirements(selector).map(|wanted| self.namespaces(&wanted)),
        };
        let (Some(mut on_host), Some(in_tenant), Some(namespaces)) = (on_host, in_tenant, namespaces) else {
            let why = "has an operator that this platform does not know: it names nobody";
            self.notes.push(Note::new(NARROWED, field, why));
            return;
        };
        let dns = BTreeMap::from([(DNS_LABEL.0.to_owned(), DNS_LABEL.1.to_owned())]);
        if self.direction == Direction::Egress
            && namespaces.has(DNS_NAMESPACE)
            && selector::matches(&in_tenant, &dns)
        {
            targets.insert(ports::DNS_TARGET);
        }
        on_host.insert(Requirement::is(keys::CLUSTER, self.around.cluster.id.as_str()));
        match namespaces {
            Namespaces::All => {}
            Namespaces::These(these) if these.is_empty() => return,
            Namespaces::These(these) => {
                on_host.insert(Requirement::In(keys::TENANT_NAMESPACE.to_owned(), these));
            }
        }
        named.select(pods_like(&on_host));
    }

    fn namespaces(&self, wanted: &Requirements) -> Namespaces {
        if wanted.is_empty() {
            return Namespaces::All;
        }
        let all = self.around.namespaces.iter();
        let these = all.filter(|(_, labels)| selector::matches(wanted, labels));
        Namespaces::These(these.map(|(name, _)| name.clone()).collect())
    }

    /// Addresses: what is open of them, and what of the tenant's own has them.
    fn block(&mut self, field: &str, written: &IPBlock, named: &mut Named, targets: &mut BTreeSet<u16>) {
        let around = self.around;
        let Some(block) = Block::read(written) else {
            let why = "is not written as this platform reads ranges: it names nobody";
            self.notes.push(Note::new(NARROWED, field, why));
            return;
        };
        let everyone = self.direction.everyone(around.open);
        let on_any_port = || everyone.iter().filter(|rule| rule.ports.is_none());
        let open: Vec<Block> = on_any_port()
            .flat_map(|rule| &rule.blocks)
            .filter_map(|open| open.both(&block))
            .collect();
        let mut own = BTreeSet::new();
        if self.direction == Direction::Egress {
            for (address, target) in [(around.api, ports::API), (around.dns, ports::DNS_TARGET)] {
                if address.is_some_and(|address| block.contains(address)) {
                    own.insert(target);
                }
            }
        }
        if open.is_empty() && own.is_empty() {
            let why = format!(
                "{} is closed to this cluster by the platform: of it only this cluster's own Pods are allowed",
                written.cidr
            );
            self.notes.push(Note::new(NARROWED, field, why));
        }
        named.blocks.extend(open);
        targets.extend(own);
        if block.is_everything() {
            // What the class names by namespace may have any address.
            on_any_port()
                .flat_map(OpenRule::others)
                .for_each(|peer| named.select(peer.clone()));
            if around.pods.iter().all(std::net::IpAddr::is_ipv4) {
                let tenant = Requirement::is(keys::CLUSTER, around.cluster.id.as_str());
                named.select(pods_like(&Requirements::from([tenant])));
                return;
            }
        }
        let inside = around.pods.iter().filter(|address| block.contains(**address));
        named
            .blocks
            .extend(inside.map(|address| Block::address(*address)));
    }
}

/// Pods of the workload namespace.
fn pods_like(requirements: &Requirements) -> NetworkPolicyPeer {
    NetworkPolicyPeer {
        pod_selector: Some(selector::selector(requirements)),
        ..NetworkPolicyPeer::default()
    }
}

/// Namespaces of the tenant.
enum Namespaces {
    All,
    These(BTreeSet<String>),
}

impl Namespaces {
    fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(these) => these.contains(name),
        }
    }
}

//! What the tenant may use of a node: what its scheduler sees its Pods use there already, plus what is free. What is free
//! and what the host's Pods take come from the operator and are of one moment, so that a Pod of the tenant's own moves an
//! amount from one to the other and the sum stays. Pure but for the stores.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use warren_runtime::quantity;
use warren_runtime::requests::{self, Amounts};
use warren_runtime::store::{ObjectKey, Store};
use warren_translate::meta;

use super::view::HostNode;
use crate::raw_pod::{KeptPod, RawPod};

/// What this cluster's host Pods on a node request that have not ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// As far as the tenant's Pods request it, too.
    pub seen: Amounts,
    /// What only the host's do: defaults of the class, what the host's admission added, Pods that the tenant has force-deleted.
    /// The tenant's scheduler does not subtract it.
    pub unseen: Amounts,
}

/// The sum over all host Pods on `node`. While the tenant's are not known all of it counts as seen.
pub fn used_on(node: &str, host_pods: &Store<RawPod>, tenant_pods: &Store<RawPod>) -> Used {
    let mut used = Used::default();
    let there = |pod: &KeptPod| pod.facts().node_name == node && !pod.facts().phase.is_terminal();
    host_pods.visit(there, |pod| {
        let Ok(host) = pod.typed() else { return };
        let amounts = requests::of(&host);
        let seen = if tenant_pods.is_ready() {
            requested_in_tenant(&host, tenant_pods)
        } else {
            amounts.clone()
        };
        used.add(&amounts, &seen);
    });
    used
}

fn requested_in_tenant(host: &Pod, tenant_pods: &Store<RawPod>) -> Amounts {
    let tenant = meta::origin(&host.metadata).and_then(|origin| {
        let key = ObjectKey::new(origin.key.namespace.as_str(), origin.key.name.as_str());
        let tenant = tenant_pods.get(&key)?;
        if tenant.uid() == origin.uid.as_str() {
            tenant.typed().ok()
        } else {
            None
        }
    });
    tenant.as_ref().map(requests::of).unwrap_or_default()
}

impl Used {
    /// Adds a Pod by what it requests on either side.
    pub fn add(&mut self, host: &Amounts, tenant: &Amounts) {
        for (name, amount) in host {
            let seen = tenant.get(name).copied().unwrap_or_default().min(*amount);
            for (sum, part) in [(&mut self.seen, seen), (&mut self.unseen, amount - seen)] {
                if part != 0 {
                    *sum.entry(name.clone()).or_default() += part;
                }
            }
        }
    }
}

/// What a virtual Node says of its resources.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shown {
    /// What the machine has.
    pub capacity: BTreeMap<String, Quantity>,
    /// What the tenant's Pods may request there in all.
    pub allocatable: BTreeMap<String, Quantity>,
}

/// For every resource that the host node has: own use plus what is free, never more than the host node has. Never less than
/// what is used there already, because a resize is judged by it, except of what the host says it has nothing of any more, as
/// of devices whose plugin died. What the node has nothing of is only shown while it is used.
pub fn shown(host: &HostNode, used: &Used) -> Shown {
    let status = host.node.status.as_ref();
    let nothing = BTreeMap::new();
    let capacity = status
        .and_then(|status| status.capacity.as_ref())
        .unwrap_or(&nothing);
    let allocatable = status
        .and_then(|status| status.allocatable.as_ref())
        .unwrap_or(&nothing);
    let names: BTreeSet<&String> = capacity.keys().chain(allocatable.keys()).collect();
    let mut shown = Shown::default();
    for name in names {
        let read =
            |amounts: &BTreeMap<String, Quantity>| amounts.get(name).and_then(quantity::parse).unwrap_or(0);
        let of = |amounts: &Amounts| amounts.get(name).copied().unwrap_or(0).max(0);
        let (has, whole, seen) = (read(capacity), read(allocatable), of(&used.seen));
        if has == 0 && whole == 0 && seen == 0 {
            continue;
        }
        let slice = (of(&host.own) + of(&host.free)).min(whole) - of(&used.unseen);
        let amount = if whole == 0 { 0 } else { slice.max(seen) };
        // As the host writes it.
        let written = capacity.get(name).filter(|_| has >= amount).cloned();
        let machine = written.unwrap_or_else(|| quantity::format(amount));
        shown.allocatable.insert(name.clone(), quantity::format(amount));
        shown.capacity.insert(name.clone(), machine);
    }
    shown
}

#[cfg(test)]
mod tests;

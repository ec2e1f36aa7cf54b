//! What the tenant may use of a node: what it uses there already, plus what is free. Both come from the operator and
//! are of one moment, so that a Pod of the tenant's own moves an amount from one to the other and the sum stays. Pure but
//! for the store.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use warren_runtime::quantity;
use warren_runtime::requests::{self, Amounts};
use warren_runtime::store::Store;

use super::view::HostNode;
use crate::raw_pod::{KeptPod, RawPod};

/// Requests of this cluster's host Pods on `node` that have not ended.
pub fn used_on(node: &str, host_pods: &Store<RawPod>) -> Amounts {
    let mut used = Amounts::new();
    let there = |pod: &KeptPod| pod.facts().node_name == node && !pod.facts().phase.is_terminal();
    host_pods.visit(there, |pod| {
        if let Ok(pod) = pod.typed() {
            requests::add(&mut used, &requests::of(&pod));
        }
    });
    used
}

/// Allocatable of the virtual Node: for every resource of the host node own use plus what is free, never more than
/// the host node has, and never less than what is `used` by what this process sees.
pub fn allocatable(host: &HostNode, used: &Amounts) -> BTreeMap<String, Quantity> {
    let of_host = host_allocatable(&host.node);
    let mut slice = BTreeMap::new();
    for (name, whole) in &of_host {
        let of = |amounts: &Amounts| amounts.get(name).copied().unwrap_or(0).max(0);
        let amount = (of(&host.own) + of(&host.free)).min(*whole);
        slice.insert(name.clone(), quantity::format(amount.max(of(used))));
    }
    for (name, own) in used
        .iter()
        .filter(|(name, own)| **own > 0 && !of_host.contains_key(*name))
    {
        slice.insert(name.clone(), quantity::format(*own));
    }
    slice
}

fn host_allocatable(node: &Node) -> Amounts {
    let allocatable = node
        .status
        .as_ref()
        .and_then(|status| status.allocatable.as_ref());
    allocatable.map(requests::read).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn host(own_cpu: i128, free_cpu: i128) -> HostNode {
        let node = json!({ "metadata": {}, "status": { "allocatable": { "cpu": "4", "pods": "110" } } });
        let amounts = |cpu: i128, pods: i128| {
            let amounts = [("cpu", cpu), ("pods", pods)];
            amounts.map(|(name, amount)| (name.to_owned(), amount * quantity::ONE))
        };
        HostNode {
            name: "n".to_owned(),
            node: serde_json::from_value(node).unwrap(),
            free: amounts(free_cpu, 99).into(),
            own: amounts(own_cpu, 1).into(),
        }
    }

    fn used(cpu: i128) -> Amounts {
        [("cpu".to_owned(), cpu * quantity::ONE)].into()
    }

    #[test]
    fn own_use_plus_free_within_the_node() {
        let text = |host: &HostNode, used: &Amounts| allocatable(host, used)["cpu"].0.clone();
        assert_eq!(text(&host(1, 3), &used(1)), "4");
        assert_eq!(text(&host(1, 1), &used(1)), "2");
        assert_eq!(text(&host(2, 4), &used(2)), "4");
        assert_eq!(allocatable(&host(1, 3), &used(1))["pods"].0, "100");
    }

    #[test]
    fn own_pods_that_come_and_go_change_nothing_whoever_sees_them_first() {
        let slice = |host: &HostNode, seen: i128| allocatable(host, &used(seen))["cpu"].0.clone();
        let (without, with) = (host(0, 2), host(1, 1));
        for seen in [0, 1] {
            assert_eq!(slice(&without, seen), "2");
            assert_eq!(slice(&with, seen), "2");
        }
    }

    #[test]
    fn never_less_than_what_runs() {
        assert_eq!(allocatable(&host(0, 0), &used(5))["cpu"].0, "5");
        let gpu: Amounts = [("example.com/gpu".to_owned(), quantity::ONE)].into();
        assert_eq!(allocatable(&host(0, 0), &gpu)["example.com/gpu"].0, "1");
    }

    #[test]
    fn ended_pods_do_not_count() {
        let store = Store::default();
        for (name, phase) in [("a", "Running"), ("b", "Failed")] {
            let pod = json!({
                "metadata": { "name": name },
                "spec": { "nodeName": "n", "containers": [{ "name": "c", "resources": { "requests": { "cpu": "1" } } }] },
                "status": { "phase": phase },
            });
            let key = warren_runtime::store::ObjectKey::new("", name);
            store.put(key, serde_json::from_value(pod).unwrap());
        }
        let used = used_on("n", &store);
        assert_eq!(used["cpu"], quantity::ONE);
        assert_eq!(used["pods"], quantity::ONE);
        assert!(used_on("m", &store).is_empty());
    }
}

//! Extended resources that a tenant gives a virtual Node itself, as the administrator of any cluster may
//! (<https://kubernetes.io/docs/tasks/administer-cluster/extended-resource-node/>): the tenant's scheduler counts them, and the
//! host never hears of them.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// Whether a resource is neither Kubernetes' own nor a name that quotas use (`IsExtendedResourceName` in
/// `pkg/apis/core/v1/helper/helpers.go`).
pub fn is_extended(name: &str) -> bool {
    name.contains('/') && !name.contains("kubernetes.io/") && !name.starts_with("requests.")
}

/// The amounts in the Node's capacity that are the tenant's: extended, and none of `asserted`, which Warren has written.
pub fn own(node: &Node, asserted: &[String]) -> BTreeMap<String, Quantity> {
    let capacity = node
        .status
        .iter()
        .flat_map(|status| status.capacity.iter().flatten());
    capacity
        .filter(|(name, _)| is_extended(name) && !asserted.contains(name))
        .map(|(name, amount)| (name.clone(), amount.clone()))
        .collect()
}

/// `amounts` without the tenant's own. None when nothing is left of some.
pub(crate) fn without(
    amounts: Option<&BTreeMap<String, Quantity>>,
    own: &BTreeSet<String>,
) -> Option<BTreeMap<String, Quantity>> {
    let amounts = amounts?;
    if !amounts.keys().any(|name| own.contains(name)) {
        return Some(amounts.clone());
    }
    let kept = amounts.iter().filter(|(name, _)| !own.contains(*name));
    let kept: BTreeMap<_, _> = kept
        .map(|(name, amount)| (name.clone(), amount.clone()))
        .collect();
    (!kept.is_empty()).then_some(kept)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn extended_are_names_of_others() {
        for (name, extended) in [
            ("cpu", false),
            ("hugepages-2Mi", false),
            ("kubernetes.io/batch-cpu", false),
            ("requests.example.com/gpu", false),
            ("example.com/gpu", true),
            ("scheduling.k8s.io/foo", true),
        ] {
            assert_eq!(is_extended(name), extended, "{name}");
        }
    }

    #[test]
    fn what_warren_wrote_is_not_the_tenants() {
        let node = json!({ "metadata": {}, "status": { "capacity": { "cpu": "4", "example.com/gpu": "2", "example.com/own": "7" } } });
        let node: Node = serde_json::from_value(node).unwrap();
        let own = own(&node, &["example.com/gpu".to_owned()]);
        assert_eq!(own.into_keys().collect::<Vec<_>>(), ["example.com/own"]);
    }

    #[test]
    fn own_resources_are_left_out_and_others_stay() {
        let amounts = |pairs: &[&str]| -> BTreeMap<_, _> {
            pairs
                .iter()
                .map(|name| ((*name).to_owned(), Quantity("1".to_owned())))
                .collect()
        };
        let own = ["example.com/own".to_owned()].into();
        assert_eq!(
            without(Some(&amounts(&["cpu", "example.com/own"])), &own),
            Some(amounts(&["cpu"]))
        );
        assert_eq!(without(Some(&amounts(&["example.com/own"])), &own), None);
        assert_eq!(without(Some(&amounts(&["cpu"])), &own), Some(amounts(&["cpu"])));
        assert_eq!(without(None, &own), None);
    }
}

//! Pure: what remains of a cluster's quota, by the names that nodes know resources by.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use warren_runtime::quantity::parse;
use warren_runtime::requests::{Amounts, PODS};

use super::ledger::COUNT_PODS;

/// What remains of each resource that `hard` bounds, of the tightest bound where there are several; below zero where more
/// is requested than a quota that was lowered allows. `counted` is the namespace's, as in
/// [`super::ledger::Sums::namespaces`]. A resource that no bound names is not in it.
pub fn remaining(hard: &BTreeMap<String, Quantity>, counted: &Amounts) -> Amounts {
    let mut remaining = Amounts::new();
    for (bound, limit) in hard {
        let (Some(resource), Some(limit)) = (resource(bound), parse(limit)) else {
            continue;
        };
        let counted_as = if bound == COUNT_PODS { COUNT_PODS } else { resource };
        let left = limit - counted.get(counted_as).copied().unwrap_or_default();
        let known = remaining.entry(resource.to_owned()).or_insert(left);
        *known = left.min(*known);
    }
    remaining
}

/// The resource of a node that a quota of this name bounds, as `pkg/quota/v1/evaluator/core/pods.go` counts them. `limits.…`
/// bound no resource of a node, storage and numbers of objects neither.
fn resource(bound: &str) -> Option<&str> {
    if bound == COUNT_PODS {
        return Some(PODS);
    }
    let requested = bound.strip_prefix("requests.");
    let resource = requested.unwrap_or(bound);
    let is_named =
        matches!(resource, "cpu" | "memory" | "ephemeral-storage") || resource.starts_with("hugepages-");
    let is_extended = requested.is_some() && resource.contains('/');
    (is_named || is_extended || bound == PODS).then_some(resource)
}

#[cfg(test)]
mod tests {
    use warren_runtime::quantity::ONE;

    use super::*;

    fn hard(bounds: &[(&str, &str)]) -> BTreeMap<String, Quantity> {
        let bounds = bounds.iter();
        bounds
            .map(|(name, limit)| ((*name).to_owned(), Quantity((*limit).to_owned())))
            .collect()
    }

    #[test]
    fn every_name_of_a_quota_that_bounds_a_resource_of_nodes_is_known() {
        for (bound, expected) in [
            ("cpu", Some("cpu")),
            ("requests.cpu", Some("cpu")),
            ("requests.memory", Some("memory")),
            ("ephemeral-storage", Some("ephemeral-storage")),
            ("requests.ephemeral-storage", Some("ephemeral-storage")),
            ("pods", Some("pods")),
            ("count/pods", Some("pods")),
            ("hugepages-2Mi", Some("hugepages-2Mi")),
            ("requests.hugepages-1Gi", Some("hugepages-1Gi")),
            ("requests.example.com/gpu", Some("example.com/gpu")),
            ("example.com/gpu", None),
            ("limits.cpu", None),
            ("requests.storage", None),
            ("requests.pods", None),
            ("fast.storageclass.storage.k8s.io/requests.storage", None),
            ("count/services", None),
            ("services.nodeports", None),
        ] {
            assert_eq!(resource(bound), expected, "{bound}");
        }
    }

    #[test]
    fn the_tightest_bound_counts_and_a_lowered_quota_leaves_less_than_nothing() {
        let counted: Amounts = [("cpu", 3), ("pods", 2), (COUNT_PODS, 5)]
            .map(|(name, amount)| (name.to_owned(), amount * ONE))
            .into();
        let bounds = hard(&[
            ("cpu", "4"),
            ("requests.cpu", "2"),
            ("pods", "10"),
            ("count/pods", "6"),
            ("requests.example.com/gpu", "1"),
            ("limits.memory", "1Gi"),
        ]);
        let expected: Amounts = [("cpu", -1), ("pods", 1), ("example.com/gpu", 1)]
            .map(|(name, amount)| (name.to_owned(), amount * ONE))
            .into();
        assert_eq!(remaining(&bounds, &counted), expected);
    }
}

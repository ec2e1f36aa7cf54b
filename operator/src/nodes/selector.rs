//! Pure: which host nodes a virtual cluster may see.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Node;
use kube::ResourceExt;
use warren_crds::{VirtualCluster, VirtualClusterClassSpec};
use warren_runtime::store::Store;

/// The class's labels and the VirtualCluster's own. The class's win: a tenant may narrow down, never leave.
pub fn merged(class: &VirtualClusterClassSpec, cluster: &VirtualCluster) -> BTreeMap<String, String> {
    let mut selector = cluster.spec.nodes.selector.clone();
    selector.extend(class.node_selector.clone());
    selector
}

/// Whether labels have everything that `selector` asks for.
pub fn matches(selector: &BTreeMap<String, String>, labels: &BTreeMap<String, String>) -> bool {
    selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// How many nodes of the host match.
pub fn eligible(nodes: &Store<Node>, selector: &BTreeMap<String, String>) -> usize {
    nodes.filter(|node| matches(selector, node.labels())).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_cannot_leave_the_classs_nodes() {
        let mut cluster = crate::testing::cluster();
        let mut class = crate::testing::class().spec;
        class.node_selector.insert("pool".to_owned(), "shared".to_owned());
        cluster
            .spec
            .nodes
            .selector
            .insert("pool".to_owned(), "private".to_owned());
        cluster
            .spec
            .nodes
            .selector
            .insert("zone".to_owned(), "a".to_owned());
        let selector = merged(&class, &cluster);
        let labels = |pool: &str| {
            [
                ("pool".to_owned(), pool.to_owned()),
                ("zone".to_owned(), "a".to_owned()),
            ]
            .into()
        };
        assert!(matches(&selector, &labels("shared")));
        assert!(!matches(&selector, &labels("private")));
    }
}

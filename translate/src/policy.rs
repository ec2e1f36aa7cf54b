//! The class's bounds, as the operator writes them into `policy.yaml` for syncer and vkubelet.

use serde::{Deserialize, Serialize};
use warren_crds::classes::Classes;
use warren_crds::container_defaults::ContainerDefaults;
use warren_crds::gateways::OfferedGateway;
use warren_crds::scheduling::HostScheduling;
use warren_crds::virtual_cluster_class::{PodSecurity, UnknownFields};

/// What a tenant of the class may have on the host. Read from `--policy`, YAML, camelCase.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TenantPolicy {
    /// Pod Security Standard that every Pod must meet.
    pub pod_security: PodSecurity,
    /// What images begin with; empty: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_registries: Vec<String>,
    /// What happens to a Pod with fields that this Warren does not know.
    pub unknown_fields: UnknownFields,
    /// Label keys that pass to the host unchanged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_labels: Vec<String>,
    /// Annotation keys that pass to the host unchanged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_annotations: Vec<String>,
    /// Taint keys of host nodes that tenants' Pods may tolerate.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_tolerations: Vec<String>,
    /// CIDRs that EndpointSlices may point into, beside the tenant's own Pods.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_endpoint_ranges: Vec<String>,
    /// Which host names tenants may serve, placeholders filled: `shop.example.com`, `*.apps.example.com`, `*`. Empty: none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_host_names: Vec<String>,
    /// Which Gateways of the host tenants see and may attach routes to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<OfferedGateway>,
    /// Which of the host's class objects tenants see and may use: `classes.storage.offers(name, labels)`.
    #[serde(skip_serializing_if = "Classes::is_unset")]
    pub classes: Classes,
    /// Host PriorityClass of tenant Pods that name none of `classes.priority`. `None`: the host's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority_class_name: Option<String>,
    /// Host RuntimeClass of tenant Pods that name none of `classes.runtime`. `None`: the host's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime_class_name: Option<String>,
    /// Requests and limits of containers that set none.
    #[serde(skip_serializing_if = "ContainerDefaults::is_nothing")]
    pub container_defaults: ContainerDefaults,
    /// There if the host's scheduler places the tenant's Pods. `None`: the tenant's own does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_scheduling: Option<HostScheduling>,
}

impl TenantPolicy {
    /// Whether Pods may name the host's RuntimeClass of this name: one that is offered, or that they get anyway.
    pub fn offers_runtime(&self, name: &str) -> bool {
        self.classes.runtime.offers(name) || self.runtime_class_name.as_deref() == Some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offered_classes_are_read_from_the_file_and_without_them_all_are_offered() {
        let read = |text: &str| serde_saphyr::from_str::<TenantPolicy>(text).unwrap();
        let all = read("podSecurity: baseline\nclasses: {}\n");
        assert_eq!(all, TenantPolicy::default());
        assert!(all.classes.storage.offers("standard", None));
        let some = read("classes:\n  storage:\n    names: [fast]\n    matchLabels: { tier: gold }\n");
        let gold = [("tier".to_owned(), "gold".to_owned())].into();
        assert!(some.classes.storage.offers("fast", Some(&gold)));
        assert!(!some.classes.storage.offers("fast", None));
        assert!(!some.classes.storage.offers("standard", Some(&gold)));
    }
}

//! The class's bounds, as the operator writes them into `policy.yaml` for syncer and vkubelet.

use serde::{Deserialize, Serialize};
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
    /// Host PriorityClass of every tenant Pod. `None`: the host's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority_class_name: Option<String>,
    /// Host RuntimeClass of every tenant Pod. `None`: the host's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime_class_name: Option<String>,
}

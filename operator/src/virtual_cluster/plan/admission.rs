//! Pure: the configuration of the tenant apiserver's admission: the class's Pod Security level as its default.
//!
//! The first of three locks, and the one whose words people know: the denial comes at `kubectl apply`. A tenant may
//! give its own namespaces another level by label, so nothing rests on this one: Warren checks each Pod again before
//! it goes down, and the host's own admission by the label of the workload namespace.

use serde_json::json;
use warren_crds::virtual_cluster_class::PodSecurity;

use super::build::text;

/// The `AdmissionConfiguration`; `None` where the class bounds nothing (`privileged`), which is upstream's default.
///
/// Nobody and no namespace is exempt, not even `kube-system`: no Pod of Warren's runs in the tenant, and what the host
/// would refuse anyway is better refused at once. Another plugin's configuration has to go into this same file:
/// kube-apiserver reads one.
pub fn configuration(level: PodSecurity) -> Option<String> {
    let level = match level {
        PodSecurity::Privileged => return None,
        PodSecurity::Baseline | PodSecurity::Restricted => level.as_str(),
    };
    Some(text(&json!({
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AdmissionConfiguration",
        "plugins": [{
            "name": "PodSecurity",
            "configuration": {
                "apiVersion": "pod-security.admission.config.k8s.io/v1",
                "kind": "PodSecurityConfiguration",
                // `warn` is what speaks at the apply of a Deployment, whose Pods are made by somebody else later.
                "defaults": {
                    "enforce": level,
                    "enforce-version": "latest",
                    "warn": level,
                    "warn-version": "latest",
                },
                "exemptions": { "namespaces": [], "runtimeClasses": [], "usernames": [] },
            },
        }],
    })))
}

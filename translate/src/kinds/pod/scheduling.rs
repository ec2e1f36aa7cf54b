//! How the host runs a Pod: the node the tenant's scheduler chose, priority and runtime as the class offers them.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    Affinity, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Toleration,
};

use super::going::Going;

/// Taints that a node's own state brings. `DaemonSets` tolerate them, and a Pod that did not on the host would be
/// refused by every cordoned node again and again. They open no node that belongs to somebody.
const STATE_TAINTS: [&str; 6] = [
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
    "node.kubernetes.io/disk-pressure",
    "node.kubernetes.io/memory-pressure",
    "node.kubernetes.io/pid-pressure",
    "node.kubernetes.io/unschedulable",
];

/// Required affinity to the node called `node`: the host's scheduler still checks and accounts.
pub(super) fn pin(node: &str) -> Affinity {
    let requirement = NodeSelectorRequirement {
        key: "metadata.name".to_owned(),
        operator: "In".to_owned(),
        values: Some(vec![node.to_owned()]),
    };
    let term = NodeSelectorTerm {
        match_expressions: None,
        match_fields: Some(vec![requirement]),
    };
    let required = NodeSelector {
        node_selector_terms: vec![term],
    };
    Affinity {
        node_affinity: Some(NodeAffinity {
            preferred_during_scheduling_ignored_during_execution: None,
            required_during_scheduling_ignored_during_execution: Some(required),
        }),
        pod_affinity: None,
        pod_anti_affinity: None,
    }
}

/// The PriorityClass that the Pod names, if it is one of the host's on offer; else the class's. The tenant's own classes, and
/// those that every Kubernetes has, order what its own scheduler does.
pub(super) fn priority_class(going: &Going<'_>) -> Option<String> {
    let policy = going.context.policy;
    let asked = going.spec.priority_class_name.as_ref();
    let offered = asked.filter(|name| policy.classes.offers_priority(name));
    offered.or(policy.priority_class_name.as_ref()).cloned()
}

/// The RuntimeClass that the Pod names, which must be on offer; else the class's.
pub(super) fn runtime_class(going: &mut Going<'_>) -> Option<String> {
    let policy = going.context.policy;
    let asked = going.spec.runtime_class_name.clone();
    let Some(asked) = asked.filter(|name| !name.is_empty()) else {
        return policy.runtime_class_name.clone();
    };
    if !policy.offers_runtime(&asked) {
        let own = policy.runtime_class_name.iter();
        let offered: BTreeSet<&String> = own.chain(&policy.classes.runtime.names).collect();
        let offered: Vec<String> = offered.iter().map(|name| format!("`{name}`")).collect();
        let why = if offered.is_empty() {
            "is not offered here".to_owned()
        } else {
            format!("may only be {} here", offered.join(", "))
        };
        going.findings.deny("spec.runtimeClassName", why);
    }
    Some(asked)
}

/// How long a taint is borne. The state of a node is a taint in the tenant as well, and its own controller counts the
/// seconds there and evicts: the host's must not do it a second time.
fn seconds(key: &str, asked: Option<i64>) -> Option<i64> {
    asked.filter(|_| !STATE_TAINTS.contains(&key))
}

/// Tolerations that the host may see: of the node's state, and of taints that the class allows. A toleration of
/// everything becomes those. Others are left out with a note.
pub(super) fn tolerations(
    going: &mut Going<'_>,
    tolerations: Option<&[Toleration]>,
) -> Option<Vec<Toleration>> {
    let allowed = &going.context.policy.allowed_tolerations;
    let offered = |key: &str| STATE_TAINTS.contains(&key) || allowed.iter().any(|allowed| allowed == key);
    let mut passed: Vec<Toleration> = Vec::new();
    for toleration in tolerations? {
        let Toleration {
            effect,
            key,
            operator,
            toleration_seconds,
            value,
        } = toleration;
        match key.as_deref().filter(|key| !key.is_empty()) {
            Some(key) if offered(key) => passed.push(Toleration {
                effect: effect.clone(),
                key: Some(key.to_owned()),
                operator: operator.clone(),
                toleration_seconds: seconds(key, *toleration_seconds),
                value: value.clone(),
            }),
            Some(key) => going.findings.note(
                "TolerationNotOffered",
                format!("spec.tolerations[{key}]"),
                "has no effect on nodes whose taint comes from the platform",
            ),
            None => {
                let keys = STATE_TAINTS.into_iter().chain(allowed.iter().map(String::as_str));
                passed.extend(keys.map(|key| Toleration {
                    effect: effect.clone(),
                    key: Some(key.to_owned()),
                    operator: Some("Exists".to_owned()),
                    toleration_seconds: seconds(key, *toleration_seconds),
                    value: None,
                }));
            }
        }
    }
    let mut unique: Vec<Toleration> = Vec::with_capacity(passed.len());
    for toleration in passed {
        if !unique.contains(&toleration) {
            unique.push(toleration);
        }
    }
    Some(unique)
}

//! What the host's scheduler says of a Pod that it has not placed, in words that tell the tenant what it can change and
//! nothing about nodes and Pods that are not its own.
//!
//! A scheduler counts nodes by the first reason that each has against the Pod, and looks at names, taints and affinity before
//! anything else (`getDefaultPlugins`). So what it says of resources, ports, volumes, spreading and other Pods is of nodes
//! of this cluster; of the rest it may as well speak of the others, whose affinity keeps every Pod of the tenant away.

use serde_json::Value;

/// Type of the condition by which a scheduler speaks.
pub const SCHEDULED: &str = "PodScheduled";
/// Reason of a Pod that a scheduler could not place.
pub const UNSCHEDULABLE: &str = "Unschedulable";
/// Reason of a Pod that gates keep from being placed.
const GATED: &str = "SchedulingGated";

/// What is of nodes of the cluster, and what the tenant reads.
const OF_OWN_NODES: [(&str, &str); 20] = [
    ("Too many pods", "too many Pods on the nodes"),
    ("free ports", "no free host port"),
    ("exceed max volume count", "too many volumes on the nodes"),
    ("available persistent volumes", "no volume fits the claim"),
    (
        "PersistentVolume's node affinity",
        "the volume is on another node",
    ),
    ("enough free storage", "not enough free storage"),
    ("non-existent pv", "the claim's volume does not exist"),
    ("available volume zone", "the volume is in another zone"),
    ("no available disk", "the disk is in use"),
    ("ReadWriteOncePod", "the claim is in use by another Pod"),
    ("topology spread constraints", "topologySpreadConstraints"),
    ("match pod affinity rules", "podAffinity"),
    ("anti-affinity rules", "podAntiAffinity"),
    (
        "unbound immediate PersistentVolumeClaims",
        "a claim has no volume yet",
    ),
    (
        "cannot allocate all claims",
        "the devices that its ResourceClaims ask for are not free",
    ),
    (
        "resourceclaim not available on the node",
        "the devices of a ResourceClaim are on another node",
    ),
    (
        "in the process of being allocated",
        "a ResourceClaim is just being allocated",
    ),
    ("resourceclaim in use", "a ResourceClaim is in use by other Pods"),
    ("resourceclaim \"", "a ResourceClaim is being deleted"),
    ("device class", "a ResourceClaim's class is not there"),
];
/// Where nothing is said of the cluster's own nodes.
const NO_NODE: &str = "nodeSelector, node affinity or taints keep it from every node of this cluster";
/// A queue of the platform's, for example.
const HELD_BACK: &str = "the platform holds the Pod back for now: it waits to be admitted";

/// Why the Pod has no node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unplaced {
    /// Reason of the condition.
    pub reason: &'static str,
    /// Its message.
    pub message: String,
    /// Since when, RFC 3339; empty if that is not known.
    pub since: String,
}

/// From a host Pod, whole; `None` while its scheduler has said nothing, or has placed it.
pub fn unplaced(host: &Value) -> Option<Unplaced> {
    let text = |pointer: &str| host.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    if !text("/spec/nodeName").is_empty() {
        return None;
    }
    let conditions = host.pointer("/status/conditions")?.as_array()?;
    let field = |condition: &Value, field: &str| {
        let text = condition.get(field).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let said = conditions
        .iter()
        .find(|condition| field(condition, "type") == SCHEDULED && field(condition, "status") == "False")?;
    let (reason, message) = if field(said, "reason") == GATED {
        (GATED, HELD_BACK.to_owned())
    } else {
        (UNSCHEDULABLE, words(&field(said, "message")))
    };
    Some(Unplaced {
        reason,
        message,
        since: field(said, "lastTransitionTime"),
    })
}

/// The sentence of a scheduler in the tenant's words.
fn words(said: &str) -> String {
    // What follows says what preemption would not help, node by node.
    let said = said.split(" preemption:").next().unwrap_or_default();
    let insufficient = said.split("Insufficient ").skip(1).filter_map(|rest| {
        let resource = rest.split([',', ' ']).next()?.trim_end_matches('.');
        (!resource.is_empty()).then(|| format!("not enough {resource}"))
    });
    let others = OF_OWN_NODES
        .iter()
        .filter(|(theirs, _)| said.contains(theirs))
        .map(|(_, ours)| (*ours).to_owned());
    let reasons: Vec<String> = insufficient.chain(others).collect();
    if reasons.is_empty() {
        return format!("no node of this cluster fits: {NO_NODE}");
    }
    format!("no node of this cluster fits: {}", reasons.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(reason: &str, message: &str) -> Value {
        json!({ "spec": {}, "status": { "conditions": [{
            "type": SCHEDULED, "status": "False", "reason": reason, "message": message,
            "lastTransitionTime": "2026-11-30T08:00:00Z",
        }] } })
    }

    #[test]
    fn nothing_is_told_of_nodes_and_taints_of_others() {
        for (message, expected) in [
            (
                "0/7 nodes are available: 2 Insufficient cpu, 2 Insufficient example.com/gpu, 5 node(s) had untolerated taint \
                 {team: secret}. preemption: 0/7 nodes are available: 7 No preemption victims found for incoming pod.",
                "no node of this cluster fits: not enough cpu, not enough example.com/gpu",
            ),
            (
                "0/7 nodes are available: 2 node(s) didn't match pod anti-affinity rules, 5 node(s) didn't match Pod's node \
                 affinity/selector.",
                "no node of this cluster fits: podAntiAffinity",
            ),
            (
                "0/7 nodes are available: 7 node(s) had untolerated taint {team: secret}.",
                "no node of this cluster fits: nodeSelector, node affinity or taints keep it from every node of this cluster",
            ),
            (
                "node \"private-17\" is full",
                "no node of this cluster fits: nodeSelector, node affinity or taints keep it from every node of this cluster",
            ),
        ] {
            let told = unplaced(&said(UNSCHEDULABLE, message)).unwrap();
            assert_eq!((told.reason, told.message.as_str()), (UNSCHEDULABLE, expected));
            assert_eq!(told.since, "2026-11-30T08:00:00Z");
        }
    }

    #[test]
    fn gates_of_the_platform_are_no_refusal_and_a_place_ends_it() {
        let mut host = said(
            "SchedulingGated",
            "Scheduling is blocked due to non-empty scheduling gates",
        );
        assert_eq!(unplaced(&host).unwrap().reason, "SchedulingGated");
        host["spec"]["nodeName"] = json!("n1");
        assert_eq!(unplaced(&host), None);
        assert_eq!(unplaced(&json!({ "spec": {} })), None);
    }
}

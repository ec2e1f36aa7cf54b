//! What it means that the host's scheduler does not place a Pod. Pure.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

/// The host's scheduler gets this long for a second thought (a Pod that is just ending, a cache that lags). With the second
/// that `creationTimestamp` is cut to and the write, a refusal is told within three.
pub const MINIMUM_AGE: Duration = Duration::from_secs(2);

/// The host cannot run the Pod there; it fails as a kubelet would fail it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The kubelet's word: `OutOfcpu`, `NodeAffinity`, …
    pub reason: String,
    /// In the kubelet's words: the scheduler's own would tell of the host's other nodes and their taints.
    pub message: String,
    /// The scheduler's words, for the log.
    pub detail: String,
}

impl Refusal {
    /// Somebody in the tenant bound the Pod to one node while the host placed it on another.
    pub fn elsewhere() -> Self {
        let message = "the Pod was bound to this node while the host placed it on another";
        Self {
            reason: "NodeAffinity".to_owned(),
            message: message.to_owned(),
            detail: message.to_owned(),
        }
    }
}

/// What the scheduler's condition says about a host Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheduling {
    /// Placed, or nothing said yet, or it is worth to wait.
    Open,
    /// Refused, but too young to be final: look again.
    Young(Duration),
    /// Refused for good.
    Refused(Refusal),
}

/// Reads a host Pod that has no node; one that is younger than `patience` is not refused yet.
pub fn read(host: &Value, now: Timestamp, patience: Duration) -> Scheduling {
    let text = |pointer: &str| {
        host.pointer(pointer)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    if text("/spec/nodeName").is_some() || text("/status/nominatedNodeName").is_some() {
        return Scheduling::Open;
    }
    let conditions = host.pointer("/status/conditions").and_then(Value::as_array);
    let of_type = |condition: &&Value| condition.get("type").and_then(Value::as_str) == Some("PodScheduled");
    let Some(condition) = conditions.into_iter().flatten().find(of_type) else {
        return Scheduling::Open;
    };
    let field = |key: &str| condition.get(key).and_then(Value::as_str).unwrap_or_default();
    let message = field("message");
    let waits = waits_for_volume(message) || waits_for_claim(message);
    if field("status") != "False" || field("reason") != "Unschedulable" || waits {
        return Scheduling::Open;
    }
    let created: Option<Timestamp> = text("/metadata/creationTimestamp").and_then(|at| at.parse().ok());
    let age = created.map_or(Duration::MAX, |created| {
        now.duration_since(created).try_into().unwrap_or_default()
    });
    if age < patience {
        return Scheduling::Young(patience.saturating_sub(age));
    }
    let detail = field("message").to_owned();
    let (reason, message) = words(&detail);
    Scheduling::Refused(Refusal {
        reason,
        message,
        detail,
    })
}

/// A claim that will be bound, or a volume that will come free, is waited for.
fn waits_for_volume(message: &str) -> bool {
    [
        "PersistentVolumeClaim",
        "persistentvolumeclaim",
        "volume node affinity",
        "didn't find available persistent",
    ]
    .iter()
    .any(|words| message.contains(words))
}

/// A claim of devices that another Pod's scheduling has in hand, that comes or goes, or whose class is not there: it comes right
/// without another Pod (`pkg/scheduler/framework/plugins/dynamicresources`).
fn waits_for_claim(message: &str) -> bool {
    [
        "in the process of being allocated",
        "resourceclaim in use",
        "resourceclaim \"",
        "resourceclaim.resource.k8s.io \"",
        "resourceclaims.resource.k8s.io \"",
        "deallocation of",
        "deletion of ResourceClaim",
        "ResourceClaim unreserved",
        "device class ",
    ]
    .iter()
    .any(|words| message.contains(words))
}

/// What the plugin says of a node whose devices are not free, or are not those of a claim that has others already.
const NO_DEVICES: [&str; 3] = [
    "cannot allocate all claims",
    "resourceclaim not available on the node",
    "invalid resource pools",
];

/// The kubelet's reason and message for the scheduler's sentence.
fn words(detail: &str) -> (String, String) {
    if let Some((_, rest)) = detail.split_once("Insufficient ") {
        let resource = rest
            .split([',', ' '])
            .next()
            .unwrap_or_default()
            .trim_end_matches('.');
        if !resource.is_empty() {
            return (
                format!("OutOf{resource}"),
                format!("Node didn't have enough resource: {resource}"),
            );
        }
    }
    let (reason, message) = if NO_DEVICES.iter().any(|words| detail.contains(words)) {
        (
            // A kubelet's word where devices that a scheduler had counted on are not there.
            "UnexpectedAdmissionError",
            "Allocate failed due to devices of the Pod's ResourceClaims not being available on this node, which is unexpected",
        )
    } else if detail.contains("Too many pods") {
        ("OutOfpods", "Node didn't have enough resource: pods")
    } else if detail.contains("free ports") {
        (
            "NodePorts",
            "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
        )
    } else if detail.contains("untolerated taint") {
        (
            "TaintToleration",
            "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate",
        )
    } else {
        (
            "NodeAffinity",
            "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
        )
    };
    (reason.to_owned(), message.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CREATED: &str = "2026-11-21T12:00:00Z";

    fn pod(message: &str) -> Value {
        json!({
            "metadata": { "creationTimestamp": CREATED },
            "spec": {},
            "status": { "conditions": [
                { "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message },
            ] },
        })
    }

    fn at(seconds: i64) -> Timestamp {
        CREATED.parse::<Timestamp>().unwrap() + jiff::SignedDuration::from_secs(seconds)
    }

    #[test]
    fn the_kubelets_words() {
        let cases = [
            (
                "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match Pod's node affinity/selector.",
                "OutOfcpu",
            ),
            (
                "0/1 nodes are available: 1 Insufficient example.com/gpu.",
                "OutOfexample.com/gpu",
            ),
            ("0/1 nodes are available: 1 Too many pods.", "OutOfpods"),
            (
                "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.",
                "NodeAffinity",
            ),
            (
                "0/1 nodes are available: 1 node(s) had untolerated taint {gpu: yes}.",
                "TaintToleration",
            ),
            (
                "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.",
                "NodePorts",
            ),
        ];
        for (message, expected) in cases {
            let Scheduling::Refused(refusal) = read(&pod(message), at(60), MINIMUM_AGE) else {
                panic!("{message}")
            };
            assert_eq!(refusal.reason, expected, "{message}");
        }
    }

    #[test]
    fn devices_that_are_not_free_end_the_pod_and_claims_that_are_on_their_way_do_not() {
        let read = |message: &str| read(&pod(message), at(60), MINIMUM_AGE);
        for message in [
            "0/3 nodes are available: 1 cannot allocate all claims, 2 node(s) didn't match Pod's node affinity/selector.",
            "0/1 nodes are available: 1 resourceclaim not available on the node.",
        ] {
            let Scheduling::Refused(refusal) = read(message) else {
                panic!("{message}")
            };
            assert_eq!(refusal.reason, "UnexpectedAdmissionError", "{message}");
            assert!(refusal.message.contains("ResourceClaims"), "{}", refusal.message);
        }
        for message in [
            "0/1 nodes are available: resource claim wc-ci/gpu-x is in the process of being allocated.",
            "0/1 nodes are available: resourceclaim in use.",
            "0/1 nodes are available: resourceclaim \"gpu-x\" is being deleted.",
            "0/1 nodes are available: resourceclaim.resource.k8s.io \"gpu-x\" not found.",
            "0/1 nodes are available: request r: device class gpu does not exist.",
            "0/1 nodes are available: 1 cannot allocate all claims. preemption: deallocation of ResourceClaim completed.",
        ] {
            assert_eq!(read(message), Scheduling::Open, "{message}");
        }
    }

    #[test]
    fn a_young_pod_gets_a_second_look() {
        assert_eq!(
            read(&pod("1 Insufficient cpu."), at(1), MINIMUM_AGE),
            Scheduling::Young(Duration::from_secs(1))
        );
    }

    #[test]
    fn what_may_still_come_right_is_waited_for() {
        let mut nominated = pod("1 Insufficient cpu.");
        nominated["status"]["nominatedNodeName"] = json!("n1");
        let mut placed = pod("1 Insufficient cpu.");
        placed["spec"]["nodeName"] = json!("n1");
        let mut gated = pod("1 Insufficient cpu.");
        gated["status"]["conditions"][0]["reason"] = json!("SchedulingGated");
        let volume = pod("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.");
        for open in [nominated, placed, gated, volume, json!({ "metadata": {} })] {
            assert_eq!(read(&open, at(60), MINIMUM_AGE), Scheduling::Open, "{open}");
        }
    }
}

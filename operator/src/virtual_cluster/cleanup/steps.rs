//! Pure: what to do with each Pod of a virtual cluster that is being deleted, and what to say is waited for.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::ResourceExt;
use warren_crds::GROUP;

use crate::limits::{STUCK_POD, STUCK_START, SYSTEM_GRACE_SECONDS, WORKLOAD_GRACE_SECONDS};

/// One thing to do with a Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PodAction {
    /// Leave only these finalizers.
    StripFinalizers(Vec<String>),
    /// Delete it.
    Delete {
        /// Seconds to end by itself.
        grace_seconds: u32,
    },
}

/// What is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// For machines.
    pub reason: &'static str,
    /// For people.
    pub message: String,
}

/// What to do with `pod`; `system`: it is in the `-system` namespace.
pub fn pod_actions(pod: &Pod, system: bool, now: Timestamp) -> Vec<PodAction> {
    let mut actions = Vec::new();
    if let Some(kept) = without_own_finalizers(pod) {
        actions.push(PodAction::StripFinalizers(kept));
    }
    match &pod.metadata.deletion_timestamp {
        None => {
            let grace_seconds = if system {
                SYSTEM_GRACE_SECONDS
            } else {
                WORKLOAD_GRACE_SECONDS
            };
            actions.push(PodAction::Delete { grace_seconds });
        }
        // The timestamp is when the grace ends, not when it began.
        Some(ends) if ends.0 + patience(pod) < now => {
            actions.push(PodAction::Delete { grace_seconds: 0 });
        }
        Some(_) => {}
    }
    actions
}

/// How long after its grace a Pod may still be there. One that never ran holds nothing back but the pull of an image.
fn patience(pod: &Pod) -> SignedDuration {
    let mut statuses = pod.status.iter().flat_map(|status| {
        let sidecars = status.init_container_statuses.iter().flatten();
        sidecars.chain(status.container_statuses.iter().flatten())
    });
    let ran = statuses.any(|container| {
        let states = [&container.state, &container.last_state];
        states
            .into_iter()
            .flatten()
            .any(|state| state.running.is_some() || state.terminated.is_some())
    });
    SignedDuration::try_from(if ran { STUCK_POD } else { STUCK_START }).unwrap_or_default()
}

/// `None` if there is nothing to strip. Other people's finalizers stay: they are waited for, and named.
fn without_own_finalizers(pod: &Pod) -> Option<Vec<String>> {
    let own = |finalizer: &String| finalizer.split('/').next() == Some(GROUP);
    let finalizers = pod.finalizers();
    finalizers
        .iter()
        .any(own)
        .then(|| finalizers.iter().filter(|f| !own(f)).cloned().collect())
}

/// What is waited for, from the namespaces and Pods that are left.
pub fn progress<'a>(namespaces: &[Namespace], pods: impl Iterator<Item = &'a Pod>) -> Progress {
    let pods: Vec<&Pod> = pods.collect();
    if let Some(first) = pods.first() {
        let held = first
            .finalizers()
            .first()
            .map(|f| format!(", held by finalizer '{f}'"))
            .unwrap_or_default();
        return Progress {
            reason: "WaitingForPods",
            message: format!(
                "{} Pods are ending; the first is {}/{}{held}",
                pods.len(),
                first.namespace().unwrap_or_default(),
                first.name_any()
            ),
        };
    }
    let blocked = namespaces.iter().find_map(|namespace| {
        let conditions = namespace
            .status
            .iter()
            .flat_map(|status| status.conditions.iter().flatten());
        let remaining = ["NamespaceFinalizersRemaining", "NamespaceContentRemaining"];
        let mut blocking = conditions
            .into_iter()
            .filter(|c| c.status == "True" && remaining.contains(&c.type_.as_str()));
        let message = blocking.find_map(|c| c.message.clone())?;
        Some(format!("namespace {}: {message}", namespace.name_any()))
    });
    Progress {
        reason: "WaitingForNamespaces",
        message: blocked.unwrap_or_else(|| {
            let names: Vec<String> = namespaces.iter().map(ResourceExt::name_any).collect();
            format!("the host is removing namespaces {}", names.join(", "))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use serde_json::json;

    fn pod(metadata: &serde_json::Value) -> Pod {
        serde_json::from_value(json!({ "metadata": metadata, "spec": { "containers": [] } })).unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn own_finalizers_go_and_others_stay() {
        let mut pod = pod(&json!({ "name": "a", "finalizers": ["warren.dev/status", "example.com/x"] }));
        let actions = pod_actions(&pod, false, at(0));
        let delete = PodAction::Delete {
            grace_seconds: WORKLOAD_GRACE_SECONDS,
        };
        assert_eq!(
            actions,
            [
                PodAction::StripFinalizers(vec!["example.com/x".to_owned()]),
                delete
            ]
        );
        pod.metadata.finalizers = Some(vec!["example.com/x".to_owned()]);
        pod.metadata.deletion_timestamp = Some(Time(at(0)));
        assert_eq!(pod_actions(&pod, false, at(1)), []);
        let held = progress(&[], [&pod].into_iter());
        assert!(
            held.message.contains("held by finalizer 'example.com/x'"),
            "{}",
            held.message
        );
    }

    #[test]
    fn a_pod_on_a_silent_node_is_not_waited_for() {
        let mut pod = pod(&json!({ "name": "a" }));
        pod.metadata.deletion_timestamp = Some(Time(at(0)));
        assert_eq!(
            pod_actions(&pod, false, at(4)),
            [PodAction::Delete { grace_seconds: 0 }]
        );
        let status = json!({ "containerStatuses": [{ "name": "a", "image": "", "imageID": "", "ready": true,
            "restartCount": 0, "state": { "running": {} } }] });
        pod.status = Some(serde_json::from_value(status).unwrap());
        assert_eq!(pod_actions(&pod, false, at(4)), []);
        assert_eq!(
            pod_actions(&pod, false, at(61)),
            [PodAction::Delete { grace_seconds: 0 }]
        );
    }

    #[test]
    fn the_control_plane_gets_less_grace_than_workloads() {
        let pod = pod(&json!({ "name": "etcd-0" }));
        assert_eq!(
            pod_actions(&pod, true, at(0)),
            [PodAction::Delete {
                grace_seconds: SYSTEM_GRACE_SECONDS
            }]
        );
    }
}

//! What would help, by what is said. Nothing is promised: each is what a person would try first.

use warren_translate::kinds::pod::{OwnCondition, words};

/// Stands for the Pod in a command.
pub(super) const POD: &str = "{pod}";
/// A device is broken.
pub(super) const DEVICE: &str =
    "delete the Pod, so that its controller makes another with another device, and tell who runs the host";
/// Parts of what schedulers say, theirs and the words for the host's, and what would help.
const SCHEDULING: [(&[&str], &str); 9] = [
    (
        &["Insufficient ", "not enough "],
        "ask for less in `resources.requests`, delete Pods that are not needed, or ask for more nodes or quota",
    ),
    (
        &["Too many pods", "too many Pods"],
        "delete Pods that are not needed, or ask for more nodes",
    ),
    (
        &["untolerated taint", "taints"],
        "tolerate the taint in `spec.tolerations`, if the class allows it: kubectl describe nodes",
    ),
    (
        &["node affinity/selector", "nodeSelector"],
        "compare `nodeSelector` and node affinity with: kubectl get nodes --show-labels",
    ),
    (
        &[
            "pod affinity rules",
            "anti-affinity",
            "podAffinity",
            "podAntiAffinity",
        ],
        "loosen the affinity to other Pods (preferred instead of required), or ask for more nodes",
    ),
    (
        &["topology spread constraints", "topologySpreadConstraints"],
        "loosen `topologySpreadConstraints` (`ScheduleAnyway`), or ask for more nodes",
    ),
    (
        &["were unschedulable"],
        "kubectl uncordon the node, if it was cordoned in this cluster",
    ),
    (
        &["free ports", "free host port"],
        "choose another `hostPort`, or leave it out",
    ),
    (
        &[
            "persistentvolumeclaim",
            "PersistentVolume",
            "persistent volumes",
            "claim",
            "the volume",
        ],
        "see why the claim has no volume that fits: kubectl describe pvc",
    ),
];

/// For what a scheduler says.
pub(super) fn scheduling(said: &str) -> Vec<String> {
    let helps = SCHEDULING
        .iter()
        .filter(|(parts, _)| parts.iter().any(|part| said.contains(part)))
        .map(|(_, help)| (*help).to_owned());
    helps.collect()
}

/// For a Pod that does not come to the host.
pub(super) fn refusal(reason: &str) -> Vec<String> {
    let help = match reason {
        words::EXCEEDED_QUOTA => {
            "delete what is not needed, ask for less, or ask for more `quota` of the VirtualCluster"
        }
        words::FAILED_CREATE => "the host's own admission says no: change the Pod, or ask who runs the host",
        OwnCondition::DENIED => {
            "change the fields that are named, or ask who runs the host for a class that allows them"
        }
        _ => "ask who runs the host",
    };
    vec![help.to_owned()]
}

/// For a container that does not run.
pub(super) fn container(reason: &str, name: &str, restarts: i32) -> Vec<String> {
    let help = match reason {
        "ErrImagePull" | "ImagePullBackOff" => {
            "check the image's name and tag, and `imagePullSecrets` for a private registry".to_owned()
        }
        "InvalidImageName" => "correct the image's name".to_owned(),
        "ErrImageNeverPull" => "with `imagePullPolicy: Never` the image must be on the node already".to_owned(),
        "CreateContainerConfigError" => {
            "create the ConfigMap or Secret that is named, with the key that is asked for, or mark it `optional`".to_owned()
        }
        "CreateContainerError" | "RunContainerError" => "correct `command`, `args` or `securityContext`".to_owned(),
        "CrashLoopBackOff" if restarts > 0 => format!("see what it said last: kubectl logs {POD} -c {name} --previous"),
        _ => format!("see what it says: kubectl logs {POD} -c {name}"),
    };
    vec![help]
}

/// For volumes and networks that a kubelet cannot set up.
pub(super) fn setup(reason: Option<&str>) -> Vec<String> {
    let help = match reason {
        Some("FailedMount" | "FailedMapVolume") => {
            "create what the volume names; a kubelet tries again by itself, after up to two minutes"
        }
        Some("FailedAttachVolume") => {
            "another node may still hold the volume: look for the Pod that used it last"
        }
        _ => "a kubelet tries again by itself; if it stays so, ask who runs the host",
    };
    vec![help.to_owned()]
}

/// For a Pod that runs and is not ready.
pub(super) fn readiness(reason: &str, probe_says: bool) -> Vec<String> {
    let help = match reason {
        "ReadinessGatesNotReady" => "whoever owns the condition must set it: see `spec.readinessGates`",
        _ if probe_says => {
            "the readiness probe fails: compare its port and path with what the container serves"
        }
        _ => "see what its containers say: kubectl logs {pod}",
    };
    vec![help.to_owned()]
}

/// For a Pod that failed.
pub(super) fn failure(reason: &str) -> Vec<String> {
    let help = match reason {
        "Evicted" => {
            "its node ran short of something, or is being emptied: set requests that are true; a controller makes another"
        }
        "Preempted" => {
            "a higher priority on the host took its place: ask for a class of higher priority; a controller makes another"
        }
        "NodeLost" | "Deleted" => {
            "its machine is gone, or somebody took it away there; a controller makes another"
        }
        "DeadlineExceeded" => "it ran longer than `activeDeadlineSeconds` allows",
        reason
            if reason.starts_with("OutOf")
                || ["NodeAffinity", "NodePorts", "TaintToleration"].contains(&reason) =>
        {
            "its node could not take it after all; a controller makes another, a single Pod must be made again"
        }
        _ => "see what its containers said last: kubectl logs {pod}",
    };
    vec![help.to_owned()]
}

/// Names in a sentence.
pub(super) fn quoted(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    quoted.join(", ")
}

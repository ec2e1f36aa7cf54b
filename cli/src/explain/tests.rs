//! Pods at each place where they may stand, and what is said of them.

use serde_json::{Value, json};

use super::*;
use crate::output::style::Style;

const NOW: &str = "2026-11-30T08:10:00Z";
const CREATED: &str = "2026-11-30T08:00:00Z";

fn merge(to: &mut Value, from: Value) {
    match (to, from) {
        (Value::Object(to), Value::Object(from)) => {
            for (key, value) in from {
                merge(to.entry(key).or_insert(Value::Null), value);
            }
        }
        (to, from) => *to = from,
    }
}

/// A Pod that has just been made, merged with `extra`.
fn pod(extra: Value) -> Pod {
    let mut pod = json!({
        "metadata": { "namespace": "shop", "name": "web", "uid": "u", "creationTimestamp": CREATED },
        "spec": { "containers": [{ "name": "c", "image": "web:1" }] },
        "status": { "phase": "Pending" },
    });
    merge(&mut pod, extra);
    serde_json::from_value(pod).unwrap()
}

fn bound(extra: Value) -> Pod {
    let mut bound = json!({ "spec": { "nodeName": "n1" },
        "metadata": { "annotations": { "warren.dev/started": "2026-11-30T08:01:00Z" } } });
    merge(&mut bound, extra);
    pod(bound)
}

fn said(type_: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({ "type": type_, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": "2026-11-30T08:05:00Z" })
}

fn with(conditions: Value) -> Value {
    let mut pod = json!({ "status": {} });
    pod["status"]["conditions"] = conditions;
    pod
}

fn event(reason: &str, message: &str) -> Event {
    serde_json::from_value(json!({
        "metadata": {}, "involvedObject": { "kind": "Pod", "name": "web" }, "type": "Warning",
        "reason": reason, "message": message, "lastTimestamp": "2026-11-30T08:06:00Z",
    }))
    .unwrap()
}

fn tenant_only(pod: Pod) -> Seen {
    Seen {
        pod,
        host: Host::Hidden("Pods in the host's namespace 'wc' cannot be read: forbidden".to_owned()),
        ..Seen::default()
    }
}

fn on_host(pod: Pod, host: Option<Pod>) -> Seen {
    let seen = HostSeen {
        pod: host,
        ..HostSeen::default()
    };
    Seen {
        pod,
        host: Host::Seen(Box::new(seen)),
        ..Seen::default()
    }
}

fn placed() -> Pod {
    let mut placed = with(json!([said("PodScheduled", "True", "", "")]));
    placed["spec"] = json!({ "nodeName": "n1" });
    pod(placed)
}

fn waiting(reason: &str, message: &str, restarts: i32, last: Value) -> Pod {
    let mut container = json!({ "name": "c", "image": "web:1", "imageID": "", "ready": false, "restartCount": restarts,
        "state": { "waiting": { "reason": reason, "message": message } } });
    container["lastState"] = last;
    bound(json!({ "status": { "startTime": "2026-11-30T08:02:00Z", "containerStatuses": [container] } }))
}

#[test]
fn the_devices_that_containers_hold_are_named() {
    let running = |resource: &str, health: &str| {
        let devices = json!([{ "name": resource, "resources": [
            { "resourceID": "Dev-1", "health": "Healthy" }, { "resourceID": "Dev-2", "health": health } ] }]);
        let container = json!({ "name": "c", "image": "web:1", "imageID": "", "ready": true, "restartCount": 0,
            "state": { "running": {} }, "allocatedResourcesStatus": devices });
        let mut running = with(json!([said("Ready", "True", "", "")]));
        merge(
            &mut running,
            json!({ "status": { "phase": "Running", "containerStatuses": [container] } }),
        );
        let mut seen = on_host(bound(running), Some(placed()));
        seen.claimed = [("train".to_owned(), vec!["gpu.example.com/n1/gpu-0".to_owned()])].into();
        let stages = stages(&seen);
        let started = stages
            .iter()
            .find(|stage| stage.name.starts_with("Started"))
            .unwrap();
        (started.message.clone(), started.help.len())
    };
    let expected = "container c holds Dev-1, Dev-2 of example.com/gpu";
    assert_eq!(running("example.com/gpu", "Healthy"), (expected.to_owned(), 0));
    let expected = "container c holds Dev-1, Dev-2 (Unhealthy) of example.com/gpu";
    assert_eq!(running("example.com/gpu", "Unhealthy"), (expected.to_owned(), 1));
    for (resource, health, devices, helps) in [
        ("claim:train", "Healthy", "gpu.example.com/n1/gpu-0", 0),
        (
            "claim:train/large",
            "Unhealthy",
            "gpu.example.com/n1/gpu-0 (Unhealthy)",
            1,
        ),
        // Its allocation could not be read.
        ("claim:other", "Healthy", "Dev-1, Dev-2", 0),
    ] {
        let expected = format!("container c holds {devices} of {resource}");
        assert_eq!(running(resource, health), (expected, helps));
    }
}

/// Where the Pod stands, and what would help.
fn stands(seen: &Seen) -> (&'static str, State, String, Vec<String>) {
    let stages = stages(seen);
    let current = current(&stages).unwrap_or_else(|| stages.last().unwrap());
    (
        current.name,
        current.state,
        current.message.clone(),
        current.help.clone(),
    )
}

/// The stage, a part of the message, and a part of the first help.
fn assert_stands(seen: &Seen, stage: &str, message: &str, help: &str) {
    let (at, _, said, helps) = stands(seen);
    assert_eq!(at, stage, "{said}");
    assert!(said.contains(message), "'{said}' does not say '{message}'");
    let is_there = helps.iter().any(|line| line.contains(help));
    assert!(is_there || (help.is_empty() && helps.is_empty()), "{helps:?}");
}

#[test]
fn a_pod_without_a_node_is_with_its_scheduler() {
    const AT: &str = "Placed by the tenant's scheduler";
    let refused = |message: &str| {
        let conditions = json!([said("PodScheduled", "False", "Unschedulable", message)]);
        tenant_only(pod(with(conditions)))
    };
    let cpu = refused("0/2 nodes are available: 2 Insufficient cpu.");
    assert_stands(&cpu, AT, "Insufficient cpu", "resources.requests");
    let taint = refused("0/2 nodes are available: 2 node(s) had untolerated taint {gpu: yes}.");
    assert_stands(&taint, AT, "untolerated", "spec.tolerations");
    let claim = refused("0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.");
    assert_stands(&claim, AT, "unbound", "describe pvc");
    let new = tenant_only(pod(json!({})));
    assert_stands(&new, AT, "'default-scheduler' has not looked at it", "");
    let own = tenant_only(pod(json!({ "spec": { "schedulerName": "mine" } })));
    assert_stands(&own, AT, "'mine' has not looked at it", "check that 'mine' runs");
    let gated = tenant_only(pod(
        json!({ "spec": { "schedulingGates": [{ "name": "a.example/b" }] } }),
    ));
    assert_stands(
        &gated,
        AT,
        "a.example/b",
        "takes it out of `spec.schedulingGates`",
    );
}

#[test]
fn where_the_host_places_pods_its_words_come_after_the_way_there() {
    let message = "no node of this cluster fits: not enough cpu, podAntiAffinity";
    let conditions = json!([said("PodScheduled", "False", "Unschedulable", message)]);
    let mut seen = tenant_only(pod(with(conditions)));
    seen.placed_by_host = true;
    seen.pod.metadata.annotations = Some([("warren.dev/started".to_owned(), CREATED.to_owned())].into());
    assert_stands(
        &seen,
        "Placed by the host's scheduler",
        message,
        "loosen the affinity",
    );
    let names: Vec<_> = stages(&seen).into_iter().map(|stage| stage.name).collect();
    assert_eq!(
        names,
        [
            "What it names is there",
            "Accepted by the host",
            "Placed by the host's scheduler",
            "Started by the kubelet",
            "Ready"
        ]
    );
}

#[test]
fn what_keeps_a_pod_from_the_host_is_named() {
    const AT: &str = "Accepted by the host";
    let synced = |reason: &str, message: &str| {
        let mut fields = with(json!([said("warren.dev/Synced", "False", reason, message)]));
        fields["spec"] = json!({ "nodeName": "n1" });
        fields
    };
    let denied = on_host(pod(synced("Denied", "`spec.hostNetwork` is not allowed")), None);
    assert_stands(
        &denied,
        AT,
        "`spec.hostNetwork` is not allowed",
        "change the fields that are named",
    );
    assert_eq!(stands(&denied).1, State::Failed);
    let refused = on_host(
        pod(synced(
            "FailedCreate",
            "the host refuses the Pod: webhook says no",
        )),
        None,
    );
    assert_stands(&refused, AT, "webhook says no", "the host's own admission");
    let mut full = on_host(
        pod(synced(
            "ExceededQuota",
            "the Pod waits for room in the quota: exceeded",
        )),
        None,
    );
    let Host::Seen(host) = &mut full.host else {
        unreachable!()
    };
    let quota = json!({ "metadata": {}, "status": { "hard": { "pods": "10" }, "used": { "pods": "10" } } });
    host.quotas = vec![serde_json::from_value(quota).unwrap()];
    assert_stands(&full, AT, "waits for room", "quota of pods: 10 of 10 in use");
    assert_eq!(stands(&full).1, State::Here);
    let mut silent = on_host(pod(json!({ "spec": { "nodeName": "n1" } })), None);
    let Host::Seen(host) = &mut silent.host else {
        unreachable!()
    };
    host.silent = vec![("vkubelet".to_owned(), CREATED.parse().unwrap())];
    assert_stands(
        &silent,
        AT,
        "not on the host yet",
        "vkubelet was last heard of at 2026-11-30T08:00:00Z",
    );
    let mut failed = on_host(pod(json!({ "spec": { "nodeName": "n1" } })), None);
    failed.events = vec![event(
        "FailedDependency",
        "Secret shop/a cannot be brought to the Pod: too large",
    )];
    assert_stands(
        &failed,
        "What it names is there",
        "too large",
        "change what is named",
    );
}

#[test]
fn what_is_not_there_is_named_until_the_pod_runs() {
    const AT: &str = "What it names is there";
    let missing = |what: &str, is_unbound| Missing {
        what: what.to_owned(),
        is_unbound,
    };
    let mut seen = on_host(bound(json!({})), Some(placed()));
    seen.missing = vec![missing("ConfigMap settings", false), missing("Secret key", false)];
    assert_stands(
        &seen,
        AT,
        "ConfigMap settings, Secret key are not there",
        "create ConfigMap settings, Secret key",
    );
    seen.missing = vec![missing("PersistentVolumeClaim data", true)];
    assert_stands(
        &seen,
        AT,
        "PersistentVolumeClaim data is without a volume",
        "describe pvc",
    );
    // Without a node it is the scheduler's to say.
    let mut waits = seen.clone();
    waits.placed_by_host = true;
    waits.pod.spec.as_mut().unwrap().node_name = None;
    assert_eq!(stands(&waits).0, "Placed by the host's scheduler");
    seen.pod.status.as_mut().unwrap().phase = Some("Running".to_owned());
    assert_ne!(stands(&seen).0, AT);
}

#[test]
fn the_hosts_scheduler_waits_or_refuses() {
    const AT: &str = "Placed by the host's scheduler";
    let unplaced = |conditions: Value| on_host(bound(json!({})), Some(pod(with(conditions))));
    let message = "0/9 nodes are available: 1 Insufficient memory.";
    let refused = unplaced(json!([said("PodScheduled", "False", "Unschedulable", message)]));
    assert_stands(&refused, AT, message, "resources.requests");
    assert_stands(&unplaced(json!([])), AT, "has not looked at it yet", "");
    let nominated = json!({ "status": { "nominatedNodeName": "n1" } });
    let nominated = on_host(bound(json!({})), Some(pod(nominated)));
    assert_stands(&nominated, AT, "make room", "");
    let mut hidden = tenant_only(bound(json!({})));
    assert_stands(&hidden, AT, "the host has not started it yet", "");
    let told = "the host has not placed the Pod yet: no node of this cluster fits: a claim has no volume yet";
    hidden.events = vec![event("WaitsForHost", told)];
    assert_stands(&hidden, AT, told, "describe pvc");
}

#[test]
fn containers_that_do_not_run_say_why() {
    const AT: &str = "Started by the kubelet";
    let of = |pod: Pod| on_host(pod, Some(placed()));
    let pull = of(waiting(
        "ImagePullBackOff",
        "Back-off pulling image \"web:1\"",
        0,
        json!({}),
    ));
    assert_stands(
        &pull,
        AT,
        "container c: ImagePullBackOff: Back-off pulling",
        "imagePullSecrets",
    );
    let crash = json!({ "terminated": { "exitCode": 3, "reason": "Error" } });
    let crash = of(waiting("CrashLoopBackOff", "back-off", 7, crash));
    assert_stands(
        &crash,
        AT,
        "restarted 7 times; the last time it ended with exit code 3",
        "--previous",
    );
    let memory = json!({ "terminated": { "exitCode": 137, "reason": "OOMKilled" } });
    let memory = of(waiting("CrashLoopBackOff", "back-off", 1, memory));
    assert_stands(&memory, AT, "more memory than its limit", "--previous");
    let config = of(waiting(
        "CreateContainerConfigError",
        "configmap \"a\" not found",
        0,
        json!({}),
    ));
    assert_stands(
        &config,
        AT,
        "configmap \"a\" not found",
        "create the ConfigMap or Secret",
    );
    let mut mount = of(waiting("ContainerCreating", "", 0, json!({})));
    mount.events = vec![event("FailedMount", "MountVolume.SetUp failed for volume \"a\"")];
    assert_stands(
        &mount,
        AT,
        "MountVolume.SetUp failed",
        "create what the volume names",
    );
    let status = |name: &str, state: Value| json!({ "name": name, "image": "x", "imageID": "", "ready": false, "restartCount": 0, "state": state });
    let init = [
        status("one", json!({ "terminated": { "exitCode": 0 } })),
        status("two", json!({ "running": {} })),
    ];
    let init = of(bound(json!({ "status": { "initContainerStatuses": init } })));
    assert_stands(
        &init,
        AT,
        "init container two runs (1 of 2 are through)",
        "-c two",
    );
}

#[test]
fn a_pod_that_runs_and_is_not_ready_says_why() {
    const AT: &str = "Ready";
    let running = |reason: &str, message: &str| {
        let mut running = with(json!([said("Ready", "False", reason, message)]));
        running["status"]["phase"] = json!("Running");
        on_host(bound(running), Some(placed()))
    };
    let mut probe = running("ContainersNotReady", "containers with unready status: [c]");
    assert_stands(&probe, AT, "unready status: [c]", "kubectl logs");
    probe.events = vec![event(
        "Unhealthy",
        "Readiness probe failed: HTTP probe failed with statuscode: 500",
    )];
    assert_stands(&probe, AT, "statuscode: 500", "port and path");
    let gate = running(
        "ReadinessGatesNotReady",
        "corresponding condition of pod readiness gate \"a/b\" does not exist.",
    );
    assert_stands(&gate, AT, "readiness gate \"a/b\"", "spec.readinessGates");
    let mut lost = running("", "");
    lost.node = Some(
        serde_json::from_value(json!({ "metadata": { "name": "n1" }, "status": { "conditions": [
            said("Ready", "Unknown", "NodeStatusUnknown", "") ] } }))
        .unwrap(),
    );
    assert_stands(
        &lost,
        AT,
        "node n1 does not answer (NodeStatusUnknown)",
        "delete the Pod",
    );
}

#[test]
fn a_pod_that_ends_stands_at_its_end() {
    let failed = bound(json!({ "status": { "phase": "Failed", "reason": "OutOfcpu",
        "message": "Pod was rejected: Node didn't have enough resource: cpu" } }));
    assert_stands(
        &on_host(failed, None),
        "Ended",
        "OutOfcpu: Pod was rejected",
        "a controller makes another",
    );
    let done = bound(json!({ "status": { "phase": "Succeeded" } }));
    assert_eq!(stands(&on_host(done, None)).1, State::Done);
    let going = json!({ "deletionTimestamp": "2026-11-30T08:09:00Z", "deletionGracePeriodSeconds": 30 });
    let runs = bound(json!({ "metadata": going, "status": { "phase": "Running" } }));
    assert_stands(
        &on_host(runs.clone(), Some(placed())),
        "Gone",
        "have 30 s to end",
        "when its containers have ended",
    );
    assert_stands(
        &tenant_only(runs),
        "Gone",
        "have 30 s to end",
        "when its containers have ended",
    );
    let mut held = going;
    held["finalizers"] = json!(["a.example/b"]);
    let held = bound(json!({ "metadata": held, "status": { "phase": "Failed" } }));
    assert_stands(
        &on_host(held, None),
        "Gone",
        "finalizers keep it: a.example/b",
        "must take it off",
    );
}

fn screen(seen: &Seen) -> String {
    let now = NOW.parse().unwrap();
    render::text(seen, &stages(seen), "demo/ci-42", Style::default(), now)
}

#[test]
fn one_screen_of_a_pod_that_crashes() {
    let last = json!({ "terminated": { "exitCode": 3, "reason": "Error" } });
    let mut seen = on_host(waiting("CrashLoopBackOff", "back-off", 7, last), Some(placed()));
    seen.events = vec![event(
        "BackOff",
        "Back-off restarting failed container c\u{1b}[31m",
    )];
    insta::assert_snapshot!(screen(&seen));
}

#[test]
fn one_screen_without_rights_on_the_host() {
    let synced = json!([said(
        "warren.dev/Synced",
        "False",
        "Denied",
        "`spec.hostNetwork` is not allowed"
    )]);
    let mut denied = with(synced);
    denied["spec"] = json!({ "nodeName": "n1" });
    insta::assert_snapshot!(screen(&tenant_only(pod(denied))));
}

#[test]
fn one_screen_of_a_pod_that_is_ready() {
    let mut ready = with(json!([
        said("PodScheduled", "True", "", ""),
        said("Ready", "True", "", "")
    ]));
    merge(
        &mut ready,
        json!({ "status": { "phase": "Running", "startTime": "2026-11-30T08:02:00Z",
        "containerStatuses": [{ "name": "c", "image": "x", "imageID": "", "ready": true, "restartCount": 0,
            "state": { "running": {} } }] } }),
    );
    insta::assert_snapshot!(screen(&on_host(bound(ready), Some(placed()))));
}

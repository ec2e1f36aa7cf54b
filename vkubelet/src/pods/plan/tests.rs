//! Table of both sides of a Pod.

use std::sync::Arc;

use serde_json::{Value, json};
use warren_translate::kinds::pod::host_name;
use warren_translate::{Cluster, ClusterId, ClusterUid, HostNamespace, TenantKey};

use super::super::memory::Memory;
use super::*;

fn tenant(patch: Value) -> Value {
    let mut pod = json!({
        "metadata": { "namespace": "ns", "name": "a", "uid": "t1" },
        "spec": { "nodeName": "n1" }, "status": { "phase": "Pending" },
    });
    merge(&mut pod, patch);
    pod
}

fn host(patch: Value) -> Value {
    let mut pod = json!({
        "metadata": { "namespace": "wc", "name": "h", "uid": "h1" },
        "spec": { "nodeName": "n1" }, "status": { "phase": "Running" },
    });
    merge(&mut pod, patch);
    pod
}

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

fn pair(tenant: Option<Value>, host: Option<Value>) -> Pair {
    let read = |pod: Value| Arc::new(serde_json::from_value::<RawPod>(pod).unwrap());
    let cluster = Cluster {
        id: ClusterId::new("c"),
        uid: ClusterUid::new("u"),
        workload_namespace: HostNamespace::new("wc"),
    };
    let key = TenantKey::new("ns", "a");
    Pair {
        host_name: host_name(&cluster, &key),
        key,
        tenant: tenant.map(read),
        origin_uid: host.is_some().then(|| "t1".to_owned()),
        host: host.map(read),
        scheduling: Scheduling::Open,
        node_known: true,
        node_ours: true,
        node_lost: false,
        placing: None,
        memory: Memory::default(),
    }
}

fn started() -> Value {
    tenant(json!({ "metadata": { "annotations": { keys::STARTED: "true" } } }))
}

fn deleted(grace: i64) -> Value {
    json!({ "metadata": { "deletionTimestamp": "2026-11-21T12:00:00Z", "deletionGracePeriodSeconds": grace } })
}

fn phase(phase: &str) -> Value {
    json!({ "status": { "phase": phase } })
}

fn uid() -> String {
    "h1".to_owned()
}

#[test]
fn nothing_on_either_side_is_forgotten() {
    assert_eq!(plan(&pair(None, None)), [Action::Forget]);
}

#[test]
fn a_bound_pod_starts_once() {
    assert_eq!(plan(&pair(Some(tenant(json!({}))), None)), [Action::Start]);
    // The marker without a host Pod, and a kubelet spoke of it: it ran.
    let mut ran = started();
    merge(
        &mut ran,
        json!({ "status": { "startTime": "2026-11-21T12:00:00Z" } }),
    );
    assert_eq!(plan(&pair(Some(ran), None)), [Action::Vanished]);
    // Nobody did: the process before this one died on the way; the host is asked.
    assert_eq!(plan(&pair(Some(started()), None)), [Action::Start]);
    // This process asked without an answer: the name makes asking again safe.
    let mut unanswered = pair(Some(started()), None);
    unanswered.memory.attempt = Attempt::Unanswered;
    assert_eq!(plan(&unanswered), [Action::Start]);
    // The host said no before, for example because of quota.
    unanswered.memory.attempt = Attempt::Refused;
    assert_eq!(plan(&unanswered), [Action::Start]);
    // Created, and the store does not show it (yet): ask before believing either.
    let mut created = pair(Some(started()), None);
    created.memory.attempt = Attempt::Created;
    assert_eq!(plan(&created), [Action::Vanished]);
    // Seen, and gone: not started again, whatever the attempt.
    let mut gone = pair(Some(started()), None);
    gone.memory.attempt = Attempt::Unanswered;
    gone.memory.gone = Some(Arc::new(RawPod::default()));
    assert_eq!(plan(&gone), [Action::Vanished]);
}

#[test]
fn a_pod_on_a_node_that_is_not_this_clusters_waits() {
    let mut foreign = pair(Some(tenant(json!({}))), None);
    foreign.node_known = false;
    assert_eq!(plan(&foreign), []);
    // Somebody else's kubelet (a simulator, say) serves what is not Warren's, deletions included.
    let mut other = pair(Some(tenant(deleted(30))), None);
    other.node_ours = false;
    assert_eq!(plan(&other), []);
    // But one that runs there is served to its end.
    let mut runs = pair(Some(started()), Some(host(json!({}))));
    runs.node_known = false;
    assert_eq!(plan(&runs), [Action::Sync]);
}

#[test]
fn a_running_pod_is_kept_in_step() {
    assert_eq!(
        plan(&pair(Some(started()), Some(host(json!({}))))),
        [Action::Sync]
    );
    assert_eq!(
        plan(&pair(Some(started()), Some(host(phase("Failed"))))),
        [Action::Sync]
    );
    assert_eq!(
        plan(&pair(Some(started()), Some(host(deleted(30))))),
        [Action::Sync]
    );
}

#[test]
fn deletion_goes_down_with_the_tenants_grace_and_the_tenant_waits() {
    let delete = |grace| Action::DeleteHost { uid: uid(), grace };
    let mut ended_while_deleted = deleted(30);
    merge(&mut ended_while_deleted, phase("Succeeded"));
    let cases = [
        (deleted(30), json!({}), vec![delete(Some(30)), Action::Sync]),
        (deleted(0), json!({}), vec![delete(Some(1)), Action::Sync]),
        (deleted(30), deleted(30), vec![Action::Sync]),
        (deleted(5), deleted(30), vec![delete(Some(5)), Action::Sync]),
        (deleted(60), deleted(30), vec![Action::Sync]),
        (
            deleted(30),
            phase("Succeeded"),
            vec![delete(Some(1)), Action::Sync],
        ),
        (deleted(30), ended_while_deleted, vec![Action::Sync]),
    ];
    for (of_tenant, of_host, actions) in cases {
        let pair = pair(Some(tenant(of_tenant.clone())), Some(host(of_host.clone())));
        assert_eq!(plan(&pair), actions, "{of_tenant} {of_host}");
    }
}

#[test]
fn the_tenants_pod_goes_when_the_host_has_nothing() {
    for state in [json!({}), phase("Running"), phase("Failed")] {
        let mut pod = tenant(state);
        merge(&mut pod, deleted(30));
        assert_eq!(plan(&pair(Some(pod), None)), [Action::FinishDeletion]);
    }
}

#[test]
fn an_end_is_final() {
    for end in ["Succeeded", "Failed"] {
        assert_eq!(plan(&pair(Some(tenant(phase(end))), None)), []);
        // What belongs to the end may come after it.
        assert_eq!(
            plan(&pair(Some(tenant(phase(end))), Some(host(phase(end))))),
            [Action::Sync]
        );
        let still_runs = pair(Some(tenant(phase(end))), Some(host(json!({}))));
        assert_eq!(
            plan(&still_runs),
            [Action::DeleteHost {
                uid: uid(),
                grace: None
            }]
        );
        assert_eq!(plan(&pair(Some(tenant(phase(end))), Some(host(deleted(30))))), []);
    }
}

fn orphan(grace: Option<u32>) -> Action {
    Action::DeleteOrphan { uid: uid(), grace }
}

fn held(patch: Value) -> Value {
    let mut pod = host(patch);
    merge(
        &mut pod,
        json!({ "metadata": { "finalizers": [keys::STATUS_FINALIZER] } }),
    );
    pod
}

#[test]
fn a_host_pod_without_its_tenant_is_an_orphan() {
    assert_eq!(plan(&pair(None, Some(host(json!({}))))), [orphan(None)]);
    assert_eq!(plan(&pair(None, Some(host(deleted(30))))), []);
    // Nobody asks for its last status any more.
    assert_eq!(plan(&pair(None, Some(held(deleted(30))))), [orphan(None)]);
}

#[test]
fn a_successor_waits_for_its_predecessor_which_gets_no_grace() {
    let waits = |host: Value| {
        let mut pair = pair(Some(tenant(json!({}))), Some(host));
        pair.origin_uid = Some("t0".to_owned());
        plan(&pair)
    };
    assert_eq!(waits(host(json!({}))), [orphan(Some(1))]);
    assert_eq!(waits(host(deleted(30))), [orphan(Some(1))]);
    assert_eq!(waits(host(deleted(1))), []);
    // Nobody on the node would take it away.
    let mut lost = pair(Some(tenant(json!({}))), Some(host(deleted(1))));
    lost.origin_uid = Some("t0".to_owned());
    lost.node_lost = true;
    assert_eq!(plan(&lost), [orphan(Some(0))]);
    // A Pod that the tenant deleted as usual waits for its node, as on any cluster.
    let mut usual = pair(Some(tenant(deleted(30))), Some(host(deleted(30))));
    usual.node_lost = true;
    assert_eq!(plan(&usual), [Action::Sync]);
}

#[test]
fn a_host_pod_is_held_until_the_tenant_has_its_last_status() {
    let release = Action::Release { uid: uid() };
    // It ended: first the status, which the next round sees in the tenant.
    assert_eq!(
        plan(&pair(Some(started()), Some(held(phase("Succeeded"))))),
        [Action::Sync]
    );
    assert_eq!(
        plan(&pair(
            Some(tenant(phase("Succeeded"))),
            Some(held(phase("Succeeded")))
        )),
        [Action::Sync, release.clone()]
    );
    // The tenant deletes it: the same, while its kubelet ends it.
    let mut leaving = started();
    merge(&mut leaving, deleted(30));
    assert_eq!(
        plan(&pair(Some(leaving.clone()), Some(held(deleted(30))))),
        [Action::Sync]
    );
    let mut over = deleted(0);
    merge(&mut over, phase("Failed"));
    assert_eq!(
        plan(&pair(Some(leaving.clone()), Some(held(over.clone())))),
        [Action::Sync]
    );
    // It never had a kubelet: nobody will say how it ended.
    let mut unplaced = deleted(0);
    merge(&mut unplaced, phase("Pending"));
    assert_eq!(
        plan(&pair(Some(leaving.clone()), Some(held(unplaced.clone())))),
        [Action::Sync, release.clone()]
    );
    merge(&mut leaving, phase("Failed"));
    assert_eq!(
        plan(&pair(Some(leaving), Some(held(over.clone())))),
        [Action::Sync, release.clone()]
    );
    // The tenant's Pod failed while its host Pod runs: nobody wants to know how that ends.
    assert_eq!(
        plan(&pair(Some(tenant(phase("Failed"))), Some(held(json!({}))))),
        [
            Action::DeleteHost {
                uid: uid(),
                grace: None
            },
            release
        ]
    );
    // The host deleted it by force: it is gone but for the finalizer.
    assert_eq!(
        plan(&pair(Some(started()), Some(held(unplaced)))),
        [Action::Vanished]
    );
    // The host deleted it and its kubelet ended it.
    assert_eq!(plan(&pair(Some(started()), Some(held(over)))), [Action::Sync]);
}

#[test]
fn a_refusal_fails_the_pod_when_it_is_final() {
    let refusal = Refusal {
        reason: "OutOfcpu".to_owned(),
        message: String::new(),
        detail: String::new(),
    };
    let mut refused = pair(Some(started()), Some(host(json!({ "spec": { "nodeName": "" } }))));
    refused.scheduling = Scheduling::Refused(refusal.clone());
    assert_eq!(plan(&refused), [Action::Refuse(refusal)]);
    refused.scheduling = Scheduling::Young(Duration::from_secs(3));
    assert_eq!(
        plan(&refused),
        [Action::Sync, Action::Wait(Duration::from_secs(3))]
    );
}

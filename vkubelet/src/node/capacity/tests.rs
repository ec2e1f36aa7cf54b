//! Table of what a node shows.

use std::sync::Arc;

use serde_json::{Value, json};
use warren_crds::keys;
use warren_runtime::quantity::ONE;

use super::*;

const GPU: &str = "example.com/gpu";

fn host(own_cpu: i128, free_cpu: i128) -> HostNode {
    let amounts = |cpu: i128, pods: i128| {
        let amounts = [("cpu", cpu), ("pods", pods)];
        amounts.map(|(name, amount)| (name.to_owned(), amount * ONE))
    };
    HostNode {
        free: amounts(free_cpu, 99).into(),
        own: amounts(own_cpu, 1).into(),
        ..with(
            &json!({ "cpu": "4", "pods": "110" }),
            &json!({ "cpu": "4", "pods": "110" }),
        )
    }
}

fn with(capacity: &Value, allocatable: &Value) -> HostNode {
    let node = json!({ "metadata": {}, "status": { "capacity": capacity, "allocatable": allocatable } });
    HostNode {
        name: "n".to_owned(),
        node: serde_json::from_value(node).unwrap(),
        ..HostNode::default()
    }
}

fn amounts(cpu: i128) -> Amounts {
    [("cpu".to_owned(), cpu * ONE)].into()
}

fn used(seen: i128) -> Used {
    Used {
        seen: amounts(seen),
        ..Used::default()
    }
}

fn cpu(host: &HostNode, used: &Used) -> String {
    shown(host, used).allocatable["cpu"].0.clone()
}

#[test]
fn own_use_plus_free_within_the_node() {
    assert_eq!(cpu(&host(1, 3), &used(1)), "4");
    assert_eq!(cpu(&host(1, 1), &used(1)), "2");
    assert_eq!(cpu(&host(2, 4), &used(2)), "4");
    assert_eq!(shown(&host(1, 3), &used(1)).allocatable["pods"].0, "100");
}

#[test]
fn own_pods_that_come_and_go_change_nothing_whoever_sees_them_first() {
    let (without, with) = (host(0, 2), host(1, 1));
    for seen in [0, 1] {
        assert_eq!(cpu(&without, &used(seen)), "2");
        assert_eq!(cpu(&with, &used(seen)), "2");
    }
}

#[test]
fn what_the_tenants_scheduler_does_not_see_is_not_offered_to_it() {
    let added = Used {
        seen: amounts(1),
        unseen: amounts(1),
    };
    // Two are taken on the host and two are free: the tenant sees one of its own, and the two.
    assert_eq!(cpu(&host(2, 2), &added), "3");
    // A quota that is used up.
    assert_eq!(cpu(&host(2, 0), &added), "1");
}

#[test]
fn never_less_than_what_runs_and_capacity_never_less_than_that() {
    let shown = shown(&host(0, 0), &used(5));
    assert_eq!(
        (
            shown.allocatable["cpu"].0.as_str(),
            shown.capacity["cpu"].0.as_str()
        ),
        ("5", "5")
    );
}

#[test]
fn what_a_node_lacks_is_not_shown() {
    let lacking = json!({ "cpu": "4", "hugepages-1Gi": "0", GPU: "0" });
    let names: Vec<_> = shown(&with(&lacking, &lacking), &Used::default())
        .capacity
        .into_keys()
        .collect();
    assert_eq!(names, ["cpu"]);
    let some = json!({ "hugepages-2Mi": "64Mi", GPU: "2" });
    let node = HostNode {
        free: [("hugepages-2Mi".to_owned(), 64 << 20), (GPU.to_owned(), 1)]
            .map(|(name, amount)| (name, amount * ONE))
            .into(),
        ..with(&some, &some)
    };
    let shown = shown(&node, &Used::default());
    assert_eq!(shown.allocatable["hugepages-2Mi"].0, "67108864");
    assert_eq!(
        (shown.capacity[GPU].0.as_str(), shown.allocatable[GPU].0.as_str()),
        ("2", "1")
    );
}

#[test]
fn a_resource_whose_plugin_died_is_shown_with_nothing_while_it_is_used() {
    let dead = json!({ GPU: "0" });
    let node = HostNode {
        own: [(GPU.to_owned(), ONE)].into(),
        ..with(&dead, &dead)
    };
    let running = Used {
        seen: [(GPU.to_owned(), ONE)].into(),
        ..Used::default()
    };
    assert_eq!(shown(&node, &running).allocatable[GPU].0, "0");
    assert_eq!(shown(&node, &running).capacity[GPU].0, "0");
    assert!(shown(&node, &Used::default()).capacity.is_empty());
    // All of its devices are ill: the machine has them still.
    let ill = with(&json!({ GPU: "2" }), &dead);
    assert_eq!(shown(&ill, &Used::default()).capacity[GPU].0, "2");
    assert_eq!(shown(&ill, &Used::default()).allocatable[GPU].0, "0");
}

fn pod(name: &str, phase: &str, cpu: &str, annotations: &Value) -> Value {
    json!({
        "metadata": { "name": name, "namespace": "default", "uid": format!("{name}-uid"), "annotations": annotations },
        "spec": { "nodeName": "n", "containers": [{ "name": "c", "resources": { "requests": { "cpu": cpu } } }] },
        "status": { "phase": phase },
    })
}

fn store(pods: &[Value]) -> Store<RawPod> {
    let store = Store::default();
    let pods = pods.iter().map(|pod| {
        let pod: RawPod = serde_json::from_value(pod.clone()).unwrap();
        (ObjectKey::of(&pod), Arc::new(pod))
    });
    let _added = store.replace(pods.collect());
    store
}

#[test]
fn a_host_pod_is_seen_as_far_as_its_tenant_pod_asks_and_not_once_it_has_ended() {
    let of = |name: &str| {
        json!({
            keys::ORIGIN_NAME: name, keys::ORIGIN_NAMESPACE: "default", keys::ORIGIN_UID: format!("{name}-uid"),
        })
    };
    let host_pods = store(&[
        pod("same", "Running", "1", &of("same")),
        pod("more", "Running", "3", &of("more")),
        pod("orphan", "Running", "5", &of("orphan")),
        pod("ended", "Failed", "7", &of("ended")),
    ]);
    let none = json!({});
    let tenant_pods = store(&[
        pod("same", "Running", "1", &none),
        pod("more", "Running", "1", &none),
        pod("ended", "Running", "7", &none),
    ]);
    let used = used_on("n", &host_pods, &tenant_pods);
    assert_eq!((used.seen["cpu"], used.unseen["cpu"]), (2 * ONE, 7 * ONE));
    assert_eq!((used.seen["pods"], used.unseen["pods"]), (2 * ONE, ONE));
    assert_eq!(used_on("m", &host_pods, &tenant_pods), Used::default());
    // Not known yet, which is not the same as gone.
    assert!(used_on("n", &host_pods, &Store::default()).unseen.is_empty());
}

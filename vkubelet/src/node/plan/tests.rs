//! Table of both sides of a Node.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use warren_runtime::quantity::ONE;
use warren_runtime::requests::Amounts;

use super::*;
use crate::node::view::HostNode;

fn host(json: Value) -> HostNode {
    HostNode {
        name: "n1".to_owned(),
        node: serde_json::from_value(json).unwrap(),
        free: [("cpu".to_owned(), 2 * ONE)].into(),
        ..HostNode::default()
    }
}

fn ordinary() -> HostNode {
    host(json!({
        "metadata": { "labels": {
            "kubernetes.io/hostname": "n1", "kubernetes.io/os": "linux", "topology.kubernetes.io/zone": "a",
            "node.kubernetes.io/instance-type": "m", "company.example/rack": "17", "node-role.kubernetes.io/worker": "",
        } },
        "spec": { "taints": [
            { "key": "gpu", "effect": "NoSchedule", "value": "yes", "timeAdded": "2026-01-01T00:00:00Z" },
            { "key": "soft", "effect": "PreferNoSchedule" },
            { "key": "node.kubernetes.io/not-ready", "effect": "NoExecute" },
        ] },
        "status": {
            "allocatable": { "cpu": "4" }, "capacity": { "cpu": "4" },
            "addresses": [
                { "type": "InternalIP", "address": "10.0.0.1" }, { "type": "Hostname", "address": "n1" },
                { "type": "ExternalIP", "address": "8.8.8.8" },
            ],
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "KubeletReady",
                "lastHeartbeatTime": "2026-01-01T00:00:00Z", "lastTransitionTime": "2026-01-01T00:00:00Z",
            }],
            "declaredFeatures": ["ExtendWebSocketsToKubelet", "Other"],
            "images": [{ "names": ["secret"] }],
        },
    }))
}

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn run(host: Option<&HostNode>, tenant: Option<&Node>, occupied: bool) -> Vec<Step> {
    plan(
        &Pair {
            host,
            tenant,
            used: &Used::default(),
            occupied,
        },
        now(),
    )
}

/// What the tenant's API has after Warren created the Node.
fn created(host: &HostNode) -> Node {
    let steps = run(Some(host), None, false);
    let [Step::Create(node)] = steps.as_slice() else {
        panic!("{steps:?}")
    };
    let mut node = node.as_ref().clone();
    node.metadata.uid = Some("u".to_owned());
    node.metadata.resource_version = Some("7".to_owned());
    node
}

#[test]
fn a_new_node_shows_what_matters_and_nothing_else() {
    let node = created(&ordinary());
    let value = serde_json::to_value(&node).unwrap();
    let labels: Vec<_> = node.metadata.labels.unwrap().into_keys().collect();
    let shown = [
        "kubernetes.io/hostname",
        "kubernetes.io/os",
        "node.kubernetes.io/instance-type",
        "topology.kubernetes.io/zone",
    ];
    assert_eq!(labels, shown);
    assert_eq!(
        value["spec"]["taints"],
        json!([{ "key": "gpu", "effect": "NoSchedule", "value": "yes" }])
    );
    assert_eq!(value["status"]["addresses"].as_array().unwrap().len(), 2);
    assert_eq!(value["status"]["allocatable"]["cpu"], "2");
    assert_eq!(value["status"]["declaredFeatures"], json!(["Other"]));
    assert_eq!(
        value["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"],
        10250
    );
    assert!(value["status"].get("images").is_none());
}

#[test]
fn a_settled_node_is_left_alone_also_after_a_heartbeat() {
    let mut host = ordinary();
    let node = created(&host);
    assert_eq!(run(Some(&host), Some(&node), false), []);
    let conditions = host.node.status.as_mut().unwrap().conditions.as_mut().unwrap();
    conditions[0].last_heartbeat_time = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(now()));
    assert_eq!(run(Some(&host), Some(&node), false), []);
}

#[test]
fn a_pod_of_the_tenants_own_writes_nothing_whoever_sees_it_first() {
    let mut host = ordinary();
    let node = created(&host);
    for (counted, seen) in [(0, 1), (1, 1), (1, 0), (0, 0)] {
        let cpu = |amount: i128| Amounts::from([("cpu".to_owned(), amount * ONE)]);
        host.own = cpu(counted);
        host.free = cpu(2 - counted);
        let pair = Pair {
            host: Some(&host),
            tenant: Some(&node),
            used: &Used {
                seen: cpu(seen),
                ..Used::default()
            },
            occupied: true,
        };
        assert_eq!(plan(&pair, now()), [], "{counted} counted, {seen} seen");
    }
}

#[test]
fn what_the_tenant_adds_stays_and_what_warren_owns_is_reasserted() {
    let host = ordinary();
    let mut node = created(&host);
    let labels = node.metadata.labels.as_mut().unwrap();
    labels.insert("mine".to_owned(), "x".to_owned());
    labels.insert("kubernetes.io/os".to_owned(), "windows".to_owned());
    let own = Taint {
        key: "mine".to_owned(),
        effect: "NoExecute".to_owned(),
        ..Taint::default()
    };
    node.spec.as_mut().unwrap().taints = Some(vec![own.clone()]);
    node.status.as_mut().unwrap().conditions.as_mut().unwrap()[0].status = "False".to_owned();
    let steps = run(Some(&host), Some(&node), false);
    let [Step::Patch(patch), Step::PatchStatus(status)] = steps.as_slice() else {
        panic!("{steps:?}")
    };
    assert_eq!(
        patch["metadata"]["labels"],
        json!({ "kubernetes.io/os": "linux" })
    );
    assert_eq!(patch["metadata"]["resourceVersion"], "7");
    assert_eq!(patch["metadata"]["uid"], "u");
    assert_eq!(patch["spec"]["taints"][0]["key"], "mine");
    assert_eq!(patch["spec"]["taints"][1]["key"], "gpu");
    assert_eq!(status["status"]["conditions"][0]["status"], "True");
    assert_eq!(status["status"].as_object().unwrap().len(), 1);
}

fn with_capacity(node: &Node, name: &str) -> Node {
    let mut node = node.clone();
    let capacity = node.status.as_mut().unwrap().capacity.as_mut().unwrap();
    capacity.insert(name.to_owned(), Quantity("5".to_owned()));
    node
}

#[test]
fn an_extended_resource_of_the_tenants_stays_and_can_be_used() {
    let host = ordinary();
    let node = with_capacity(&created(&host), "example.com/own");
    let steps = run(Some(&host), Some(&node), false);
    let [Step::PatchStatus(patch)] = steps.as_slice() else {
        panic!("{steps:?}")
    };
    assert_eq!(
        patch["status"],
        json!({ "allocatable": { "example.com/own": "5" } })
    );
    // Other names are Kubernetes' own, and the host knows them.
    let node = with_capacity(&created(&host), "hugepages-2Mi");
    let steps = run(Some(&host), Some(&node), false);
    let [Step::PatchStatus(patch)] = steps.as_slice() else {
        panic!("{steps:?}")
    };
    assert_eq!(patch["status"], json!({ "capacity": { "hugepages-2Mi": null } }));
}

#[test]
fn an_extended_resource_that_the_host_lost_is_not_taken_for_the_tenants() {
    let with_gpu = |amount: &str| {
        let mut host = ordinary();
        let status = host.node.status.as_mut().unwrap();
        for amounts in [&mut status.capacity, &mut status.allocatable] {
            amounts
                .as_mut()
                .unwrap()
                .insert("example.com/gpu".to_owned(), Quantity(amount.to_owned()));
        }
        host
    };
    let node = created(&with_gpu("2"));
    let record = Asserted::read(&node).unwrap();
    assert_eq!(record.resources, ["example.com/gpu"]);
    let steps = run(Some(&ordinary()), Some(&node), false);
    let [Step::PatchStatus(patch)] = steps.as_slice() else {
        panic!("{steps:?}")
    };
    let gone = json!({ "example.com/gpu": null });
    assert_eq!(patch["status"], json!({ "capacity": gone, "allocatable": gone }));
    // The name is free once it is gone.
    let mut node = node;
    let status = node.status.as_mut().unwrap();
    for amounts in [&mut status.capacity, &mut status.allocatable] {
        amounts.as_mut().unwrap().remove("example.com/gpu");
    }
    let steps = run(Some(&ordinary()), Some(&node), false);
    let [Step::Patch(patch)] = steps.as_slice() else {
        panic!("{steps:?}")
    };
    assert!(
        !patch["metadata"]["annotations"]
            .to_string()
            .contains("example.com/gpu")
    );
}

#[test]
fn what_the_host_took_away_goes() {
    let mut host = ordinary();
    let node = created(&host);
    host.node
        .metadata
        .labels
        .as_mut()
        .unwrap()
        .remove("topology.kubernetes.io/zone");
    host.node.spec.as_mut().unwrap().taints = None;
    let steps = run(Some(&host), Some(&node), false);
    let [Step::Patch(patch)] = steps.as_slice() else {
        panic!("{steps:?}")
    };
    assert_eq!(
        patch["metadata"]["labels"],
        json!({ "topology.kubernetes.io/zone": null })
    );
    assert_eq!(patch["spec"]["taints"], json!([]));
}

fn cordoned(host: &mut HostNode, node: &Node) -> Node {
    host.node.spec.as_mut().unwrap().unschedulable = Some(true);
    let steps = run(Some(host), Some(node), false);
    let [Step::Patch(patch)] = steps.as_slice() else {
        panic!("{steps:?}")
    };
    let mut value = serde_json::to_value(node).unwrap();
    merge(&mut value, patch);
    serde_json::from_value(value).unwrap()
}

#[test]
fn a_host_cordon_comes_and_goes_and_the_tenants_own_stays() {
    let mut host = ordinary();
    let node = cordoned(&mut host, &created(&ordinary()));
    assert_eq!(node.spec.as_ref().unwrap().unschedulable, Some(true));
    assert_eq!(run(Some(&host), Some(&node), false), []);
    let steps = run(Some(&ordinary()), Some(&node), false);
    let [Step::Patch(patch)] = steps.as_slice() else {
        panic!("{steps:?}")
    };
    assert_eq!(patch["spec"]["unschedulable"], Value::Null);

    let mut own = created(&ordinary());
    own.spec.as_mut().unwrap().unschedulable = Some(true);
    assert_eq!(run(Some(&ordinary()), Some(&own), false), []);
}

#[test]
fn a_gone_host_node_is_told_first_and_deleted_when_nothing_is_left() {
    let node = created(&ordinary());
    let steps = run(None, Some(&node), true);
    let [Step::Patch(patch), Step::PatchStatus(status)] = steps.as_slice() else {
        panic!("{steps:?}")
    };
    assert_eq!(patch["spec"]["unschedulable"], true);
    assert_eq!(status["status"]["conditions"][0]["reason"], "HostNodeGone");
    let mut value = serde_json::to_value(&node).unwrap();
    merge(&mut value, patch);
    merge(&mut value, status);
    let told: Node = serde_json::from_value(value).unwrap();
    assert_eq!(run(None, Some(&told), true), []);
    assert_eq!(
        run(None, Some(&told), false),
        [Step::Delete { uid: "u".to_owned() }]
    );
}

#[test]
fn a_node_of_the_tenants_own_is_not_touched() {
    let node = Node {
        metadata: ObjectMeta {
            uid: Some("u".to_owned()),
            ..ObjectMeta::default()
        },
        ..Node::default()
    };
    assert_eq!(run(None, Some(&node), false), []);
    assert_eq!(run(None, Some(&node), true), []);
    assert_eq!(run(None, None, false), []);
}

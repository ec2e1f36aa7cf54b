//! What a cluster is shown of the host's devices, and what a stream tells of it.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use warren_crds::{classes, keys};
use warren_runtime::proto::nodes::node_event::Event;

use super::sent::{Basis, Sent};
use super::*;
use crate::nodes::prune;

/// A slice of the driver `gpu`, in the pool `p` of so many.
fn slice(name: &str, count: i64, spec: &Value) -> Arc<ResourceSlice> {
    let mut all = json!({
        "driver": "gpu", "pool": { "name": "p", "generation": 1, "resourceSliceCount": count }, "nodeName": "n1",
    });
    let fields = all.as_object_mut().unwrap();
    for (key, value) in spec.as_object().unwrap() {
        // A selection takes the place of the node's name.
        if matches!(
            key.as_str(),
            "allNodes" | "nodeSelector" | "perDeviceNodeSelection"
        ) {
            fields.remove("nodeName");
        }
        fields.insert(key.clone(), value.clone());
    }
    let metadata = json!({ "name": name, "uid": "u", "labels": { "a": "b" }, "generateName": "x" });
    let mut slice = serde_json::from_value(json!({ "metadata": metadata, "spec": all })).unwrap();
    prune::slice(&mut slice);
    Arc::new(slice)
}

/// A claim of a namespace; of Warren's if it is a cluster's.
fn claim(namespace: &str, results: &Value) -> Arc<ResourceClaim> {
    let own = namespace.starts_with("wc-");
    let mut claim: ResourceClaim = serde_json::from_value(json!({
        "metadata": {
            "namespace": namespace, "name": "c",
            "labels": if own { json!({ keys::CLUSTER: "c-1" }) } else { json!({ "a": "b" }) },
        },
        "spec": { "devices": { "requests": [{ "name": "r", "exactly": { "deviceClassName": "gpu" } }] } },
        "status": { "allocation": { "devices": { "results": results } }, "reservedFor": [] },
    }))
    .unwrap();
    prune::claim(&mut claim);
    Arc::new(claim)
}

/// An entry of a claim's results.
fn has(device: &str) -> Value {
    json!({ "request": "r", "driver": "gpu", "pool": "p", "device": device })
}

fn share(device: &str, consumed: &Value) -> Value {
    let mut result = has(device);
    result["shareID"] = json!("5b4c6a9e-7d9c-4b8e-9a30-000000000000");
    result["consumedCapacity"] = consumed.clone();
    result
}

fn basis(slices: &[Arc<ResourceSlice>], claims: &[Arc<ResourceClaim>]) -> Basis {
    Basis {
        devices: Some(Arc::new(Devices::of(slices.to_vec(), claims.to_vec()))),
        offer: classes::Devices {
            names: Vec::new(),
            drivers: vec!["gpu".to_owned()],
        },
        workloads: "wc-a".to_owned(),
        nodes: ["n1".to_owned()].into(),
    }
}

/// The specs of what the cluster in `wc-a` is shown, which sees `n1` and has the driver `gpu`.
fn shown_to_a(slices: &[Arc<ResourceSlice>], claims: &[Arc<ResourceClaim>]) -> BTreeMap<String, Value> {
    let basis = basis(slices, claims);
    let viewer = shown::Viewer {
        workloads: &basis.workloads,
        shows: &|driver| basis.offer.shows(driver),
        sees: &|node| basis.nodes.contains(node),
    };
    let slices = shown::shown(basis.devices.as_ref().unwrap(), &viewer).into_iter();
    slices
        .map(|(name, slice)| (name, serde_json::to_value(slice.spec).unwrap()))
        .collect()
}

fn devices(spec: &Value) -> Vec<&str> {
    let devices = spec["devices"].as_array();
    let names = devices
        .into_iter()
        .flatten()
        .map(|device| device["name"].as_str());
    names.map(Option::unwrap).collect()
}

#[test]
fn devices_of_others_go_and_the_rest_stays_as_and_where_it_is() {
    let all = json!({ "devices": [
        { "name": "c", "attributes": { "model": { "string": "x" } }, "capacity": { "memory": { "value": "80Gi" } },
          "taints": [{ "key": "broken", "effect": "NoSchedule", "timeAdded": "2026-11-21T12:00:00Z" }], "bindsToNode": true,
          "bindingConditions": ["Ready"], "bindingFailureConditions": ["Failed"],
          "nodeAllocatableResources": { "cpu": { "mapping": { "deviceMultiplier": "8" } } } },
        { "name": "b" }, { "name": "a" }, { "name": "z" }, { "name": "watched" },
    ], "skipNodeOperations": ["*"] });
    let mut looks_after = has("watched");
    looks_after["adminAccess"] = json!(true);
    let claims = [
        claim("wc-a", &json!([has("a")])),
        claim("wc-b", &json!([has("b")])),
        claim("others", &json!([looks_after, has("elsewhere")])),
    ];
    let slices = [slice("s", 1, &all)];
    let shown = shown_to_a(&slices, &claims);
    assert_eq!(devices(&shown["s"]), ["c", "a", "z", "watched"]);
    let mut expected = serde_json::to_value(&slices[0].spec).unwrap();
    expected["devices"].as_array_mut().unwrap().remove(1);
    assert_eq!(shown["s"], expected, "all fields");
    // Another driver's, another pool's.
    let mut other = has("a");
    other["driver"] = json!("net");
    let mut elsewhere = has("a");
    elsewhere["pool"] = json!("q");
    let shown = shown_to_a(&slices, &[claim("others", &json!([other, elsewhere]))]);
    assert_eq!(devices(&shown["s"]).len(), 5);
}

#[test]
fn a_claim_in_the_same_namespace_that_is_not_warrens_is_anothers() {
    let slices = [slice("s", 1, &json!({ "devices": [{ "name": "a" }] }))];
    let mut theirs = (*claim("wc-a", &json!([has("a")]))).clone();
    theirs.metadata.labels = None;
    let shown = shown_to_a(&slices, &[Arc::new(theirs)]);
    assert_eq!(
        shown["s"]["devices"],
        json!(null),
        "and no empty list, which comes back as none"
    );
}

#[test]
fn of_nodes_that_the_cluster_does_not_see_nothing_is_shown() {
    let slices = [
        slice("here", 5, &json!({ "devices": [{ "name": "a" }] })),
        slice(
            "there",
            5,
            &json!({ "nodeName": "n2", "devices": [{ "name": "b" }] }),
        ),
        slice(
            "all",
            5,
            &json!({ "allNodes": true, "devices": [{ "name": "c" }] }),
        ),
        slice(
            "selected",
            5,
            &json!({ "nodeSelector": { "nodeSelectorTerms": [] }, "devices": [{ "name": "d" }] }),
        ),
        slice(
            "each",
            5,
            &json!({ "perDeviceNodeSelection": true, "devices": [
                { "name": "e", "nodeName": "n1" }, { "name": "f", "nodeName": "n2" }, { "name": "g", "allNodes": true },
            ] }),
        ),
    ];
    let shown = shown_to_a(&slices, &[]);
    let names: Vec<_> = shown.keys().map(String::as_str).collect();
    assert_eq!(names, ["all", "each", "here", "selected"]);
    assert_eq!(devices(&shown["each"]), ["e", "g"]);
    for (name, slice) in &shown {
        assert_eq!(
            slice["pool"]["resourceSliceCount"], 4,
            "{name}: complete as far as it goes"
        );
    }
}

#[test]
fn of_drivers_that_the_class_does_not_show_nothing_is_shown() {
    let slices = [
        slice("s", 1, &json!({})),
        slice("net", 1, &json!({ "driver": "net" })),
    ];
    let shown = shown_to_a(&slices, &[]);
    assert_eq!(shown.keys().collect::<Vec<_>>(), ["s"]);
}

#[test]
fn a_pool_counts_what_is_shown_and_stays_incomplete_if_it_is() {
    let there = |name: &str| slice(name, 3, &json!({ "nodeName": "n2" }));
    for (slices, count) in [
        (vec![slice("a", 1, &json!({}))], 1),
        (vec![slice("a", 2, &json!({}))], 2),
        (vec![slice("a", 3, &json!({})), there("b"), there("c")], 1),
        (vec![slice("a", 3, &json!({})), there("b")], 2),
        // Too many is as wrong as too few.
        (vec![slice("a", 1, &json!({})), there("b")], 2),
    ] {
        assert_eq!(
            shown_to_a(&slices, &[])["a"]["pool"]["resourceSliceCount"],
            count,
            "{slices:?}"
        );
    }
}

#[test]
fn only_the_newest_generation_counts_even_where_none_of_it_is_shown() {
    let newer = |name: &str, node: &str| {
        let pool = json!({ "name": "p", "generation": 2, "resourceSliceCount": 1 });
        slice(name, 0, &json!({ "pool": pool, "nodeName": node }))
    };
    let old = slice("old", 1, &json!({}));
    for slices in [
        [old.clone(), newer("new", "n1")],
        [newer("new", "n1"), old.clone()],
    ] {
        assert_eq!(shown_to_a(&slices, &[]).keys().collect::<Vec<_>>(), ["new"]);
    }
    assert!(shown_to_a(&[old, newer("new", "n2")], &[]).is_empty());
}

#[test]
fn what_others_take_of_a_shared_device_is_subtracted_and_the_own_share_is_not() {
    let device = json!({ "name": "a", "allowMultipleAllocations": true, "capacity": {
        "memory": { "value": "80Gi", "requestPolicy": { "default": "1Gi" } }, "lanes": { "value": "8" },
    } });
    let slices = [slice("s", 1, &json!({ "devices": [device.clone()] }))];
    let claims = [
        claim(
            "wc-a",
            &json!([share("a", &json!({ "memory": "4Gi", "lanes": "1" }))]),
        ),
        claim(
            "wc-b",
            &json!([
                share("a", &json!({ "memory": "40Gi" })),
                share("a", &json!({ "memory": "8Gi" }))
            ]),
        ),
        claim("others", &json!([share("a", &json!({ "memory": "40Gi" }))])),
    ];
    let value = |claims: &[Arc<ResourceClaim>], name: &str| {
        let shown = shown_to_a(&slices, claims);
        shown["s"]["devices"][0]["capacity"][name]["value"].clone()
    };
    assert_eq!(value(&claims[..1], "memory"), "80Gi");
    assert_eq!(value(&claims[..2], "memory"), "32Gi");
    assert_eq!(value(&claims[..2], "lanes"), "8");
    // More than there is, as after a device has shrunk.
    assert_eq!(value(&claims, "memory"), "0");
    // All of it, from when it was not to be shared; or shares, from when it was.
    let all = [claim("wc-b", &json!([has("a")]))];
    assert!(devices(&shown_to_a(&slices, &all)["s"]).is_empty());
    let alone = [slice("s", 1, &json!({ "devices": [{ "name": "a" }] }))];
    assert!(devices(&shown_to_a(&alone, &claims[1..])["s"]).is_empty());
}

/// Two slices of one pool: counters, and devices that consume them.
fn partitions(devices: &Value) -> [Arc<ResourceSlice>; 2] {
    let counters =
        json!({ "name": "set", "counters": { "memory": { "value": "80Gi" }, "cores": { "value": "10" } } });
    [
        slice("counters", 2, &json!({ "sharedCounters": [counters] })),
        slice(
            "devices",
            2,
            &json!({ "devices": devices, "partitionTypeAttribute": "gpu/profile" }),
        ),
    ]
}

fn partition(name: &str, memory: &str, more: &Value) -> Value {
    let mut consumes = json!({ "counterSet": "set", "counters": { "memory": { "value": memory } } });
    if !more["groups"].is_null() {
        consumes["compatibilityGroups"] = more["groups"].clone();
    }
    let mut device = json!({ "name": name, "consumesCounters": [consumes] });
    if more["shared"] == true {
        device["allowMultipleAllocations"] = json!(true);
    }
    if !more["node"].is_null() {
        device["nodeName"] = more["node"].clone();
    }
    device
}

fn left(shown: &BTreeMap<String, Value>) -> [Value; 2] {
    let counters = &shown["counters"]["sharedCounters"][0]["counters"];
    ["memory", "cores"].map(|name| counters[name]["value"].clone())
}

#[test]
fn shared_counters_are_less_what_others_devices_consume() {
    let none = json!({});
    let slices = partitions(&json!([
        partition("a", "40Gi", &none),
        partition("b", "20Gi", &none),
        partition("c", "10Gi", &none),
    ]));
    let claims = [
        claim("wc-b", &json!([has("b")])),
        // The tenant's allocator subtracts it itself.
        claim("wc-a", &json!([has("c")])),
    ];
    let shown = shown_to_a(&slices, &claims);
    assert_eq!(left(&shown), ["60Gi", "10"]);
    assert_eq!(devices(&shown["devices"]), ["a", "c"]);
    assert_eq!(shown["devices"]["partitionTypeAttribute"], "gpu/profile");
    assert_eq!(left(&shown_to_a(&slices, &[])), ["80Gi", "10"]);
    let all = [claim("others", &json!([has("a"), has("b"), has("c")]))];
    let shown = shown_to_a(&slices, &all);
    assert_eq!(left(&shown), ["10Gi", "10"]);
    assert_eq!(
        shown["devices"]["partitionTypeAttribute"],
        json!(null),
        "invalid without a device that consumes"
    );
}

#[test]
fn a_shared_device_of_several_holders_consumes_its_counters_once() {
    let shared = json!({ "shared": true });
    let slices = partitions(&json!([
        partition("a", "40Gi", &shared),
        partition("b", "10Gi", &shared)
    ]));
    let claims = [
        claim("wc-b", &json!([share("a", &json!({})), share("a", &json!({}))])),
        claim("wc-a", &json!([share("a", &json!({})), share("b", &json!({}))])),
    ];
    let shown = shown_to_a(&slices, &claims);
    assert_eq!(left(&shown)[0], "40Gi");
    let consumes = |at: usize| shown["devices"]["devices"][at]["consumesCounters"].is_array();
    // Of the first the tenant's allocator must not count them again; of the second it does.
    assert_eq!((consumes(0), consumes(1)), (false, true));
}

#[test]
fn an_own_device_on_a_node_out_of_sight_still_consumes_counters() {
    let mut slices = partitions(&json!([
        partition("a", "40Gi", &json!({ "node": "n1" })),
        partition("b", "20Gi", &json!({ "node": "n2" })),
    ]));
    let each = |slice: &ResourceSlice| {
        let mut slice = slice.clone();
        slice.spec.node_name = None;
        slice.spec.per_device_node_selection = Some(true);
        Arc::new(slice)
    };
    slices = [each(&slices[0]), each(&slices[1])];
    let shown = shown_to_a(&slices, &[claim("wc-a", &json!([has("a"), has("b")]))]);
    assert_eq!(devices(&shown["devices"]), ["a"]);
    assert_eq!(left(&shown)[0], "60Gi");
}

#[test]
fn only_devices_that_go_with_those_of_others_are_shown() {
    let groups = |groups: &[&str]| json!({ "groups": groups });
    let slices = partitions(&json!([
        partition("held", "1Gi", &groups(&["x", "y"])),
        partition("both", "1Gi", &groups(&["y", "z"])),
        partition("none", "1Gi", &json!({})),
        partition("other", "1Gi", &groups(&["z"])),
        partition("own", "1Gi", &groups(&["z"])),
    ]));
    let claims = [
        claim("wc-b", &json!([has("held")])),
        claim("wc-a", &json!([has("own")])),
    ];
    let shown = shown_to_a(&slices, &claims);
    assert_eq!(devices(&shown["devices"]), ["both", "own"]);
    let both = &shown["devices"]["devices"][0]["consumesCounters"][0];
    assert_eq!(
        both["compatibilityGroups"],
        json!(["y"]),
        "what it shares with what is held"
    );
    let shown = shown_to_a(&slices, &[claim("wc-b", &json!([has("none")]))]);
    assert!(devices(&shown["devices"]).is_empty());
    assert_eq!(devices(&shown_to_a(&slices, &[])["devices"]).len(), 5);
}

fn told(events: &[Event]) -> Vec<String> {
    let name = |event: &Event| match event {
        Event::Slice(slice) => {
            let read: ResourceSlice = serde_json::from_slice(&slice.slice_json).unwrap();
            assert_eq!(read.metadata.name.as_ref(), Some(&slice.name));
            slice.name.clone()
        }
        Event::SliceRemoved(name) => format!("-{name}"),
        other => panic!("{other:?}"),
    };
    events.iter().map(name).collect()
}

#[test]
fn a_stream_tells_what_changed_and_nothing_else() {
    let one = |name: &str| slice(name, 2, &json!({ "devices": [{ "name": name }] }));
    let slices = [one("a"), one("b")];
    let mut sent = Sent::default();
    let first = basis(&slices, &[]);
    assert_eq!(told(&sent.difference(&first)), ["a", "b"]);
    assert!(sent.difference(&first).is_empty());
    // The same content, read anew.
    assert!(sent.difference(&basis(&slices, &[])).is_empty());
    let held = [claim("wc-b", &json!([has("b")]))];
    assert_eq!(told(&sent.difference(&basis(&slices, &held))), ["b"]);
    // Moved into the cluster's own hands.
    let own = [claim("wc-a", &json!([has("b")]))];
    assert_eq!(told(&sent.difference(&basis(&slices, &own))), ["b"]);
    assert_eq!(told(&sent.difference(&basis(&slices[..1], &own))), ["-b"]);
    let unseen = Basis {
        nodes: BTreeSet::new(),
        ..basis(&slices[..1], &[])
    };
    assert_eq!(told(&sent.difference(&unseen)), ["-a"]);
}

#[test]
fn a_class_that_shows_no_driver_any_more_takes_all_slices_away() {
    let mut sent = Sent::default();
    let shows = basis(&[slice("a", 1, &json!({}))], &[]);
    let shows_none = Basis {
        offer: classes::Devices::default(),
        ..shows.clone()
    };
    assert!(sent.difference(&shows_none).is_empty());
    assert_eq!(told(&sent.difference(&shows)), ["a"]);
    assert_eq!(told(&sent.difference(&shows_none)), ["-a"]);
    assert_eq!(told(&sent.difference(&shows)), ["a"]);
    let unknown = Basis {
        devices: None,
        ..shows
    };
    assert_eq!(told(&sent.difference(&unknown)), ["-a"]);
}

#[test]
fn of_a_claim_only_what_it_holds_is_kept() {
    let held = claim("wc-a", &json!([has("a")]));
    let kept = serde_json::to_value(&*held).unwrap();
    assert_eq!(kept["spec"], json!(null));
    assert_eq!(kept["status"]["reservedFor"], json!(null));
    assert_eq!(kept["metadata"]["labels"], json!({ keys::CLUSTER: "c-1" }));
    let mut unallocated = ResourceClaim::default();
    assert!(!prune::claim(&mut unallocated));
}

//! One slice of the tenant: every step, and when there is none.

use serde_json::{Value, json};
use warren_crds::keys;

use super::*;

fn host(spec: &Value) -> ResourceSlice {
    let mut all = json!({
        "driver": "gpu", "pool": { "name": "p", "generation": 1, "resourceSliceCount": 1 }, "nodeName": "n1",
        "devices": [{ "name": "a" }],
    });
    let fields = all.as_object_mut().unwrap();
    for (key, value) in spec.as_object().unwrap() {
        fields.insert(key.clone(), value.clone());
    }
    serde_json::from_value(json!({ "metadata": { "name": "s" }, "spec": all })).unwrap()
}

fn node(uid: &str) -> Node {
    serde_json::from_value(json!({ "metadata": { "name": "n1", "uid": uid } })).unwrap()
}

/// The tenant's, as it was made for the Node `n-1`.
fn kept(host: &ResourceSlice) -> ResourceSlice {
    let mut slice = desired(host, Some(&node("n-1"))).unwrap();
    slice.metadata.uid = Some("s-1".to_owned());
    slice.metadata.resource_version = Some("7".to_owned());
    slice
}

fn step(host: Option<&ResourceSlice>, tenant: Option<&ResourceSlice>, node: Option<&Node>) -> Step {
    plan(&Pair {
        host,
        tenant,
        node,
        kept: None,
    })
}

#[test]
fn a_slice_is_made_with_the_mark_and_belongs_to_its_node() {
    let host = host(&json!({}));
    assert_eq!(
        step(Some(&host), None, None),
        Step::Rest,
        "its Node is not there yet"
    );
    let Step::Create(made) = step(Some(&host), None, Some(&node("n-1"))) else {
        panic!("not made")
    };
    assert_eq!(
        serde_json::to_value(&made.metadata).unwrap(),
        json!({
            "name": "s", "labels": { keys::FROM_HOST: "true" },
            "ownerReferences": [{ "apiVersion": "v1", "kind": "Node", "name": "n1", "uid": "n-1", "controller": true }],
        })
    );
    assert_eq!(made.spec, host.spec);
    assert_eq!(
        step(Some(&host), Some(&kept(&host)), Some(&node("n-1"))),
        Step::Rest
    );
}

#[test]
fn a_slice_for_many_nodes_belongs_to_none() {
    let mut host = host(&json!({ "allNodes": true }));
    host.spec.node_name = None;
    let Step::Create(made) = step(Some(&host), None, None) else {
        panic!("not made")
    };
    assert_eq!(made.metadata.owner_references, None);
}

#[test]
fn what_differs_is_replaced_under_the_version_that_was_seen() {
    let before = host(&json!({}));
    let after = host(&json!({ "devices": [{ "name": "b" }] }));
    let mut tenant = kept(&before);
    let labels = tenant.metadata.labels.as_mut().unwrap();
    labels.insert("of".to_owned(), "the-tenant".to_owned());
    let Step::Replace(written) = step(Some(&after), Some(&tenant), Some(&node("n-1"))) else {
        panic!("not replaced")
    };
    assert_eq!(written.spec, after.spec);
    assert_eq!(written.metadata, tenant.metadata);
    // The same after a change by the tenant.
    let spoilt = kept(&after);
    assert!(matches!(
        step(Some(&before), Some(&spoilt), Some(&node("n-1"))),
        Step::Replace(_)
    ));
    // Another Node of the same name.
    let tenant = kept(&before);
    let Step::Replace(written) = step(Some(&before), Some(&tenant), Some(&node("n-2"))) else {
        panic!("not replaced")
    };
    assert_eq!(written.metadata.owner_references.unwrap()[0].uid, "n-2");
    assert_eq!(
        step(Some(&before), Some(&tenant), None),
        Step::Rest,
        "the Node comes back"
    );
}

#[test]
fn what_cannot_be_changed_is_deleted_and_made_anew() {
    let before = host(&json!({}));
    let uid = "s-1".to_owned();
    for change in [
        json!({ "driver": "net" }),
        json!({ "pool": { "name": "q", "generation": 1, "resourceSliceCount": 1 } }),
        json!({ "nodeName": "n2" }),
    ] {
        let after = host(&change);
        let step = step(Some(&after), Some(&kept(&before)), Some(&node("n-1")));
        assert_eq!(step, Step::Delete { uid: uid.clone() }, "{change}");
    }
    assert_eq!(step(None, Some(&kept(&before)), None), Step::Delete { uid });
}

#[test]
fn a_slice_of_the_tenants_own_stays() {
    let host = host(&json!({}));
    let mut own = kept(&host);
    own.metadata.labels = None;
    assert_eq!(step(Some(&host), Some(&own), Some(&node("n-1"))), Step::Hidden);
    assert_eq!(step(None, Some(&own), None), Step::Rest);
}

#[test]
fn what_an_older_apiserver_drops_is_not_written_again_until_something_else_changes() {
    let desired = host(&json!({ "skipNodeOperations": ["*"] }));
    let tenant = kept(&host(&json!({})));
    let memory = Kept {
        written: desired.spec.clone(),
        answered: tenant.spec.clone(),
    };
    let node = node("n-1");
    let step = |host: &ResourceSlice, tenant: &ResourceSlice, kept: Option<&Kept>| {
        plan(&Pair {
            host: Some(host),
            tenant: Some(tenant),
            node: Some(&node),
            kept,
        })
    };
    assert!(matches!(step(&desired, &tenant, None), Step::Replace(_)));
    assert_eq!(step(&desired, &tenant, Some(&memory)), Step::Rest);
    let newer = host(&json!({ "skipNodeOperations": ["*"], "devices": [] }));
    assert!(matches!(step(&newer, &tenant, Some(&memory)), Step::Replace(_)));
    let spoilt = kept(&host(&json!({ "devices": [] })));
    assert!(matches!(step(&desired, &spoilt, Some(&memory)), Step::Replace(_)));
}

//! Runtimes go up with what they cost and where they run.

use serde_json::{Value, json};

use super::*;
use crate::mirrored::{changes, is_mirrored, must_replace};
use crate::testing::object;

fn host(extra: &Value) -> RuntimeClass {
    let mut json = json!({
        "metadata": { "name": "sandbox", "uid": "host-uid", "labels": { "canary": "x" } },
        "handler": "runsc",
        "overhead": { "podFixed": { "cpu": "250m", "memory": "64Mi" } },
        "scheduling": {
            "nodeSelector": { "topology.kubernetes.io/zone": "a", "canary.example.com/pool": "x" },
            "tolerations": [{ "key": "sandbox", "operator": "Exists" }],
        },
    });
    json_patch::merge(&mut json, extra);
    object(json)
}

fn stored(extra: &Value) -> RuntimeClass {
    let mut class = up(&host(extra)).unwrap();
    class.metadata.uid = Some("tenant-uid".to_owned());
    class
}

#[test]
fn a_class_goes_up_with_its_overhead_and_the_labels_that_virtual_nodes_have() {
    let class = up(&host(&json!({}))).unwrap();
    assert!(is_mirrored(&class.metadata));
    let shown = serde_json::to_value(&class).unwrap();
    assert_eq!(shown["handler"], "runsc");
    assert_eq!(
        shown["overhead"],
        json!({ "podFixed": { "cpu": "250m", "memory": "64Mi" } })
    );
    let scheduling = json!({ "nodeSelector": { "topology.kubernetes.io/zone": "a" },
        "tolerations": [{ "key": "sandbox", "operator": "Exists" }] });
    assert_eq!(shown["scheduling"], scheduling);
    assert!(!shown.to_string().contains("canary"), "{shown}");
}

#[test]
fn what_may_change_is_followed_and_another_handler_makes_it_anew() {
    let desired = up(&host(&json!({}))).unwrap();
    assert_eq!(changes(&stored(&json!({})), &desired), None);
    let dearer = stored(&json!({ "overhead": { "podFixed": { "cpu": "1", "gpu": "1" } } }));
    let patch = changes(&dearer, &desired).unwrap();
    let expected = json!({ "podFixed": { "cpu": "250m", "gpu": null } });
    assert_eq!(
        patch,
        json!({ "metadata": { "uid": "tenant-uid" }, "overhead": expected })
    );
    assert!(!must_replace(&dearer, &desired));
    assert!(must_replace(&stored(&json!({ "handler": "kata" })), &desired));
    let plain = json!({ "overhead": null, "scheduling": null });
    let patch = changes(&stored(&json!({})), &up(&host(&plain)).unwrap()).unwrap();
    assert_eq!(
        (&patch["overhead"], &patch["scheduling"]),
        (&Value::Null, &Value::Null)
    );
    assert!(patch.get("overhead").is_some() && patch.get("scheduling").is_some());
    // A selector of which nothing is shown is no difference for ever.
    let unseen = json!({ "scheduling": { "nodeSelector": { "topology.kubernetes.io/zone": null }, "tolerations": null } });
    assert_eq!(changes(&stored(&unseen), &up(&host(&unseen)).unwrap()), None);
    let mut filled_in = stored(&unseen);
    filled_in.scheduling = None;
    assert_eq!(changes(&filled_in, &up(&host(&unseen)).unwrap()), None);
}

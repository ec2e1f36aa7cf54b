//! Priorities go up as they are, and nothing else of a class.

use serde_json::{Value, json};

use super::*;
use crate::mirrored::{changes, is_mirrored, must_replace};
use crate::testing::object;

fn host(extra: &Value) -> PriorityClass {
    let mut json = json!({
        "metadata": { "name": "batch", "uid": "host-uid", "labels": { "canary": "x" }, "annotations": { "canary": "x" } },
        "value": -10, "preemptionPolicy": "Never", "description": "for nightly work", "globalDefault": true,
    });
    json_patch::merge(&mut json, extra);
    object(json)
}

fn stored(extra: &Value) -> PriorityClass {
    let mut class = up(&host(extra)).unwrap();
    class.metadata.uid = Some("tenant-uid".to_owned());
    class
}

#[test]
fn a_class_goes_up_with_its_value_and_is_never_the_tenants_default() {
    let class = up(&host(&json!({}))).unwrap();
    assert!(is_mirrored(&class.metadata));
    assert_eq!((class.value, class.global_default), (Some(-10), None));
    assert_eq!(class.preemption_policy.as_deref(), Some("Never"));
    assert_eq!(class.description.as_deref(), Some("for nightly work"));
    let text = serde_json::to_string(&class).unwrap();
    assert!(!text.contains("canary") && !text.contains("host-uid"), "{text}");
}

#[test]
fn a_description_is_followed_and_a_default_of_the_tenants_is_taken_back() {
    let desired = up(&host(&json!({}))).unwrap();
    let mut filled_in = stored(&json!({}));
    filled_in.global_default = Some(false);
    assert_eq!(changes(&filled_in, &desired), None);
    let mut changed = stored(&json!({ "description": "old" }));
    changed.global_default = Some(true);
    let expected = json!({ "metadata": { "uid": "tenant-uid" }, "description": "for nightly work",
        "globalDefault": false });
    assert_eq!(changes(&changed, &desired), Some(expected));
    assert!(!must_replace(&changed, &desired));
}

#[test]
fn another_value_makes_it_anew() {
    for other in [json!({ "value": 5 }), json!({ "preemptionPolicy": null })] {
        assert!(
            must_replace(&stored(&other), &up(&host(&json!({}))).unwrap()),
            "{other}"
        );
    }
    let zero = json!({ "value": null, "preemptionPolicy": null });
    let mut filled_in = stored(&zero);
    (filled_in.value, filled_in.preemption_policy) = (Some(0), Some("PreemptLowerPriority".to_owned()));
    assert!(!must_replace(&filled_in, &up(&host(&zero)).unwrap()));
}

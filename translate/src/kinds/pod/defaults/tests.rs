//! Table of what containers get.

use serde_json::{Value, json};

use super::*;
use crate::testing::object;

fn of(defaults: &Value, pod: &Value, own: &Value) -> Value {
    let defaults: ContainerDefaults = object(defaults.clone());
    let spec: PodSpec = object(json!({ "containers": [], "resources": pod }));
    let own: Option<ResourceRequirements> = object(own.clone());
    json!(filled(&defaults, &spec, own))
}

#[test]
fn a_container_gets_what_it_does_not_say_and_nothing_else() {
    let class = json!({
        "requests": { "cpu": "100m", "memory": "64Mi", "ephemeralStorage": "1Gi" },
        "limits": { "cpu": "500m", "memory": "256Mi" },
    });
    for (own, expected) in [
        (
            json!(null),
            json!({
                "requests": { "cpu": "100m", "memory": "64Mi", "ephemeral-storage": "1Gi" },
                "limits": { "cpu": "500m", "memory": "256Mi" },
            }),
        ),
        // A request of its own, within the limit and above it.
        (
            json!({ "requests": { "cpu": "200m", "memory": "1Gi", "ephemeral-storage": "2Gi" } }),
            json!({
                "requests": { "cpu": "200m", "memory": "1Gi", "ephemeral-storage": "2Gi" },
                "limits": { "cpu": "500m", "memory": "1Gi" },
            }),
        ),
        // A limit of zero is none, a request of zero is one.
        (
            json!({
                "requests": { "cpu": "0", "memory": "0", "ephemeral-storage": "0" },
                "limits": { "memory": "0" },
            }),
            json!({
                "requests": { "cpu": "0", "memory": "0", "ephemeral-storage": "0" },
                "limits": { "cpu": "500m", "memory": "256Mi" },
            }),
        ),
        // The tenant's API has made the limit a request already.
        (
            json!({
                "requests": { "cpu": "2", "memory": "1Gi", "ephemeral-storage": "0", "example.com/gpu": "1" },
                "limits": { "cpu": "2", "memory": "1Gi", "example.com/gpu": "1" },
            }),
            json!({
                "requests": { "cpu": "2", "memory": "1Gi", "ephemeral-storage": "0", "example.com/gpu": "1" },
                "limits": { "cpu": "2", "memory": "1Gi", "example.com/gpu": "1" },
            }),
        ),
    ] {
        assert_eq!(of(&class, &json!(null), &own), expected, "{own}");
    }
}

#[test]
fn without_a_default_request_the_limit_is_one() {
    let class = json!({ "limits": { "memory": "256Mi" } });
    let both = json!({ "requests": { "memory": "256Mi" }, "limits": { "memory": "256Mi" } });
    assert_eq!(of(&class, &json!(null), &json!(null)), both);
}

#[test]
fn what_the_pod_as_a_whole_sets_is_left_to_it() {
    let class = json!({ "requests": { "cpu": "100m", "memory": "64Mi" }, "limits": { "cpu": "1" } });
    let pod = json!({ "requests": { "cpu": "50m" } });
    assert_eq!(
        of(&class, &pod, &json!(null)),
        json!({ "requests": { "memory": "64Mi" } })
    );
}

#[test]
fn a_class_without_defaults_changes_nothing() {
    for own in [json!(null), json!({}), json!({ "limits": { "cpu": "1" } })] {
        assert_eq!(of(&json!({}), &json!(null), &own), own);
    }
}

//! NetworkPolicies of the tenant: which host Pods are open, one request for each change, and what is closed for good.

use serde_json::{Value, json};
use warren_crds::keys::{OPEN_EGRESS, OPEN_INGRESS};
use warren_translate::TenantPolicy;

use super::world::{NAMESPACE, World};

const NONE: [&str; 0] = [];
const BOTH: [&str; 2] = ["Ingress", "Egress"];

/// Whether the host Pod is open: in, and out.
fn open(world: &World) -> (bool, bool) {
    let labels = &world.host_pod()["metadata"]["labels"];
    let is = |label: &str| match &labels[label] {
        Value::Null => false,
        value => {
            assert_eq!(value, "true");
            true
        }
    };
    (is(OPEN_INGRESS), is(OPEN_EGRESS))
}

/// A Pod labelled `app: web` that runs with these policies.
async fn running(policies: &[(&str, &Value, &[&str])]) -> World {
    let world = World::start(&json!({}), TenantPolicy::default());
    world.policies(policies);
    world.user(|pod| pod["metadata"]["labels"] = json!({ "app": "web" }));
    world.settle().await;
    world.kubelet(json!({ "phase": "Running" }));
    world.settle().await;
    world
}

#[tokio::test]
async fn a_pod_starts_open_where_nothing_isolates_it() {
    let (all, web, other) = (json!({}), json!({ "app": "web" }), json!({ "app": "other" }));
    for (policies, expected) in [
        (vec![], (true, true)),
        (vec![("a", &other, &BOTH[..])], (true, true)),
        (vec![("a", &web, &BOTH[..1])], (false, true)),
        (vec![("a", &all, &BOTH[1..])], (true, false)),
        (
            vec![("a", &all, &BOTH[1..]), ("b", &web, &BOTH[..1])],
            (false, false),
        ),
    ] {
        let world = running(&policies).await;
        assert_eq!(open(&world), expected, "{policies:?}");
        assert_eq!(world.settle().await, NONE, "{policies:?}");
    }
}

#[tokio::test]
async fn a_pod_that_runs_follows_policies_and_its_labels_with_one_request_each() {
    let world = running(&[]).await;
    let web = json!({ "app": "web" });
    world.policies(&[("a", &web, &BOTH)]);
    assert_eq!(world.round().await, (vec![], vec!["PATCH pod".to_owned()]));
    assert_eq!(open(&world), (false, false));
    assert_eq!(world.settle().await, NONE);
    world.policies(&[("a", &web, &BOTH[..1])]);
    assert_eq!(world.settle().await, ["PATCH pod"]);
    assert_eq!(open(&world), (false, true));
    // Labels and what they mean change together.
    world.user(|pod| pod["metadata"]["labels"]["app"] = json!("other"));
    assert_eq!(world.settle().await, ["PATCH pod"]);
    assert_eq!(open(&world), (true, true));
    world.user(|pod| pod["metadata"]["labels"]["app"] = json!("web"));
    assert_eq!(world.settle().await, ["PATCH pod"]);
    assert_eq!(open(&world), (false, true));
    world.policies(&[]);
    assert_eq!(world.settle().await, ["PATCH pod"]);
    assert_eq!(open(&world), (true, true));
    assert_eq!(world.round().await, (vec![], vec![]));
}

#[tokio::test]
async fn nothing_opens_while_a_namespace_is_being_deleted() {
    let all = json!({});
    for terminating in ["namespace", "pod", "gone"] {
        let world = running(&[("a", &all, &BOTH)]).await;
        match terminating {
            "pod" => world.user(|pod| {
                pod["metadata"]["deletionTimestamp"] = json!("2026-11-21T12:00:30Z");
                pod["metadata"]["deletionGracePeriodSeconds"] = json!(30);
            }),
            "gone" => world.tenant.remove(NAMESPACE),
            _ => world.tenant.change(NAMESPACE, |namespace| {
                namespace["metadata"]["deletionTimestamp"] = json!("2026-11-21T12:00:30Z");
            }),
        }
        // Its controller takes the policy first. Nothing of it is seen but that.
        world.policies(&[]);
        for _ in 0..3 {
            world.round().await;
        }
        assert_eq!(open(&world), (false, false), "{terminating}");
    }
}

#[tokio::test]
async fn a_pod_that_begins_in_a_namespace_that_is_being_deleted_begins_closed() {
    let world = World::start(&json!({}), TenantPolicy::default());
    world.tenant.change(NAMESPACE, |namespace| {
        namespace["metadata"]["deletionTimestamp"] = json!("2026-11-21T12:00:30Z");
    });
    world.round().await;
    assert_eq!(open(&world), (false, false));
}

#[tokio::test]
async fn a_pod_that_is_ending_is_still_closed_by_a_new_policy_and_by_nothing_opened() {
    let world = running(&[]).await;
    world.user(|pod| {
        pod["metadata"]["deletionTimestamp"] = json!("2026-11-21T12:00:30Z");
        pod["metadata"]["deletionGracePeriodSeconds"] = json!(30);
    });
    assert_eq!(world.settle().await, ["DELETE pod"]);
    assert_eq!(open(&world), (true, true));
    world.policies(&[("a", &json!({}), &BOTH[..1])]);
    assert_eq!(world.settle().await, ["PATCH pod"]);
    assert_eq!(open(&world), (false, true));
    world.policies(&[]);
    world.settle().await;
    assert_eq!(open(&world), (false, true));
}

#[tokio::test]
async fn without_the_policies_a_new_pod_is_closed_and_one_that_runs_stays_as_it_is() {
    let mut world = World::start(&json!({}), TenantPolicy::default());
    world.policies_are_unknown();
    world.settle().await;
    assert_eq!(open(&world), (false, false));
    world.policies(&[]);
    assert_eq!(world.settle().await, ["PATCH pod"]);
    assert_eq!(open(&world), (true, true));
    world.policies_are_unknown();
    assert_eq!(world.settle().await, NONE);
    assert_eq!(open(&world), (true, true));
}

#[tokio::test]
async fn another_process_opens_nothing_that_it_has_not_looked_at() {
    let all = json!({});
    let mut world = running(&[("a", &all, &BOTH)]).await;
    world.restart();
    world.policies_are_unknown();
    world.settle().await;
    assert_eq!(open(&world), (false, false));
    world.policies(&[("a", &all, &BOTH)]);
    assert_eq!(world.settle().await, NONE);
    assert_eq!(open(&world), (false, false));
}

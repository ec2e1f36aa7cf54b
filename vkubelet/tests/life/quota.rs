//! A quota of the host's that has no room: what the tenant is told, and that the Pod comes when there is.

use serde_json::{Value, json};
use warren_crds::keys;
use warren_translate::TenantPolicy;

use super::world::World;

const CREATE: &str = "POST /api/v1/namespaces/wc/pods";

fn synced(world: &World) -> Value {
    let conditions = world.tenant_pod()["status"]["conditions"].clone();
    let all = conditions.as_array().cloned().unwrap_or_default();
    let found = all
        .into_iter()
        .find(|condition| condition["type"] == "warren.dev/Synced");
    found.unwrap_or_default()
}

#[tokio::test]
async fn a_pod_over_the_quota_says_for_what_it_waits_and_starts_when_there_is_room() {
    let world = World::start(&json!({}), TenantPolicy::default());
    let said = "pods \"web\" is forbidden: exceeded quota: warren-quota, requested: requests.cpu=1, used: requests.cpu=4, \
                limited: requests.cpu=4";
    world.host.refuse(CREATE, 403, said);
    world.failing_round().await;
    let told = synced(&world);
    let message = told["message"].as_str().unwrap();
    assert_eq!(
        (&told["status"], &told["reason"]),
        (&json!("False"), &json!("ExceededQuota"))
    );
    let amounts = "exceeded quota: requested: requests.cpu=1, used: requests.cpu=4, limited: requests.cpu=4";
    assert!(message.ends_with(amounts), "{message}");
    // It did not run, so it may be made again.
    assert_eq!(
        world.tenant_pod()["metadata"]["annotations"][keys::STARTED],
        Value::Null
    );
    assert!(world.is_woken_by_quota());

    world.host.allow();
    world.settle().await;
    assert!(world.host.get(&world.path).is_some());
    assert_eq!(synced(&world), Value::Null);
    assert!(!world.is_woken_by_quota());
}

#[tokio::test]
async fn a_pod_without_the_requests_that_a_quota_asks_for_is_looked_at_when_the_quota_changes() {
    let world = World::start(&json!({}), TenantPolicy::default());
    let said = "pods \"web\" is forbidden: failed quota: warren-quota: must specify limits.cpu for: c";
    world.host.refuse(CREATE, 403, said);
    world.failing_round().await;
    let told = synced(&world);
    assert_eq!(told["reason"], "FailedCreate");
    assert!(
        told["message"]
            .as_str()
            .unwrap()
            .ends_with("failed quota: must specify limits.cpu for: c"),
        "{told}"
    );
    assert!(world.is_woken_by_quota());
}

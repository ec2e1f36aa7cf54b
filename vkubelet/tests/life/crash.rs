//! The process dies after each of its requests, before it knows the answer, and the next one comes to the same end.

use serde_json::{Value, json};
use warren_crds::keys;
use warren_translate::TenantPolicy;

use super::world::{TENANT, World};

/// A Pod that can end and asks for something, changed in every way while it runs, drained by the host, and deleted.
async fn life(mut world: World, dies_after: usize) -> Vec<Option<Value>> {
    let mut seen = Vec::new();
    world.die_after(dies_after);
    world.survive().await;
    let running = json!({
        "phase": "Running", "startTime": "2026-11-21T12:00:00Z",
        "conditions": [{ "type": "Ready", "status": "True" }],
        "containerStatuses": [{ "name": "c", "image": "web:1", "imageID": "x", "ready": true, "restartCount": 0,
            "state": { "running": {} } }],
    });
    world.kubelet(running.clone());
    world.survive().await;
    world.user(|pod| {
        pod["metadata"]["labels"] = json!({ "colour": "blue" });
        pod["spec"]["containers"][0]["image"] = json!("web:2");
        pod["spec"]["containers"][0]["resources"]["requests"]["cpu"] = json!("2");
        pod["spec"]["ephemeralContainers"] = json!([{ "name": "debug", "image": "busybox" }]);
    });
    world.survive().await;
    world.kubelet(running);
    world.survive().await;
    seen.push(world.host.get(&world.path));
    seen.push(world.tenant.get(TENANT));
    world.host.change(&world.path, |pod| {
        pod["metadata"]["deletionTimestamp"] = json!("2026-11-21T12:00:30Z");
        pod["metadata"]["deletionGracePeriodSeconds"] = json!(0);
    });
    world.kubelet(json!({ "phase": "Succeeded" }));
    world.survive().await;
    seen.push(world.host.get(&world.path));
    seen.push(world.tenant.get(TENANT));
    seen.iter_mut().flatten().for_each(mask);
    seen
}

/// What another run has otherwise.
fn mask(pod: &mut Value) {
    pod["metadata"]["resourceVersion"] = json!(null);
    // How often the same was written, and when.
    if let Some(started) = pod["metadata"]["annotations"].get_mut(keys::STARTED) {
        *started = json!("then");
    }
}

#[tokio::test]
async fn dying_at_any_point_ends_in_the_same_state() {
    let spec = json!({ "restartPolicy": "Never", "containers": [
        { "name": "c", "image": "web:1", "resources": { "requests": { "cpu": "1" } } }] });
    let world = || World::start(&spec, TenantPolicy::default());
    let expected = life(world(), usize::MAX).await;
    let ended = expected[3].as_ref().unwrap();
    assert_eq!(ended["status"]["phase"], "Succeeded");
    assert_eq!(expected[2], None, "the host Pod is let go");
    for dies_after in 0..20 {
        assert_eq!(
            life(world(), dies_after).await,
            expected,
            "died after {dies_after} requests"
        );
    }
}

//! ResourceClaims between two APIs in memory.

use serde_json::{Value, json};
use warren_translate::TenantPolicy;
use warren_translate::identity::TenantKey;

use super::*;
use crate::key::Kind;
use crate::testing::{FakeApi, HOST_POD_UID, POD_UID, TEAM, World, refill};

/// Where the tenant's claims are.
const CLAIMS: &str = "/apis/resource.k8s.io/v1/namespaces/team/resourceclaims/";
/// Where the host's are.
const HOST_CLAIMS: &str = "/apis/resource.k8s.io/v1/namespaces/wc-ci/resourceclaims/";
const PROTECTION: &str = "resource.kubernetes.io/delete-protection";

fn gpu() -> Key {
    Key::new(Kind::ResourceClaim, TenantKey::new(TEAM, "gpu"))
}

/// Offers the class `gpu`; the tenant has a claim of it, and the Pod `web` on both sides.
async fn world() -> World {
    let mut world = World::new().await;
    let device = json!({ "classes": { "device": { "names": ["gpu"] } } });
    world.set_policy(serde_json::from_value::<TenantPolicy>(device).unwrap());
    tenant_claim(&world, "t-gpu", "gpu");
    world.tenant_pod(&json!([]));
    world.host_pod(true);
    world.host.calls();
    world.tenant.calls();
    world
}

fn tenant_claim(world: &World, uid: &str, class: &str) {
    world.tenant.put(
        &format!("{CLAIMS}gpu"),
        json!({
            "apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim",
            "metadata": { "namespace": TEAM, "uid": uid },
            "spec": { "devices": { "requests": [{ "name": "main", "exactly": { "deviceClassName": class } }] } },
        }),
    );
}

/// Somebody else changes the one object under a path.
fn change(api: &FakeApi, under: &str, change: impl FnOnce(&mut Value)) {
    let (path, mut object) = api.only(under);
    change(&mut object);
    api.put(&path, object);
}

fn catches_up(world: &World) {
    refill(&world.ctx.resource_claims.tenant, world.tenant.list(CLAIMS));
    refill(&world.ctx.resource_claims.host, world.host.list(HOST_CLAIMS));
}

async fn round(world: &World) -> Result<Round> {
    catches_up(world);
    world.round(&gpu()).await
}

/// Rounds until nobody writes any more.
async fn at_rest(world: &World) {
    for _ in 0..10 {
        let before = (world.host.version(), world.tenant.version());
        let _tried_again_by_the_queue = round(world).await;
        if before == (world.host.version(), world.tenant.version()) {
            return;
        }
    }
    panic!("never at rest");
}

fn allocation(device: &str) -> Value {
    let result =
        json!({ "request": "main", "driver": "gpu.example.com", "pool": "node-1", "device": device });
    json!({ "devices": { "results": [result] } })
}

/// The host's scheduler has allocated this device for the host Pod of `web`.
fn host_allocates(world: &World, device: &str) {
    let pod = json!({ "resource": "pods", "name": world.host_pod_name(), "uid": HOST_POD_UID });
    change(&world.host, HOST_CLAIMS, |claim| {
        claim["status"] = json!({ "allocation": allocation(device), "reservedFor": [pod] });
    });
}

/// The tenant's scheduler has allocated this device for `web` and another Pod that waits.
fn tenant_allocates(world: &World, device: &str) {
    change(&world.tenant, CLAIMS, |claim| {
        claim["metadata"]["finalizers"] = json!([PROTECTION]);
        claim["status"] = json!({ "allocation": allocation(device), "reservedFor": [
            { "resource": "pods", "name": "web", "uid": POD_UID },
            { "resource": "pods", "name": "waits", "uid": "waits-uid" },
        ] });
    });
}

fn claim_of(world: &World) -> Value {
    world.tenant.only(CLAIMS).1
}

fn device_of(claim: &Value) -> &Value {
    &claim["status"]["allocation"]["devices"]["results"][0]["device"]
}

fn reserved(claim: &Value) -> Vec<&str> {
    let reserved = claim["status"]["reservedFor"].as_array();
    let uids = reserved.into_iter().flatten().map(|consumer| &consumer["uid"]);
    uids.filter_map(Value::as_str).collect()
}

/// The host has the claim, and nothing was allocated yet; what was called is forgotten.
async fn brought() -> World {
    let world = world().await;
    at_rest(&world).await;
    world.host.calls();
    world.tenant.calls();
    world
}

#[tokio::test]
async fn a_claim_goes_down_once_and_is_ready() {
    let world = world().await;
    assert_eq!(round(&world).await.unwrap().state, State::Ready);
    assert_eq!(world.host.writes(), ["POST resourceclaims"]);
    let host = world.host.only(HOST_CLAIMS).1;
    assert_eq!(host["metadata"]["annotations"]["warren.dev/origin-uid"], "t-gpu");
    assert_eq!(host["spec"], claim_of(&world)["spec"]);
    at_rest(&world).await;
    assert_eq!(world.host.calls(), Vec::<String>::new());
    assert_eq!(world.tenant.calls(), Vec::<String>::new());
    change(&world.tenant, CLAIMS, |claim| {
        claim["metadata"]["labels"] = json!({ "app": "train" });
    });
    at_rest(&world).await;
    assert_eq!(world.host.writes(), ["PATCH resourceclaims"]);
}

#[tokio::test]
async fn what_is_not_offered_is_told_and_does_not_go_down() {
    let world = world().await;
    tenant_claim(&world, "t-gpu", "tpu");
    let State::Failed(why) = round(&world).await.unwrap().state else {
        panic!("not failed");
    };
    assert!(
        why.contains("`tpu`, which is not offered; offered: `gpu`"),
        "{why}"
    );
    assert_eq!(world.told(Denied::REASON).await, why);
    assert!(world.host.list(HOST_CLAIMS).is_empty());

    // A class that offers nothing says what it would have to.
    let mut world = world;
    world.set_policy(TenantPolicy::default());
    let State::Failed(why) = round(&world).await.unwrap().state else {
        panic!("not failed");
    };
    assert!(why.contains("classes.device.names"), "{why}");
    assert_eq!(world.host.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn parameters_of_drivers_that_are_not_shown_are_told() {
    let world = world().await;
    change(&world.tenant, CLAIMS, |claim| {
        claim["spec"]["devices"]["config"] =
            json!([{ "opaque": { "driver": "gpu.example.com", "parameters": { "a": 1 } } }]);
    });
    round(&world).await.unwrap();
    let told = world.told(Denied::REASON).await;
    assert!(
        told.starts_with("`spec.devices.config[0].opaque.driver` is `gpu.example.com`"),
        "{told}"
    );
    assert!(world.host.list(HOST_CLAIMS).is_empty());
}

#[tokio::test]
async fn where_the_tenant_has_no_allocation_the_hosts_is_written_after_the_finalizer() {
    let world = brought().await;
    host_allocates(&world, "gpu-1");
    at_rest(&world).await;
    assert_eq!(
        world.tenant.writes(),
        ["PATCH resourceclaims", "PUT resourceclaims/status"]
    );
    let claim = claim_of(&world);
    assert_eq!(claim["metadata"]["finalizers"], json!([PROTECTION]));
    assert_eq!(*device_of(&claim), "gpu-1");
    assert_eq!(reserved(&claim), [POD_UID]);
    assert!(!claim.to_string().contains(HOST_POD_UID), "{claim}");
    assert_eq!(world.host.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn the_same_device_is_silent_and_what_its_driver_says_follows() {
    let world = brought().await;
    tenant_allocates(&world, "gpu-0");
    host_allocates(&world, "gpu-0");
    round(&world).await.unwrap();
    assert_eq!(world.tenant.calls(), Vec::<String>::new());
    change(&world.host, HOST_CLAIMS, |claim| {
        claim["status"]["devices"] = json!([{ "driver": "gpu.example.com", "pool": "node-1", "device": "gpu-0",
            "networkData": { "interfaceName": "net1" } }]);
    });
    at_rest(&world).await;
    assert_eq!(world.tenant.writes(), ["PUT resourceclaims/status"]);
    let claim = claim_of(&world);
    assert_eq!(
        claim["status"]["devices"][0]["networkData"]["interfaceName"],
        "net1"
    );
    assert_eq!(reserved(&claim), [POD_UID, "waits-uid"]);
}

#[tokio::test]
async fn another_device_takes_two_writes_and_nobody_loses_its_reservation() {
    let world = brought().await;
    tenant_allocates(&world, "gpu-0");
    host_allocates(&world, "gpu-1");
    round(&world).await.unwrap();
    assert_eq!(
        world.tenant.writes(),
        ["PUT resourceclaims/status", "PUT resourceclaims/status"]
    );
    let claim = claim_of(&world);
    assert_eq!(*device_of(&claim), "gpu-1");
    assert_eq!(reserved(&claim), [POD_UID, "waits-uid"]);
    at_rest(&world).await;
    assert_eq!(world.tenant.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn a_crash_after_any_write_is_resumed() {
    for room in 0..2 {
        let mut world = brought().await;
        tenant_allocates(&world, "gpu-0");
        host_allocates(&world, "gpu-1");
        world.tenant.allow_writes(Some(room));
        round(&world).await.unwrap_err();
        let between = claim_of(&world);
        assert_eq!(
            between["status"].get("allocation").is_none(),
            room == 1,
            "{between}"
        );
        world.tenant.allow_writes(None);
        world.restart().await;
        world.tenant_pod(&json!([]));
        world.host_pod(true);
        at_rest(&world).await;
        let claim = claim_of(&world);
        assert_eq!(*device_of(&claim), "gpu-1", "after {room}");
        assert!(reserved(&claim).contains(&POD_UID), "after {room}: {claim}");
    }
}

/// Each of these has nobody alive behind it: the tenant's own controller takes allocations off, and is not fought.
#[tokio::test]
async fn what_the_tenant_gave_back_stays_given_back() {
    type Ends = fn(&World);
    let ends: [(&str, Ends); 4] = [
        ("the tenant's Pod has ended", |world| {
            world.ctx.tenant.pods.remove(&ObjectKey::new(TEAM, "web"));
        }),
        ("the host's Pod has ended", |world| {
            let name = world.host_pod_name();
            world.ctx.host.pods.remove(&ObjectKey::new("wc-ci", name));
        }),
        ("the host's Pod is another one", |world| {
            change(&world.host, HOST_CLAIMS, |claim| {
                claim["status"]["reservedFor"][0]["uid"] = json!("of-a-predecessor");
            });
        }),
        ("nobody on the host", |world| {
            change(&world.host, HOST_CLAIMS, |claim| {
                claim["status"]["reservedFor"] = json!([]);
            });
        }),
    ];
    for (name, end) in ends {
        for own in [None, Some("gpu-0")] {
            let world = brought().await;
            host_allocates(&world, "gpu-1");
            if let Some(own) = own {
                tenant_allocates(&world, own);
            }
            end(&world);
            round(&world).await.unwrap();
            assert_eq!(world.tenant.writes(), Vec::<String>::new(), "{name}, {own:?}");
        }
    }
}

/// A controller takes its reservation off (`isPodDone` in `pkg/controller/resourceclaim`).
#[tokio::test]
async fn a_pod_that_was_deleted_before_it_had_a_node_is_nobody() {
    let world = brought().await;
    host_allocates(&world, "gpu-1");
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "namespace": TEAM, "name": "web", "uid": POD_UID,
            "deletionTimestamp": "2026-11-30T12:00:00Z" },
        "spec": { "containers": [] },
    });
    let pod = serde_json::from_value(pod).unwrap();
    world.ctx.tenant.pods.put(ObjectKey::new(TEAM, "web"), pod);
    round(&world).await.unwrap();
    assert_eq!(world.tenant.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn who_was_first_in_the_tenant_is_not_overwritten() {
    let world = brought().await;
    host_allocates(&world, "gpu-1");
    catches_up(&world);
    tenant_allocates(&world, "gpu-0");
    let late = world.round(&gpu()).await;
    assert!(matches!(late, Err(Error::Stale)), "{late:?}");
    assert_eq!(*device_of(&claim_of(&world)), "gpu-0");
}

#[tokio::test]
async fn a_deleted_claim_takes_its_host_claim_along_and_one_that_is_going_does_not() {
    let world = brought().await;
    change(&world.tenant, CLAIMS, |claim| {
        claim["metadata"]["deletionTimestamp"] = json!("2026-11-30T12:00:00Z");
    });
    host_allocates(&world, "gpu-1");
    round(&world).await.unwrap();
    assert_eq!(world.host.writes(), Vec::<String>::new(), "Pods may use it");
    assert_eq!(world.tenant.writes(), Vec::<String>::new());
    world.tenant.remove(&format!("{CLAIMS}gpu"));
    assert_eq!(round(&world).await.unwrap().state, State::Absent);
    assert_eq!(world.host.writes(), ["DELETE resourceclaims"]);
}

#[tokio::test]
async fn a_claim_that_is_going_is_not_brought_at_all() {
    let world = world().await;
    change(&world.tenant, CLAIMS, |claim| {
        claim["metadata"]["deletionTimestamp"] = json!("2026-11-30T12:00:00Z");
    });
    assert_eq!(round(&world).await.unwrap().state, State::Absent);
    assert!(world.host.list(HOST_CLAIMS).is_empty());
}

#[tokio::test]
async fn a_successor_of_the_same_name_gets_a_host_claim_of_its_own() {
    let world = brought().await;
    change(&world.host, HOST_CLAIMS, |claim| {
        claim["metadata"]["finalizers"] = json!([PROTECTION]);
    });
    tenant_claim(&world, "t-another", "gpu");
    let early = round(&world).await;
    assert!(matches!(early, Err(Error::Stale)), "{early:?}");
    assert_eq!(world.host.writes(), ["DELETE resourceclaims"]);
    at_rest(&world).await;
    let host = world.host.only(HOST_CLAIMS).1;
    assert_eq!(
        host["metadata"]["annotations"]["warren.dev/origin-uid"],
        "t-another"
    );
}

/// Its finalizer keeps it while a Pod on the host has its devices: nobody but the host takes that off.
#[tokio::test]
async fn a_predecessor_that_is_going_is_waited_for() {
    let world = brought().await;
    change(&world.host, HOST_CLAIMS, |claim| {
        claim["metadata"]["deletionTimestamp"] = json!("2026-11-30T12:00:00Z");
        claim["metadata"]["finalizers"] = json!([PROTECTION]);
    });
    tenant_claim(&world, "t-another", "gpu");
    let early = round(&world).await;
    assert!(matches!(early, Err(Error::Stale)), "{early:?}");
    assert_eq!(world.host.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn a_host_claim_that_the_platform_deletes_is_no_place_for_new_pods() {
    let world = brought().await;
    change(&world.host, HOST_CLAIMS, |claim| {
        claim["metadata"]["deletionTimestamp"] = json!("2026-11-30T12:00:00Z");
    });
    let State::Failed(why) = round(&world).await.unwrap().state else {
        panic!("not failed");
    };
    assert!(why.contains("platform"), "{why}");
    assert_eq!(world.host.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn a_foreign_claim_of_the_same_name_is_left_alone() {
    let world = world().await;
    let name = claim::host_name(&world.ctx.cluster, &gpu().tenant);
    let foreign = json!({ "metadata": { "labels": { "warren.dev/cluster": "another" } }, "spec": {} });
    world.host.put(&format!("{HOST_CLAIMS}{name}"), foreign);
    refill(&world.ctx.resource_claims.tenant, world.tenant.list(CLAIMS));
    refill(&world.ctx.resource_claims.host, Vec::new());
    let round = world.round(&gpu()).await;
    assert!(matches!(round, Err(Error::Foreign { .. })), "{round:?}");
    assert_eq!(
        world.host.only(HOST_CLAIMS).1["metadata"]["labels"]["warren.dev/cluster"],
        "another"
    );
}

#[tokio::test]
async fn before_both_sides_are_known_nothing_happens() {
    let world = world().await;
    let State::Failed(why) = world.round(&gpu()).await.unwrap().state else {
        panic!("not failed");
    };
    assert!(why.contains("platform"), "{why}");
    assert_eq!(world.host.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn a_store_that_is_behind_takes_no_devices_away() {
    let world = brought().await;
    catches_up(&world);
    world.ctx.resource_claims.tenant.remove(&gpu().in_tenant());
    let round = world.round(&gpu()).await;
    assert!(matches!(round, Err(Error::Stale)), "{round:?}");
    assert_eq!(world.host.writes(), Vec::<String>::new());
}

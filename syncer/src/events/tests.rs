//! One Event after the other between two APIs in memory.

use serde_json::{Value, json};
use warren_runtime::queue::Outcome;
use warren_translate::kinds::event::suffix;

use super::intake::Offered;
use super::*;
use crate::testing::{HOST_POD_UID, POD_UID, TEAM, World};

const EVENTS: &str = "/api/v1/namespaces/team/events/";

async fn events(world: &World) -> Events {
    of_stream(world, &OF_PODS).await
}

async fn of_stream(world: &World, stream: &'static Stream) -> Events {
    Events {
        stream,
        queue: Queue::new(stream.controller, world.ctx.metrics.common.clone()),
        intake: Intake::new(list(stream, &world.ctx).await.unwrap()),
        rate: Mutex::default(),
        ctx: Arc::clone(&world.ctx),
    }
}

async fn running() -> (World, Events) {
    let world = World::new().await;
    world.tenant_pod(&json!([]));
    world.host_pod(true);
    let events = events(&world).await;
    world.tenant.calls();
    (world, events)
}

fn said(world: &World, uid: &str, count: i32, patch: &Value) -> Event {
    let name = world.host_pod_name();
    let mut event = json!({
        "metadata": { "namespace": "wc-ci", "name": format!("{name}.1"), "uid": uid },
        "involvedObject": { "kind": "Pod", "namespace": "wc-ci", "name": name, "uid": HOST_POD_UID },
        "reason": "Unhealthy", "type": "Warning", "count": count,
        "message": format!("the probe of wc-ci/{name} failed"),
        "source": { "component": "kubelet", "host": "node-1" },
    });
    for (key, value) in patch.as_object().into_iter().flatten() {
        event[key] = value.clone();
    }
    serde_json::from_value(event).unwrap()
}

/// As the watch does.
fn offer(events: &Events, event: Event) -> (u64, Offered) {
    let key = key(&suffix(event.metadata.uid.as_deref().unwrap())).unwrap();
    (key, events.intake.offer(key, event))
}

async fn goes(events: &Events, event: Event) -> Outcome {
    let (key, offered) = offer(events, event);
    assert_eq!(offered, Offered::Waits);
    write::round(events, key).await
}

#[tokio::test]
async fn an_event_goes_up_in_the_tenants_names_and_then_counts_on() {
    let (world, events) = running().await;
    assert_eq!(
        goes(&events, said(&world, "e", 1, &json!({}))).await,
        Outcome::Done
    );
    let (path, event) = world.tenant.only(EVENTS);
    assert_eq!(path, format!("{EVENTS}web.{}", suffix("e")));
    assert_eq!(event["message"], format!("the probe of {TEAM}/web failed"));
    assert_eq!(event["involvedObject"]["uid"], POD_UID);
    assert_eq!(
        event["source"],
        json!({ "component": "kubelet", "host": "node-1" })
    );
    assert_eq!(world.tenant.writes(), ["POST events"]);

    assert_eq!(offer(&events, said(&world, "e", 1, &json!({}))).1, Offered::Known);
    goes(&events, said(&world, "e", 2, &json!({}))).await;
    assert_eq!(world.tenant.writes(), ["PATCH events"]);
    assert_eq!(world.tenant.only(EVENTS).1["count"], 2);
}

#[tokio::test]
async fn a_restart_writes_nothing_twice() {
    let (world, before) = running().await;
    goes(&before, said(&world, "e", 3, &json!({}))).await;
    let after = events(&world).await;
    assert_eq!(offer(&after, said(&world, "e", 3, &json!({}))).1, Offered::Known);
    goes(&after, said(&world, "e", 4, &json!({}))).await;
    assert_eq!(world.tenant.only(EVENTS).1["count"], 4);
}

#[tokio::test]
async fn what_the_tenant_lost_or_has_already_is_no_hindrance() {
    let (world, events) = running().await;
    goes(&events, said(&world, "e", 1, &json!({}))).await;
    world.tenant.remove(&world.tenant.only(EVENTS).0);
    world.tenant.calls();
    goes(&events, said(&world, "e", 2, &json!({}))).await;
    assert_eq!(world.tenant.writes(), ["PATCH events", "POST events"]);
    let unaware = Events {
        stream: events.stream,
        queue: events.queue.clone(),
        intake: Intake::new(HashMap::new()),
        rate: Mutex::default(),
        ctx: Arc::clone(&world.ctx),
    };
    goes(&unaware, said(&world, "e", 3, &json!({}))).await;
    assert_eq!(world.tenant.writes(), ["POST events", "PATCH events"]);
    assert_eq!(world.tenant.only(EVENTS).1["count"], 3);
}

#[tokio::test]
async fn a_tenant_that_does_not_answer_is_tried_again_and_one_that_refuses_is_not() {
    let (world, events) = running().await;
    world.tenant.refuse(Some(("POST", 503)));
    let event = said(&world, "e", 1, &json!({}));
    assert_eq!(goes(&events, event).await, Outcome::Retry);
    world.tenant.refuse(None);
    let key = key(&suffix("e")).unwrap();
    assert_eq!(write::round(&events, key).await, Outcome::Done);
    assert_eq!(world.tenant.only(EVENTS).1["count"], 1);
    // A namespace that is being deleted takes no new objects.
    world.tenant.refuse(Some(("POST", 403)));
    assert_eq!(
        goes(&events, said(&world, "f", 1, &json!({}))).await,
        Outcome::Done
    );
    assert_eq!(offer(&events, said(&world, "f", 1, &json!({}))).1, Offered::Known);
}

#[tokio::test]
async fn a_finished_pod_is_found_and_a_gone_one_or_a_predecessor_is_not_spoken_of() {
    let world = World::new().await;
    world.tenant_pod(&json!([]));
    let events = events(&world).await;
    world.tenant.calls();
    goes(&events, said(&world, "gone", 1, &json!({}))).await;
    assert!(world.tenant.writes().is_empty(), "no host Pod");
    world.host_pod(false);
    goes(&events, said(&world, "finished", 1, &json!({}))).await;
    assert_eq!(world.tenant.writes(), ["POST events"]);
    let about = json!({ "involvedObject": {
        "kind": "Pod", "namespace": "wc-ci", "name": world.host_pod_name(), "uid": "an-earlier-one",
    } });
    goes(&events, said(&world, "earlier", 1, &about)).await;
    assert!(world.tenant.writes().is_empty(), "about a predecessor");
}

#[tokio::test]
async fn a_pod_that_says_too_much_is_cut_short() {
    let (world, events) = running().await;
    for index in 0..40 {
        goes(&events, said(&world, &format!("e{index}"), 1, &json!({}))).await;
    }
    assert_eq!(world.tenant.writes().len(), 25);
}

#[tokio::test]
async fn what_becomes_of_a_claim_goes_up_to_the_tenants_claim() {
    let world = World::with_class().await;
    world.bound("Delete").await;
    world.storage_catches_up();
    let events = of_stream(&world, &OF_CLAIMS).await;
    world.tenant.calls();
    let host = world.host.only(&world.host_claim()).1;
    let (name, uid) = (&host["metadata"]["name"], &host["metadata"]["uid"]);
    let about = json!({
        "involvedObject": { "kind": "PersistentVolumeClaim", "namespace": "wc-ci", "name": name, "uid": uid },
        "reason": "ProvisioningFailed",
        "message": format!("no room for wc-ci/{}", name.as_str().unwrap()),
        "source": { "component": "csi.example.com_provisioner-of-the-host_1" },
    });
    goes(&events, said(&world, "e", 1, &about)).await;
    assert_eq!(world.tenant.writes(), ["POST events"]);
    let (_, event) = world.tenant.only(EVENTS);
    assert_eq!(event["message"], "no room for team/data");
    assert_eq!(event["involvedObject"]["uid"], "t-data");
    assert_eq!(event["source"], json!({ "component": "csi.example.com" }));

    let mut of_predecessor = about.clone();
    of_predecessor["involvedObject"]["uid"] = json!("an-earlier-one");
    goes(&events, said(&world, "f", 1, &of_predecessor)).await;
    assert!(world.tenant.writes().is_empty());
}

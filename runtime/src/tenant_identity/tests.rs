//! Against two APIs that hold one namespace and one Lease.

use std::convert::Infallible;
use std::sync::Arc;

use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use parking_lot::Mutex;
use serde_json::Value;

use super::*;
use crate::serve::Health;

/// What both clusters hold: the UID of the tenant's `kube-system`, and the Lease.
struct World {
    uid: String,
    lease: Value,
}

type Shared = Arc<Mutex<World>>;

fn world(lease: Value) -> Shared {
    Arc::new(Mutex::new(World {
        uid: "first".to_owned(),
        lease,
    }))
}

fn client(world: &Shared) -> Client {
    let world = Arc::clone(world);
    let service = tower::service_fn(move |request: Request<Body>| {
        let world = Arc::clone(&world);
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect_bytes().await.unwrap();
            let mut world = world.lock();
            let answer = if parts.uri.path().contains("/namespaces/kube-system") {
                json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
                    "metadata": { "name": "kube-system", "uid": world.uid } })
            } else {
                if parts.method == Method::PATCH {
                    let patch: Value = serde_json::from_slice(&body).unwrap();
                    assert_eq!(
                        patch["metadata"]["resourceVersion"], "7",
                        "no other write is overwritten"
                    );
                    world.lease["metadata"]["annotations"] = patch["metadata"]["annotations"].clone();
                }
                world.lease.clone()
            };
            let answer = serde_json::to_vec(&answer).unwrap();
            Ok::<_, Infallible>(Response::new(Body::from(answer)))
        }
    });
    Client::new(service, "default")
}

fn lease(annotations: &Value) -> Value {
    json!({ "kind": "Lease", "apiVersion": "coordination.k8s.io/v1",
        "metadata": { "name": "syncer", "resourceVersion": "7", "annotations": annotations } })
}

fn identity(world: &Shared) -> TenantIdentity {
    let client = client(world);
    TenantIdentity::new(
        Api::all(client.clone()),
        Api::namespaced(client, "system"),
        "syncer",
    )
}

#[tokio::test]
async fn the_first_tenant_is_recorded_and_another_one_is_refused() {
    let (world, health) = (world(lease(&json!({}))), Health::default());
    let identity = identity(&world).with_check(health.check("tenant-identity"));
    assert!(matches!(identity.prove().await, Err(Error::Unknown)));

    identity.establish().await;
    assert_eq!(world.lock().lease["metadata"]["annotations"][TENANT_UID], "first");
    identity.prove().await.unwrap();
    assert!(health.failing().is_empty());

    "second".clone_into(&mut world.lock().uid);
    let refused = identity.prove().await.unwrap_err();
    assert!(matches!(&refused, Error::Other { recorded, found } if recorded == "first" && found == "second"));
    assert_eq!(health.failing(), ["tenant-identity"]);
}

#[tokio::test]
async fn a_record_of_an_earlier_process_counts() {
    let world = world(lease(&json!({ TENANT_UID: "before" })));
    let identity = identity(&world);
    identity.establish().await;
    assert!(matches!(identity.prove().await, Err(Error::Other { .. })));
    assert_eq!(
        world.lock().lease["metadata"]["annotations"][TENANT_UID],
        "before",
        "it is not overwritten"
    );
}

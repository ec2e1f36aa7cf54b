//! Against an API that holds one Lease and refuses stale writes as an apiserver does.

use std::convert::Infallible;
use std::sync::Arc;

use http::{Method, Request, Response, StatusCode};
use kube::client::Body;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::*;
use crate::clock;

#[derive(Default)]
struct World {
    lease: Option<Value>,
    version: u64,
    reads: usize,
    /// So many answers to writes are lost, the writes are not.
    losing: usize,
}

type Shared = Arc<Mutex<World>>;

impl World {
    fn store(&mut self, mut lease: Value) -> Value {
        self.version += 1;
        lease["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.lease = Some(lease.clone());
        lease
    }

    fn loses(&mut self) -> bool {
        let loses = self.losing > 0;
        self.losing = self.losing.saturating_sub(1);
        loses
    }

    fn answer(&mut self, method: &Method, body: &[u8]) -> (StatusCode, Value) {
        let failure = |code: u16, reason: &str| {
            let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
                "reason": reason, "message": reason });
            (StatusCode::from_u16(code).unwrap(), status)
        };
        let sent = || serde_json::from_slice::<Value>(body).unwrap();
        match (method, self.lease.clone()) {
            (&Method::GET, lease) => {
                self.reads += 1;
                lease.map_or_else(|| failure(404, "NotFound"), |lease| (StatusCode::OK, lease))
            }
            (&Method::POST, None) => (StatusCode::CREATED, self.store(sent())),
            (&Method::PUT, Some(lease)) => {
                let sent = sent();
                if sent["metadata"]["resourceVersion"] == lease["metadata"]["resourceVersion"] {
                    (StatusCode::OK, self.store(sent))
                } else {
                    failure(409, "Conflict")
                }
            }
            (&Method::PATCH, Some(mut lease)) => {
                lease["spec"]["holderIdentity"] = sent()["spec"]["holderIdentity"].clone();
                (StatusCode::OK, self.store(lease))
            }
            (other, _) => panic!("unexpected {other}"),
        }
    }
}

fn client(world: &Shared) -> Client {
    let world = Arc::clone(world);
    let service = tower::service_fn(move |request: Request<Body>| {
        let world = Arc::clone(&world);
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect_bytes().await.unwrap();
            let (status, answer) = world.lock().answer(&parts.method, &body);
            if parts.method == Method::PUT && world.lock().loses() {
                std::future::pending::<()>().await;
            }
            let answer = Body::from(serde_json::to_vec(&answer).unwrap());
            Ok::<_, Infallible>(Response::builder().status(status).body(answer).unwrap())
        }
    });
    Client::new(service, "default")
}

async fn acquired(world: &Shared, holder: &str, shutdown: &CancellationToken) -> Held {
    let claim = Claim {
        namespace: "system".to_owned(),
        name: "syncer".to_owned(),
        holder: holder.to_owned(),
        labels: [].into(),
    };
    let held = acquire(client(world), claim, clock::system(), shutdown.clone()).await;
    held.expect("acquired")
}

#[tokio::test(start_paused = true)]
async fn a_renewal_reads_only_after_somebody_else_wrote_and_keeps_what_they_wrote() {
    let world = Shared::default();
    let _held = acquired(&world, "a", &CancellationToken::new()).await;
    let reads = world.lock().reads;
    sleep(LEASE_RENEW * 5).await;
    assert_eq!(world.lock().reads, reads);

    {
        let mut world = world.lock();
        let mut lease = world.lease.clone().unwrap();
        lease["metadata"]["annotations"] = json!({ "warren.dev/tenant-uid": "1" });
        world.store(lease);
    }
    sleep(LEASE_RENEW * 5).await;
    let world = world.lock();
    assert_eq!(world.reads, reads + 1);
    assert_eq!(
        world.lease.as_ref().unwrap()["metadata"]["annotations"]["warren.dev/tenant-uid"],
        "1"
    );
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_another_took_is_lost() {
    let world = Shared::default();
    let held = acquired(&world, "a", &CancellationToken::new()).await;
    {
        let mut world = world.lock();
        let mut lease = world.lease.clone().unwrap();
        lease["spec"]["holderIdentity"] = json!("b");
        world.store(lease);
    }
    held.lost().await;
}

#[tokio::test(start_paused = true)]
async fn a_renewal_without_an_answer_is_tried_again_and_a_lease_without_renewals_is_lost_before_it_ends() {
    let world = Shared::default();
    let held = acquired(&world, "a", &CancellationToken::new()).await;
    world.lock().losing = 1;
    tokio::select! {
        () = held.lost() => panic!("one lost answer"),
        () = sleep(LEASE_DURATION * 2) => {}
    }

    world.lock().losing = usize::MAX;
    let begun = Instant::now();
    held.lost().await;
    assert!(
        begun.elapsed() + LEASE_RENEW + LEASE_RETRY >= LEASE_DEADLINE && begun.elapsed() < LEASE_DURATION
    );
}

#[tokio::test(start_paused = true)]
async fn a_lease_given_back_is_taken_at_once_and_a_dead_holders_only_after_its_time() {
    let world = Shared::default();
    let shutdown = CancellationToken::new();
    let held = acquired(&world, "a", &shutdown).await;
    shutdown.cancel();
    held.ended().await;
    let begun = Instant::now();
    let dead = CancellationToken::new();
    let second = acquired(&world, "b", &dead).await;
    assert!(begun.elapsed() < LEASE_RETRY);

    // The process dies: nothing renews and nothing releases.
    drop(second);
    let stale = world.lock().lease.clone().unwrap();
    let frozen = Shared::default();
    frozen.lock().store(stale);
    let begun = Instant::now();
    acquired(&frozen, "c", &CancellationToken::new()).await;
    assert!(begun.elapsed() >= LEASE_DURATION);
}

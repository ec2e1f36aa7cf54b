//! Asks the host what this cluster's Pods use: when somebody wants to know, one question at a time, and not again
//! within seconds.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use kube::{Client, Resource};
use tokio::sync::Mutex;
use tokio::time::Instant;
use warren_runtime::act;
use warren_runtime::clock::SharedClock;
use warren_runtime::log::Chain;
use warren_runtime::store::{ObjectKey, Store};
use warren_translate::{Cluster, meta};

use super::counters::Counters;
use super::host::PodMetricsList;
use super::sample::{Snapshot, own};
use crate::raw_pod::RawPod;

/// A host measures every 15 seconds or less often: asking more often than this shows nothing new.
const FRESH: Duration = Duration::from_secs(5);
/// While the host does not answer, what it said last is shown for this long.
const STALE: Duration = Duration::from_mins(1);

/// What the host's metrics API says about this cluster.
pub struct Meter {
    host: Client,
    cluster: Cluster,
    host_pods: Store<RawPod>,
    tenant_pods: Store<RawPod>,
    clock: SharedClock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    asked: Option<Instant>,
    last: Option<(Instant, Arc<Snapshot>)>,
    counters: Counters,
    failing: bool,
}

impl Meter {
    /// Reads `PodMetrics` of the workload namespace with this client of the host.
    pub fn new(
        host: Client,
        cluster: Cluster,
        host_pods: Store<RawPod>,
        tenant_pods: Store<RawPod>,
        clock: SharedClock,
    ) -> Self {
        Self {
            host,
            cluster,
            host_pods,
            tenant_pods,
            clock,
            state: Mutex::default(),
        }
    }

    /// What is used now; `None` when the host has no metrics API or it has not answered for a while.
    pub async fn now(&self) -> Option<Arc<Snapshot>> {
        // Held while asking: whoever comes meanwhile gets the same answer.
        let mut state = self.state.lock().await;
        if state.asked.is_none_or(|asked| asked.elapsed() >= FRESH) {
            let answer = self.ask().await;
            state.asked = Some(Instant::now());
            match answer {
                Ok(list) => {
                    state.failing = false;
                    let snapshot = self.snapshot(&mut state.counters, &list);
                    state.last = Some((Instant::now(), Arc::new(snapshot)));
                }
                Err(error) => {
                    // Once, not with every question.
                    if !state.failing {
                        tracing::warn!(error = %Chain(&error), "the host's metrics API cannot be used");
                    }
                    state.failing = true;
                }
            }
        }
        let (at, snapshot) = state.last.as_ref()?;
        (at.elapsed() < STALE).then(|| Arc::clone(snapshot))
    }

    async fn ask(&self) -> Result<PodMetricsList, act::Error> {
        let namespace = &self.cluster.workload_namespace;
        let path = format!("/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods");
        act::call("read the host's PodMetrics", async {
            let request = Request::get(path)
                .body(Vec::new())
                .map_err(kube::Error::HttpError)?;
            self.host.request(request).await
        })
        .await
    }

    fn snapshot(&self, counters: &mut Counters, list: &PodMetricsList) -> Snapshot {
        let mut pods = own(&self.cluster, &list.items, &self.host_pods, &self.tenant_pods);
        let alive = self.alive();
        counters.advance(&mut pods, |uid| alive.contains(uid));
        Snapshot {
            pods,
            at: self.clock.now(),
            nodes: counters.nodes().clone(),
        }
    }

    /// UIDs of the tenant's Pods that have a host Pod.
    fn alive(&self) -> HashSet<String> {
        let mut alive = HashSet::new();
        let note = |host: Arc<RawPod>| {
            let Some(origin) = meta::origin(host.meta()) else {
                return;
            };
            let key = ObjectKey::new(origin.key.namespace.as_str(), origin.key.name.as_str());
            let tenant = self.tenant_pods.get(&key);
            if tenant.is_some_and(|pod| pod.uid() == origin.uid.as_str()) {
                alive.insert(origin.uid.as_str().to_owned());
            }
        };
        self.host_pods.visit(|_| true, note);
        alive
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use http::Response;
    use kube::client::Body;
    use warren_translate::{ClusterId, ClusterUid, HostNamespace};

    use super::*;

    struct World {
        meter: Meter,
        asked: Arc<AtomicUsize>,
        broken: Arc<AtomicBool>,
    }

    fn world() -> World {
        let (asked, broken) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, fail) = (Arc::clone(&asked), Arc::clone(&broken));
        let service = tower::service_fn(move |request: Request<Body>| {
            count.fetch_add(1, Ordering::Relaxed);
            assert_eq!(
                request.uri().path(),
                "/apis/metrics.k8s.io/v1beta1/namespaces/wc/pods"
            );
            let status = if fail.load(Ordering::Relaxed) { 404 } else { 200 };
            let body = Body::from(br#"{"items":[]}"#.to_vec());
            std::future::ready(Response::builder().status(status).body(body))
        });
        let cluster = Cluster {
            id: ClusterId::new("a"),
            uid: ClusterUid::new("vc"),
            workload_namespace: HostNamespace::new("wc"),
        };
        let empty = || {
            let store = Store::default();
            store.replace(HashMap::new());
            store
        };
        let client = Client::new(service, "default");
        let meter = Meter::new(client, cluster, empty(), empty(), warren_runtime::clock::system());
        World { meter, asked, broken }
    }

    #[tokio::test(start_paused = true)]
    async fn the_host_is_asked_when_somebody_asks_and_not_twice_in_a_moment() {
        let world = world();
        let (first, second) = tokio::join!(world.meter.now(), world.meter.now());
        assert!(first.is_some() && second.is_some());
        assert_eq!(world.asked.load(Ordering::Relaxed), 1);
        tokio::time::advance(FRESH).await;
        world.meter.now().await;
        assert_eq!(world.asked.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn without_an_answer_the_last_one_is_good_for_a_minute() {
        let world = world();
        assert!(world.meter.now().await.is_some());
        world.broken.store(true, Ordering::Relaxed);
        tokio::time::advance(FRESH * 2).await;
        assert!(world.meter.now().await.is_some());
        tokio::time::advance(STALE).await;
        assert!(world.meter.now().await.is_none());
        world.broken.store(false, Ordering::Relaxed);
        tokio::time::advance(FRESH).await;
        assert!(world.meter.now().await.is_some());
    }
}

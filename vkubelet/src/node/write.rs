//! Makes the tenant's Nodes what the plan says.

use std::time::Duration;

use k8s_openapi::api::core::v1::Node;
use kube::{Api, Client};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use warren_runtime::act;
use warren_runtime::clock::SharedClock;
use warren_runtime::disposition::Disposed;
use warren_runtime::limits::FULL_PASS;
use warren_runtime::log::Chain;
use warren_runtime::metrics::Metrics;
use warren_runtime::queue::{Outcome, Queue};
use warren_runtime::store::{ObjectKey, Store};

use super::plan::{Pair, Step, asserted::Asserted, plan};
use super::session::ChangedNode;
use super::slight::{self, Waiting};
use super::view::View;
use super::{capacity, lease};
use crate::raw_pod::{KeptPod, RawPod};

/// Name of the loop in metrics and logs.
pub const CONTROLLER: &str = "nodes";
/// Pods rarely come alone: what others take of a node is told to the tenant once for all of them.
const SETTLE: Duration = Duration::from_secs(1);
/// Nodes written at once.
const WORKERS: usize = 4;

/// The loop over virtual Nodes. Cheap to clone.
#[derive(Clone)]
pub struct Nodes {
    /// The tenant.
    pub tenant: Client,
    /// What the operator shows.
    pub view: View,
    /// The tenant's Nodes.
    pub tenant_nodes: Store<Node>,
    /// Own host Pods.
    pub host_pods: Store<RawPod>,
    /// The tenant's bound Pods.
    pub tenant_pods: Store<RawPod>,
    /// Nodes to look at.
    pub queue: Queue<String>,
    /// Common metrics.
    pub metrics: Metrics,
    /// Now.
    pub clock: SharedClock,
    /// What is not told yet.
    pub waiting: Waiting,
}

/// Tells the queue of a node that the operator sent.
pub fn on_view_change(queue: &Queue<String>, changed: ChangedNode) {
    if changed.urgent {
        queue.add(changed.name);
    } else {
        queue.add_after(changed.name, SETTLE);
    }
}

/// Tells the queue of a node whose Pods came, went or ended.
pub fn on_pods_change(queue: &Queue<String>, node: &str) {
    if !node.is_empty() {
        queue.add_after(node.to_owned(), SETTLE);
    }
}

impl Nodes {
    /// Writes Nodes and heartbeats until `stop`. The stores and the view must be ready.
    pub async fn run(self, stop: CancellationToken) {
        let heartbeats = self.clone().beat(stop.clone());
        let nodes = self.clone();
        let loop_ = self.queue.run(WORKERS, stop, move |name| {
            let nodes = nodes.clone();
            async move { nodes.round(&name).await }
        });
        tokio::join!(heartbeats, loop_);
    }

    async fn beat(self, stop: CancellationToken) {
        let mut tick = interval(lease::TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut passes = 0_u32;
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = stop.cancelled() => return,
            }
            if (u64::from(passes) * lease::TICK.as_secs()).is_multiple_of(FULL_PASS.as_secs()) {
                self.enqueue_all();
            }
            passes = passes.wrapping_add(1);
            let own = self.tenant_nodes.filter(|node| Asserted::read(node).is_some());
            lease::renew(
                &self.tenant,
                own.iter().filter_map(|node| lease::key(node)).collect(),
                self.clock.now(),
            )
            .await;
        }
    }

    fn enqueue_all(&self) {
        self.view
            .all()
            .iter()
            .for_each(|node| self.queue.add(node.name.clone()));
        self.tenant_nodes
            .keys()
            .into_iter()
            .for_each(|key| self.queue.add(key.name));
    }

    /// Makes one Node what it should be, unless what is news about it may wait.
    pub async fn round(&self, name: &str) -> Outcome {
        let (steps, is_slight) = self.steps(name);
        if let Some(left) = self.waiting.time_left(name, is_slight, self.clock.now()) {
            return Outcome::After(left);
        }
        match self.take(name, steps).await {
            Ok(()) => Outcome::Done,
            Err(error) => {
                self.metrics.error(CONTROLLER, error.reason());
                tracing::warn!(controller = CONTROLLER, node = name, error = %Chain(&error), "node not written");
                Outcome::after_error(&error)
            }
        }
    }

    /// Makes one Node what it should be, now.
    ///
    /// # Errors
    /// [`act::Error`] of the first write that failed.
    pub async fn reconcile(&self, name: &str) -> Result<(), act::Error> {
        let (steps, _slight) = self.steps(name);
        self.take(name, steps).await
    }

    async fn take(&self, name: &str, steps: Vec<Step>) -> Result<(), act::Error> {
        for step in steps {
            self.act(name, step).await?;
        }
        Ok(())
    }

    /// What is to be done about a Node, and whether it is slight.
    fn steps(&self, name: &str) -> (Vec<Step>, bool) {
        if !self.view.is_ready() || !self.tenant_nodes.is_ready() {
            return (Vec::new(), false);
        }
        let host = self.view.get(name);
        let tenant = self.tenant_nodes.get(&ObjectKey::new("", name));
        let used = capacity::used_on(name, &self.host_pods, &self.tenant_pods);
        let pair = Pair {
            host: host.as_deref(),
            tenant: tenant.as_deref(),
            used: &used,
            occupied: self.is_occupied(name),
        };
        let steps = plan(&pair, self.clock.now());
        let both = pair.host.zip(pair.tenant);
        let is_slight = both.is_some_and(|(host, tenant)| slight::is_slight(&steps, host, tenant));
        (steps, is_slight)
    }

    fn is_occupied(&self, node: &str) -> bool {
        let there = |pod: &KeptPod| pod.facts().node_name == node && !pod.facts().phase.is_terminal();
        let unknown = !self.host_pods.is_ready() || !self.tenant_pods.is_ready();
        unknown || self.host_pods.any(there) || self.tenant_pods.any(there)
    }

    async fn act(&self, name: &str, step: Step) -> Result<(), act::Error> {
        let api: Api<Node> = Api::all(self.tenant.clone());
        match step {
            Step::Create(node) => match act::create(&api, &node).await {
                Ok(created) => {
                    tracing::info!(node = name, "virtual node created");
                    lease::renew(
                        &self.tenant,
                        lease::key(&created).into_iter().collect(),
                        self.clock.now(),
                    )
                    .await;
                    Ok(())
                }
                // The watch has not told yet; it will, and then this round comes again.
                Err(error) if error.is_conflict() => Ok(()),
                Err(error) => Err(error),
            },
            Step::Patch(patch) => act::merge(&api, name, &patch).await.map(|_patched| ()),
            Step::PatchStatus(patch) => act::merge_status(&api, name, &patch).await.map(|_patched| ()),
            Step::Delete { uid } => {
                tracing::info!(
                    node = name,
                    "virtual node deleted: its host node is gone and no Pod is left"
                );
                act::delete(&api, name, &uid, None).await
            }
        }
    }
}

//! Makes the tenant's ResourceSlices what the plan says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, ObjectReference};
use k8s_openapi::api::resource::v1::ResourceSlice;
use kube::runtime::watcher;
use kube::{Api, Client};
use parking_lot::Mutex;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use warren_runtime::act;
use warren_runtime::disposition::Disposed;
use warren_runtime::limits::FULL_PASS;
use warren_runtime::log::Chain;
use warren_runtime::metrics::Metrics;
use warren_runtime::queue::Outcome;
use warren_runtime::store::{ObjectKey, Store};
use warren_runtime::watch;

use super::plan::{Kept, Pair, Step, plan};
use super::{CONTROLLER, Wake};
use crate::events::Events;

/// Slices written at once.
const WORKERS: usize = 4;
/// Reason of the Event on a slice of the tenant's own.
const HIDDEN: &str = "HidesOffer";

/// The loop over ResourceSlices. Cheap to clone.
#[derive(Clone)]
pub struct Slices {
    /// The tenant.
    pub tenant: Client,
    /// What the operator shows, and which slices to look at.
    pub wake: Wake,
    /// The tenant's Nodes.
    pub tenant_nodes: Store<Node>,
    /// The tenant's ResourceSlices: filled by [`Self::run`].
    pub tenant_slices: Store<ResourceSlice>,
    /// To tell of slices of the tenant's own.
    pub events: Events,
    /// What this process has learned.
    pub memory: Arc<Mutex<Memory>>,
    /// Common metrics.
    pub metrics: Metrics,
}

/// What one process has learned of slices. Without it, after a restart, a slice that is not kept as written is written once
/// more, which changes nothing.
#[derive(Debug, Default)]
pub struct Memory {
    kept: BTreeMap<String, Kept>,
    /// UIDs of the tenant's own that it was told about.
    told: BTreeSet<String>,
}

impl Slices {
    /// Writes slices until `stop`. The view and the store of Nodes must be ready.
    pub async fn run(mut self, stop: CancellationToken) {
        let queue = self.wake.queue.clone();
        self.tenant_slices = watch::spawn(
            Api::all(self.tenant.clone()),
            "TenantResourceSlice",
            watcher::Config::default(),
            |_| {},
            move |change| queue.add(change.key.name.clone()),
            &self.metrics,
            stop.clone(),
        );
        tokio::select! {
            () = self.tenant_slices.wait_until_ready() => {}
            () = stop.cancelled() => return,
        }
        let slices = self.clone();
        let work = self.wake.queue.run(WORKERS, stop.clone(), move |name| {
            let slices = slices.clone();
            async move { slices.round(name).await }
        });
        tokio::join!(work, self.full_passes(stop));
    }

    /// Looks at every slice at once, and then now and then, in case an event was lost.
    async fn full_passes(&self, stop: CancellationToken) {
        loop {
            let shown = self.wake.view.slice_names(|_| true).into_iter();
            let there = self.tenant_slices.keys().into_iter().map(|key| key.name);
            shown.chain(there).for_each(|name| self.wake.queue.add(name));
            tokio::select! {
                () = sleep(FULL_PASS) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    async fn round(&self, name: String) -> Outcome {
        match self.reconcile(&name).await {
            Ok(()) => Outcome::Done,
            Err(error) => {
                self.metrics.error(CONTROLLER, error.reason());
                tracing::warn!(controller = CONTROLLER, slice = name, error = %Chain(&error), "ResourceSlice not written");
                Outcome::after_error(&error)
            }
        }
    }

    /// Makes one slice what it should be, now.
    ///
    /// # Errors
    /// [`act::Error`] of the write that failed.
    pub async fn reconcile(&self, name: &str) -> Result<(), act::Error> {
        if !self.wake.view.is_ready() || !self.tenant_slices.is_ready() {
            return Ok(());
        }
        let host = self.wake.view.slice(name);
        let tenant = self.tenant_slices.get(&ObjectKey::new("", name));
        let node = host.as_ref().and_then(|host| host.spec.node_name.as_deref());
        let node = node.and_then(|node| self.tenant_nodes.get(&ObjectKey::new("", node)));
        let kept = self.memory.lock().kept.get(name).cloned();
        let step = plan(&Pair {
            host: host.as_deref(),
            tenant: tenant.as_deref(),
            node: node.as_deref(),
            kept: kept.as_ref(),
        });
        if host.is_none() {
            self.memory.lock().kept.remove(name);
        }
        let api: Api<ResourceSlice> = Api::all(self.tenant.clone());
        match step {
            Step::Rest => Ok(()),
            Step::Create(slice) => self.written(name, &slice, act::create(&api, &slice).await),
            Step::Replace(slice) => self.written(name, &slice, act::replace(&api, &slice).await),
            Step::Delete { uid } => act::delete(&api, name, &uid, None).await,
            Step::Hidden => {
                if let Some(own) = tenant.as_deref() {
                    self.tell(own);
                }
                Ok(())
            }
        }
    }

    fn written(
        &self,
        name: &str,
        slice: &ResourceSlice,
        answer: Result<ResourceSlice, act::Error>,
    ) -> Result<(), act::Error> {
        let answered = match answer {
            Ok(answer) => answer.spec,
            // The watch has not told yet; it will, and then this round comes again. The same where it is gone.
            Err(error) if error.is_conflict() || error.is_not_found() => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut memory = self.memory.lock();
        if answered == slice.spec {
            memory.kept.remove(name);
        } else {
            let written = slice.spec.clone();
            memory.kept.insert(name.to_owned(), Kept { written, answered });
        }
        Ok(())
    }

    /// Once.
    fn tell(&self, own: &ResourceSlice) {
        let uid = own.metadata.uid.clone().unwrap_or_default();
        if !self.memory.lock().told.insert(uid) {
            return;
        }
        let about = ObjectReference {
            api_version: Some("resource.k8s.io/v1".to_owned()),
            kind: Some("ResourceSlice".to_owned()),
            name: own.metadata.name.clone(),
            uid: own.metadata.uid.clone(),
            ..ObjectReference::default()
        };
        let note =
            "the platform has devices in one of this name, too; they do not show while this one is there";
        self.events.warn(&about, HIDDEN, "Show", note);
    }
}

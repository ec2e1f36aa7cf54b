//! What one replica does at a time, under the lease: the loops over Nodes, ResourceSlices and Pods.

use std::sync::Arc;
use std::time::Duration;

use kube::{Api, Resource};
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use warren_runtime::lease;
use warren_runtime::limits::{FULL_PASS, POD_WORKERS};
use warren_runtime::proto::sync::dependencies_client::DependenciesClient;
use warren_runtime::store::{ObjectKey, Store};
use warren_runtime::tenant_identity::TenantIdentity;
use warren_translate::meta;

use super::{Error, Process};
use crate::args::Args;
use crate::node::slight::Waiting;
use crate::node::write::Nodes;
use crate::pods::act::Pods;
use crate::pods::isolation;
use crate::pods::pair::Observer;
use crate::raw_pod::RawPod;
use crate::slices::{self, Slices};

/// Name of the Lease, in the `-system` namespace.
const LEASE: &str = "vkubelet";
/// Giving the lease back.
const LAST_STEPS: Duration = Duration::from_secs(5);

impl Process {
    /// Waits for the lease, then runs the loops until the termination signal; `true` when it held the lease.
    pub(super) async fn lead(
        self: &Arc<Self>,
        args: &Args,
        release: &CancellationToken,
    ) -> Result<bool, Error> {
        let context = &self.context;
        let acquired = lease::acquire(
            context.host.client(),
            args.common.claim(LEASE),
            Arc::clone(&context.clock),
            release.clone(),
        );
        let held = tokio::select! {
            held = acquired => held,
            () = self.closing.cancelled() => None,
        };
        let Some(held) = held else { return Ok(false) };
        tokio::select! {
            () = self.loops(args) => {}
            () = held.lost() => return Err(Error::LeaseLost),
        }
        // The loops have ended, so the next process may begin; sessions that are still open do not need the lease.
        release.cancel();
        let _released = timeout(LAST_STEPS, held.ended()).await;
        Ok(true)
    }

    /// The loops over Nodes, ResourceSlices and Pods, until the termination signal.
    async fn loops(self: &Arc<Self>, args: &Args) {
        let tenant = self.context.tenant.client();
        let identity = Arc::new(TenantIdentity::new(
            Api::all(tenant),
            Api::namespaced(self.context.host.client(), &args.common.system_namespace),
            LEASE,
        ));
        let ready = async {
            self.stores.tenant_nodes.wait_until_ready().await;
            self.view.wait_until_ready().await;
            identity.establish().await;
        };
        tokio::select! {
            () = ready => {}
            () = self.closing.cancelled() => return,
        }
        let nodes = self.nodes();
        let pods = async {
            tokio::select! {
                () = self.pods_ready() => {}
                () = self.closing.cancelled() => return,
            }
            self.pods(args, nodes.clone(), Arc::clone(&identity)).await;
        };
        tokio::join!(nodes.clone().run(self.closing.clone()), self.slices(), pods);
    }

    async fn slices(&self) {
        let (tenant, closing) = (self.context.tenant.client(), self.closing.clone());
        if self.context.policy.classes.device.drivers.is_empty() {
            return slices::sweep(&tenant, &closing).await;
        }
        let slices = Slices {
            tenant,
            wake: self.wakes.slices.clone(),
            tenant_nodes: self.stores.tenant_nodes.clone(),
            tenant_slices: Store::default(),
            events: self.events.clone(),
            memory: Arc::default(),
            metrics: self.context.metrics.clone(),
        };
        slices.run(closing).await;
    }

    async fn pods_ready(&self) {
        self.stores.tenant_pods.wait_until_ready().await;
        self.stores.host_pods.wait_until_ready().await;
        self.stores.tenant_services.wait_until_ready().await;
        isolation::wait_a_moment(&self.stores.tenant_policies).await;
    }

    async fn pods(&self, args: &Args, nodes: Nodes, identity: Arc<TenantIdentity>) {
        let context = &self.context;
        let pods = Arc::new(Pods {
            host: context.host.client(),
            tenant: context.tenant.client(),
            observer: Observer {
                cluster: context.cluster.clone(),
                tenant_pods: self.stores.tenant_pods.clone(),
                host_pods: self.stores.host_pods.clone(),
                nodes: self.view.clone(),
                tenant_nodes: self.stores.tenant_nodes.clone(),
                host_scheduling: context.policy.host_scheduling.clone(),
                memories: self.wakes.memories.clone(),
            },
            policy: context.policy.clone(),
            dns_service_ip: args.dns_service_ip.clone(),
            cluster_domain: args.cluster_domain.clone(),
            services: self.stores.tenant_services.clone(),
            policies: self.stores.tenant_policies.clone(),
            syncer: DependenciesClient::new(context.syncer.clone()),
            events: self.events.clone(),
            identity,
            nodes,
            metrics: context.metrics.clone(),
            own: context.own.clone(),
            clock: Arc::clone(&context.clock),
            anchor: OnceCell::new(),
        });
        let work = self
            .wakes
            .pods
            .run(POD_WORKERS, self.closing.clone(), move |key| {
                let pods = Arc::clone(&pods);
                // Boxed: one round is a large future, and there is one a worker.
                Box::pin(async move { pods.round(key).await })
            });
        tokio::join!(work, self.full_passes(), self.when_policies_come());
    }

    /// Pods that were made before the policies could be read are looked at once they can.
    async fn when_policies_come(&self) {
        let policies = &self.stores.tenant_policies;
        if policies.is_ready() {
            return;
        }
        tokio::select! {
            () = policies.wait_until_ready() => {}
            () = self.closing.cancelled() => return,
        }
        tracing::info!("NetworkPolicies can be read");
        self.look_at_tenant_pods();
    }

    fn look_at_tenant_pods(&self) {
        let keys = self.stores.tenant_pods.keys().into_iter();
        keys.for_each(|key| self.wakes.pods.add(key));
    }

    /// Looks at every Pod now and then, in case an event was lost.
    async fn full_passes(&self) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(FULL_PASS) => {}
                () = self.closing.cancelled() => return,
            }
            self.look_at_tenant_pods();
            let add_origin = |pod: Arc<RawPod>| {
                if let Some(origin) = meta::origin(pod.meta()) {
                    self.wakes.pods.add(ObjectKey::new(
                        origin.key.namespace.as_str(),
                        origin.key.name.as_str(),
                    ));
                }
            };
            self.stores.host_pods.visit(|_| true, add_origin);
        }
    }

    fn nodes(&self) -> Nodes {
        Nodes {
            tenant: self.context.tenant.client(),
            view: self.view.clone(),
            tenant_nodes: self.stores.tenant_nodes.clone(),
            host_pods: self.stores.host_pods.clone(),
            tenant_pods: self.stores.tenant_pods.clone(),
            queue: self.wakes.nodes.clone(),
            metrics: self.context.metrics.clone(),
            clock: Arc::clone(&self.context.clock),
            waiting: Waiting::default(),
        }
    }
}

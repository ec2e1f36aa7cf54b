//! Starts watches, servers and loops, and ends them in order.

use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use warren_runtime::limits::{DRAIN, GATE_CONNECTIONS};
use warren_runtime::queue::Queue;
use warren_runtime::serve::{self, Health};
use warren_runtime::store::ObjectKey;

use crate::args::Args;
use crate::context::{self, Context};
use crate::events::Events;
use crate::gate::connect::Gate;
use crate::gate::records::Sources;
use crate::gate::report::Reporter;
use crate::node::session::Changed;
use crate::node::view::View;
use crate::node::write::on_view_change;
use crate::node::{stream, write};
use crate::pods::act as pod_loop;
use crate::pods::memory::Memories;
use crate::server::ends::Ends;
use crate::server::session::Sessions;
use crate::slices;
use crate::stores::{self, Stores, Wakes};

mod inside;
mod lead;

/// The gate goes on accepting for this long after the termination signal: connections come until everybody knows
/// that this replica is going.
const LINGER: Duration = Duration::from_secs(2);

/// Why the process ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It could not start.
    #[error(transparent)]
    Context(#[from] context::Error),
    /// A port cannot be bound.
    #[error("failed to listen on port {port}")]
    Listen {
        /// The port.
        port: u16,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Another process has the lease.
    #[error("the lease was lost")]
    LeaseLost,
}

/// What all parts hang on.
struct Process {
    context: Arc<Context>,
    stores: Stores,
    view: View,
    wakes: Wakes,
    events: Events,
    /// The termination signal: the loops end.
    closing: CancellationToken,
    /// A little later: the gate accepts nothing more.
    refusing: CancellationToken,
}

/// Runs until `closing`, then ends in order: loops, lease and sessions, watches.
///
/// # Errors
/// [`Error`] when it cannot start, or when the lease is lost.
pub async fn run(args: Args, closing: CancellationToken) -> Result<(), Error> {
    let context = Arc::new(Context::build(&args).await?);
    let health = Health::default();
    let watching = CancellationToken::new();
    // Before anything else: a probe must find somebody to ask.
    serve::spawn(
        args.common.health_port,
        health.clone(),
        context.metrics.clone(),
        watching.clone(),
    )
    .map_err(|source| Error::Listen {
        port: args.common.health_port,
        source,
    })?;
    let process = Process::start(&args, context, closing.clone(), &watching);
    process.report_readiness(&health);

    let (gate, listener) = process.gate(&args).await?;
    health.check("gate").set(true);
    let serving = tokio::spawn(Arc::clone(&gate).serve(listener, Arc::clone(&process.context.gate_tls)));
    let release = CancellationToken::new();
    let leading = process.lead(&args, &release);
    let drained = async {
        closing.cancelled().await;
        sleep(LINGER).await;
        process.refusing.cancel();
        tokio::join!(gate.connections.drain(DRAIN), gate.kubelet.sessions.drain(DRAIN));
    };
    let (led, ()) = tokio::try_join!(leading, async {
        drained.await;
        Ok(())
    })?;
    let _accepting_ended = serving.await;
    watching.cancel();
    tracing::info!(led, "ended");
    Ok(())
}

impl Process {
    fn start(
        args: &Args,
        context: Arc<Context>,
        closing: CancellationToken,
        watching: &CancellationToken,
    ) -> Arc<Self> {
        let (host, tenant) = (context.host.client(), context.tenant.client());
        let view = View::default();
        let wakes = Wakes {
            pods: Queue::new(pod_loop::CONTROLLER, context.metrics.clone()),
            nodes: Queue::new(write::CONTROLLER, context.metrics.clone()),
            slices: slices::Wake {
                queue: Queue::new(slices::CONTROLLER, context.metrics.clone()),
                view: view.clone(),
            },
            memories: Memories::default(),
            ends: Ends::default(),
        };
        let stores = stores::spawn(
            &host,
            &tenant,
            &context.cluster,
            context.policy.host_scheduling.is_some(),
            &wakes,
            &context.metrics,
            watching,
        );
        let events = Events::spawn(tenant, args.common.pod_name.clone(), context.metrics.clone());
        let process = Arc::new(Self {
            context,
            stores,
            view,
            wakes,
            events,
            closing,
            refusing: CancellationToken::new(),
        });
        let changed = {
            let (wakes, pods) = (process.wakes.clone(), process.stores.tenant_pods.clone());
            move |changed: Changed| {
                let changed = match changed {
                    Changed::Node(changed) => changed,
                    Changed::Slice(name) => return wakes.slices.queue.add(name),
                };
                if changed.urgent {
                    // A node that has come into view: its Pods may have waited for it.
                    let waiting = pods.filter(|pod| pod.facts().node_name == changed.name);
                    for pod in waiting {
                        wakes.pods.add(ObjectKey::of(&*pod));
                    }
                }
                on_view_change(&wakes.nodes, changed);
            }
        };
        let (channel, own) = (process.context.operator.clone(), process.context.own.clone());
        tokio::spawn(stream::watch(
            channel,
            process.view.clone(),
            own,
            changed,
            watching.clone(),
        ));
        process
    }

    /// Sets a check for everything that must be complete before this process is of use.
    fn report_readiness(&self, health: &Health) {
        let (tenant_pods, host_pods) = (self.stores.tenant_pods.clone(), self.stores.host_pods.clone());
        let (services, view) = (self.stores.host_services.clone(), self.view.clone());
        let checks = ["tenant-pods", "host-pods", "host-services", "nodes"].map(|name| health.check(name));
        let [tenant_check, host_check, services_check, nodes_check] = checks;
        tokio::spawn(async move {
            tokio::join!(
                async { (tenant_pods.wait_until_ready().await, tenant_check.set(true)) },
                async { (host_pods.wait_until_ready().await, host_check.set(true)) },
                async { (services.wait_until_ready().await, services_check.set(true)) },
                async { (view.wait_until_ready().await, nodes_check.set(true)) },
            );
        });
    }

    async fn gate(self: &Arc<Self>, args: &Args) -> Result<(Arc<Gate>, TcpListener), Error> {
        // Dual stack where the machine has it.
        let address = SocketAddr::from((Ipv6Addr::UNSPECIFIED, args.gate_port));
        let listener = match TcpListener::bind(address).await {
            Ok(listener) => listener,
            Err(_no_ipv6) => TcpListener::bind(("0.0.0.0", args.gate_port))
                .await
                .map_err(|source| Error::Listen {
                    port: args.gate_port,
                    source,
                })?,
        };
        let own = &self.context.own;
        let (kubelet, metrics_api) = self.inside(args);
        let gate = Gate {
            sources: Sources {
                cluster: self.context.cluster.clone(),
                nodes: self.view.clone(),
                pods: self.stores.host_pods.clone(),
                services: self.stores.host_services.clone(),
                dns: args.dns_service_ip.parse().ok(),
                cluster_domain: args.cluster_domain.clone(),
                service_ranges: args.service_cidr.clone(),
            },
            kubelet: Arc::new(kubelet),
            metrics_api: Arc::new(metrics_api),
            reporter: Reporter::new(self.events.clone(), own.clone()),
            connections: Sessions::new(GATE_CONNECTIONS, own.gate_open.clone()),
            closing: self.refusing.clone(),
            metrics: self.context.metrics.clone(),
        };
        Ok((Arc::new(gate), listener))
    }
}

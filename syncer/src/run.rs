//! Starts everything in order, and stops it in the reverse one: rounds, gRPC, lease.

use std::sync::Arc;

use kube::Api;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use warren_runtime::clients::{HostClient, TenantClient};
use warren_runtime::lease::{self, Held};
use warren_runtime::log::Chain;
use warren_runtime::metrics::Metrics;
use warren_runtime::queue::Queue;
use warren_runtime::serve::{self, Health};
use warren_runtime::tenant_identity::TenantIdentity;
use warren_runtime::{clients, clock, shutdown, tls};
use warren_translate::identity::{Cluster, ClusterId, ClusterUid, HostNamespace};
use warren_translate::policy::TenantPolicy;

use crate::args::Args;
use crate::certificates::Certificates;
use crate::context::Context;
use crate::key::Kind;
use crate::metrics::Own;
use crate::references::References;
use crate::settlements::Settlements;
use crate::stores::{HostStores, TenantStores, Ups, Wiring, budgets, storage};
use crate::teller::Teller;
use crate::verified::Verified;
use crate::{api, engine, events, sweep};

/// Name of the Lease.
const LEASE: &str = "syncer";
const USER_AGENT: &str = concat!("warren-syncer/", env!("CARGO_PKG_VERSION"));

/// Why the process ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of the flags cannot be read.
    #[error("failed to read the flags' files")]
    Files(#[from] tls::Error),
    /// The policy is not what it should be.
    #[error("failed to parse the policy")]
    Policy(#[from] serde_saphyr::Error),
    /// A client could not be made.
    #[error("failed to connect")]
    Client(#[from] clients::Error),
    /// Signal handlers or the health port.
    #[error("failed to start")]
    Start(#[from] std::io::Error),
    /// Another process took the lease, or it could not be renewed.
    #[error("lost the lease")]
    LeaseLost,
    /// The gRPC service ended.
    #[error("the gRPC service failed")]
    Grpc(#[source] tonic::transport::Error),
}

/// Runs until a signal, or until the lease is lost.
///
/// # Errors
/// [`Error`].
pub async fn run(args: Args) -> Result<(), Error> {
    let shutdown = shutdown::install()?;
    let metrics = Metrics::new();
    let health = Health::default();
    let synced = health.check("synced");
    let tenant_identity = health.check("tenant-identity");
    serve::spawn(
        args.common.health_port,
        health,
        metrics.clone(),
        // Probes are answered to the very end.
        CancellationToken::new(),
    )?;
    let policy: TenantPolicy = serde_saphyr::from_str(&tls::read(&args.common.policy)?)?;
    let host_client = args.common.host_client(USER_AGENT).await?;
    let tenant_client = args.common.tenant_client(USER_AGENT).await?;

    // gRPC runs from the start, so that the vkubelet hears "not yet" rather than nothing.
    let (activate, active) = watch::channel(None);
    let grpc_stop = CancellationToken::new();
    let identity = tls::Identity::from_dir(&args.grpc_tls)?;
    let mut grpc = tokio::spawn(api::serve(args.grpc_port, identity, active, grpc_stop.clone()));

    let lease_stop = CancellationToken::new();
    let claim = args.common.claim(LEASE);
    let held = tokio::select! {
        held = lease::acquire(host_client.client(), claim, clock::system(), lease_stop.clone()) => held,
        ended = &mut grpc => return grpc_ended(ended),
        () = shutdown.cancelled() => None,
    };
    let Some(held) = held else { return Ok(()) };

    let leader = lead(
        &args,
        policy,
        host_client,
        tenant_client,
        metrics,
        tenant_identity,
        shutdown.clone(),
    );
    let leader = async {
        let Some(ctx) = leader.await else { return };
        synced.set(true);
        tracing::info!("synced with both clusters");
        activate.send_replace(Some(Arc::clone(&ctx)));
        tokio::join!(
            engine::run(Arc::clone(&ctx), shutdown.clone()),
            events::run(Arc::clone(&ctx), shutdown.clone()),
            sweep::when_storage_comes(Arc::clone(&ctx), shutdown.clone()),
            sweep::when_budgets_come(Arc::clone(&ctx), shutdown.clone()),
            ctx.ups.when_they_come(&ctx.queue, &shutdown),
            sweep::run(Arc::clone(&ctx), shutdown.clone()),
        );
    };
    let ended = tokio::select! {
        () = Box::pin(leader) => Ok(()),
        () = held.lost() => Err(Error::LeaseLost),
        ended = &mut grpc => grpc_ended(ended),
    };
    activate.send_replace(None);
    grpc_stop.cancel();
    release(&held, &lease_stop).await;
    ended
}

/// Identifies the tenant, starts the watches, waits until all are complete. `None` when `shutdown` comes first.
async fn lead(
    args: &Args,
    policy: TenantPolicy,
    host_client: HostClient,
    tenant_client: TenantClient,
    metrics: Metrics,
    tenant_identity: serve::Check,
    shutdown: CancellationToken,
) -> Option<Arc<Context>> {
    let identity = TenantIdentity::new(
        Api::all(tenant_client.client()),
        Api::namespaced(host_client.client(), &args.common.system_namespace),
        LEASE,
    )
    .with_check(tenant_identity);
    let wiring = Wiring {
        cluster: Cluster {
            id: ClusterId::new(args.common.cluster_id.as_str()),
            uid: ClusterUid::new(args.common.cluster_uid.as_str()),
            workload_namespace: HostNamespace::new(args.common.workload_namespace.as_str()),
        },
        queue: Queue::new("syncer", metrics.clone()),
        references: Arc::new(References::default()),
        named_addresses: Arc::default(),
        metrics: metrics.clone(),
        shutdown: shutdown.clone(),
    };
    let host = HostStores::start(&host_client.client(), &wiring);
    let tenant = TenantStores::start(&tenant_client.client(), &host, &wiring);
    let budgets = budgets::start([&tenant_client.client(), &host_client.client()], &wiring);
    let ups = Ups::start([&tenant_client.client(), &host_client.client()], &policy, &wiring);
    let complete = async {
        tokio::join!(
            identity.establish(),
            host.wait_until_ready(),
            tenant.wait_until_ready(),
            storage::wait_a_moment(&tenant.storage, &host.storage),
            budgets.wait_a_moment(Kind::Budget),
            ups.wait_a_moment(),
        );
    };
    tokio::select! {
        () = complete => {}
        () = shutdown.cancelled() => return None,
    }
    let Wiring {
        cluster,
        queue,
        references,
        ..
    } = wiring;
    Some(Arc::new(Context {
        cluster,
        policy,
        api_service_ip: args.api_service_ip.clone(),
        dns_service_ip: args.dns_service_ip.clone(),
        teller: Teller::new(
            tenant_client.client(),
            args.common.pod_name.clone(),
            metrics.clone(),
        ),
        host_client,
        tenant_client,
        host,
        tenant,
        budgets,
        ups,
        queue,
        references,
        settlements: Settlements::default(),
        verified: Verified::default(),
        certificates: Certificates::default(),
        identity,
        metrics: Own::register(metrics),
        clock: clock::system(),
    }))
}

/// The lease goes last: nobody else acts before this process has stopped.
async fn release(held: &Held, stop: &CancellationToken) {
    stop.cancel();
    held.ended().await;
}

fn grpc_ended(
    ended: Result<Result<(), tonic::transport::Error>, tokio::task::JoinError>,
) -> Result<(), Error> {
    match ended {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Error::Grpc(error)),
        Err(panicked) => {
            tracing::error!(error = %Chain(&panicked), "gRPC task ended");
            Ok(())
        }
    }
}

//! Starts everything in order, and stops it in the reverse one: rounds, gRPC, lease.

use std::sync::Arc;

use futures::future::join_all;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Api;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use warren_crds::keys::SYNCER_LEASE;
use warren_crds::sync::SyncSpec;
use warren_runtime::clients::{HostClient, TenantClient};
use warren_runtime::lease::{self, Held};
use warren_runtime::log::Chain;
use warren_runtime::metrics::Metrics;
use warren_runtime::queue::Queue;
use warren_runtime::serve::{self, Health};
use warren_runtime::tenant_identity::TenantIdentity;
use warren_runtime::{clients, clock, shutdown, tls};
use warren_translate::identity::{Cluster, ClusterId, ClusterUid, HostNamespace};
use warren_translate::kinds::to_host::Place;
use warren_translate::policy::TenantPolicy;

use crate::args::Args;
use crate::certificates::Certificates;
use crate::context::Context;
use crate::host_names::HostNames;
use crate::metrics::Own;
use crate::references::References;
use crate::settlements::Settlements;
use crate::stores::customs::Customs;
use crate::stores::exports::Exports;
use crate::stores::mapped::Mapped;
use crate::stores::network_policies::NetworkPolicies;
use crate::stores::{
    Area, HostStores, TenantStores, Ups, Wiring, budgets, ingresses, quotas, resource_claims,
};
use crate::teller::Teller;
use crate::verified::Verified;
use crate::{api, engine, events, gateway_api, sweep, unsynced};

const USER_AGENT: &str = concat!("warren-syncer/", env!("CARGO_PKG_VERSION"));

/// Why the process ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of the flags cannot be read.
    #[error("failed to read the flags' files")]
    Files(#[from] tls::Error),
    /// The policy, or what is shared, is not what it should be.
    #[error("failed to parse the policy or what is shared")]
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
    let sync = match &args.sync {
        Some(path) => serde_saphyr::from_str(&tls::read(path)?)?,
        None => SyncSpec::default(),
    };
    let host_client = args.common.host_client(USER_AGENT).await?;
    let tenant_client = args.common.tenant_client(USER_AGENT).await?;

    // gRPC runs from the start, so that the vkubelet hears "not yet" rather than nothing.
    let (activate, active) = watch::channel(None);
    let grpc_stop = CancellationToken::new();
    let identity = tls::Identity::from_dir(&args.grpc_tls)?;
    let mut grpc = tokio::spawn(api::serve(args.grpc_port, identity, active, grpc_stop.clone()));

    let lease_stop = CancellationToken::new();
    let claim = args.common.claim(SYNCER_LEASE);
    let held = tokio::select! {
        held = lease::acquire(host_client.client(), claim, clock::system(), lease_stop.clone()) => held,
        ended = &mut grpc => return grpc_ended(ended),
        () = shutdown.cancelled() => None,
    };
    let Some(held) = held else { return Ok(()) };

    let leases = Api::namespaced(host_client.client(), &args.common.system_namespace);
    let leader = lead(
        &args,
        (policy, sync),
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
            sweep::when_areas_come(Arc::clone(&ctx), shutdown.clone()),
            unsynced::run(Arc::clone(&ctx), leases, SYNCER_LEASE, shutdown.clone()),
            sweep::run(ctx, shutdown.clone()),
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
    (policy, sync): (TenantPolicy, SyncSpec),
    host_client: HostClient,
    tenant_client: TenantClient,
    metrics: Metrics,
    tenant_identity: serve::Check,
    shutdown: CancellationToken,
) -> Option<Arc<Context>> {
    let identity = TenantIdentity::new(
        Api::all(tenant_client.client()),
        Api::namespaced(host_client.client(), &args.common.system_namespace),
        SYNCER_LEASE,
    )
    .with_check(tenant_identity);
    let wiring = Wiring {
        cluster: Cluster {
            id: ClusterId::new(args.common.cluster_id.as_str()),
            uid: ClusterUid::new(args.common.cluster_uid.as_str()),
            workload_namespace: HostNamespace::new(args.common.workload_namespace.as_str()),
        },
        placed_by_host: policy.host_scheduling.is_some(),
        queue: Queue::new("syncer", metrics.clone()),
        references: Arc::new(References::default()),
        named_addresses: Arc::default(),
        unsynced: Arc::default(),
        sync: Arc::new(sync),
        gateways: policy.gateways.as_slice().into(),
        named_ranges: Arc::default(),
        metrics: metrics.clone(),
        shutdown: shutdown.clone(),
    };
    let host = HostStores::start(&host_client.client(), &wiring);
    let tenant = TenantStores::start(&tenant_client.client(), &host, &wiring);
    let clients = [&tenant_client.client(), &host_client.client()];
    let budgets = budgets::start(clients, &wiring);
    let resource_claims = resource_claims::start(clients, &policy, &wiring);
    let ingresses = ingresses::start(clients, &wiring);
    let quotas = quotas::start(clients[1], &wiring);
    let mapped = Mapped::start(clients[0], clients[1], &wiring);
    let exports = Exports::start(clients[1], place(args), &wiring);
    let gateway_api = gateway_api::kinds(clients[1], &policy).await;
    let customs = Customs::start(clients[0], clients[1], &gateway_api, &wiring);
    let claims = ingresses::start_claims(clients[1], &ingresses.tenant, &customs, &wiring);
    let policies = NetworkPolicies::start(clients, &wiring);
    let ups = Ups::start(clients, &policy, &wiring);
    let Wiring {
        cluster,
        queue,
        references,
        unsynced,
        ..
    } = wiring;
    let ctx = Context {
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
        resource_claims,
        ingresses,
        host_names: HostNames::new(claims, args.virtual_cluster.clone()),
        quotas,
        mapped,
        exports,
        customs,
        policies,
        ups,
        queue,
        references,
        settlements: Settlements::default(),
        verified: Verified::default(),
        unsynced,
        certificates: Certificates::default(),
        identity,
        restart: shutdown.clone(),
        metrics: Own::register(metrics),
        clock: clock::system(),
    };
    tokio::select! {
        () = complete(&ctx) => {}
        () = shutdown.cancelled() => return None,
    }
    Some(Arc::new(ctx))
}

/// Ends when both clusters have been listed; areas that may be missing alone are waited for a moment only.
async fn complete(ctx: &Context) {
    let areas = ctx.areas();
    tokio::join!(
        ctx.identity.establish(),
        ctx.host.wait_until_ready(),
        ctx.tenant.wait_until_ready(),
        join_all(areas.iter().map(Area::wait_a_moment)),
    );
}

/// Where Services are exported, if they may be.
fn place(args: &Args) -> Option<Place> {
    let (namespace, name) = args.virtual_cluster.split_once('/').filter(|_| args.export)?;
    Some(Place {
        namespace: HostNamespace::new(namespace),
        owner: OwnerReference {
            api_version: format!("{}/{}", warren_crds::GROUP, warren_crds::VERSION),
            kind: "VirtualCluster".to_owned(),
            name: name.to_owned(),
            uid: args.common.cluster_uid.clone(),
            ..OwnerReference::default()
        },
    })
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

//! Starts everything, waits for the lease, and ends everything in order.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server as GrpcServer;
use warren_runtime::clients::HostClient;
use warren_runtime::clock;
use warren_runtime::lease::{self, Claim};
use warren_runtime::metrics::Metrics;
use warren_runtime::proto::nodes::nodes_server::NodesServer;
use warren_runtime::queue::Queue;
use warren_runtime::serve::{self, Health};
use warren_runtime::{shutdown, telemetry, tls};

use crate::args::Args;
use crate::context::{self, Context};
use crate::metrics::OwnMetrics;
use crate::nodes::server::Server;
use crate::nodes::sources::Sources;
use crate::nodes::view::Board;
use crate::pki::leaf::{self, Wanted};
use crate::pki::{Pair, rotate};
use crate::virtual_cluster::memory::Memory;
use crate::virtual_cluster::{self, CONTROLLER};
use crate::{default_class, host_names, root, watches};

/// Name of the leader lease.
const LEASE: &str = "warren-operator";
/// How often the gauges by state are counted anew.
const COUNT_PAUSE: Duration = Duration::from_secs(10);

/// Runs until a signal.
///
/// # Errors
/// When something that nothing works without fails: the host's API, the CA, a port.
pub async fn run(args: Args) -> anyhow::Result<()> {
    tls::install_provider()?;
    telemetry::init(args.log_format);
    let shutdown = shutdown::install()?;
    let metrics = Metrics::new();
    let health = Health::default();
    let watched = health.check("watches");
    serve::spawn(args.health_port, health, metrics.clone(), shutdown.clone()).context("health port")?;

    let host = HostClient::in_cluster(concat!("warren-operator/", env!("CARGO_PKG_VERSION")))?;
    let clock = clock::system();
    let operator_root = root::ensure(&host.client(), &args.namespace, clock.now()).await?;
    let address = root::service_address(&host.client(), &args.namespace, &args.service).await?;

    let queue = Queue::new(CONTROLLER, metrics.clone());
    let board = Board::default();
    let stores = watches::start(&host, &queue, &board, &metrics, &shutdown);
    let sources = Sources {
        nodes: stores.nodes.clone(),
        slices: stores.slices.clone(),
        claims: stores.claims.clone(),
    };
    let context = Arc::new(Context {
        settings: context::settings(&args, address.clone()),
        recorder: context::recorder(&host, &args.pod_name),
        host,
        clock,
        operator_root,
        clusters: stores.clusters.clone(),
        classes: stores.classes.clone(),
        nodes: stores.nodes.clone(),
        pods: stores.pods.clone(),
        service_cidrs: stores.service_cidrs.clone(),
        sync_sources: stores.sync_sources.clone(),
        memory: Memory::default(),
        own_metrics: OwnMetrics::new(&metrics),
        metrics,
    });

    tokio::select! {
        () = ready(&context, &sources) => {}
        () = shutdown.cancelled() => return Ok(()),
    }
    watched.set(true);
    tracing::info!(
        clusters = context.clusters.len(),
        nodes = context.nodes.len(),
        "watches are complete"
    );
    tokio::spawn(board.clone().keep(sources, shutdown.clone()));
    // Every replica streams nodes; only the leader reconciles.
    let streams = tokio::spawn(stream_nodes(
        Arc::clone(&context),
        board,
        args.clone(),
        address,
        shutdown.clone(),
    ));
    let reconciling = lead(Arc::clone(&context), queue, &args, shutdown.clone());
    // Whichever fails first ends the process: one that has lost its lease and streams on would never lead again.
    let streaming = async { streams.await? };
    tokio::try_join!(reconciling, streaming).map(|((), ())| ())
}

/// No store may be read before it is complete: "not seen yet" would be taken for "does not exist".
async fn ready(context: &Context, sources: &Sources) {
    tokio::join!(
        context.clusters.wait_until_ready(),
        context.classes.wait_until_ready(),
        context.nodes.wait_until_ready(),
        context.pods.wait_until_ready(),
        context.service_cidrs.wait_until_ready(),
        context.sync_sources.wait_until_ready(),
        sources.wait_a_moment(),
    );
}

async fn lead(
    context: Arc<Context>,
    queue: Queue<warren_runtime::store::ObjectKey>,
    args: &Args,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let claim = Claim {
        namespace: args.namespace.clone(),
        name: LEASE.to_owned(),
        holder: args.pod_name.clone(),
        labels: [("app.kubernetes.io/name".to_owned(), "warren".to_owned())].into(),
    };
    let client = context.host.client();
    // Released only after the loop has ended: two must never work at once.
    let release = CancellationToken::new();
    let held = tokio::select! {
        held = lease::acquire(client, claim, Arc::clone(&context.clock), release.clone()) => held,
        () = shutdown.cancelled() => return Ok(()),
    };
    let Some(held) = held else { return Ok(()) };
    let stop = shutdown.child_token();
    if let Some(path) = &args.default_class {
        let class = default_class::read(path)?;
        tokio::spawn(default_class::keep(context.host.client(), class, stop.clone()));
    }
    tokio::spawn(host_names::collect(Arc::clone(&context), stop.clone()));
    let counting = tokio::spawn(count(Arc::clone(&context), stop.clone()));
    let work = {
        let context = Arc::clone(&context);
        move |key| virtual_cluster::reconcile(Arc::clone(&context), key)
    };
    let lost = tokio::select! {
        () = queue.run(args.workers, stop.clone(), work) => false,
        () = held.lost() => true,
    };
    stop.cancel();
    counting.await?;
    anyhow::ensure!(!lost, "the leader lease was lost; another replica works now");
    release.cancel();
    held.ended().await;
    Ok(())
}

async fn count(context: Arc<Context>, stop: CancellationToken) {
    loop {
        context.own_metrics.count(&context.clusters);
        tokio::select! {
            () = sleep(COUNT_PAUSE) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Serves `WatchNodes`; begins anew with a new certificate when two thirds of the old one's life are over.
async fn stream_nodes(
    context: Arc<Context>,
    board: Board,
    args: Args,
    address: String,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    while !shutdown.is_cancelled() {
        let now = context.clock.now();
        let leaf = serving_leaf(&context.operator_root, &args, &address, now)?;
        let until = rotate::validity(&leaf.certificate).map(rotate::renew_at);
        let identity = tls::Identity {
            certificate: leaf.certificate,
            key: leaf.key,
            ca: leaf.ca,
        };
        let service = Server {
            board: board.clone(),
            clusters: context.clusters.clone(),
            classes: context.classes.clone(),
        };
        let left = until.map_or(Duration::MAX, |until| now.duration_until(until).unsigned_abs());
        let end = async {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = sleep(left) => {}
            }
        };
        let listen = SocketAddr::from((Ipv4Addr::UNSPECIFIED, args.grpc_port));
        // Not `serve_with_shutdown`: it waits for streams, and these never end by themselves. vkubelets keep their
        // last view and come back.
        let serving = GrpcServer::builder()
            .tls_config(identity.tonic_server())?
            .http2_keepalive_interval(Some(Duration::from_secs(30)))
            .add_service(NodesServer::new(service))
            .serve(listen);
        tokio::select! {
            served = serving => served.context("gRPC port")?,
            () = end => {}
        }
    }
    Ok(())
}

fn serving_leaf(root: &Pair, args: &Args, address: &str, now: Timestamp) -> Result<Pair, crate::pki::Error> {
    let service = format!("{}.{}.svc", args.service, args.namespace);
    let names = vec![address.to_owned(), args.service.clone(), service];
    leaf::issue(root, &Wanted::server("warren-operator", names), now)
}

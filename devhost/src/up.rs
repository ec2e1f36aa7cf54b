//! Starts the host: everything that does not need each other at once, and no step waits longer than it must.
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use futures::future::try_join_all;

use crate::{
    apiserver,
    binaries::{Binaries, Component},
    controller_manager, coredns, down, etcd, forward,
    host::{self, Condition, Host, Options},
    images::{self, Archive, UPSTREAM},
    lock, machine, metrics_server,
    network::{self, MAX_NODES, NodeNetwork},
    node::{Node, Runtime, ctr::Ctr, netpol},
    owner, packages, pki, ready, scheduler,
    state::{Phase, State, Summary},
    storage,
};

/// What the host itself runs.
const COMPONENTS: [Component; 15] = [
    Component::Etcd,
    Component::KubeApiserver,
    Component::KubeControllerManager,
    Component::KubeScheduler,
    Component::Kubelet,
    Component::KubeProxy,
    Component::Kubectl,
    Component::Containerd,
    Component::Shim,
    Component::Ctr,
    Component::Coredns,
    Component::LocalPathProvisioner,
    Component::MetricsServer,
    Component::SampleDevicePlugin,
    Component::DraTestDriver,
];

/// Starts a host, or returns the one that runs.
pub(crate) async fn up(options: &Options) -> Result<Host> {
    ensure!(
        (1..=MAX_NODES).contains(&options.nodes),
        "a host has 1 to {MAX_NODES} nodes, not {}",
        options.nodes
    );
    machine::require_root()?;
    let cache = crate::binaries::cache_dir()?;
    crate::state::create_dir(&cache)?;
    let _lock = lock::take(&cache.join("up.lock"), "another run starts or ends the host").await?;
    match Host::condition()? {
        Condition::Running(host) => {
            ensure!(
                host.summary.release == options.release,
                "the running host is of Kubernetes {}, not {}: `cargo xtask host down` first",
                host.summary.release,
                options.release
            );
            if host.summary.nodes != options.nodes {
                eprintln!(
                    "the running host has {} nodes; `cargo xtask host down` first for another number",
                    host.summary.nodes
                );
            }
            return Ok(host);
        }
        Condition::Broken(dead) => {
            let state = State::locate()?;
            let list: Vec<String> = dead
                .iter()
                .map(|process| format!("  {}: log {}", process.name, state.log(&process.name).display()))
                .collect();
            bail!(
                "the host is broken, these processes have ended:\n{}\nstart it anew with `cargo xtask host down` and \
                 `cargo xtask host up`",
                list.join("\n")
            );
        }
        // Holding the lock, so no other `up` runs: it died.
        Condition::Down | Condition::Starting => {}
    }
    let state = State::locate()?;
    start(&state, options).await.with_context(|| {
        format!(
            "the host did not come up; logs are in {}; `cargo xtask host down` removes what was started",
            state.path("log").display()
        )
    })
}

async fn start(state: &State, options: &Options) -> Result<Host> {
    packages::ensure().await?;
    let binaries = Binaries::ensure_of(options.release, &COMPONENTS).await?;
    let begin = Instant::now();
    machine::raise_limits()?;
    down::remove(state)
        .await
        .context("failed to remove what an earlier run left")?;

    let port = forward::choose_port()?;
    let mut summary = Summary {
        phase: Phase::Starting,
        nodes: options.nodes,
        port,
        release: options.release,
    };
    state.create()?;
    owner::claim(state)?;
    state.set_summary(&summary)?;
    let networks = NodeNetwork::all(options.nodes);
    network::create(&networks).await?;
    pki::create(state, &networks, port)?;

    let etcd = etcd::start(state, &binaries.path(Component::Etcd)?)?;
    let apiserver = apiserver::start(state, &binaries.path(Component::KubeApiserver)?)?;
    forward::start(state, &options.program, port).await?;
    let nodes: Vec<Node<'_>> = networks
        .iter()
        .map(|network| Node {
            state,
            binaries: &binaries,
            network,
            count: options.nodes,
        })
        .collect();
    let client = host::client(state).await?;
    let control_plane = async {
        apiserver::wait_ready(state, &client, &[&etcd, &apiserver]).await?;
        step(begin, "apiserver ready");
        controller_manager::start(state, &binaries.path(Component::KubeControllerManager)?)?;
        scheduler::start(state, &binaries.path(Component::KubeScheduler)?).map(drop)
    };
    let (archives, runtimes, ()) = tokio::try_join!(
        base_images(&binaries),
        try_join_all(nodes.iter().map(Node::start_runtime)),
        control_plane
    )?;
    start_nodes(state, &binaries, &nodes, &runtimes, &archives).await?;
    let storage = storage::manifest(state);
    let manifests = [
        netpol::MANIFEST,
        coredns::MANIFEST,
        &storage,
        metrics_server::MANIFEST,
    ]
    .join("---\n");
    ready::apply(state, &binaries, &manifests).await?;
    for node in &nodes {
        node.start_netpol(&options.program)?;
    }
    ready::wait_nodes(state, &client, &networks).await?;
    // On one node only, so that it differs from the others.
    if let Some((node, runtime)) = nodes.last().zip(runtimes.last()) {
        node.start_devices(runtime).await?;
    }
    step(begin, "nodes ready");
    for deployment in [coredns::DEPLOYMENT, storage::DEPLOYMENT] {
        ready::wait_deployment(state, &client, deployment).await?;
    }
    step(begin, "cluster DNS and storage ready");
    summary.phase = Phase::Running;
    state.set_summary(&summary)?;
    Ok(Host {
        state: state.clone(),
        summary,
    })
}

/// The images that the host itself runs.
async fn base_images(binaries: &Binaries) -> Result<Vec<Archive>> {
    let pause = async { images::build(images::pause().await?).await };
    let upstream = UPSTREAM
        .iter()
        .filter(|image| image.for_host)
        .map(|image| async move { images::build(image.image(binaries).await?).await });
    let (pause, mut archives) = tokio::try_join!(pause, try_join_all(upstream))?;
    archives.push(pause);
    Ok(archives)
}

/// Kubelets come before the images: they need some seconds to register anyway.
async fn start_nodes(
    state: &State,
    binaries: &Binaries,
    nodes: &[Node<'_>],
    runtimes: &[Runtime],
    archives: &[Archive],
) -> Result<()> {
    for (node, runtime) in nodes.iter().zip(runtimes) {
        node.start_kubelet(runtime)?;
    }
    let clients: Result<Vec<_>> = nodes
        .iter()
        .map(|node| {
            Ok((
                node.network.name.clone(),
                Ctr::new(state, binaries, &node.network.name)?,
            ))
        })
        .collect();
    images::load(&clients?, archives).await.map(drop)
}

fn step(begin: Instant, what: &str) {
    eprintln!("{:5.1} s  {what}", begin.elapsed().as_secs_f64());
}

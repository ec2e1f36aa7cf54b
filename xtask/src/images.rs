//! `cargo xtask images`: builds all images as archives, without Docker, and loads them into the running host.
mod rust;

use std::path::Path;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use futures::future::try_join_all;
use warren_devhost::{
    Host, Release,
    binaries::{Binaries, Component},
    images::{self, Archive, PREVIOUS, UPSTREAM},
    packages,
};

use crate::{conformance, host::Target};

/// Arguments of `cargo xtask images`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    target: Target,
    /// Build only some of them.
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// Build the archives, but load them nowhere.
    #[arg(long)]
    no_load: bool,
}

/// A part of the images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Operator, syncer and vkubelet: what changes while one works on Warren.
    Warren,
    /// What upstream's programs are packed into, and the small images of tests.
    Upstream,
    /// The control plane of the Kubernetes before, for `cargo xtask test --tier skew`.
    Previous,
    /// What upstream's conformance specs pull.
    Suite,
}

/// Builds and loads.
pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("failed to start the runtime")?
        .block_on(build_and_load(root, arguments))
}

async fn build_and_load(root: &Path, arguments: &Arguments) -> Result<()> {
    let archives = match arguments.only {
        Some(Part::Upstream) => upstream().await?,
        Some(Part::Previous) => previous().await?,
        Some(Part::Suite) => conformance::images().await?,
        only => build(root, only == Some(Part::Warren)).await?.1,
    };
    for archive in &archives {
        println!("{}", archive.path.display());
    }
    if arguments.target.kubeconfig.is_some() {
        eprintln!(
            "your own cluster: push these archives to where it pulls from, or load them with kind or k3d"
        );
    } else if arguments.no_load {
        eprintln!("built {} archives", archives.len());
    } else if let Some(host) = Host::attach()? {
        let imports = load(&host, &archives).await?;
        eprintln!(
            "built {} archives; {imports} imports into the host's nodes were needed",
            archives.len()
        );
    } else {
        eprintln!(
            "built {} archives; no host runs, so they are loaded nowhere",
            archives.len()
        );
    }
    Ok(())
}

/// Loads archives into the host's nodes and removes older images of Warren's own; returns how many imports were
/// needed.
///
/// # Errors
/// If a node refuses an archive.
pub(crate) async fn load(host: &Host, archives: &[Archive]) -> Result<usize> {
    let imports = host.load_images(archives).await?;
    rust::prune_nodes(host, archives).await?;
    Ok(imports)
}

/// Builds the images of Warren and, unless `only_warren`, those of upstream; Go and Rust side by side. Returns the tag
/// of Warren's own and all archives.
///
/// # Errors
/// If a build fails.
pub(crate) async fn build(root: &Path, only_warren: bool) -> Result<(String, Vec<Archive>)> {
    if only_warren {
        return rust::build(root).await;
    }
    let ((tag, mut warren), upstream) = tokio::try_join!(rust::build(root), upstream())?;
    warren.extend(upstream);
    Ok((tag, warren))
}

/// The control plane of the release before, for tenants of another version than the host's.
///
/// # Errors
/// If a build fails.
pub(crate) async fn previous() -> Result<Vec<Archive>> {
    let components: Vec<Component> = PREVIOUS.iter().filter_map(|image| image.component).collect();
    let binaries = Binaries::ensure_of(Release::Previous, &components).await?;
    let builds = PREVIOUS.iter().map(|image| {
        let binaries = &binaries;
        async move { images::build(image.image(binaries).await?).await }
    });
    try_join_all(builds).await
}

async fn upstream() -> Result<Vec<Archive>> {
    // A host that runs already may have been started before an image needed something more.
    packages::ensure().await?;
    let components: Vec<Component> = UPSTREAM.iter().filter_map(|image| image.component).collect();
    let binaries = Binaries::ensure(&components).await?;
    let pause = async { images::build(images::pause().await?).await };
    let others = UPSTREAM.iter().map(|image| {
        let binaries = &binaries;
        async move { images::build(image.image(binaries).await?).await }
    });
    let (pause, mut archives) = tokio::try_join!(pause, try_join_all(others))?;
    archives.push(pause);
    Ok(archives)
}

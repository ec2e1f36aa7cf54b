//! The images of Warren's own processes: a release build, the shared libraries it needs, no root.
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use data_encoding::HEXLOWER;
use futures::future::try_join_all;
use sha2::{Digest as _, Sha256};
use tokio::process::Command;
use warren_devhost::{
    Host,
    images::{self, Archive, Image, Layer},
};

use crate::cargo::{cargo, target};

const PROCESSES: [&str; 3] = ["operator", "syncer", "vkubelet"];
const REGISTRY: &str = "ghcr.io/warren-dev";

/// Removes older images of Warren's own from the host's nodes.
pub(super) async fn prune_nodes(host: &Host, archives: &[Archive]) -> Result<()> {
    for name in PROCESSES {
        host.prune_images(&format!("{REGISTRY}/{name}"), archives).await?;
    }
    Ok(())
}

/// The archives, and the tag of their own that all of them have: it changes with the programs, so that a Deployment that
/// names it is rolled, and nothing else is.
pub(super) async fn build(root: &Path) -> Result<(String, Vec<Archive>)> {
    let programs = compile(root).await?;
    let tag = tag(&programs)?;
    let paths: Vec<&Path> = programs.iter().map(PathBuf::as_path).collect();
    // One layer for all three, so that the nodes store the libraries once.
    let base = images::user_files(images::shared_libraries(&paths).await?);
    // Under the chart's default tag as well, so that `helm install` without values finds them.
    let tags = [tag.as_str(), env!("CARGO_PKG_VERSION")];
    let images = PROCESSES
        .iter()
        .zip(&programs)
        .flat_map(|(name, program)| tags.map(|tag| (name, tag, program)));
    let archives =
        try_join_all(images.map(|(name, tag, program)| pack(name, tag, program, base.clone()))).await?;
    for name in PROCESSES {
        images::prune(&format!("{REGISTRY}/{name}"), &archives)?;
    }
    Ok((tag, archives))
}

fn tag(programs: &[PathBuf]) -> Result<String> {
    let mut digest = Sha256::new();
    for program in programs {
        digest
            .update(std::fs::read(program).with_context(|| format!("failed to read {}", program.display()))?);
    }
    let digest = digest.finalize();
    let short = HEXLOWER.encode(digest.get(..6).unwrap_or(&digest));
    Ok(format!("{}-{short}", env!("CARGO_PKG_VERSION")))
}

async fn pack(name: &str, tag: &str, program: &Path, base: Layer) -> Result<Archive> {
    let inside = format!("usr/local/bin/warren-{name}");
    let short = format!("usr/local/bin/{name}");
    let layer = Layer::default()
        .program(&inside, program)?
        .link(&short, &format!("warren-{name}"));
    let image = Image {
        name: format!("{REGISTRY}/{name}:{tag}"),
        layers: vec![base, layer],
        entrypoint: vec![format!("/{inside}")],
        user: "65532:65532".to_owned(),
        ..Image::default()
    };
    images::build(image).await
}

/// Builds the programs and returns their paths, in the order of [`PROCESSES`].
async fn compile(root: &Path) -> Result<Vec<PathBuf>> {
    let mut build: Command = cargo(root).into();
    build.args(["build", "--release"]);
    for name in PROCESSES {
        build.args(["--package", &format!("warren-{name}")]);
    }
    // Built with them, so that cargo resolves one set of features and compiles what they share once.
    build.args(["--package", "warren-cli", "--locked"]);
    let status = build.status().await.context("failed to run cargo")?;
    ensure!(
        status.success(),
        "failed to build Warren's programs: see the compiler's messages above"
    );
    let target = target(root);
    let programs = PROCESSES
        .iter()
        .map(|name| target.join("release").join(format!("warren-{name}")));
    Ok(programs.collect())
}

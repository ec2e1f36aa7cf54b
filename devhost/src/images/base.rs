//! Layers and small programs that several images share.
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::{
    PAUSE_IMAGE,
    libraries::shared_libraries,
    spec::{Image, Layer},
};
use crate::{
    command::{command, output},
    digest, packages,
    state::create_dir,
};

/// User and group of images that need not be root.
const NONROOT: u32 = 65532;

/// Users, groups and the order of name look-ups; an empty home and a `/tmp` for everybody.
pub fn user_files(layer: Layer) -> Layer {
    layer
        .directory("etc", 0o755)
        .text("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\nnonroot:x:65532:65532:nonroot:/home/nonroot:/bin/false\n")
        .text("etc/group", "root:x:0:\nnogroup:x:65534:\nnonroot:x:65532:\n")
        .text("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
        .directory("home", 0o755)
        .owned_directory("home/nonroot", 0o700, NONROOT)
        .directory("root", 0o700)
        .directory("tmp", 0o1777)
}

/// The lowest layer of images with static programs.
pub fn nonroot_layer() -> Layer {
    user_files(Layer::default())
}

/// A shell and the usual small tools: Debian's dynamic busybox with its libraries.
///
/// # Errors
/// If busybox is not installed or cannot be read.
pub(super) async fn busybox_layer() -> Result<Layer> {
    let binary =
        packages::find("busybox").context("busybox is not installed: install Debian's package busybox")?;
    let binary = std::fs::canonicalize(&binary).context("failed to find busybox")?;
    busybox_layer_of(&binary).await
}

/// The same with another busybox.
///
/// # Errors
/// If it cannot be read or run.
pub(super) async fn busybox_layer_of(binary: &Path) -> Result<Layer> {
    let libraries = shared_libraries(&[binary]).await?;
    let applets = output(command(binary).arg("--list")).await?;
    let layer = user_files(libraries)
        .directory("bin", 0o755)
        .program("bin/busybox", binary)?;
    let layer = layer.link("usr/bin/env", "/bin/busybox");
    Ok(applets
        .lines()
        .filter(|name| !name.is_empty() && *name != "busybox")
        .fold(layer, |layer, name| layer.link(&format!("bin/{name}"), "busybox")))
}

/// The image of Pod sandboxes: a static program that waits and reaps.
///
/// # Errors
/// If there is no C compiler with static libc.
pub async fn pause() -> Result<Image> {
    let program = pause_program().await?;
    let layer = Layer::default().program("pause", &program)?;
    let entrypoint = vec!["/pause".to_owned()];
    let user = "65535:65535".to_owned();
    Ok(Image {
        name: PAUSE_IMAGE.to_owned(),
        layers: vec![layer],
        entrypoint,
        user,
        ..Image::default()
    })
}

async fn pause_program() -> Result<PathBuf> {
    const SOURCE: &str = include_str!("../../assets/pause.c");
    let dir = crate::binaries::cache_dir()?;
    create_dir(&dir)?;
    let key: String = digest::bytes(SOURCE.as_bytes()).chars().take(10).collect();
    let target = dir.join(format!("pause-{key}"));
    if !target.exists() {
        let staging = tempfile::tempdir_in(&dir).context("failed to make a directory in the cache")?;
        let (source, built) = (staging.path().join("pause.c"), staging.path().join("pause"));
        std::fs::write(&source, SOURCE).context("failed to write pause.c")?;
        compile(&source, &built).await?;
        std::fs::rename(&built, &target).context("failed to put pause in the cache")?;
    }
    Ok(target)
}

async fn compile(source: &Path, target: &Path) -> Result<()> {
    let mut compiler = command("cc");
    compiler
        .args(["-Os", "-Wall", "-Werror", "-static", "-s", "-o"])
        .arg(target)
        .arg(source);
    let advice =
        "failed to build the pause image: it needs a C compiler and static libc (Debian: gcc libc6-dev)";
    output(&mut compiler).await.map(drop).context(advice)
}

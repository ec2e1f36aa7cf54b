//! busybox as upstream writes it, from the untouched sources in Debian's source package.
//!
//! Debian's own build drops environment names that are no shell names (`data-1`), and no other shell says what a spec
//! reads from a read-only root: so neither it nor bash will do.
use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use super::{super::base::busybox_layer_of, SEARCH_PATH};
use crate::{
    command::{command, output},
    images::Image,
    packages,
    state::create_dir,
};

/// What is needed to build it, by file and Debian package.
const NEEDED: [(&str, &str); 5] = [
    ("make", "make"),
    ("gcc", "gcc"),
    ("/usr/include/stdio.h", "libc6-dev"),
    ("bzip2", "bzip2"),
    ("tar", "tar"),
];
/// In the cache; the number changes when the recipe does.
const BUILT: &str = "busybox-upstream-1";
/// `tc` does not compile with newer kernel headers, and no spec calls it.
const LEFT_OUT: (&str, &str) = ("CONFIG_TC=y", "# CONFIG_TC is not set");

pub(super) async fn busybox() -> Result<Image> {
    Ok(Image {
        layers: vec![busybox_layer_of(&program().await?).await?],
        cmd: vec!["sh".to_owned()],
        env: vec![SEARCH_PATH.to_owned()],
        ..Image::default()
    })
}

/// The built program, in the cache.
async fn program() -> Result<PathBuf> {
    let cache = crate::binaries::cache_dir()?;
    create_dir(&cache)?;
    let target = cache.join(BUILT);
    if target.exists() {
        return Ok(target);
    }
    eprintln!("building busybox (about 2 min)");
    packages::ensure_of(&NEEDED).await?;
    let staging = tempfile::tempdir_in(&cache).context("failed to make a directory in the cache")?;
    let archive = download(staging.path())
        .await
        .context("failed to fetch the sources of busybox")?;
    let built = build(&archive, staging.path())
        .await
        .context("failed to build busybox")?;
    fs::rename(&built, &target).context("failed to put busybox in the cache")?;
    Ok(target)
}

/// Debian's source package, with lists of its own: a machine's sources mostly name no source packages. Returns
/// upstream's archive in it.
async fn download(dir: &Path) -> Result<PathBuf> {
    for part in ["lists/partial", "cache/archives/partial"] {
        create_dir(&dir.join(part))?;
    }
    let mut targets = command("apt-get");
    targets.args([
        "indextargets",
        "--format",
        "deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)",
        "Created-By: Packages",
    ]);
    let mut lines: Vec<String> = output(&mut targets)
        .await?
        .lines()
        .map(ToOwned::to_owned)
        .collect();
    lines.sort();
    lines.dedup();
    fs::write(dir.join("sources.list"), lines.join("\n") + "\n").context("failed to write sources.list")?;
    let apt = |arguments: &[&str]| {
        let mut apt = command("apt-get");
        apt.current_dir(dir)
            .arg("-o")
            .arg(format!(
                "Dir::Etc::sourcelist={}",
                dir.join("sources.list").display()
            ))
            .args(["-o", "Dir::Etc::sourceparts=-", "-o"])
            .arg(format!("Dir::State::lists={}", dir.join("lists").display()))
            .arg("-o")
            .arg(format!("Dir::Cache={}", dir.join("cache").display()))
            .args(arguments);
        apt
    };
    // A third party's repository may have no sources; whether the one that matters has, shows in the next step.
    let updated = output(&mut apt(&["update", "-qq"])).await;
    let fetched = output(&mut apt(&["source", "-qq", "--download-only", "busybox"])).await;
    if fetched.is_err() {
        updated?;
    }
    fetched?;
    fs::read_dir(dir)
        .context("failed to read the cache")?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.to_string_lossy().contains(".orig.tar"))
        .context("Debian's source package has no upstream archive")
}

/// Upstream's default configuration, as its own image has.
async fn build(archive: &Path, dir: &Path) -> Result<PathBuf> {
    let tree = dir.join("tree");
    create_dir(&tree)?;
    let mut tar = command("tar");
    tar.args(["--extract", "--strip-components=1", "--file"])
        .arg(archive)
        .current_dir(&tree);
    output(&mut tar).await?;
    let make = |arguments: &[&str]| {
        let mut make = command("make");
        make.current_dir(&tree).args(arguments);
        make
    };
    output(&mut make(&["defconfig"])).await?;
    let configuration = tree.join(".config");
    let text = fs::read_to_string(&configuration).context("failed to read the configuration")?;
    let (with, without) = LEFT_OUT;
    fs::write(&configuration, text.replace(with, without)).context("failed to write the configuration")?;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    output(&mut make(&["--jobs", &processors.to_string(), "busybox"])).await?;
    Ok(tree.join("busybox"))
}

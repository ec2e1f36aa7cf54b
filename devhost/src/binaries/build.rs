//! Builds one component with the Go toolchain and puts it into the cache in one step.
use std::{fs, path::Path};

use anyhow::{Context as _, Result, ensure};

use super::{Component, component::Kind, module};
use crate::{
    command::{command, output},
    digest,
    release::Release,
    state::create_dir,
};

/// How directories of unfinished builds begin.
pub(super) const STAGING_PREFIX: &str = ".building-";

/// Builds into a directory beside `target` and renames it, so that the cache never holds half a program.
pub(super) async fn build(component: Component, release: Release, target: &Path) -> Result<()> {
    let parent = target.parent().context("the cache directory has no parent")?;
    let staging = tempfile::Builder::new()
        .prefix(STAGING_PREFIX)
        .tempdir_in(parent)
        .with_context(|| format!("failed to make a directory in {}", parent.display()))?;
    let module_dir = module::directory(component.module(release));
    let flags = component.flags(&module::Module::read(component.module(release))?)?;
    let program = staging.path().join(component.program());
    let mut go = command("go");
    go.current_dir(&module_dir)
        .env("CGO_ENABLED", "0")
        .args(match component.kind() {
            Kind::Program => ["build"].as_slice(),
            // The lint would take longer than the build.
            Kind::Tests => &["test", "-c", "-vet=off"],
        })
        .args(&flags)
        .arg("-o")
        .arg(&program);
    go.arg(component.package());
    output(&mut go).await.with_context(|| {
        format!(
            "failed to build {} in {}: is Go 1.26 or newer installed and in PATH, and can it download modules?",
            component.program(),
            module_dir.display()
        )
    })?;
    ensure!(program.exists(), "go build made no {}", program.display());
    let id = digest::file(&program)?;
    let note = program.with_extension("sha256");
    fs::write(&note, id).with_context(|| format!("failed to write {}", note.display()))?;

    // Left from a version of this program that did not rename; a complete one would not be rebuilt.
    if target.exists() {
        fs::remove_dir_all(target).with_context(|| format!("failed to remove {}", target.display()))?;
    }
    create_dir(parent)?;
    let staged = staging.keep();
    fs::rename(&staged, target)
        .with_context(|| format!("failed to put {} in the cache", component.program()))?;
    make_readable(target)
}

/// Temporary directories are private; images are packed from here by whoever builds them.
fn make_readable(dir: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("failed to open up {}", dir.display()))
}

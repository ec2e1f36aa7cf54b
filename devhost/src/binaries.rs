//! Upstream's programs, built once from the Go modules in `modules/` into a cache of the user.
mod build;
mod component;
mod module;
mod progress;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

pub use component::Component;
use module::Module;
use progress::Progress;

use crate::release::Release;

/// Built programs, by component.
#[derive(Clone, Debug, Default)]
pub struct Binaries {
    dirs: BTreeMap<Component, PathBuf>,
}

/// `~/.cache/warren/host`: built programs, image archives, image stores.
///
/// # Errors
/// If neither `XDG_CACHE_HOME` nor `HOME` is set.
pub fn cache_dir() -> Result<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME") {
        Some(dir) if !dir.is_empty() => PathBuf::from(dir),
        _ => PathBuf::from(std::env::var_os("HOME").context("HOME is not set: it is where the cache goes")?)
            .join(".cache"),
    };
    Ok(base.join("warren").join("host"))
}

impl Binaries {
    /// Makes sure that these components are built; builds what is not in the cache.
    ///
    /// # Errors
    /// If Go is missing or a build fails.
    pub async fn ensure(components: &[Component]) -> Result<Self> {
        Self::ensure_of(Release::default(), components).await
    }

    /// As [`Binaries::ensure`], with Kubernetes itself of `release`.
    ///
    /// # Errors
    /// As [`Binaries::ensure`].
    pub async fn ensure_of(release: Release, components: &[Component]) -> Result<Self> {
        let cache = cache_dir()?;
        let wanted = locate(&cache, release, components)?;
        if wanted.iter().any(|(component, dir)| !is_built(*component, dir)) {
            crate::state::create_dir(&cache)?;
            // Two runs at once would build the same: the second waits and then finds everything built.
            let _lock = crate::lock::take(
                &cache.join("build.lock"),
                "another run builds the host's programs",
            )
            .await?;
            remove_unfinished(&cache);
            let missing: Vec<(Component, PathBuf)> = wanted
                .iter()
                .filter(|(component, dir)| !is_built(*component, dir))
                .cloned()
                .collect();
            let mut progress = Progress::new(
                &missing
                    .iter()
                    .map(|(component, _)| *component)
                    .collect::<Vec<_>>(),
            );
            for (component, dir) in &missing {
                let step = progress.start(*component);
                build::build(*component, release, dir).await?;
                progress.finish(&step);
            }
        }
        Ok(Self {
            dirs: wanted.into_iter().collect(),
        })
    }

    /// The built ones among `components`, without building any: for `status` and `down`.
    ///
    /// # Errors
    /// If the modules cannot be read.
    pub fn built(components: &[Component]) -> Result<Self> {
        let wanted = locate(&cache_dir()?, Release::default(), components)?;
        Ok(Self {
            dirs: wanted
                .into_iter()
                .filter(|(component, dir)| is_built(*component, dir))
                .collect(),
        })
    }

    /// Path of a program.
    ///
    /// # Errors
    /// If it was not among the components asked for.
    pub fn path(&self, component: Component) -> Result<PathBuf> {
        Ok(self.dir(component)?.join(component.program()))
    }

    /// Directory that holds only this program.
    ///
    /// # Errors
    /// As [`Binaries::path`].
    pub fn dir(&self, component: Component) -> Result<PathBuf> {
        self.dirs
            .get(&component)
            .cloned()
            .with_context(|| format!("{} is not built", component.program()))
    }

    /// Joins two sets.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.dirs.extend(other.dirs);
        self
    }
}

/// SHA-256 of the program, hex, as it was when it was built; identifies its content without reading it.
///
/// # Errors
/// If the note beside the program cannot be read.
pub(crate) fn content_id(program: &Path) -> Result<String> {
    let note = program.with_extension("sha256");
    fs::read_to_string(&note).with_context(|| format!("failed to read {}", note.display()))
}

/// Where Go keeps the sources of the package path `path`, as the module `name` in `modules/` pins it.
///
/// # Errors
/// If Go does not know or have it.
pub(crate) async fn module_sources(name: &str, path: &str) -> Result<PathBuf> {
    module::sources(name, path).await
}

/// What builds that were killed left behind; the lock is held, so none runs.
fn remove_unfinished(cache: &Path) {
    let Ok(entries) = fs::read_dir(cache) else { return };
    for entry in entries.flatten() {
        if entry
            .file_name()
            .to_string_lossy()
            .starts_with(build::STAGING_PREFIX)
        {
            // Only in the way of the disk's space.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn is_built(component: Component, dir: &Path) -> bool {
    dir.join(component.program()).exists()
}

/// Where each component is or will be: the name says everything that the program depends on.
fn locate(cache: &Path, release: Release, components: &[Component]) -> Result<Vec<(Component, PathBuf)>> {
    let mut modules = BTreeMap::new();
    components
        .iter()
        .map(|component| {
            let name = component.module(release);
            if !modules.contains_key(name) {
                modules.insert(name, Module::read(name)?);
            }
            let module = modules.get(name).context("module was just read")?;
            Ok((*component, cache.join(component.directory(module)?)))
        })
        .collect()
}

//! Container images without Docker: archives made from built programs, kept in the cache, loaded into the nodes.
mod archive;
mod base;
mod libraries;
mod load;
pub(crate) mod registry;
mod spec;
pub mod suite;
mod tools;
mod upstream;

use anyhow::Result;

pub use archive::Archive;
pub use base::{nonroot_layer, pause, user_files};
pub use libraries::shared_libraries;
pub(crate) use load::load;
pub use registry::Registry;
pub use spec::{Content, Entry, Image, Layer};
pub use upstream::{PREVIOUS, UPSTREAM, Upstream};

/// Image of every Pod's sandbox.
pub const PAUSE_IMAGE: &str = "registry.k8s.io/pause:3.10.1";
/// Small image with a shell; also what the volume provisioner runs on the node.
pub const BUSYBOX_IMAGE: &str = "registry.k8s.io/e2e-test-images/busybox:1.37.0-1";

/// Upstream's test image: a server for everything that tests ask.
pub const AGNHOST_IMAGE: &str = "registry.k8s.io/e2e-test-images/agnhost:2.59";

/// Makes the archive of an image in the cache, unless one with the same content is there.
///
/// # Errors
/// If a file of the image cannot be read or the archive cannot be written.
pub async fn build(image: Image) -> Result<Archive> {
    let cache = crate::binaries::cache_dir()?.join("images");
    // Packing reads and hashes hundreds of megabytes: not on an async thread.
    tokio::task::spawn_blocking(move || archive::build(&image, &cache)).await?
}

/// Removes the cached archives of `repository` (a name without a tag) other than `keep`: for images whose tag
/// changes with their content.
///
/// # Errors
/// If the cache's place is unknown.
pub fn prune(repository: &str, keep: &[Archive]) -> Result<()> {
    let cache = crate::binaries::cache_dir()?.join("images");
    archive::prune(&cache, repository, keep);
    Ok(())
}

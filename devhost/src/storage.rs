//! Volumes on the nodes' own disks: a default StorageClass with a real provisioner.
use std::path::PathBuf;

use crate::state::State;

/// Namespace and name of the Deployment to wait for.
pub const DEPLOYMENT: (&str, &str) = ("local-path-storage", "local-path-provisioner");
const MANIFEST: &str = include_str!("../assets/storage.yaml");

/// Where the provisioner puts volumes. Each node's mount namespace has a directory of its own there.
pub fn directory(state: &State) -> PathBuf {
    state.path("volumes")
}

/// Objects to apply.
pub fn manifest(state: &State) -> String {
    MANIFEST.replace("@DIRECTORY@", &directory(state).display().to_string())
}

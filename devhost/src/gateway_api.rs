//! The definitions of the Gateway API, for stories that install them: files of a Go module, nothing is built.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::binaries::module_sources;

/// The file with the standard channel's definition of these objects, for example `httproutes`.
///
/// # Errors
/// If Go does not have the module, or it has no such file.
pub async fn definition(plural: &str) -> Result<PathBuf> {
    let sources = module_sources("gateway-api", "sigs.k8s.io/gateway-api").await?;
    let file = format!("config/crd/standard/gateway.networking.k8s.io_{plural}.yaml");
    let path = sources.join(file);
    ensure!(path.is_file(), "there is no {}", path.display());
    Ok(path)
}

//! `host load`: image archives into all nodes.
use std::path::PathBuf;

use anyhow::{Result, ensure};
use warren_devhost::{Host, images::Archive};

pub(super) async fn run(host: &Host, paths: &[PathBuf]) -> Result<()> {
    for path in paths {
        ensure!(
            path.is_file(),
            "{} is not a file: give image archives, as `docker save` writes them",
            path.display()
        );
    }
    let archives: Vec<Archive> = paths.iter().map(|path| Archive::at(path)).collect();
    let imports = host.load_images(&archives).await?;
    println!(
        "{imports} imports, {} already there",
        paths.len() * host.nodes().len() - imports
    );
    Ok(())
}

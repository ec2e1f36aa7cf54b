//! Loads archives into the image stores of the running nodes.
use anyhow::{Context as _, Result};
use futures::future::try_join_all;

use super::Archive;
use crate::node::ctr::Ctr;

/// Loads archives into all nodes at once; a node that has an image of that name and content skips it.
/// Returns how many imports were needed.
///
/// # Errors
/// If a node's containerd does not answer or refuses an archive.
pub(crate) async fn load(nodes: &[(String, Ctr)], archives: &[Archive]) -> Result<usize> {
    let counts = try_join_all(nodes.iter().map(|(name, ctr)| async move {
        load_node(ctr, archives)
            .await
            .with_context(|| format!("failed to load images into node {name}"))
    }));
    Ok(counts.await?.into_iter().sum())
}

async fn load_node(ctr: &Ctr, archives: &[Archive]) -> Result<usize> {
    let present = ctr.images().await?;
    let mut count = 0;
    for archive in archives {
        if archive
            .image
            .as_ref()
            .is_some_and(|image| present.contains(image))
        {
            continue;
        }
        ctr.import(&archive.path).await?;
        count += 1;
    }
    Ok(count)
}

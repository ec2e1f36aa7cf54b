//! A class whose tenants see the nodes that kwok plays and no others.

use anyhow::{Context as _, Result};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, PostParams},
};
use warren_crds::{VirtualClusterClass, VirtualClusterClassSpec, keys};

use super::nodes::{LABEL, TAINT};

const NAME: &str = "bench-kwok";

/// Creates the class; returns its name.
pub(super) async fn create(client: &Client) -> Result<String> {
    let api: Api<VirtualClusterClass> = Api::all(client.clone());
    let labelled = ListParams::default().labels(&format!("{}=true", keys::DEFAULT_CLASS));
    let defaults = api.list(&labelled).await.context("failed to list classes")?;
    let default = defaults.items.into_iter().next();
    let default = default.context("the host has no default class to take the images from")?;
    let class = VirtualClusterClass::new(NAME, of(default.spec));
    api.create(&PostParams::default(), &class)
        .await
        .context("failed to create the class")?;
    Ok(NAME.to_owned())
}

/// The default class on other nodes.
fn of(default: VirtualClusterClassSpec) -> VirtualClusterClassSpec {
    let (key, value) = LABEL;
    VirtualClusterClassSpec {
        node_selector: [(key.to_owned(), value.to_owned())].into(),
        allowed_tolerations: vec![TAINT.to_owned()],
        ..default
    }
}

/// Deletes the class where there is one.
pub(in super::super) async fn remove(client: &Client) -> Result<()> {
    let api: Api<VirtualClusterClass> = Api::all(client.clone());
    match api.delete(NAME, &DeleteParams::default()).await {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        deleted => deleted.map(drop).context("failed to delete the bench's class"),
    }
}

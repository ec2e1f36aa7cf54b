//! Classes of the bench's own, made from the default class.

use anyhow::{Context as _, Result};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, PostParams},
};
use warren_crds::{VirtualClusterClass, VirtualClusterClassSpec, keys};

/// Creates a class: the default one, changed by `of`. Returns its name.
pub(super) async fn create(
    client: &Client,
    name: &str,
    of: impl FnOnce(VirtualClusterClassSpec) -> VirtualClusterClassSpec,
) -> Result<String> {
    let api: Api<VirtualClusterClass> = Api::all(client.clone());
    let labelled = ListParams::default().labels(&format!("{}=true", keys::DEFAULT_CLASS));
    let defaults = api.list(&labelled).await.context("failed to list classes")?;
    let default = defaults.items.into_iter().next();
    let default = default.context("the host has no default class to take the images from")?;
    let class = VirtualClusterClass::new(name, of(default.spec));
    api.create(&PostParams::default(), &class)
        .await
        .with_context(|| format!("failed to create the class {name}"))?;
    Ok(name.to_owned())
}

/// Deletes the class where there is one.
pub(super) async fn remove(client: &Client, name: &str) -> Result<()> {
    let api: Api<VirtualClusterClass> = Api::all(client.clone());
    match api.delete(name, &DeleteParams::default()).await {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        deleted => deleted
            .map(drop)
            .with_context(|| format!("failed to delete the class {name}")),
    }
}

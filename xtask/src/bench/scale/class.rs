//! A class whose tenants see the nodes that kwok plays and no others.

use anyhow::Result;
use kube::Client;
use warren_crds::VirtualClusterClassSpec;

use super::{
    super::classes,
    nodes::{LABEL, TAINT},
};

const NAME: &str = "bench-kwok";

/// Creates the class; returns its name.
pub(in super::super) async fn create(client: &Client) -> Result<String> {
    classes::create(client, NAME, of).await
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
    classes::remove(client, NAME).await
}

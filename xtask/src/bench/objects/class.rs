//! A class whose tenants' Pods may be reached from where the bench dials.

use anyhow::Result;
use kube::Client;
use warren_crds::VirtualClusterClassSpec;
use warren_devhost::network::NODES_CIDR;

use super::super::classes;

const NAME: &str = "bench-objects";

/// Creates the class; returns its name.
pub(super) async fn create(client: &Client) -> Result<String> {
    classes::create(client, NAME, of).await
}

/// The default class, with an open door: otherwise no packet of the bench's would reach a tenant's Pod.
fn of(mut default: VirtualClusterClassSpec) -> VirtualClusterClassSpec {
    default.network.ingress_ranges.push(NODES_CIDR.to_owned());
    default
}

/// Deletes the class where there is one.
pub(in super::super) async fn remove(client: &Client) -> Result<()> {
    classes::remove(client, NAME).await
}

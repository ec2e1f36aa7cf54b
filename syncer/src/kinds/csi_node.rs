//! CSINodes: one for each Node of the tenant, with the drivers of the classes on offer.

use k8s_openapi::api::storage::v1::CSINode;
use kube::ResourceExt;
use warren_runtime::store::ObjectKey;
use warren_translate::kinds::csi_node;

use super::storage_class::has_driver;
use super::up::ComesUp;
use crate::context::Context;
use crate::stores::Both;

impl ComesUp for CSINode {
    fn both(ctx: &Context) -> &Both<Self> {
        &ctx.ups.csi_nodes
    }

    fn is_ready(ctx: &Context) -> bool {
        let known = ctx.ups.nodes.is_ready() && ctx.ups.storage_classes.is_ready();
        known && Self::both(ctx).is_ready()
    }

    fn wanted(ctx: &Context, host: &Self) -> Option<Self> {
        let node = ctx.ups.nodes.get(&ObjectKey::new("", host.name_any()))?;
        csi_node::up(&node.metadata, host, |driver| has_driver(ctx, driver))
    }
}

#[cfg(test)]
mod tests;

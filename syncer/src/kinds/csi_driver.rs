//! CSIDrivers: those of the classes on offer, in the tenant.

use k8s_openapi::api::storage::v1::CSIDriver;
use kube::ResourceExt;
use warren_translate::kinds::csi_driver;

use super::storage_class::has_driver;
use super::up::ComesUp;
use crate::context::Context;
use crate::stores::Both;

impl ComesUp for CSIDriver {
    fn both(ctx: &Context) -> &Both<Self> {
        &ctx.ups.csi_drivers
    }

    fn is_ready(ctx: &Context) -> bool {
        Self::both(ctx).is_ready() && ctx.ups.storage_classes.is_ready()
    }

    fn wanted(ctx: &Context, host: &Self) -> Option<Self> {
        let offered = has_driver(ctx, &host.name_any());
        offered.then(|| csi_driver::up(host)).flatten()
    }
}

//! DeviceClasses: the host's that the class names, in the tenant.

use k8s_openapi::api::resource::v1::DeviceClass;
use kube::ResourceExt;
use warren_translate::kinds::device_class;

use super::up::ComesUp;
use crate::context::Context;
use crate::stores::Both;

impl ComesUp for DeviceClass {
    fn both(ctx: &Context) -> &Both<Self> {
        &ctx.ups.device_classes
    }

    fn wanted(ctx: &Context, host: &Self) -> Option<Self> {
        let offered = ctx.policy.classes.device.offers(&host.name_any());
        offered.then(|| device_class::up(host)).flatten()
    }
}

//! RuntimeClasses: the host's that the class names, in the tenant.

use k8s_openapi::api::node::v1::RuntimeClass;
use kube::ResourceExt;
use warren_translate::kinds::runtime_class;

use super::up::ComesUp;
use crate::context::Context;
use crate::stores::Both;

impl ComesUp for RuntimeClass {
    fn both(ctx: &Context) -> &Both<Self> {
        &ctx.ups.runtime_classes
    }

    fn wanted(ctx: &Context, host: &Self) -> Option<Self> {
        let offered = ctx.policy.offers_runtime(&host.name_any());
        offered.then(|| runtime_class::up(host)).flatten()
    }
}

//! PriorityClasses: the host's that the class names, in the tenant.

use k8s_openapi::api::scheduling::v1::PriorityClass;
use kube::ResourceExt;
use warren_translate::kinds::priority_class;

use super::up::ComesUp;
use crate::context::Context;
use crate::stores::Both;

impl ComesUp for PriorityClass {
    fn both(ctx: &Context) -> &Both<Self> {
        &ctx.ups.priority_classes
    }

    fn wanted(ctx: &Context, host: &Self) -> Option<Self> {
        let offered = ctx.policy.classes.offers_priority(&host.name_any());
        offered.then(|| priority_class::up(host)).flatten()
    }
}

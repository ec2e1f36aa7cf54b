//! IngressClasses: the host's that the class offers, in the tenant.

use k8s_openapi::api::networking::v1::IngressClass;
use kube::ResourceExt;
use warren_translate::kinds::ingress_class;

use super::up::ComesUp;
use crate::context::Context;
use crate::stores::Both;

impl ComesUp for IngressClass {
    fn both(ctx: &Context) -> &Both<Self> {
        &ctx.ups.ingress_classes
    }

    fn wanted(ctx: &Context, host: &Self) -> Option<Self> {
        let labels = host.metadata.labels.as_ref();
        let offered = ctx.policy.classes.ingress.offers(&host.name_any(), labels);
        offered.then(|| ingress_class::up(host)).flatten()
    }
}

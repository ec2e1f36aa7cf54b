//! IngressClasses: the host's that the class offers, in the tenant.

use std::sync::Arc;

use k8s_openapi::api::networking::v1::{Ingress, IngressClass};
use kube::ResourceExt;
use warren_translate::identity::TenantKey;
use warren_translate::kinds::{ingress, ingress_class};

use super::up::ComesUp;
use crate::context::Context;
use crate::key::{Key, Kind};
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

    /// The Ingresses that name this class, or none at all.
    fn raise(ctx: &Context, key: &Key) {
        let class = key.tenant.name.as_str();
        let named = |ingress: &Arc<Ingress>| ingress::class_of(ingress).is_none_or(|named| named == class);
        for ingress in ctx.ingresses.tenant.filter(named) {
            if let Ok(tenant) = TenantKey::of(&ingress.metadata) {
                ctx.queue.add(Key::new(Kind::Ingress, tenant));
            }
        }
    }
}

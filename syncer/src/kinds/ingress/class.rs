//! Which class an Ingress has, and who serves it.

use k8s_openapi::api::networking::v1::{Ingress, IngressClass};
use kube::ResourceExt;
use warren_runtime::store::ObjectKey;
use warren_translate::kinds::ingress;
use warren_translate::mirrored::is_mirrored;
use warren_translate::{Denied, DeniedField};

use super::super::up::{self, ComesUp as _};
use crate::context::Context;

/// Annotation of the class that an Ingress without one has.
const IS_DEFAULT: &str = "ingressclass.kubernetes.io/is-default-class";

/// Who serves an Ingress.
pub(super) enum Class {
    /// A controller of the host's class of this name.
    Hosts(String),
    /// A controller in the tenant: nothing goes down.
    Tenants,
    /// Nobody.
    None(Denied),
}

/// The class of an Ingress: the one that it names, else the tenant's default. What the host offers goes before what the
/// tenant has under the same name, as with other classes.
pub(super) fn of(ctx: &Context, tenant: &Ingress) -> Class {
    let named = ingress::class_of(tenant).map(str::to_owned);
    let Some(class) = named.or_else(|| default_of_tenant(ctx)) else {
        return none(ctx, "is not set, and no class is the default");
    };
    if ingress_class_offered(ctx, &class) {
        return Class::Hosts(class);
    }
    let own = ctx
        .ups
        .ingress_classes
        .tenant
        .get(&ObjectKey::new("", class.as_str()));
    if own.is_some_and(|own| !is_mirrored(&own.metadata)) {
        return Class::Tenants;
    }
    none(ctx, &format!("names {class}, which is not offered"))
}

/// Whether the host has a class of this name that this cluster may use.
fn ingress_class_offered(ctx: &Context, name: &str) -> bool {
    let class = ctx.ups.ingress_classes.host.get(&ObjectKey::new("", name));
    class.is_some_and(|class| IngressClass::wanted(ctx, &class).is_some())
}

fn none(ctx: &Context, what: &str) -> Class {
    let offered = up::offered::<IngressClass>(ctx);
    let offered = if offered.is_empty() {
        "the platform offers none".to_owned()
    } else {
        format!("the platform offers {}", offered.join(", "))
    };
    Class::None(Denied {
        fields: vec![DeniedField {
            field: "spec.ingressClassName".to_owned(),
            why: format!("{what}: {offered}"),
        }],
    })
}

/// As the tenant's admission would choose it: the newest, of equals the first by name.
fn default_of_tenant(ctx: &Context) -> Option<String> {
    let is_default = |class: &IngressClass| {
        class
            .annotations()
            .get(IS_DEFAULT)
            .is_some_and(|yes| yes == "true")
    };
    let defaults = ctx.ups.ingress_classes.tenant.filter(|class| is_default(class));
    let newest = defaults.iter().max_by(|a, b| {
        let by_time = a.creation_timestamp().cmp(&b.creation_timestamp());
        by_time.then_with(|| b.name_any().cmp(&a.name_any()))
    });
    newest.map(|class| class.name_any())
}

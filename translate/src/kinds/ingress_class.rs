//! IngressClasses, host → tenant: which controller serves a class, and whether it is the default.

use k8s_openapi::api::networking::v1::{IngressClass, IngressClassSpec};
use serde_json::json;

use crate::mirrored::{self, Mirrored, Parts, TRUE};

/// Annotation: Ingresses that name no class get this one.
pub const IS_DEFAULT: &str = "ingressclass.kubernetes.io/is-default-class";

/// The tenant's class. Its parameters are an object of the host's; labels and annotations stay there, too, but for the
/// default's. `None` for a class without a name.
pub fn up(host: &IngressClass) -> Option<IngressClass> {
    let IngressClass { metadata, spec } = host;
    let default: &[_] = if mirrored::says_yes(metadata, &[IS_DEFAULT]) {
        &[(IS_DEFAULT, TRUE)]
    } else {
        &[]
    };
    let controller = spec.as_ref().and_then(|spec| {
        let IngressClassSpec {
            controller,
            parameters: _, // an object of the host's
        } = spec;
        controller.clone()
    });
    Some(IngressClass {
        metadata: mirrored::metadata(metadata, default)?,
        spec: Some(IngressClassSpec {
            controller,
            parameters: None,
        }),
    })
}

impl Mirrored for IngressClass {
    const ANNOTATIONS: &'static [&'static str] = &[IS_DEFAULT];

    fn parts(&self) -> Parts {
        let Self { metadata: _, spec } = self;
        let IngressClassSpec {
            controller,
            parameters,
        } = spec.clone().unwrap_or_default();
        Parts {
            fixed: json!({ "controller": controller }),
            open: json!({ "spec": { "parameters": parameters } }),
        }
    }
}

#[cfg(test)]
mod tests;

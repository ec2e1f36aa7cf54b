//! The host Pod of a tenant Pod.

use k8s_openapi::api::core::v1::Pod;

use super::context::{PodContext, host_name};
use crate::error::Result;
use crate::identity::TenantKey;
use crate::meta;
use crate::note::{Findings, Outcome};

/// The host Pod, pinned to the host node of the same name as the tenant's, owned by the anchor.
///
/// # Errors
/// When the Pod has no name, namespace, UID or spec, or is not bound to a node.
pub fn down(context: &PodContext<'_>, tenant: &Pod) -> Result<Outcome<Pod>> {
    let key = TenantKey::of(&tenant.metadata)?;
    let mut metadata = meta::host_meta(
        context.cluster,
        context.policy,
        &host_name(context.cluster, &key),
        &tenant.metadata,
    )?;
    metadata.owner_references = context.owner().map(|owner| vec![owner]);
    Ok(Findings::default().outcome(Pod {
        metadata,
        spec: tenant.spec.clone(),
        status: None,
    }))
}

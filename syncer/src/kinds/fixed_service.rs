//! `default/kubernetes` and `kube-system/kube-dns` of the tenant: never on the host, and kept at the addresses of
//! the host Services behind which the tenant's apiserver and DNS are.

use super::content::version;
use crate::context::Context;
use crate::error::Result;
use crate::flip::{self, Address};
use crate::key::Key;
use crate::registry::Round;
use crate::settlements::State;
use crate::verified::LAG;
use warren_translate::identity::TenantKey;

/// The key of `default/kubernetes`, whose address goes into every Pod's environment.
pub fn kubernetes() -> Key {
    Key::new(
        crate::key::Kind::FixedService,
        TenantKey::new("default", "kubernetes"),
    )
}

/// One round. A tenant that does not have the Service (yet) gets it from its own apiserver or from the operator.
///
/// # Errors
/// What [`flip::drive`] returns.
pub async fn round(ctx: &Context, key: &Key) -> Result<Round> {
    let Some(service) = ctx.tenant.services.get(&key.in_tenant()) else {
        return Ok(Round::done(State::Absent));
    };
    let address = if *key == kubernetes() {
        &ctx.api_service_ip
    } else {
        &ctx.dns_service_ip
    };
    let has = service.spec.as_ref().and_then(|spec| spec.cluster_ip.as_deref());
    if has == Some(address) && !flip::is_changing(&service.metadata) {
        ctx.verified.set(key, version(&service.metadata), String::new());
        return Ok(Round::done(State::Ready));
    }
    flip::drive(ctx, &key.tenant, &Address::fixed(address)).await?;
    Ok(Round::again(State::Ready, LAG))
}

//! The tenant object that a host Event is about: by the host object's UID, so that nothing that was said of a
//! predecessor is said of its successor of the same name.

mod claim;
mod pod;

use k8s_openapi::api::core::v1::Event;
use warren_runtime::act;
use warren_translate::identity::TenantUid;
use warren_translate::kinds::event;

use crate::context::Context;
use claim::ClaimSubject;
use pod::PodSubject;

/// What is spoken of.
pub(super) enum Subject {
    /// A Pod.
    Pod(Box<PodSubject>),
    /// A claim.
    Claim(ClaimSubject),
}

impl Subject {
    /// Looks both objects up. `None` when one is gone, or the host's is not this cluster's.
    ///
    /// # Errors
    /// An object that the stores do not have (it has just begun, or is finished) cannot be read.
    pub(super) async fn find(ctx: &Context, event: &Event) -> Result<Option<Self>, act::Error> {
        if event::is_of_claim(event) {
            return Ok(ClaimSubject::find(ctx, event).await?.map(Self::Claim));
        }
        let pod = PodSubject::find(ctx, event).await?;
        Ok(pod.map(|pod| Self::Pod(Box::new(pod))))
    }

    /// UID of the tenant object.
    pub(super) const fn uid(&self) -> &TenantUid {
        match self {
            Self::Pod(pod) => pod.uid(),
            Self::Claim(claim) => claim.uid(),
        }
    }

    /// The tenant's Event. `None` when it is not for the tenant.
    pub(super) fn up(&self, ctx: &Context, host: &Event) -> Option<Event> {
        match self {
            Self::Pod(pod) => pod.up(ctx, host),
            Self::Claim(claim) => claim.up(ctx, host),
        }
    }
}

//! Secrets: wiring of stores and translation.

use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use warren_runtime::store::Store;
use warren_translate::identity::Cluster;
use warren_translate::kinds::secret;
use warren_translate::policy::TenantPolicy;
use warren_translate::{Translated, name};

use super::content::{self, Content};
use crate::context::Context;
use crate::error::Result;
use crate::key::Key;
use crate::plan::HostKind;
use crate::registry::Round;

/// One round.
///
/// # Errors
/// As [`content::round`].
pub async fn round(ctx: &Context, key: &Key) -> Result<Round> {
    content::round::<Secret>(ctx, key).await
}

impl HostKind for Secret {
    fn needs_update(&self, desired: &Self) -> bool {
        secret::needs_update(self, desired)
    }

    fn must_replace(&self, desired: &Self) -> bool {
        secret::must_replace(self, desired)
    }
}

impl Content for Secret {
    const NAME: name::Kind = name::SECRET;

    fn down(
        cluster: &Cluster,
        policy: &TenantPolicy,
        tenant: &Self,
    ) -> warren_translate::Result<Translated<Self>> {
        secret::down(cluster, policy, tenant)
    }

    fn stores(ctx: &Context) -> (&Store<PartialObjectMeta<Self>>, &Store<PartialObjectMeta<Self>>) {
        (&ctx.tenant.secrets, &ctx.host.secrets)
    }
}

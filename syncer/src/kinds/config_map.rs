//! ConfigMaps: wiring of stores and translation.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::core::PartialObjectMeta;
use warren_runtime::store::Store;
use warren_translate::identity::Cluster;
use warren_translate::kinds::config_map;
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
    content::round::<ConfigMap>(ctx, key).await
}

impl HostKind for ConfigMap {
    fn needs_update(&self, desired: &Self) -> bool {
        config_map::needs_update(self, desired)
    }

    fn must_replace(&self, desired: &Self) -> bool {
        config_map::must_replace(self, desired)
    }
}

impl Content for ConfigMap {
    const NAME: name::Kind = name::CONFIG_MAP;

    fn down(
        cluster: &Cluster,
        policy: &TenantPolicy,
        tenant: &Self,
    ) -> warren_translate::Result<Translated<Self>> {
        config_map::down(cluster, policy, tenant)
    }

    fn stores(ctx: &Context) -> (&Store<PartialObjectMeta<Self>>, &Store<PartialObjectMeta<Self>>) {
        (&ctx.tenant.config_maps, &ctx.host.config_maps)
    }
}

//! Writes of whole objects in the tenant, for kinds that the syncer mirrors there.

use std::fmt::Debug;

use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use warren_runtime::act;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::key::Key;

/// Creates it, and returns it as it was stored.
///
/// # Errors
/// [`Error::Stale`] when it is there already: either an own write that the store does not show yet, or the tenant's own,
/// which the next round sees. [`Error::Act`].
pub(super) async fn create<K>(ctx: &Context, key: &Key, api: &Api<K>, object: &K) -> Result<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Serialize + Send + Sync,
{
    tracing::debug!(%key, "creating in the tenant");
    match act::create(api, object).await {
        Ok(created) => {
            ctx.wrote();
            Ok(created)
        }
        Err(error) if error.is_conflict() => Err(Error::Stale),
        Err(error) => Err(Error::Act(error)),
    }
}

/// Deletes this very object, unless it is going already.
///
/// # Errors
/// [`Error::NotProven`], [`Error::Act`].
pub(super) async fn delete<K>(ctx: &Context, key: &Key, api: &Api<K>, object: &K) -> Result<()>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Sync,
{
    let Some(uid) = object
        .uid()
        .filter(|_| object.meta().deletion_timestamp.is_none())
    else {
        return Ok(());
    };
    ctx.identity.prove().await?;
    tracing::info!(%key, "deleting in the tenant");
    act::delete(api, &object.name_any(), &uid, None).await?;
    ctx.wrote();
    Ok(())
}

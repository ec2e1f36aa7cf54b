//! The end of a host object whose tenant object is gone. A view that is behind shows nothing where an object was made
//! anew, so the tenant is asked once more, past this process's store, before anything is deleted: a claim would lose its
//! data, a Service its address for a while.

use kube::api::ObjectMeta;
use warren_runtime::act;
use warren_translate::identity::HostName;
use warren_translate::meta;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::perform::perform;
use crate::plan::{HostKind, plan_copy};

/// Removes the host object `host`, if it stands for an object that the tenant does not have.
///
/// # Errors
/// [`Error::Stale`] when the tenant has it after all; a failed read; what [`perform`] returns.
pub(super) async fn remove<H: HostKind>(
    ctx: &Context,
    key: &Key,
    name: &HostName,
    host: Option<&H>,
) -> Result<()> {
    let Some(host) = host.filter(|host| host.meta().deletion_timestamp.is_none()) else {
        return Ok(());
    };
    let Some(origin) = meta::origin(host.meta()) else {
        return Ok(());
    };
    let is_owner = |tenant: ObjectMeta| tenant.uid.as_deref() == Some(origin.uid.as_str());
    if read::<H>(ctx, key).await?.is_some_and(is_owner) {
        return Err(Error::Stale);
    }
    perform(ctx, key, name, plan_copy(&ctx.cluster, None, Some(host))).await?;
    Ok(())
}

/// The tenant's object as it is now.
///
/// # Errors
/// When it cannot be read.
pub(super) async fn read<H: HostKind>(ctx: &Context, key: &Key) -> Result<Option<ObjectMeta>> {
    let api = ctx.tenant_api::<H>(&key.tenant.namespace);
    let name = key.tenant.name.as_str();
    let read = act::call(format!("read {key}"), api.get_metadata_opt(name)).await?;
    Ok(read.map(|object| object.metadata))
}

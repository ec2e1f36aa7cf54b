//! Objects of registered kinds: down under a host name, with what they name under its host name; status up.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Api;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions};
use serde_json::Value;
use warren_runtime::act;
use warren_translate::identity::HostName;
use warren_translate::kinds::custom::{Down, Sides, down, host_name, is_as, status_changes};
use warren_translate::meta;

use super::content::{in_host, version};
use super::{gateway, route};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::perform::refused;
use crate::registry::Round;
use crate::settlements::State;
use crate::stores::customs::{CustomStores, Role, selects};
use crate::verified::{LAG, Standing};

/// Reason of the Event on objects of a kind that the platform does not take.
const NOT_OFFERED: &str = "NotOffered";

/// One round.
///
/// # Errors
/// Failed calls to either cluster, [`Error::Refused`], [`Error::Foreign`].
pub async fn round(ctx: &Context, key: &Key) -> Result<Round> {
    let Some(stores) = ctx.customs.of(key) else {
        return Ok(Round::done(State::Unneeded));
    };
    let CustomStores {
        custom, tenant, host, ..
    } = stores;
    match stores.role {
        Role::Registered => {}
        Role::Route => return route::round(ctx, key, stores).await,
        Role::Gateway => return gateway::round(ctx, key, stores).await,
    }
    if !tenant.is_ready() || !ctx.customs.is_offered(&custom.definition) {
        return Ok(Round::done(State::Absent));
    }
    let object = tenant.get(&key.in_tenant());
    if !host.is_ready() {
        if let Some(object) = object {
            let note = "the platform does not let this cluster have objects of this kind";
            ctx.teller.warn(key, about(&object), NOT_OFFERED, note);
        }
        return Ok(Round::done(State::Absent));
    }
    let name = host_name(&ctx.cluster, custom, &key.tenant);
    let there = host.get(&in_host(&ctx.cluster, &name));
    let api = host_api(ctx, stores);
    let Some(object) = object.filter(|object| selects(custom, &object.metadata)) else {
        ctx.verified.forget(key);
        ctx.teller.forget(key);
        let own = there.filter(|there| meta::belongs(&ctx.cluster, &there.metadata));
        if let Some(own) = own {
            delete(ctx, key, &api, &own).await?;
        }
        return Ok(Round::done(State::Unneeded));
    };
    let wanted = down(&ctx.cluster, &ctx.policy, custom, &object.metadata, &object.data)?;
    let there = there.as_deref();
    let Some(is_current) = keep(ctx, key, stores, (&object, wanted), there).await? else {
        return Ok(Round::again(State::Ready, LAG));
    };
    if let Some(there) = there.filter(|there| meta::belongs(&ctx.cluster, &there.metadata)) {
        report(ctx, key, stores, (&object, there), is_current).await?;
    }
    Ok(Round::done(State::Ready))
}

/// Makes the host's object as wanted. Returns whether `there`, what the store shows, was so already; `None` when the store
/// does not show yet what was written.
pub(super) async fn keep(
    ctx: &Context,
    key: &Key,
    stores: &CustomStores,
    (tenant, wanted): (&DynamicObject, Down),
    there: Option<&DynamicObject>,
) -> Result<Option<bool>> {
    let name = host_name(&ctx.cluster, &stores.custom, &key.tenant);
    let seen = there.map(|there| version(&there.metadata));
    let fingerprint = serde_json::to_string(&(&wanted.metadata, &wanted.data))?;
    if ctx.verified.check(key, &fingerprint, seen.as_deref()) == Standing::Written {
        return Ok(None);
    }
    let is_current = there.is_some_and(|there| is_current(there, &wanted));
    if !is_current {
        let api = host_api(ctx, stores);
        let written = bring(ctx, key, &api, &name, (tenant, wanted), there).await?;
        ctx.verified.set(key, fingerprint, version(&written.metadata));
    }
    Ok(Some(is_current))
}

fn is_current(there: &DynamicObject, wanted: &Down) -> bool {
    !meta::needs_update(&there.metadata, &wanted.metadata) && is_as(&there.data, &wanted.data)
}

/// Writes the host's object and returns it as it was stored.
async fn bring(
    ctx: &Context,
    key: &Key,
    api: &Api<DynamicObject>,
    name: &HostName,
    (tenant, wanted): (&DynamicObject, Down),
    there: Option<&DynamicObject>,
) -> Result<DynamicObject> {
    let mut object = DynamicObject {
        types: tenant.types.clone(),
        metadata: wanted.metadata,
        data: wanted.data,
    };
    let params = PostParams::default();
    let Some(there) = there else {
        tracing::debug!(%key, host_name = %name, "creating");
        let created = act::call(format!("create {name}"), api.create(&params, &object)).await;
        return written(ctx, name, created);
    };
    if !meta::belongs(&ctx.cluster, &there.metadata) {
        return Err(Error::Foreign {
            host_name: name.clone(),
        });
    }
    if there.metadata.deletion_timestamp.is_some() {
        return Err(Error::Stale);
    }
    let uid = |metadata| meta::origin(metadata).map(|origin| origin.uid);
    if uid(&there.metadata) != uid(&object.metadata) {
        // It stood for an earlier object of the same name, and has that one's status.
        delete(ctx, key, api, there).await?;
        return Err(Error::Stale);
    }
    tracing::debug!(%key, host_name = %name, "updating");
    meta::carry_over(&there.metadata, &mut object.metadata);
    let status = there.data.get("status");
    if let (Some(fields), Some(status)) = (object.data.as_object_mut(), status) {
        fields.insert("status".to_owned(), status.clone());
    }
    let replace = api.replace(name.as_str(), &params, &object);
    written(ctx, name, act::call(format!("replace {name}"), replace).await)
}

/// A conflict is an own write that the store does not show yet, or somebody else's: the next round sees which.
fn written(
    ctx: &Context,
    name: &HostName,
    answer: Result<DynamicObject, act::Error>,
) -> Result<DynamicObject> {
    match answer {
        Ok(stored) => {
            ctx.wrote();
            Ok(stored)
        }
        Err(error) if error.is_conflict() => Err(Error::Stale),
        Err(error) => Err(refused(name, error)),
    }
}

/// Deletes this very object where `api` is, unless it is going already.
///
/// # Errors
/// [`Error::NotProven`], [`Error::Act`].
pub(super) async fn delete(
    ctx: &Context,
    key: &Key,
    api: &Api<DynamicObject>,
    object: &DynamicObject,
) -> Result<()> {
    let (Some(name), Some(uid)) = (&object.metadata.name, &object.metadata.uid) else {
        return Ok(());
    };
    if object.metadata.deletion_timestamp.is_some() {
        return Ok(());
    }
    ctx.identity.prove().await?;
    tracing::info!(%key, name, "deleting");
    let params = DeleteParams {
        preconditions: Some(Preconditions {
            uid: Some(uid.clone()),
            resource_version: None,
        }),
        ..DeleteParams::background()
    };
    match act::call(format!("delete {name}"), api.delete(name, &params)).await {
        Ok(_deleted_or_deleting) => {}
        Err(error) if error.is_not_found() || error.is_conflict() => {}
        Err(error) => return Err(Error::Act(error)),
    }
    ctx.wrote();
    Ok(())
}

/// Brings the status up.
async fn report(
    ctx: &Context,
    key: &Key,
    stores: &CustomStores,
    (tenant, host): (&DynamicObject, &DynamicObject),
    is_current: bool,
) -> Result<()> {
    let sides = Sides {
        tenant: (&tenant.metadata, &tenant.data),
        host: (&host.metadata, &host.data),
        is_current,
    };
    let Some(patch) = status_changes(&ctx.cluster, &stores.custom, &sides)? else {
        return Ok(());
    };
    write_status(ctx, key, stores, &patch).await
}

/// Patches the status of the tenant's object.
///
/// # Errors
/// [`Error::Stale`] when a precondition of the patch does not hold, [`Error::Act`].
pub(super) async fn write_status(
    ctx: &Context,
    key: &Key,
    stores: &CustomStores,
    patch: &Value,
) -> Result<()> {
    let api = tenant_api(ctx, key, stores);
    let name = key.tenant.name.as_str();
    let patch: Patch<&Value> = Patch::Merge(patch);
    let params = PatchParams::default();
    let what = format!("write the status of {key}");
    match act::call(what, api.patch_status(name, &params, &patch)).await {
        Ok(_written) => {}
        Err(error) if error.is_conflict() => return Err(Error::Stale),
        Err(error) => return Err(Error::Act(error)),
    }
    ctx.wrote();
    Ok(())
}

/// Where the tenant's object is.
pub(super) fn tenant_api(ctx: &Context, key: &Key, stores: &CustomStores) -> Api<DynamicObject> {
    let namespace = key.tenant.namespace.as_str();
    Api::namespaced_with(ctx.tenant_client.client(), namespace, &stores.resource())
}

/// Where the host's objects are.
pub(super) fn host_api(ctx: &Context, stores: &CustomStores) -> Api<DynamicObject> {
    let namespace = ctx.cluster.workload_namespace.as_str();
    Api::namespaced_with(ctx.host_client.client(), namespace, &stores.resource())
}

/// The tenant's object, for an Event.
pub(crate) fn about(tenant: &DynamicObject) -> ObjectReference {
    let types = tenant.types.clone().unwrap_or_default();
    ObjectReference {
        api_version: Some(types.api_version),
        kind: Some(types.kind),
        namespace: tenant.metadata.namespace.clone(),
        name: tenant.metadata.name.clone(),
        uid: tenant.metadata.uid.clone(),
        ..ObjectReference::default()
    }
}

/// The kind is offered from now on, or can be read: all of its objects are looked at.
pub(crate) fn raise_all(ctx: &Context, definition: &str) {
    if let Some(stores) = ctx.customs.kinds.get(definition) {
        for key in stores.keys() {
            ctx.queue.add(key);
        }
    }
}

#[cfg(test)]
mod tests;

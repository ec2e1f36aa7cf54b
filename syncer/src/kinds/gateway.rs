//! Gateways: those of the host that the class offers are in the tenant, under the same namespace and name, for routes to name.

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, ListParams, ObjectMeta, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use warren_crds::gateways::{HTTP_ROUTES, TLS_ROUTES};
use warren_crds::keys;
use warren_runtime::act;
use warren_translate::kinds::custom::is_as;
use warren_translate::kinds::gateway::{Picture, offer, up};
use warren_translate::mirrored::is_mirrored;

use super::custom;
use super::up::HIDDEN;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::registry::Round;
use crate::settlements::State;
use crate::stores::customs::CustomStores;

/// One round; `key` is the Gateway on both sides.
///
/// # Errors
/// Failed writes in the tenant.
pub(super) async fn round(ctx: &Context, key: &Key, stores: &CustomStores) -> Result<Round> {
    if !stores.is_ready() || !ctx.customs.is_offered(&stores.custom.definition) {
        return Ok(Round::done(State::Absent));
    }
    // Routes that name it may have become others, or may be at last.
    for definition in [HTTP_ROUTES, TLS_ROUTES] {
        custom::raise_all(ctx, definition);
    }
    let host = stores.host.get(&key.in_tenant());
    let wanted = host.and_then(|host| up(offer(&ctx.policy.gateways, &host.metadata)?, &host.data));
    let tenant = stores.tenant.get(&key.in_tenant());
    match (tenant.as_deref(), wanted) {
        (None, None) => ctx.teller.forget(key),
        (Some(own), wanted) if !is_mirrored(&own.metadata) => {
            if wanted.is_some() {
                let note = "the platform offers one of this name, too: it does not show while this one is there, but \
                            routes that name it get the platform's";
                ctx.teller.inform(key, custom::about(own), HIDDEN, note);
            }
            return Ok(Round::done(State::Absent));
        }
        (Some(tenant), None) => {
            let api = custom::tenant_api(ctx, key, stores);
            custom::delete(ctx, key, &api, tenant).await?;
        }
        (tenant, Some(wanted)) => return show(ctx, key, stores, tenant, wanted).await,
    }
    Ok(Round::done(State::Unneeded))
}

/// Makes the tenant's Gateway so, and its status.
async fn show(
    ctx: &Context,
    key: &Key,
    stores: &CustomStores,
    there: Option<&DynamicObject>,
    wanted: Picture,
) -> Result<Round> {
    let api = custom::tenant_api(ctx, key, stores);
    let Picture {
        metadata,
        spec,
        conditions,
    } = wanted;
    let there = match there {
        None => create(ctx, key, &api, stores, metadata, &spec).await?,
        Some(there) if is_as(&there.data, &json!({ "spec": spec })) => there.clone(),
        Some(there) => {
            let patch = json!({ "metadata": { "uid": there.metadata.uid }, "spec": spec });
            let (params, patch) = (PatchParams::default(), Patch::Merge(&patch));
            let patched = api.patch(key.tenant.name.as_str(), &params, &patch);
            let patched = act::call(format!("patch {key}"), patched).await?;
            ctx.wrote();
            patched
        }
    };
    if let Some(patch) = status(&there, conditions) {
        custom::write_status(ctx, key, stores, &patch).await?;
    }
    Ok(Round::done(State::Ready))
}

/// The patch of the status; `None` when it says so already, or the host says nothing yet.
fn status(there: &DynamicObject, mut conditions: Vec<Value>) -> Option<Value> {
    for condition in conditions.iter_mut().filter_map(Value::as_object_mut) {
        let generation = json!(there.metadata.generation);
        condition.insert("observedGeneration".to_owned(), generation);
    }
    let says = there.data.pointer("/status/conditions");
    if conditions.is_empty() || says == Some(&json!(conditions)) {
        return None;
    }
    Some(json!({ "metadata": { "uid": there.metadata.uid }, "status": { "conditions": conditions } }))
}

/// Creates it, and its namespace where the tenant has none of that name: nobody else would make it.
async fn create(
    ctx: &Context,
    key: &Key,
    api: &Api<DynamicObject>,
    stores: &CustomStores,
    metadata: ObjectMeta,
    spec: &Value,
) -> Result<DynamicObject> {
    let namespace = Namespace {
        metadata: ObjectMeta {
            name: Some(key.tenant.namespace.to_string()),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    };
    match act::create(&Api::<Namespace>::all(ctx.tenant_client.client()), &namespace).await {
        Ok(_made) => ctx.wrote(),
        Err(error) if error.is_conflict() => {}
        Err(error) => return Err(Error::Act(error)),
    }
    let custom = &stores.custom;
    let gateway = DynamicObject {
        types: Some(kube::core::TypeMeta {
            api_version: format!("{}/{}", custom.group(), custom.version),
            kind: "Gateway".to_owned(),
        }),
        metadata,
        data: json!({ "spec": spec }),
    };
    tracing::debug!(%key, "creating in the tenant");
    match act::call(
        format!("create {key}"),
        api.create(&PostParams::default(), &gateway),
    )
    .await
    {
        Ok(created) => {
            ctx.wrote();
            Ok(created)
        }
        // Either an own write that the store does not show yet, or the tenant's own, which the next round sees.
        Err(error) if error.is_conflict() => Err(Error::Stale),
        Err(error) => Err(Error::Act(error)),
    }
}

/// Takes all of them out of the tenant: the class offers none any more.
///
/// # Errors
/// Failed calls to the tenant, [`Error::NotProven`].
pub(super) async fn hide_all(ctx: &Context, key: &Key, resource: &ApiResource) -> Result<()> {
    let all: Api<DynamicObject> = Api::all_with(ctx.tenant_client.client(), resource);
    let params = ListParams::default().labels(&format!("{}=true", keys::FROM_HOST));
    let mut list = act::call("list Gateways", all.list(&params)).await?.items;
    list.retain(|gateway| is_mirrored(&gateway.metadata));
    for gateway in &list {
        let namespace = gateway.metadata.namespace.as_deref().unwrap_or_default();
        let api = Api::namespaced_with(ctx.tenant_client.client(), namespace, resource);
        custom::delete(ctx, key, &api, gateway).await?;
    }
    Ok(())
}

//! Definitions of registered kinds: the host's, in the tenant. One that is no longer registered stays there, since the
//! tenant's objects would go with it; what it has on the host goes.

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, ListParams};
use serde_json::json;
use warren_crds::gateways::GATEWAYS;
use warren_crds::keys;
use warren_crds::sync::Custom;
use warren_runtime::act;
use warren_runtime::log::Chain;
use warren_translate::kinds::custom::definition;
use warren_translate::kinds::gateway;
use warren_translate::meta;
use warren_translate::mirrored::is_mirrored;

use super::content::version;
use super::mapped::{NAME_TAKEN, NOT_MAPPED};
use super::{custom, tenant_write};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::registry::Round;
use crate::settlements::State;
use crate::stores::customs::{CustomStores, Role};
use crate::verified::{LAG, Standing};

/// One round; `key` is the name of the definition.
///
/// # Errors
/// Failed calls to either cluster.
pub async fn round(ctx: &Context, key: &Key) -> Result<Round> {
    match ctx.customs.kinds.get(key.tenant.name.as_str()) {
        Some(stores) => offer(ctx, key, stores).await,
        None => retire(ctx, key).await,
    }
}

async fn offer(ctx: &Context, key: &Key, stores: &CustomStores) -> Result<Round> {
    custom::raise_all(ctx, &stores.custom.definition);
    let Some(host_seen) = stores.definition.get(&key.in_tenant()) else {
        // The host does not have the kind (any more): what the tenant has of it stays.
        if stores.role != Role::Registered && stores.is_served() && stores.definition.is_ready() {
            begin_anew(ctx, key);
        }
        return Ok(Round::done(State::Absent));
    };
    let host_version = version(&host_seen.metadata);
    let tenant_seen = ctx.customs.tenant_definitions.get(&key.in_tenant());
    let tenant_version = tenant_seen.map(|seen| version(&seen.metadata));
    match ctx.verified.check(key, &host_version, tenant_version.as_deref()) {
        Standing::Current => return Ok(Round::done(State::Ready)),
        Standing::Written => return Ok(Round::again(State::Ready, LAG)),
        Standing::Unknown => {}
    }
    let name = key.tenant.name.as_str();
    let host: Api<CustomResourceDefinition> = Api::all(ctx.host_client.client());
    let tenant: Api<CustomResourceDefinition> = Api::all(ctx.tenant_client.client());
    let (host, existing) = tokio::try_join!(
        act::call(format!("read definition {name} of the host"), host.get_opt(name)),
        act::call(format!("read definition {name}"), tenant.get_opt(name)),
    )?;
    let Some(host) = host else {
        return Err(Error::Stale);
    };
    if is_behind(stores, &host) {
        begin_anew(ctx, key);
        return Ok(Round::done(State::Absent));
    }
    if !stores.is_served() {
        return Ok(Round::done(State::Absent));
    }
    let mut desired = match definition::up(&host, &stores.custom) {
        Ok(desired) => desired,
        Err(why) => {
            tell(ctx, key, NOT_MAPPED, &why);
            return Ok(Round::done(State::Absent));
        }
    };
    let current = match existing {
        None => tenant_write::create(ctx, key, &tenant, &desired).await?,
        Some(existing) if !is_mirrored(&existing.metadata) => {
            let note =
                format!("'{name}' of the platform is not offered: the cluster has a definition of its own");
            tell(ctx, key, NAME_TAKEN, &note);
            return Ok(Round::done(State::Absent));
        }
        Some(existing) if existing.spec == desired.spec => existing,
        Some(existing) => {
            meta::carry_over(&existing.metadata, &mut desired.metadata);
            let replaced = act::replace(&tenant, &desired).await?;
            ctx.wrote();
            replaced
        }
    };
    ctx.verified
        .set(key, version(&host.metadata), version(&current.metadata));
    Ok(Round::done(State::Ready))
}

/// Of the Gateway API what is watched is decided at the start.
fn begin_anew(ctx: &Context, key: &Key) {
    tracing::info!(%key, "the host serves it otherwise than at the start, beginning anew");
    ctx.restart.cancel();
}

/// Whether the watches are of another version than the one that a kind of the Gateway API has by now.
fn is_behind(stores: &CustomStores, host: &CustomResourceDefinition) -> bool {
    let served = gateway::version(host).unwrap_or_default();
    stores.role != Role::Registered && stores.custom.version != served
}

/// Takes what the host has of a kind that was registered once; then the definition is the tenant's own.
async fn retire(ctx: &Context, key: &Key) -> Result<Round> {
    if ctx.customs.tenant_definitions.get(&key.in_tenant()).is_none() {
        return Ok(Round::done(State::Unneeded));
    }
    let name = key.tenant.name.as_str();
    let tenant: Api<CustomResourceDefinition> = Api::all(ctx.tenant_client.client());
    let read = act::call(format!("read definition {name}"), tenant.get_opt(name)).await?;
    let Some(definition) = read.filter(|definition| is_mirrored(&definition.metadata)) else {
        return Ok(Round::done(State::Unneeded));
    };
    let served = definition.spec.versions.iter().find(|version| version.served);
    if let Some(served) = served {
        let custom = Custom {
            definition: name.to_owned(),
            version: served.name.clone(),
            ..Custom::default()
        };
        let resource = CustomStores::new(custom, Role::Registered).resource();
        if name == GATEWAYS {
            super::gateway::hide_all(ctx, key, &resource).await?;
        } else if !delete_all(ctx, key, &resource).await? {
            return Ok(Round::done(State::Absent));
        }
    }
    let patch =
        json!({ "metadata": { "uid": definition.metadata.uid, "labels": { keys::FROM_HOST: null } } });
    act::merge(&tenant, name, &patch).await?;
    ctx.wrote();
    // Routes had host names.
    ctx.host_names.unsettle();
    Ok(Round::done(State::Unneeded))
}

/// False where the class does not allow it any more: then it is the platform's to take.
async fn delete_all(ctx: &Context, key: &Key, resource: &ApiResource) -> Result<bool> {
    let namespace = ctx.cluster.workload_namespace.as_str();
    let host: Api<DynamicObject> = Api::namespaced_with(ctx.host_client.client(), namespace, resource);
    let params = ListParams::default().labels(&format!("{}={}", keys::CLUSTER, ctx.cluster.id));
    let list = match act::call(
        format!("list {} of the host", resource.plural),
        host.list(&params),
    )
    .await
    {
        Ok(list) => list.items,
        // The host no longer has the kind.
        Err(error) if error.is_not_found() => Vec::new(),
        Err(error) if error.code() == Some(403) => {
            tracing::warn!(%key, error = %Chain(&error), "what it has on the host is left");
            return Ok(false);
        }
        Err(error) => return Err(Error::Act(error)),
    };
    let mut own = list;
    own.retain(|object| meta::belongs(&ctx.cluster, &object.metadata));
    if own.is_empty() {
        return Ok(true);
    }
    for object in &own {
        custom::delete(ctx, key, &host, object).await?;
    }
    // Gone is what the host no longer lists.
    Err(Error::Stale)
}

/// An Event on the `default` namespace: there is no object of the tenant's to speak of.
fn tell(ctx: &Context, key: &Key, reason: &str, note: &str) {
    let about = ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Namespace".to_owned()),
        name: Some("default".to_owned()),
        ..ObjectReference::default()
    };
    ctx.teller.warn(key, about, reason, note);
}

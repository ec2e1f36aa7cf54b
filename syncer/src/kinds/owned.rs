//! Secrets that one Pod alone has: made before the host Pod, owned by it afterwards, so that they go with it; removed
//! here when the Pod is gone and nothing owns them.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::api::ObjectMeta;
use serde_json::json;
use warren_runtime::act;
use warren_translate::identity::{HostName, TenantUid};
use warren_translate::kinds::{pod, token};
use warren_translate::meta;

use super::content::in_host;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::perform::{Performed, perform};
use crate::plan::{Action, plan_copy};
use crate::registry::Round;
use crate::settlements::State;

/// The host Pod, once it is there, unless the Secret has an owner already.
pub(super) fn owner_to_add(
    ctx: &Context,
    key: &Key,
    uid: &TenantUid,
    secret: Option<&ObjectMeta>,
) -> Option<OwnerReference> {
    if secret.is_some_and(is_owned) {
        return None;
    }
    let name = pod::host_name(&ctx.cluster, &key.tenant);
    let host_pod = ctx.host.pods.get(&in_host(&ctx.cluster, &name))?;
    meta::origin(&host_pod.metadata).filter(|origin| origin.uid == *uid)?;
    token::owner(&Pod {
        metadata: host_pod.metadata.clone(),
        ..Pod::default()
    })
}

fn is_owned(secret: &ObjectMeta) -> bool {
    secret
        .owner_references
        .as_ref()
        .is_some_and(|owners| !owners.is_empty())
}

/// Gives a Secret that is about to be written its owner.
pub(super) fn add_owner(secret: &mut Secret, owner: Option<OwnerReference>) {
    let owners = secret.metadata.owner_references.get_or_insert_default();
    if owners.is_empty() {
        owners.extend(owner);
    }
}

/// Gives the stored Secret its owner; content stays.
///
/// # Errors
/// What [`perform`] returns; [`Error::Stale`] when it was changed in between.
pub(super) async fn adopt(
    ctx: &Context,
    key: &Key,
    name: &HostName,
    seen: &ObjectMeta,
    owner: OwnerReference,
) -> Result<Secret> {
    let patch = json!({ "metadata": {
        "uid": seen.uid,
        "resourceVersion": seen.resource_version,
        "ownerReferences": [owner],
    } });
    let action = Action::Patch {
        name: name.as_str().to_owned(),
        patch,
    };
    match perform(ctx, key, name, vec![action]).await? {
        Performed::Written(stored) => Ok(*stored),
        Performed::Nothing | Performed::Deleted => Err(Error::Stale),
    }
}

/// The tenant's Pod is gone, or finished. What a host Pod owns goes with it; the ownerless goes here.
///
/// # Errors
/// What [`perform`] returns.
pub(super) async fn without_pod(
    ctx: &Context,
    key: &Key,
    uid: &TenantUid,
    name: &HostName,
    seen: Option<&ObjectMeta>,
) -> Result<Round> {
    ctx.verified.forget(key);
    let Some(seen) = seen.filter(|seen| !is_owned(seen)) else {
        return Ok(Round::done(State::Unneeded));
    };
    if let Some(owner) = owner_to_add(ctx, key, uid, Some(seen)) {
        adopt(ctx, key, name, seen, owner).await?;
        return Ok(Round::done(State::Unneeded));
    }
    let host = Secret {
        metadata: seen.clone(),
        ..Secret::default()
    };
    perform(ctx, key, name, plan_copy(&ctx.cluster, None, Some(&host))).await?;
    Ok(Round::done(State::Unneeded))
}

/// The Secret as the host has it now.
///
/// # Errors
/// When it cannot be read.
pub(super) async fn read(ctx: &Context, there: bool, name: &HostName) -> Result<Option<Secret>> {
    if !there {
        return Ok(None);
    }
    let api = ctx.host_api::<Secret>();
    Ok(act::call(format!("read Secret {name}"), api.get_opt(name.as_str())).await?)
}

/// How long from `now` to `then`: at least a second, so that a strange lifetime cannot spin.
pub(super) fn until(then: Timestamp, now: Timestamp) -> Duration {
    let left = then.duration_since(now);
    Duration::try_from(left)
        .unwrap_or_default()
        .max(Duration::from_secs(1))
}

/// Up to `range`: the same for a key at every start, different between keys.
pub(super) fn jitter(key: &Key, range: SignedDuration) -> SignedDuration {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    let millis = u64::try_from(range.as_millis()).unwrap_or_default().max(1);
    SignedDuration::from_millis(i64::try_from(hasher.finish() % millis).unwrap_or_default())
}

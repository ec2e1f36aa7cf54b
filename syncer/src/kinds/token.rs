//! ServiceAccount tokens: one host Secret per Pod, made before the host Pod, owned by it afterwards, renewed as a
//! kubelet does, removed when the Pod is gone and nothing owns it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Pod, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::api::ObjectMeta;
use serde_json::json;
use warren_runtime::act;
use warren_translate::identity::{HostName, TenantUid};
use warren_translate::kinds::pod;
use warren_translate::kinds::token::{self, TokenNeed};
use warren_translate::meta;

use super::content::{in_host, version};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::perform::{Performed, perform};
use crate::plan::{Action, plan_copy};
use crate::registry::Round;
use crate::settlements::State;
use crate::tokens::{self, Requested};
use crate::verified::{LAG, Standing};

/// How often a token of a missing ServiceAccount is asked for again.
const ABSENT_AGAIN: Duration = Duration::from_secs(5);
/// Renewals are spread over this long.
const JITTER_MS: u64 = 10_000;

/// One round.
///
/// # Errors
/// Failed calls to either cluster, and what [`perform`] returns.
pub async fn round(ctx: &Context, key: &Key) -> Result<Round> {
    let Some(uid) = &key.pod_uid else {
        return Ok(Round::done(State::Unneeded));
    };
    let name = token::secret_name(&ctx.cluster, &key.tenant, uid);
    let seen = ctx.host.secrets.get(&in_host(&ctx.cluster, &name));
    let seen = seen.as_ref().map(|secret| &secret.metadata);
    let needs = ctx.references.tokens(&key.tenant, uid).unwrap_or_default();
    if needs.is_empty() {
        return without_pod(ctx, key, uid, &name, seen).await;
    }
    let now = ctx.clock.now() + jitter(uid);
    let standing = ctx.verified.check(
        key,
        uid.as_str(),
        seen.and_then(|s| s.resource_version.as_deref()),
    );
    let owner = owner_to_add(ctx, key, uid, seen);
    match (standing, seen) {
        (Standing::Written, None) => return Ok(Round::again(State::Ready, LAG)),
        (Standing::Current | Standing::Written, Some(seen)) => {
            let known = from_metadata(seen);
            if token::due(&needs, Some(&known), now).is_empty() {
                return settle(ctx, key, &name, known, owner).await;
            }
        }
        (Standing::Current | Standing::Unknown, _) => {}
    }
    let live = read(ctx, seen.is_some(), &name).await?;
    let due = token::due(&needs, live.as_ref(), now);
    match live {
        Some(live) if due.is_empty() => settle(ctx, key, &name, live, owner).await,
        live => renew(ctx, key, uid, &name, live, &due, owner).await,
    }
}

async fn renew(
    ctx: &Context,
    key: &Key,
    uid: &TenantUid,
    name: &HostName,
    live: Option<Secret>,
    due: &[TokenNeed],
    owner: Option<OwnerReference>,
) -> Result<Round> {
    let issued = match tokens::request(ctx, &key.tenant, uid, due).await? {
        Requested::Issued(issued) => issued,
        Requested::Absent(words) => {
            tracing::debug!(words, "no token yet");
            return Ok(Round::again(State::Absent, ABSENT_AGAIN));
        }
    };
    let tenant_pod = Pod {
        metadata: ObjectMeta {
            namespace: Some(key.tenant.namespace.as_str().to_owned()),
            name: Some(key.tenant.name.as_str().to_owned()),
            uid: Some(uid.as_str().to_owned()),
            ..ObjectMeta::default()
        },
        ..Pod::default()
    };
    let mut fresh = token::secret(&ctx.cluster, &tenant_pod, &issued)?;
    let action = match &live {
        Some(live) if !meta::belongs(&ctx.cluster, &live.metadata) => Action::Foreign,
        Some(live) => {
            fresh = token::merge(live, fresh)?;
            meta::carry_over(&live.metadata, &mut fresh.metadata);
            add_owner(&mut fresh, owner);
            Action::Replace(Box::new(fresh))
        }
        None => {
            add_owner(&mut fresh, owner);
            Action::Create(Box::new(fresh))
        }
    };
    match perform(ctx, key, name, vec![action]).await? {
        Performed::Written(stored) => Ok(verified(ctx, key, &stored)),
        Performed::Nothing | Performed::Deleted => Err(Error::Stale),
    }
}

/// Nothing is due; the owner may be missing.
async fn settle(
    ctx: &Context,
    key: &Key,
    name: &HostName,
    secret: Secret,
    owner: Option<OwnerReference>,
) -> Result<Round> {
    let Some(owner) = owner else {
        return Ok(verified(ctx, key, &secret));
    };
    let patch = json!({ "metadata": {
        "uid": secret.metadata.uid,
        "resourceVersion": secret.metadata.resource_version,
        "ownerReferences": [owner],
    } });
    let action = Action::Patch {
        name: name.as_str().to_owned(),
        patch,
    };
    match perform(ctx, key, name, vec![action]).await? {
        Performed::Written(stored) => Ok(verified(ctx, key, &stored)),
        Performed::Nothing | Performed::Deleted => Err(Error::Stale),
    }
}

fn verified(ctx: &Context, key: &Key, stored: &Secret) -> Round {
    let uid = key.pod_uid.as_ref().map_or("", TenantUid::as_str);
    ctx.verified.set(key, uid.to_owned(), version(&stored.metadata));
    let first = token::expiries(stored).values().map(token::renew_at).min();
    let Some(first) = first else {
        return Round::done(State::Ready);
    };
    let jitter = key.pod_uid.as_ref().map_or(SignedDuration::ZERO, jitter);
    Round::again(State::Ready, until(first, ctx.clock.now() + jitter))
}

/// At least a second, so that a token of a strange lifetime cannot spin.
fn until(then: Timestamp, now: Timestamp) -> Duration {
    let left = then.duration_since(now);
    Duration::try_from(left)
        .unwrap_or_default()
        .max(Duration::from_secs(1))
}

/// The tenant's Pod is gone, or finished. What a host Pod owns goes with it; the ownerless goes here.
async fn without_pod(
    ctx: &Context,
    key: &Key,
    uid: &TenantUid,
    name: &HostName,
    seen: Option<&ObjectMeta>,
) -> Result<Round> {
    ctx.verified.forget(key);
    let Some(seen) = seen else {
        return Ok(Round::done(State::Unneeded));
    };
    if seen
        .owner_references
        .as_ref()
        .is_some_and(|owners| !owners.is_empty())
    {
        return Ok(Round::done(State::Unneeded));
    }
    if let Some(owner) = owner_to_add(ctx, key, uid, Some(seen)) {
        return settle(ctx, key, name, from_metadata(seen), Some(owner)).await;
    }
    let host = from_metadata(seen);
    perform(ctx, key, name, plan_copy(&ctx.cluster, None, Some(&host))).await?;
    Ok(Round::done(State::Unneeded))
}

/// The host Pod, once it is there, unless the Secret has an owner already.
fn owner_to_add(
    ctx: &Context,
    key: &Key,
    uid: &TenantUid,
    secret: Option<&ObjectMeta>,
) -> Option<OwnerReference> {
    let owned = secret
        .and_then(|secret| secret.owner_references.as_ref())
        .is_some_and(|owners| !owners.is_empty());
    if owned {
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

fn add_owner(secret: &mut Secret, owner: Option<OwnerReference>) {
    let owners = secret.metadata.owner_references.get_or_insert_default();
    if owners.is_empty() {
        owners.extend(owner);
    }
}

/// The Secret as far as its metadata tells: which tokens it has and when they end, without the tokens.
fn from_metadata(seen: &ObjectMeta) -> Secret {
    let mut secret = Secret {
        metadata: seen.clone(),
        ..Secret::default()
    };
    let keys = token::expiries(&secret).into_keys();
    secret.data = Some(keys.map(|key| (key, ByteString(Vec::new()))).collect());
    secret
}

async fn read(ctx: &Context, there: bool, name: &HostName) -> Result<Option<Secret>> {
    if !there {
        return Ok(None);
    }
    let api = ctx.host_api::<Secret>();
    Ok(act::call(format!("read Secret {name}"), api.get_opt(name.as_str())).await?)
}

/// The same for a Pod at every start, different between Pods.
fn jitter(uid: &TenantUid) -> SignedDuration {
    let mut hasher = DefaultHasher::new();
    uid.as_str().hash(&mut hasher);
    let millis = hasher.finish() % JITTER_MS;
    SignedDuration::from_millis(i64::try_from(millis).unwrap_or_default())
}

//! ServiceAccount tokens: one host Secret per Pod with all that its volumes project, renewed as a kubelet does.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Pod, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use k8s_openapi::jiff::SignedDuration;
use kube::api::ObjectMeta;
use std::time::Duration;
use warren_translate::identity::{HostName, TenantUid};
use warren_translate::kinds::token::{self, TokenNeed};
use warren_translate::meta;

use super::content::{in_host, version};
use super::owned;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::perform::{Performed, perform};
use crate::plan::Action;
use crate::registry::Round;
use crate::settlements::State;
use crate::tokens::{self, Requested};
use crate::verified::{LAG, Standing};

/// How often a token of a missing ServiceAccount is asked for again.
const ABSENT_AGAIN: Duration = Duration::from_secs(5);
/// Renewals are spread over this long, as a kubelet's.
const JITTER: SignedDuration = SignedDuration::from_secs(10);

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
        return owned::without_pod(ctx, key, uid, &name, seen).await;
    }
    let now = ctx.clock.now() + owned::jitter(key, JITTER);
    let standing = ctx.verified.check(
        key,
        uid.as_str(),
        seen.and_then(|s| s.resource_version.as_deref()),
    );
    let owner_of = |secret| owned::owner_to_add(ctx, key, uid, secret);
    match (standing, seen) {
        // The store is behind the last write, which may have given the owner.
        (Standing::Written, _) => return Ok(Round::again(State::Ready, LAG)),
        (Standing::Current, Some(seen)) => {
            let known = from_metadata(seen);
            if token::due(&needs, Some(&known), now).is_empty() {
                return settle(ctx, key, &name, known, owner_of(Some(seen))).await;
            }
        }
        (Standing::Current | Standing::Unknown, _) => {}
    }
    let live = owned::read(ctx, seen.is_some(), &name).await?;
    let owner = owner_of(live.as_ref().map(|live| &live.metadata));
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
            owned::add_owner(&mut fresh, owner);
            Action::Replace(Box::new(fresh))
        }
        None => {
            owned::add_owner(&mut fresh, owner);
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
    match owner {
        None => Ok(verified(ctx, key, &secret)),
        Some(owner) => {
            let stored = owned::adopt(ctx, key, name, &secret.metadata, owner).await?;
            Ok(verified(ctx, key, &stored))
        }
    }
}

fn verified(ctx: &Context, key: &Key, stored: &Secret) -> Round {
    let uid = key.pod_uid.as_ref().map_or("", TenantUid::as_str);
    ctx.verified.set(key, uid.to_owned(), version(&stored.metadata));
    let first = token::expiries(stored).values().map(token::renew_at).min();
    first.map_or(Round::done(State::Ready), |first| {
        let now = ctx.clock.now() + owned::jitter(key, JITTER);
        Round::again(State::Ready, owned::until(first, now))
    })
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

#[cfg(test)]
mod tests;

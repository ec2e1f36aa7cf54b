//! Trust bundles: what Pods of a namespace ask of the tenant's ClusterTrustBundles, as a host ConfigMap, kept fresh
//! while a Pod asks.

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::DynamicObject;
use warren_runtime::act;
use warren_translate::identity::HostName;
use warren_translate::kinds::trust_bundle::{self, MAX_BYTES, TrustBundle, TrustBundleAsk};
use warren_translate::name::{self, CLUSTER_TRUST_BUNDLE_PROJECTION};

use super::content::{LINGER, has_unknown_host_pods, in_host, version};
use crate::context::Context;
use crate::error::Result;
use crate::key::Key;
use crate::perform::{Performed, perform};
use crate::plan::plan_copy;
use crate::registry::Round;
use crate::settlements::State;
use crate::stores::Candidate;
use crate::verified::{LAG, Standing};

/// Bundles of one ask that are read at once: each may be a megabyte.
const CONCURRENT: usize = 4;
/// What is said of bundles that are too much for one file.
const TOO_LARGE: &str =
    "the bundles it selects are together more than 1 MiB, which is more than can be projected";

/// One round.
///
/// # Errors
/// Failed reads of either cluster, and what [`perform`] returns.
pub async fn round(ctx: &Context, key: &Key) -> Result<Round> {
    let host_name = name::host_name(&ctx.cluster, CLUSTER_TRUST_BUNDLE_PROJECTION, &key.tenant);
    let seen = ctx.host.config_maps.get(&in_host(&ctx.cluster, &host_name));
    let Some(ask) = ctx.references.trust_bundle(key) else {
        ctx.verified.forget(key);
        if seen.is_none() {
            return Ok(Round::done(State::Unneeded));
        }
        if has_unknown_host_pods(ctx, &key.tenant.namespace) {
            return Ok(Round::again(State::Unneeded, LINGER));
        }
        let host = on_host(ctx, true, &host_name).await?;
        apply(ctx, key, &host_name, host, None, String::new()).await?;
        return Ok(Round::done(State::Unneeded));
    };
    // A tenant that does not serve bundles has none, and its Pods could not ask for any.
    let Some(candidates) = ctx.tenant.certificates.candidates(&ask) else {
        return Ok(Round::done(State::Absent));
    };
    let fingerprint = fingerprint(&candidates);
    let there = seen.is_some();
    let seen = seen.as_ref().map(|map| version(&map.metadata));
    match ctx.verified.check(key, &fingerprint, seen.as_deref()) {
        Standing::Current => return Ok(Round::done(State::Ready)),
        Standing::Written => return Ok(Round::again(State::Ready, LAG)),
        Standing::Unknown => {}
    }
    let _room = ctx.tenant.certificates.room().await;
    let Some(bundles) = read(ctx, candidates).await? else {
        return Ok(Round::done(State::Failed(TOO_LARGE.to_owned())));
    };
    let content = trust_bundle::content(&ask, &bundles);
    if content.as_ref().is_some_and(|content| content.len() > MAX_BYTES) {
        return Ok(Round::done(State::Failed(TOO_LARGE.to_owned())));
    }
    let host = on_host(ctx, there, &host_name).await?;
    let desired = content.map(|content| (ask, content));
    apply(ctx, key, &host_name, host, desired, fingerprint).await
}

async fn on_host(ctx: &Context, there: bool, name: &HostName) -> Result<Option<ConfigMap>> {
    if !there {
        return Ok(None);
    }
    let api = ctx.host_api::<ConfigMap>();
    Ok(act::call(format!("read ConfigMap {name}"), api.get_opt(name.as_str())).await?)
}

/// Makes the host's ConfigMap what it should be, or removes it.
async fn apply(
    ctx: &Context,
    key: &Key,
    host_name: &HostName,
    host: Option<ConfigMap>,
    desired: Option<(TrustBundleAsk, String)>,
    fingerprint: String,
) -> Result<Round> {
    let wanted = desired.is_some();
    let desired = desired
        .map(|(ask, content)| trust_bundle::config_map(&ctx.cluster, &key.tenant.namespace, &ask, content));
    let actions = plan_copy(&ctx.cluster, desired, host.as_ref());
    let stored = match perform(ctx, key, host_name, actions).await? {
        Performed::Written(stored) => Some(version(&stored.metadata)),
        Performed::Nothing => host.map(|map| version(&map.metadata)),
        Performed::Deleted => None,
    };
    if let Some(stored) = stored.filter(|_| wanted) {
        ctx.verified.set(key, fingerprint, stored);
        Ok(Round::done(State::Ready))
    } else {
        ctx.verified.forget(key);
        Ok(Round::done(State::Absent))
    }
}

fn fingerprint(candidates: &[Candidate]) -> String {
    let texts = candidates
        .iter()
        .map(|candidate| format!("{}@{}\n", candidate.name, candidate.version));
    texts.collect()
}

/// The candidates' content; one that is gone by now is left out, its watch tells. `None` when they are too much.
async fn read(ctx: &Context, candidates: Vec<Candidate>) -> Result<Option<Vec<TrustBundle>>> {
    let Some(api) = ctx.tenant.certificates.bundles(ctx.tenant_client.client()) else {
        return Ok(Some(Vec::new()));
    };
    let api = &api;
    let reads = candidates.into_iter().map(|candidate| async move {
        let what = format!("read ClusterTrustBundle {}", candidate.name);
        act::call(what, api.get_opt(&candidate.name)).await
    });
    let mut reads = stream::iter(reads).buffered(CONCURRENT);
    let mut bundles = Vec::new();
    let mut bytes = 0;
    while let Some(object) = reads.try_next().await? {
        let bundle = object.map(bundle);
        bytes += bundle.as_ref().map_or(0, |bundle| bundle.trust_bundle.len());
        // Twice what fits: the same certificates in several bundles are written once.
        if bytes > 2 * MAX_BYTES {
            return Ok(None);
        }
        bundles.extend(bundle);
    }
    Ok(Some(bundles))
}

fn bundle(object: DynamicObject) -> TrustBundle {
    let text = |path: &str| {
        let text = object.data.pointer(path).and_then(|value| value.as_str());
        text.unwrap_or_default().to_owned()
    };
    TrustBundle {
        signer_name: text("/spec/signerName"),
        trust_bundle: text("/spec/trustBundle"),
        name: object.metadata.name.unwrap_or_default(),
        labels: object.metadata.labels.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;

//! The service variables of one tenant namespace: a host ConfigMap, while a Pod with `envFrom` is there.

use k8s_openapi::api::core::v1::{ConfigMap, Service};
use warren_runtime::act;
use warren_translate::kinds::service_environment;

use super::content::{LINGER, has_unknown_host_pods, in_host, version};
use crate::context::Context;
use crate::error::Result;
use crate::key::Key;
use crate::perform::{Performed, perform};
use crate::plan::plan_copy;
use crate::registry::Round;
use crate::settlements::State;
use crate::verified::{LAG, Standing};

/// One round.
///
/// # Errors
/// Failed reads of the host, and what [`perform`] returns.
pub async fn round(ctx: &Context, key: &Key) -> Result<Round> {
    let namespace = &key.tenant.namespace;
    let host_name = service_environment::host_name(&ctx.cluster, namespace);
    let seen = ctx.host.config_maps.get(&in_host(&ctx.cluster, &host_name));
    let wanted = ctx.references.is_referenced(key);
    if !wanted && seen.is_none() {
        ctx.verified.forget(key);
        return Ok(Round::done(State::Unneeded));
    }
    if !wanted && has_unknown_host_pods(ctx, namespace) {
        return Ok(Round::again(State::Unneeded, LINGER));
    }
    let services = ctx.tenant.services.all();
    let services: Vec<&Service> = services.iter().map(|service| &**service).collect();
    let desired = wanted.then(|| service_environment::down(&ctx.cluster, namespace, &services));
    let fingerprint = serde_json::to_string(&desired.as_ref().map(|map| &map.data))?;
    let seen_version = seen.as_ref().map(|map| version(&map.metadata));
    match ctx.verified.check(key, &fingerprint, seen_version.as_deref()) {
        Standing::Current if wanted => return Ok(Round::done(State::Ready)),
        Standing::Written if wanted => return Ok(Round::again(State::Ready, LAG)),
        Standing::Current | Standing::Written | Standing::Unknown => {}
    }
    let host: Option<ConfigMap> = if seen.is_some() {
        let read = ctx.host_api::<ConfigMap>();
        act::call(
            format!("read ConfigMap {host_name}"),
            read.get_opt(host_name.as_str()),
        )
        .await?
    } else {
        None
    };
    let actions = plan_copy(&ctx.cluster, desired, host.as_ref());
    let stored = match perform(ctx, key, &host_name, actions).await? {
        Performed::Written(stored) => Some(version(&stored.metadata)),
        Performed::Nothing => host.map(|map| version(&map.metadata)),
        Performed::Deleted => None,
    };
    match stored {
        Some(stored) if wanted => {
            ctx.verified.set(key, fingerprint, stored);
            Ok(Round::done(State::Ready))
        }
        _ => {
            ctx.verified.forget(key);
            Ok(Round::done(State::Unneeded))
        }
    }
}

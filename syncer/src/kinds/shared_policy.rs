//! What the host's network lets through for what is shared: out of the tenant's Pods to those behind mapped Services, and
//! in to those behind exported ones; and out to the nodes at the cluster's own node ports.

use std::collections::BTreeMap;

use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use warren_crds::keys;
use warren_runtime::act;
use warren_translate::kinds::shared_policy::SHARED;
use warren_translate::kinds::{from_host, node_ports, shared_policy, to_host};
use warren_translate::meta;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::registry::Round;
use crate::settlements::State;
use crate::verified::Standing;

/// The version of what no store shows.
const UNWATCHED: &str = "";

/// One round. Nobody but this process writes these policies, so they are not watched, but read when others are wanted, and
/// with every full pass.
///
/// # Errors
/// Failed calls to the host.
pub async fn round(ctx: &Context, key: &Key) -> Result<Round> {
    if !ctx.mapped.services.is_ready() {
        return Ok(Round::done(State::Absent));
    }
    let mut wanted = wanted(ctx);
    let is_known = ctx.policies.both.host.is_ready();
    let fingerprint = serde_json::to_string(&(is_known, &wanted))?;
    if ctx.verified.check(key, &fingerprint, Some(UNWATCHED)) == Standing::Current {
        return Ok(Round::done(State::Ready));
    }
    let api: Api<NetworkPolicy> = ctx.host_api();
    let labels = format!("{}={},{SHARED}=true", keys::CLUSTER, ctx.cluster.id);
    let params = ListParams::default().labels(&labels);
    let existing = match act::call("list NetworkPolicies", api.list(&params)).await {
        // An older chart does not grant it: then there is none to take away either.
        Err(error) if error.code() == Some(403) && wanted.is_empty() => {
            return Ok(Round::done(State::Unneeded));
        }
        listed => listed?,
    };
    for existing in existing.items {
        let name = existing.name_any();
        // Before the host's policies are known nobody knows where the nodes are, and what is open stays so.
        if name == keys::NODE_PORTS_POLICY && !is_known {
            continue;
        }
        let Some(mut wanted) = wanted.remove(&name) else {
            ctx.identity.prove().await?;
            tracing::info!(name, "taking a NetworkPolicy of what is no longer shared");
            act::delete(&api, &name, &existing.uid().unwrap_or_default(), None).await?;
            ctx.wrote();
            continue;
        };
        if existing.spec != wanted.spec {
            meta::carry_over(&existing.metadata, &mut wanted.metadata);
            act::replace(&api, &wanted).await?;
            ctx.wrote();
        }
    }
    for wanted in wanted.into_values() {
        match act::create(&api, &wanted).await {
            Err(error) if error.is_conflict() => return Err(Error::Stale),
            created => drop(created?),
        }
        ctx.wrote();
    }
    ctx.verified.set(key, fingerprint, UNWATCHED.to_owned());
    Ok(Round::done(State::Ready))
}

fn wanted(ctx: &Context) -> BTreeMap<String, NetworkPolicy> {
    let services = &ctx.mapped.services;
    let mapped = services.maps.iter().filter_map(|map| services.find(map));
    let rules: Vec<_> = mapped.filter_map(|host| from_host::egress(&host)).collect();
    let name = shared_policy::FROM_HOST_SERVICES;
    let egress = (!rules.is_empty()).then(|| shared_policy::egress(&ctx.cluster, name, rules));
    let open = ctx.policies.warrens(&ctx.cluster, keys::OPEN_EGRESS_POLICY);
    let own = open.and_then(|open| {
        let services = ctx.host.services.all();
        node_ports::policy(&ctx.cluster, &open, services.iter().map(|service| &**service))
    });
    let exported = ctx.exports.place.iter().flat_map(|place| {
        ctx.exports.list.iter().filter_map(move |export| {
            let host = super::exported_service::on_host(ctx, export)?;
            let pods = host
                .spec
                .as_ref()?
                .selector
                .clone()
                .filter(|pods| !pods.is_empty())?;
            let rule = to_host::ingress(place, &host);
            let name = to_host::host_name(export);
            Some(shared_policy::ingress(&ctx.cluster, name.as_str(), pods, rule))
        })
    });
    let policies = egress.into_iter().chain(own).chain(exported);
    policies.map(|policy| (policy.name_any(), policy)).collect()
}

#[cfg(test)]
mod tests;

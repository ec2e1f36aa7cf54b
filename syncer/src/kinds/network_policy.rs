//! NetworkPolicies: wiring of stores and translation.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::networking::v1::NetworkPolicy;
use warren_translate::kinds::network_policy::{self as policy, Around, Down, blocks, selects_namespaces};
use warren_translate::name;

use super::down::{GoesDown, Wanted};
use crate::context::Context;
use crate::plan::HostKind;
use crate::stores::Both;

impl HostKind for NetworkPolicy {
    fn needs_update(&self, desired: &Self) -> bool {
        policy::needs_update(self, desired)
    }

    fn must_replace(&self, _desired: &Self) -> bool {
        false
    }
}

impl GoesDown for NetworkPolicy {
    const NAME: name::Kind = name::NETWORK_POLICY;

    fn both(ctx: &Context) -> &Both<Self> {
        &ctx.policies.both
    }

    fn wanted(ctx: &Context, tenant: &Self, _host: Option<&Self>) -> warren_translate::Result<Wanted<Self>> {
        let namespaces = if selects_namespaces(tenant) {
            ctx.policies.labels()
        } else {
            Some(BTreeMap::new())
        };
        // The Pods that it isolates are closed until then. When either comes, the policy is raised.
        let (Some(open), Some(namespaces)) = (ctx.policies.open(&ctx.cluster), namespaces) else {
            return Ok(Wanted::AsItIs);
        };
        let mut pods = BTreeSet::new();
        if !blocks(tenant).is_empty() {
            let addresses = ctx.host.pods.pick(|pod| Some(pod.addresses().to_vec()));
            pods.extend(addresses.into_iter().flatten());
        }
        let around = Around {
            cluster: &ctx.cluster,
            policy: &ctx.policy,
            open: &open,
            namespaces: &namespaces,
            pods: &pods,
            api: ctx.api_service_ip.parse().ok(),
            dns: ctx.dns_service_ip.parse().ok(),
        };
        let Down { object, notes } = policy::down(&around, tenant)?;
        Ok(match object {
            Some(object) => Wanted::Object {
                object: Box::new(object),
                notes,
                again: None,
            },
            None => Wanted::Nothing(notes),
        })
    }
}

#[cfg(test)]
mod tests;

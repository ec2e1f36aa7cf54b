//! The host budget of a tenant budget.

use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use warren_crds::keys;

use super::BOUNDED;
use super::apart::{apart, is_older};
use super::bound::{WANTED, bound, holds_all, wanted};
use crate::error::{Error, Result};
use crate::identity::{Cluster, TenantKey};
use crate::meta;
use crate::name::{POD_DISRUPTION_BUDGET, host_name};
use crate::note::{Note, Translated};
use crate::policy::TenantPolicy;
use crate::selector::{self, Requirement, Requirements};

/// Unhealthy Pods can always be evicted: one that never becomes healthy must not hold a drain.
const ALWAYS_ALLOW: &str = "AlwaysAllow";

/// What becomes of a tenant budget.
#[derive(Clone, Debug, PartialEq)]
pub enum Down {
    /// The host should have this.
    Host {
        /// The object, with what the tenant is told.
        translated: Box<Translated<PodDisruptionBudget>>,
        /// When to look again although nothing changed.
        again: Option<SignedDuration>,
    },
    /// It holds no Pod; the host needs nothing.
    Nothing(Vec<Note>),
    /// The tenant's disruption controller has not counted its Pods yet: what is there stays.
    Waits,
}

/// The host budget. `siblings` are the tenant's budgets of the same namespace (itself and others are ignored), `host` the
/// host budget that exists.
///
/// # Errors
/// When the budget has no name, namespace, UID or spec.
pub fn down(
    cluster: &Cluster,
    policy: &TenantPolicy,
    siblings: &[&PodDisruptionBudget],
    tenant: &PodDisruptionBudget,
    host: Option<&PodDisruptionBudget>,
    now: Timestamp,
) -> Result<Down> {
    let PodDisruptionBudget {
        metadata,
        spec,
        status,
    } = tenant;
    let key = TenantKey::of(metadata)?;
    let Some(spec) = spec else {
        return Err(Error::NoSpec {
            namespace: key.namespace.to_string(),
            name: key.name.to_string(),
        });
    };
    let PodDisruptionBudgetSpec {
        max_unavailable: _, // counted by the tenant's disruption controller, who knows the Pods' owners: in its status
        min_available: _,   // likewise
        selector: _,        // read by `selected`
        unhealthy_pod_eviction_policy: _, // the host's is always the one that lets a drain end
    } = spec;
    let own = match selected(tenant, policy) {
        Selected::Pods(own) => own,
        Selected::None => return Ok(Down::Nothing(Vec::new())),
        Selected::Unknown => {
            let why =
                "has an operator that this platform does not know: the budget holds no Pod on its nodes";
            return Ok(Down::Nothing(vec![Note::new(BOUNDED, "spec.selector", why)]));
        }
    };
    let Some(status) = status
        .as_ref()
        .filter(|status| status.observed_generation == metadata.generation)
    else {
        return Ok(Down::Waits);
    };
    let older: Vec<Requirements> = siblings
        .iter()
        .filter(|other| other.metadata.namespace == metadata.namespace && is_older(other, tenant))
        .filter_map(|other| match selected(other, policy) {
            Selected::Pods(requirements) => Some(requirements),
            Selected::None | Selected::Unknown => None,
        })
        .collect();
    let mut notes = Vec::new();
    let Some(left) = apart(own.clone(), &older) else {
        let why = "selects only Pods of older budgets: a Pod is held by one budget at most";
        return Ok(Down::Nothing(vec![Note::new(BOUNDED, "spec.selector", why)]));
    };
    if left != own {
        let why = "may select Pods of an older budget, which keeps them: a Pod is held by one budget at most";
        notes.push(Note::new(BOUNDED, "spec.selector", why));
    }
    if holds_all(status) {
        let why = "lets no Pod be evicted: when the platform drains a node, one Pod at a time is evicted all the same";
        notes.push(Note::new(BOUNDED, "spec", why));
    }
    let wanted = wanted(status);
    let bound = bound(wanted, host, now);
    let name = host_name(cluster, POD_DISRUPTION_BUDGET, &key);
    let mut host_meta = meta::host_meta(cluster, policy, &name, metadata)?;
    host_meta
        .annotations
        .get_or_insert_default()
        .insert(WANTED.to_owned(), wanted.to_string());
    let object = PodDisruptionBudget {
        metadata: host_meta,
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: None,
            min_available: Some(IntOrString::Int(bound.min_available)),
            selector: Some(selector::selector(&in_namespace(left, cluster, &key))),
            unhealthy_pod_eviction_policy: Some(ALWAYS_ALLOW.to_owned()),
        }),
        status: None,
    };
    Ok(Down::Host {
        translated: Box::new(Translated { object, notes }),
        again: bound.again,
    })
}

/// What a tenant's budget selects in its namespace, in host keys.
enum Selected {
    Pods(Requirements),
    None,
    Unknown,
}

fn selected(tenant: &PodDisruptionBudget, policy: &TenantPolicy) -> Selected {
    let Some(selector) = tenant.spec.as_ref().and_then(|spec| spec.selector.as_ref()) else {
        // As in any cluster: no selector, no Pods; an empty one, all.
        return Selected::None;
    };
    match selector::requirements(&meta::label_selector_down(selector, policy)) {
        Some(requirements) if selector::is_contradiction(&requirements) => Selected::None,
        Some(requirements) => Selected::Pods(requirements),
        None => Selected::Unknown,
    }
}

fn in_namespace(mut requirements: Requirements, cluster: &Cluster, key: &TenantKey) -> Requirements {
    requirements.insert(Requirement::is(keys::CLUSTER, cluster.id.as_str()));
    requirements.insert(Requirement::is(keys::TENANT_NAMESPACE, key.namespace.as_str()));
    requirements
}

//! PodDisruptionBudgets: wiring of stores and translation.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::jiff::SignedDuration;
use warren_translate::kinds::pod_disruption_budget::{self as budget, Down};
use warren_translate::{Translated, name};

use super::down::{GoesDown, Wanted};
use crate::context::Context;
use crate::plan::HostKind;
use crate::stores::Both;

impl HostKind for PodDisruptionBudget {
    fn needs_update(&self, desired: &Self) -> bool {
        budget::needs_update(self, desired)
    }

    fn must_replace(&self, _desired: &Self) -> bool {
        false
    }
}

impl GoesDown for PodDisruptionBudget {
    const NAME: name::Kind = name::POD_DISRUPTION_BUDGET;

    fn both(ctx: &Context) -> &Both<Self> {
        &ctx.budgets
    }

    fn wanted(ctx: &Context, tenant: &Self, host: Option<&Self>) -> warren_translate::Result<Wanted<Self>> {
        let namespace = tenant.metadata.namespace.as_deref();
        let same = |other: &Arc<Self>| other.metadata.namespace.as_deref() == namespace;
        let siblings = ctx.budgets.tenant.filter(same);
        let siblings: Vec<&Self> = siblings.iter().map(|sibling| &**sibling).collect();
        let now = ctx.clock.now();
        let down = budget::down(&ctx.cluster, &ctx.policy, &siblings, tenant, host, now)?;
        Ok(match down {
            Down::Host { translated, again } => {
                let Translated { object, notes } = *translated;
                Wanted::Object {
                    object: Box::new(object),
                    notes,
                    again: again.map(at_least_a_second),
                }
            }
            Down::Nothing(notes) => Wanted::Nothing(notes),
            Down::Waits => Wanted::AsItIs,
        })
    }
}

fn at_least_a_second(left: SignedDuration) -> Duration {
    Duration::try_from(left)
        .unwrap_or_default()
        .max(Duration::from_secs(1))
}

#[cfg(test)]
mod tests;

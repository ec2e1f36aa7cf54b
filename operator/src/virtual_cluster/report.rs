//! I/O: writes the status when it changed, and an Event when `Ready` did.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::runtime::events::{Event, EventType};
use kube::{Api, Resource, ResourceExt};
use serde_json::json;
use warren_crds::condition::{self, Verdict};
use warren_crds::virtual_cluster::conditions::READY;
use warren_crds::{VirtualCluster, VirtualClusterStatus};
use warren_runtime::act;
use warren_runtime::log::Chain;

use crate::context::Context;

/// What a round found out beside conditions.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The class in use.
    pub class: Option<String>,
    /// Patch release that runs.
    pub version: Option<String>,
    /// URL for users.
    pub endpoint: Option<String>,
    /// Secret with the kubeconfig.
    pub kubeconfig_secret: Option<String>,
    /// UID of the tenant's `kube-system`.
    pub tenant_uid: Option<String>,
    /// Ready control-plane Pods.
    pub control_plane_replicas: Option<i32>,
}

/// Writes `verdicts` and `facts` into the status, if that changes anything. What `facts` does not know stays.
///
/// # Errors
/// When the host refuses.
pub async fn write(
    context: &Context,
    cluster: &VirtualCluster,
    verdicts: &[Verdict],
    facts: Facts,
) -> Result<(), act::Error> {
    let before = cluster.status.clone().unwrap_or_default();
    let after = next(
        &before,
        cluster.metadata.generation,
        verdicts,
        facts,
        &Time(context.clock.now()),
    );
    if before == after {
        return Ok(());
    }
    let api: Api<VirtualCluster> =
        Api::namespaced(context.host.client(), &cluster.namespace().unwrap_or_default());
    // With the resourceVersion that was read: a new object of the same name must not inherit this status.
    let version = &cluster.metadata.resource_version;
    let patch = json!({ "metadata": { "resourceVersion": version }, "status": after });
    let _written = act::merge_status(&api, &cluster.name_any(), &patch).await?;
    if before.first_ready_time.is_none()
        && let (Some(ready), Some(created)) = (&after.first_ready_time, &cluster.metadata.creation_timestamp)
    {
        context
            .own_metrics
            .became_ready(created.0.duration_until(ready.0).as_secs_f64());
    }
    announce(context, cluster, &before, &after).await;
    Ok(())
}

fn next(
    before: &VirtualClusterStatus,
    generation: Option<i64>,
    verdicts: &[Verdict],
    facts: Facts,
    now: &Time,
) -> VirtualClusterStatus {
    let mut after = before.clone();
    after.observed_generation = generation;
    let Facts {
        class,
        version,
        endpoint,
        kubeconfig_secret,
        tenant_uid,
        control_plane_replicas,
    } = facts;
    after.class = class.or(after.class);
    after.version = version.or(after.version);
    after.endpoint = endpoint.or(after.endpoint);
    after.kubeconfig_secret = kubeconfig_secret.or(after.kubeconfig_secret);
    after.tenant_uid = tenant_uid.or(after.tenant_uid);
    after.control_plane_replicas = control_plane_replicas.or(after.control_plane_replicas);
    for verdict in verdicts {
        condition::set(&mut after.conditions, verdict, generation, now);
    }
    if after.first_ready_time.is_none() && condition::is_true(&after.conditions, READY) {
        after.first_ready_time = Some(now.clone());
    }
    after
}

/// An Event when `Ready` changes its status or, while it is not True, its reason.
async fn announce(
    context: &Context,
    cluster: &VirtualCluster,
    before: &VirtualClusterStatus,
    after: &VirtualClusterStatus,
) {
    let Some(ready) = condition::get(&after.conditions, READY) else {
        return;
    };
    let old = condition::get(&before.conditions, READY);
    let same = old.is_some_and(|old| {
        old.status == ready.status && (ready.status != "False" || old.reason == ready.reason)
    });
    // On the way up one Event is enough: the conditions say the rest.
    if same || ready.status == "Unknown" {
        return;
    }
    let type_ = if ready.status == "True" {
        EventType::Normal
    } else {
        EventType::Warning
    };
    publish(
        context,
        cluster,
        type_,
        &ready.reason,
        "Reconcile",
        ready.message.clone(),
    )
    .await;
}

/// Publishes an Event on the VirtualCluster. Failing to do so is logged and otherwise harmless.
pub async fn publish(
    context: &Context,
    cluster: &VirtualCluster,
    type_: EventType,
    reason: &str,
    action: &str,
    note: String,
) {
    let event = Event {
        type_,
        reason: reason.to_owned(),
        note: Some(note),
        action: action.to_owned(),
        secondary: None,
    };
    let published = context.recorder.publish(&event, &cluster.object_ref(&())).await;
    if let Err(error) = published {
        tracing::warn!(reason, error = %Chain(&error), "Event not published");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use warren_crds::condition::Status;

    #[test]
    fn the_same_round_twice_changes_nothing_and_the_first_ready_time_stays() {
        let at = |second| Time(Timestamp::from_second(second).unwrap());
        let verdict = |status| Verdict {
            type_: READY,
            status,
            reason: "Ready".to_owned(),
            message: "m".to_owned(),
        };
        let empty = VirtualClusterStatus::default();
        let first = next(
            &empty,
            Some(1),
            &[verdict(Status::True)],
            Facts::default(),
            &at(1),
        );
        assert_eq!(first.first_ready_time, Some(at(1)));
        assert_eq!(
            next(
                &first,
                Some(1),
                &[verdict(Status::True)],
                Facts::default(),
                &at(2)
            ),
            first
        );
        let down = next(
            &first,
            Some(1),
            &[verdict(Status::False)],
            Facts::default(),
            &at(3),
        );
        assert_eq!(
            next(&down, Some(1), &[verdict(Status::True)], Facts::default(), &at(4)).first_ready_time,
            Some(at(1))
        );
    }
}

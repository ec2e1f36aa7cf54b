//! Reconciling one VirtualCluster: observe, validate, plan, apply, report. What each stage does is in its own file.

pub mod admit;
pub mod apply;
pub mod bootstrap;
pub mod cleanup;
pub mod component;
pub mod conditions;
pub mod grants;
pub mod held;
pub mod keyring;
pub mod memory;
pub mod names;
pub mod observe;
pub mod pass;
pub mod plan;
pub mod report;
pub mod tenant;
pub mod validate;
pub mod watching;

use std::sync::Arc;
use std::time::Duration;

use kube::ResourceExt;
use warren_crds::VirtualCluster;
use warren_crds::condition::Status;
use warren_runtime::disposition::{Disposed, Disposition};
use warren_runtime::log::Chain;
use warren_runtime::queue::Outcome;
use warren_runtime::store::ObjectKey;

use self::validate::Invalid;
use crate::context::Context;

/// Name of the loop in metrics and logs.
pub const CONTROLLER: &str = "virtualcluster";

/// Why a round failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Applying, or observing before it.
    #[error(transparent)]
    Pass(#[from] pass::Error),
    /// Reading or writing the VirtualCluster itself.
    #[error(transparent)]
    Call(#[from] warren_runtime::act::Error),
}

impl Error {
    /// For people: what was attempted, and the host's own words if it answered.
    fn explain(&self) -> String {
        let call = match self {
            Self::Call(call)
            | Self::Pass(pass::Error::Observe(call) | pass::Error::Apply(apply::Error::Call(call))) => {
                Some(call)
            }
            Self::Pass(_) => None,
        };
        match call.and_then(|call| Some((call, call.message()?))) {
            Some((call, answer)) => format!("{call}: {answer}"),
            None => Chain(self).to_string(),
        }
    }
}

/// One round of one VirtualCluster.
pub async fn reconcile(context: Arc<Context>, key: ObjectKey) -> Outcome {
    let Some(cluster) = context.clusters.get(&key) else {
        return Outcome::Done;
    };
    match Box::pin(round(&context, &cluster)).await {
        Ok(outcome) => outcome,
        Err(error) => fail(&context, &cluster, &error).await,
    }
}

async fn round(context: &Context, cluster: &VirtualCluster) -> Result<Outcome, Error> {
    if cluster.metadata.deletion_timestamp.is_some() {
        return Ok(cleanup::run(context, cluster).await?);
    }
    let cluster = admit::admit(context, cluster).await?; // I/O
    let host = observe::host_facts(&context.nodes, &context.service_cidrs, &context.sync_sources);
    let classes: Vec<_> = context
        .classes
        .all()
        .iter()
        .map(|class| (**class).clone())
        .collect();
    let mut valid = match validate::validate(&cluster, &classes, &host) {
        Ok(valid) => valid, // pure
        Err(invalid) => return refuse(context, &cluster, invalid).await,
    };
    // What was started on the first answer stays started, also while the status does not say so yet.
    valid.answered |= context
        .memory
        .pass(&valid.uid)
        .is_some_and(|pass| pass.cluster.answered);
    let cluster = admit::record_release(context, cluster, &valid.release).await?; // I/O: when it changes
    let was_ready = cluster
        .status
        .as_ref()
        .is_some_and(|s| s.first_ready_time.is_some());
    let seen = watching::components(context, &valid);
    held::release(context, &valid.namespaces.workloads).await; // I/O: seldom anything
    let pass = pass::current(context, valid, seen.lost).await?; // I/O: plans and applies if it must
    let mut found = Box::pin(watching::look(context, &pass, seen, was_ready)).await; // I/O: the tenant's API
    found.refused = watching::refused(&cluster, &pass);
    let verdicts = conditions::verdicts(&found); // pure
    let ready = verdicts
        .last()
        .is_some_and(|verdict| verdict.status == Status::True);
    report::write(context, &cluster, &verdicts, watching::facts(&pass, &found)).await?; // I/O
    Ok(Outcome::After(pause(context, &cluster, ready)))
}

/// Nothing helps but a change of the spec, of a class or of the host: each of them wakes the loop.
async fn refuse(context: &Context, cluster: &VirtualCluster, invalid: Invalid) -> Result<Outcome, Error> {
    let verdict = conditions::not_ready(Status::False, invalid.reason, invalid.message);
    report::write(context, cluster, &[verdict], report::Facts::default()).await?;
    Ok(Outcome::Done)
}

fn pause(context: &Context, cluster: &VirtualCluster, ready: bool) -> Duration {
    use crate::limits::{SETTLED_PAUSE, STARTING, STARTING_PAUSE, WAITING_PAUSE};
    if ready {
        return SETTLED_PAUSE;
    }
    let created = cluster.creation_timestamp().map(|time| time.0);
    let age = created.map(|created| created.duration_until(context.clock.now()).unsigned_abs());
    if age.is_some_and(|age| age < STARTING) {
        STARTING_PAUSE
    } else {
        WAITING_PAUSE
    }
}

async fn fail(context: &Context, cluster: &VirtualCluster, error: &Error) -> Outcome {
    let (disposition, reason) = match error {
        Error::Call(error) => (error.disposition(), error.reason()),
        Error::Pass(error) => (error.disposition(), error.reason()),
    };
    context.metrics.error(CONTROLLER, reason);
    let (namespace, name) = (cluster.namespace(), cluster.name_any());
    // A conflict or a busy API is no news; it is over with the next round.
    if matches!(reason, "Conflict" | "TooManyRequests") {
        tracing::debug!(namespace, name, reason, "round will be repeated");
    } else {
        let message = error.explain();
        tracing::warn!(namespace, name, reason, error = message, "round failed");
        let verdict = conditions::not_ready(Status::Unknown, reason, message);
        if let Err(error) = report::write(context, cluster, &[verdict], report::Facts::default()).await {
            tracing::warn!(error = %Chain(&error), "status not written");
        }
    }
    match disposition {
        Disposition::WaitForChange | Disposition::Fatal => Outcome::After(crate::limits::SETTLED_PAUSE),
        Disposition::Retry => Outcome::Retry,
    }
}

//! Does what a plan says, on the host; decides nothing.

use kube::Api;
use kube::api::ObjectMeta;
use warren_runtime::act;
use warren_translate::identity::HostName;
use warren_translate::meta;
use warren_translate::refusal::by_quota;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::plan::{Action, HostKind};

/// How an apiserver names the port that it could not allocate, in what it calls an internal error of its own.
pub(crate) const HEALTH_CHECK: &str = "HealthCheck NodePort";

/// What the host has after the actions.
#[derive(Debug)]
pub enum Performed<H> {
    /// There was nothing to do.
    Nothing,
    /// This is what the host stored last.
    Written(Box<H>),
    /// It is gone, or going.
    Deleted,
}

/// Performs the actions in order; the first failure ends it.
///
/// # Errors
/// [`Error::Refused`] when the host does not want the object, [`Error::Foreign`] when another object is in the
/// way, [`Error::Stale`] when the store is behind, [`Error::NotProven`] instead of a delete, [`Error::Act`].
pub async fn perform<H: HostKind>(
    ctx: &Context,
    key: &Key,
    name: &HostName,
    actions: Vec<Action<H>>,
) -> Result<Performed<H>> {
    perform_in(ctx, &ctx.host_api(), key, name, actions).await
}

/// As [`perform`], where `api` is.
///
/// # Errors
/// As [`perform`].
pub async fn perform_in<H: HostKind>(
    ctx: &Context,
    api: &Api<H>,
    key: &Key,
    name: &HostName,
    actions: Vec<Action<H>>,
) -> Result<Performed<H>> {
    let mut performed = Performed::Nothing;
    for action in actions {
        performed = match action {
            Action::Create(object) => {
                tracing::debug!(%key, host_name = %name, "creating");
                Performed::Written(Box::new(create(ctx, api, name, &object).await?))
            }
            Action::Replace(object) => {
                tracing::debug!(%key, host_name = %name, "updating");
                let replaced = act::replace(api, &*object).await;
                Performed::Written(Box::new(replaced.map_err(|error| refused(name, error))?))
            }
            Action::Patch { name, patch } => {
                Performed::Written(Box::new(act::merge(api, &name, &patch).await?))
            }
            Action::Delete { name, uid } => {
                // After the observation that led here: what was seen was seen of this tenant.
                ctx.identity.prove().await?;
                tracing::info!(%key, host_name = name, "deleting on the host");
                act::delete(api, &name, &uid, None).await?;
                Performed::Deleted
            }
            Action::Wait => return Err(Error::Stale),
            Action::Foreign => {
                return Err(Error::Foreign {
                    host_name: name.clone(),
                });
            }
        };
        ctx.wrote();
    }
    Ok(performed)
}

/// A name that is taken is either this process's own earlier write, which the store does not show yet, or foreign.
async fn create<H: HostKind>(ctx: &Context, api: &Api<H>, name: &HostName, object: &H) -> Result<H> {
    let error = match act::create(api, object).await {
        Ok(created) => return Ok(created),
        Err(error) if error.is_conflict() => error,
        Err(error) => return Err(refused(name, error)),
    };
    let there = act::call(
        format!("read {name} on the host"),
        api.get_metadata_opt(name.as_str()),
    )
    .await?;
    let foreign = |metadata: &ObjectMeta| !meta::belongs(&ctx.cluster, metadata);
    if there.is_some_and(|object| foreign(&object.metadata)) {
        return Err(Error::Foreign {
            host_name: name.clone(),
        });
    }
    tracing::debug!(host_name = %name, %error, "exists already");
    Err(Error::Stale)
}

/// What the host has against the object itself, as opposed to an API that is down or lacks a grant.
pub(crate) fn refused(name: &HostName, error: act::Error) -> Error {
    let quota = error.message().is_some_and(|message| by_quota(message).is_some());
    let port_taken = error.message().is_some_and(|message| {
        message.contains("failed to allocate requested") && message.contains(HEALTH_CHECK)
    });
    match error.code() {
        Some(400 | 413 | 422) => {}
        Some(500) if port_taken => {}
        Some(403) if quota => {}
        _ => return Error::Act(error),
    }
    Error::Refused {
        host_name: name.clone(),
        source: error,
    }
}

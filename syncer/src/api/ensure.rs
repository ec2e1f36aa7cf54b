//! Raises everything that one Pod names and waits until each is settled.

use std::time::Duration;

use futures::future::join_all;
use tokio::time::{Instant, timeout};
use tonic::Status;
use warren_runtime::act;
use warren_runtime::log::Chain;
use warren_runtime::proto::sync::dependency::State as ProtoState;
use warren_runtime::proto::sync::{Dependency, EnsureDependenciesRequest, EnsureDependenciesResponse};
use warren_runtime::store::ObjectKey;
use warren_translate::identity::{TenantKey, TenantNamespace};
use warren_translate::kinds::pod::Need;
use warren_translate::kinds::service;
use warren_translate::meta;

use crate::context::Context;
use crate::key::{Key, Kind};
use crate::kinds::fixed_service;
use crate::settlements::State;
use crate::tenant_pod::TenantPod;
use crate::verified::Standing;

/// How long a required object that is absent may still appear: a new namespace gets its `kube-root-ca.crt` a moment
/// after its first Pod, and the host's kubelet would back off for tens of seconds.
const APPEARS: Duration = Duration::from_secs(2);
/// How often an absent object is looked for meanwhile, besides its watch.
const LOOK: Duration = Duration::from_millis(250);
/// How long the Services of the namespace may hold up a Pod; a Service that cannot be settled does not stop it.
const SERVICES: Duration = Duration::from_secs(3);

/// Answers when everything that the Pod names is settled.
pub(super) async fn ensure(
    ctx: &Context,
    request: &EnsureDependenciesRequest,
) -> Result<EnsureDependenciesResponse, Status> {
    let pod = find(ctx, request).await?;
    let pod = &pod;
    let named = join_all(ctx.references.pin(pod, Instant::now()).into_iter().map(
        |(key, optional)| async move {
            let state = settle(ctx, &key, !optional).await;
            dependency(&key, of_this_pod(ctx, pod, &key, state))
        },
    ));
    let services = join_all(
        services(ctx, &TenantNamespace::new(request.namespace.as_str()))
            .into_iter()
            .map(|key| async move {
                let state = timeout(SERVICES, settle(ctx, &key, false)).await;
                // A Pod starts whatever becomes of the Services beside it, so only good news is told.
                state
                    .is_ok_and(|state| state == State::Ready)
                    .then(|| dependency(&key, State::Ready))
            }),
    );
    let (named, services) = futures::join!(named, services);
    Ok(EnsureDependenciesResponse {
        dependencies: named.into_iter().chain(services.into_iter().flatten()).collect(),
    })
}

/// The watch may be behind, or have an earlier Pod of this name: then the tenant is asked.
async fn find(ctx: &Context, request: &EnsureDependenciesRequest) -> Result<TenantPod, Status> {
    let EnsureDependenciesRequest { namespace, name, uid } = request;
    let asked = |pod: &TenantPod| {
        pod.identity()
            .is_some_and(|(_, found)| found.as_str() == uid.as_str())
    };
    let stored = ctx
        .tenant
        .pods
        .get(&ObjectKey::new(namespace.as_str(), name.as_str()));
    if let Some(pod) = stored.filter(|pod| asked(pod)) {
        return Ok((*pod).clone());
    }
    let api = ctx.tenant_api::<TenantPod>(&TenantNamespace::new(namespace.as_str()));
    let found = act::call(format!("read Pod {namespace}/{name}"), api.get_opt(name)).await;
    match found {
        Ok(Some(pod)) if asked(&pod) => Ok(pod),
        Ok(_none_or_another) => Err(Status::not_found(format!(
            "the tenant has no Pod {namespace}/{name} with UID {uid}"
        ))),
        Err(error) => Err(Status::unavailable(Chain(&error).to_string())),
    }
}

/// Raises a key and waits for the round that settles it.
async fn settle(ctx: &Context, key: &Key, required: bool) -> State {
    let until = Instant::now() + APPEARS;
    let mut state = next(ctx, key, None).await;
    while required && state == Some(State::Absent) && Instant::now() < until {
        // Answered by the watch's event; the time limit is for what no watch shows (a ServiceAccount).
        state = next(ctx, key, Some(LOOK)).await.or(Some(State::Absent));
    }
    state.unwrap_or_else(|| State::Failed("the syncer is shutting down".to_owned()))
}

/// The state after the next round. With a `pause` the key is raised only at its end, and `None` means that it is over.
async fn next(ctx: &Context, key: &Key, pause: Option<Duration>) -> Option<State> {
    let round = ctx.settlements.next(key);
    let Some(pause) = pause else {
        ctx.queue.add_urgent(key.clone());
        return round.await.ok();
    };
    let changed = timeout(pause, round).await;
    if let Ok(Ok(state)) = changed {
        return Some(state);
    }
    let round = ctx.settlements.next(key);
    ctx.queue.add_urgent(key.clone());
    round.await.ok()
}

/// The Services whose addresses go into the Pod's environment, and that are not settled yet.
fn services(ctx: &Context, namespace: &TenantNamespace) -> Vec<Key> {
    let of_namespace = |key: &ObjectKey| key.namespace == namespace.as_str();
    let services = ctx.tenant.services.keys().into_iter().filter(of_namespace);
    let keys = services
        .map(|key| TenantKey::new(key.namespace, key.name))
        .filter(|key| !service::excluded(key))
        .map(|key| Key::new(Kind::Service, key));
    keys.chain([fixed_service::kubernetes()])
        .filter(|key| !is_settled(ctx, key))
        .collect()
}

fn is_settled(ctx: &Context, key: &Key) -> bool {
    let Some(service) = ctx.tenant.services.get(&key.in_tenant()) else {
        return true;
    };
    let version = service.metadata.resource_version.as_deref().unwrap_or_default();
    if service::dns_only(&service) || ctx.verified.has_failed(key, version) {
        return true;
    }
    let host_name =
        warren_translate::name::host_name(&ctx.cluster, warren_translate::name::SERVICE, &key.tenant);
    let host = ctx.host.services.get(&ObjectKey::new(
        ctx.cluster.workload_namespace.as_str(),
        host_name.as_str(),
    ));
    let host_version = match key.kind {
        Kind::FixedService => Some(String::new()),
        _ => host.and_then(|host| host.metadata.resource_version.clone()),
    };
    ctx.verified.check(key, version, host_version.as_deref()) != Standing::Unknown
}

/// For an ephemeral volume, and for a template of devices, a kubelet takes only the claim that was made for this very Pod.
fn of_this_pod(ctx: &Context, pod: &TenantPod, key: &Key, state: State) -> State {
    let is_own = |need: &Need| match need {
        Need::Claim { name, ephemeral } => key.kind == Kind::Claim && *ephemeral && *name == key.tenant.name,
        Need::ResourceClaim { name, generated } => {
            key.kind == Kind::ResourceClaim && *generated && *name == key.tenant.name
        }
        _ => false,
    };
    if state != State::Ready || !pod.needs().iter().any(is_own) {
        return state;
    }
    let stored = key.in_tenant();
    let (what, claim) = if key.kind == Kind::Claim {
        let claim = ctx.tenant.storage.claims.get(&stored);
        ("PVC", claim.map(|claim| claim.metadata.clone()))
    } else {
        let claim = ctx.resource_claims.tenant.get(&stored);
        ("ResourceClaim", claim.map(|claim| claim.metadata.clone()))
    };
    let of_pod = pod
        .identity()
        .is_some_and(|(_, uid)| claim.is_some_and(|claim| meta::is_controlled_by(&claim, uid.as_str())));
    if of_pod {
        state
    } else {
        State::Failed(format!(
            "{what} {} was not created for this pod (pod is not owner)",
            key.tenant
        ))
    }
}

fn dependency(key: &Key, state: State) -> Dependency {
    let (state, message) = match state {
        State::Ready | State::Unneeded => (ProtoState::Ready, String::new()),
        State::Absent => (ProtoState::Absent, String::new()),
        State::Failed(message) => (ProtoState::Failed, message),
    };
    let kind = match key.kind {
        Kind::FixedService => Kind::Service.as_str(),
        kind => kind.as_str(),
    };
    Dependency {
        kind: kind.to_owned(),
        name: key.tenant.name.as_str().to_owned(),
        state: state.into(),
        message,
    }
}

#[cfg(test)]
mod tests;

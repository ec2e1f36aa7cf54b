//! Services: on the host with the very address that the tenant allocated; where the host refuses it, the tenant's
//! is changed to the host's (claim and flip).

use std::time::Duration;

use k8s_openapi::api::core::v1::Service;
use warren_runtime::act;
use warren_translate::identity::{Cluster, HostName};
use warren_translate::kinds::service;
use warren_translate::{Denied, Outcome, Translated, meta, name};

use super::content::{in_host, version};
use super::{endpoint_slice, gone};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::flip::{self, Address};
use crate::key::Key;
use crate::perform::{HEALTH_CHECK, Performed, perform};
use crate::plan::{Action, HostKind, plan_copy};
use crate::registry::Round;
use crate::settlements::State;
use crate::teller;
use crate::verified::{LAG, Standing};

/// How often an address that the user chose is asked for again while somebody else on the host has it.
const CHOSEN_AGAIN: Duration = Duration::from_mins(1);

impl HostKind for Service {
    fn needs_update(&self, desired: &Self) -> bool {
        service::needs_update(self, desired)
    }

    fn must_replace(&self, desired: &Self) -> bool {
        service::must_replace(self, desired)
    }
}

/// One round. Everything that happens to a Service comes by here, so the EndpointSlices that depend on it are raised here.
///
/// # Errors
/// Failed calls to either cluster, and what [`perform`] and [`flip::drive`] return.
pub async fn round(ctx: &Context, key: &Key) -> Result<Round> {
    let round = settle(ctx, key).await;
    endpoint_slice::raise_of(ctx, &key.tenant);
    round
}

async fn settle(ctx: &Context, key: &Key) -> Result<Round> {
    let host_name = name::host_name(&ctx.cluster, name::SERVICE, &key.tenant);
    let host = ctx.host.services.get(&in_host(&ctx.cluster, &host_name));
    let Some(tenant) = ctx.tenant.services.get(&key.in_tenant()) else {
        ctx.verified.forget(key);
        ctx.teller.forget(key);
        gone::remove(ctx, key, &host_name, host.as_deref()).await?;
        return Ok(Round::done(State::Absent));
    };
    let host_version = host.as_ref().map(|host| version(&host.metadata));
    match ctx
        .verified
        .check(key, &version(&tenant.metadata), host_version.as_deref())
    {
        Standing::Current => return Ok(Round::done(State::Ready)),
        Standing::Written => return Ok(Round::again(State::Ready, LAG)),
        Standing::Unknown => {}
    }
    if flip::is_changing(&tenant.metadata) {
        return resume(ctx, key, &tenant, host.as_deref()).await;
    }
    let round = match desired(ctx, key, &tenant)? {
        Wanted::Nothing(state) => {
            let actions = plan_copy(&ctx.cluster, None, host.as_deref());
            perform(ctx, key, &host_name, actions).await?;
            Round::done(state)
        }
        Wanted::Object(object) => bring(ctx, key, &host_name, &tenant, host.as_deref(), *object).await?,
    };
    if matches!(round.state, State::Failed(_)) {
        ctx.verified.set_failed(key, version(&tenant.metadata));
    }
    Ok(round)
}

/// What the host should have.
enum Wanted {
    Object(Box<Service>),
    Nothing(State),
}

fn desired(ctx: &Context, key: &Key, tenant: &Service) -> Result<Wanted> {
    if service::dns_only(tenant) {
        return Ok(Wanted::Nothing(State::Ready));
    }
    let about = || teller::about(key.kind, &tenant.metadata);
    match service::down(&ctx.cluster, &ctx.policy, tenant)? {
        Outcome::Denied(denied) => {
            let note = denied.to_string();
            ctx.teller.warn(key, about(), Denied::REASON, &note);
            Ok(Wanted::Nothing(State::Failed(note)))
        }
        Outcome::Translated(Translated { object, notes }) => {
            for note in notes {
                ctx.teller.warn(key, about(), note.reason, &note.to_string());
            }
            Ok(Wanted::Object(Box::new(object)))
        }
    }
}

async fn bring(
    ctx: &Context,
    key: &Key,
    host_name: &HostName,
    tenant: &Service,
    host: Option<&Service>,
    desired: Service,
) -> Result<Round> {
    let mismatch = host.map(|host| service::up(tenant, host).mismatch);
    let mismatch = mismatch.unwrap_or_default();
    // An address that the user chose wins over the one that the host has; any other is the host's to choose.
    let chosen = !mismatch.is_empty() && flip::chosen_by_user(ctx, &key.tenant, tenant).await?;
    let actions = if chosen {
        plan_chosen(&ctx.cluster, &mismatch, desired.clone(), host)
    } else {
        plan_kept(&ctx.cluster, desired.clone(), host)
    };
    let performed = match perform(ctx, key, host_name, actions).await {
        Err(Error::Refused { source, .. }) if address_refused(&source) => {
            match claim(ctx, key, host_name, tenant, host, desired).await? {
                Some(claimed) => Performed::Written(Box::new(claimed)),
                None => return Ok(chosen_by_user(ctx, key, tenant, &source)),
            }
        }
        performed => performed?,
    };
    let stored = match &performed {
        Performed::Written(stored) => Some(&**stored),
        Performed::Nothing => host,
        Performed::Deleted => None,
    };
    let Some(stored) = stored else {
        return Ok(Round::again(State::Absent, LAG));
    };
    report(ctx, key, tenant, stored).await
}

/// An update leaves the host's address alone.
fn plan_kept(cluster: &Cluster, mut desired: Service, host: Option<&Service>) -> Vec<Action<Service>> {
    if let Some(host) = host.filter(|host| !host.must_replace(&desired)) {
        service::keep_address(&mut desired, host);
    }
    plan_copy(cluster, Some(desired), host)
}

/// The host's address is given up for the chosen one. Only node ports of ports can change in place.
fn plan_chosen(
    cluster: &Cluster,
    mismatch: &[service::Mismatch],
    mut desired: Service,
    host: Option<&Service>,
) -> Vec<Action<Service>> {
    let Some(host) = host.filter(|host| meta::belongs(cluster, &host.metadata)) else {
        return plan_copy(cluster, Some(desired), host);
    };
    if mismatch.iter().any(service::Mismatch::is_fixed) {
        let mut actions = plan_copy(cluster, None, Some(host));
        actions.push(Action::Create(Box::new(desired)));
        return actions;
    }
    service::keep_class(&mut desired, host);
    meta::carry_over(&host.metadata, &mut desired.metadata);
    vec![Action::Replace(Box::new(desired))]
}

/// What goes up: the load balancer's status, and the address where the host has another.
async fn report(ctx: &Context, key: &Key, tenant: &Service, host: &Service) -> Result<Round> {
    let up = service::up(tenant, host);
    let mut written = false;
    if let Some(status) = &up.status {
        let api = ctx.tenant_api::<Service>(&key.tenant.namespace);
        act::merge_status(&api, key.tenant.name.as_str(), status).await?;
        written = true;
    }
    if !up.mismatch.is_empty()
        && let Some(address) = Address::of_host(host)
    {
        for mismatch in &up.mismatch {
            tracing::info!(
                field = mismatch.field,
                tenant = mismatch.tenant,
                host = mismatch.host,
                "the host has another address: changing the tenant's"
            );
        }
        flip::drive(ctx, &key.tenant, &address).await?;
        written = true;
    }
    if written {
        // The tenant's store shows it soon, and that round verifies it.
        return Ok(Round::again(State::Ready, LAG));
    }
    ctx.verified
        .set(key, version(&tenant.metadata), version(&host.metadata));
    Ok(Round::done(State::Ready))
}

/// A change of address that this process, or its predecessor, has begun.
async fn resume(ctx: &Context, key: &Key, tenant: &Service, host: Option<&Service>) -> Result<Round> {
    let address = host
        .and_then(Address::of_host)
        .or_else(|| flip::intended(&tenant.metadata));
    if let Some(address) = address {
        flip::drive(ctx, &key.tenant, &address).await?;
    }
    Ok(Round::again(State::Ready, LAG))
}

/// Lets the host choose. `None` when the user chose the address: then nothing is changed.
async fn claim(
    ctx: &Context,
    key: &Key,
    host_name: &HostName,
    tenant: &Service,
    host: Option<&Service>,
    desired: Service,
) -> Result<Option<Service>> {
    if flip::chosen_by_user(ctx, &key.tenant, tenant).await? {
        return Ok(None);
    }
    let object = service::without_address(desired);
    let actions = plan_kept(&ctx.cluster, object, host);
    match perform(ctx, key, host_name, actions).await? {
        Performed::Written(created) => Ok(Some(*created)),
        Performed::Nothing | Performed::Deleted => Ok(None),
    }
}

fn chosen_by_user(ctx: &Context, key: &Key, tenant: &Service, refusal: &act::Error) -> Round {
    let says = |word: &str| refusal.message().is_some_and(|text| text.contains(word));
    let field = if says("nodePort") {
        "spec.ports[].nodePort"
    } else if says(HEALTH_CHECK) {
        "spec.healthCheckNodePort"
    } else {
        "spec.clusterIP"
    };
    let note = format!("`{field}` was chosen by hand, but is not free: choose another or leave it empty");
    let about = teller::about(key.kind, &tenant.metadata);
    ctx.teller.warn(key, about, "AddressTaken", &note);
    Round::again(State::Failed(note), CHOSEN_AGAIN)
}

/// Whether the host refused the address or a node port, as opposed to the Service itself.
fn address_refused(error: &act::Error) -> bool {
    const WORDS: [&str; 3] = [
        "already allocated",
        "not in the valid range",
        "failed to allocate",
    ];
    let message = error.message().unwrap_or_default();
    // perform.rs lets no other failure inside the host's apiserver through as a refusal.
    let code = error.code();
    (code == Some(422) || code == Some(500)) && WORDS.iter().any(|word| message.contains(word))
}

#[cfg(test)]
mod tests;

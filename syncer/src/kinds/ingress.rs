//! Ingresses: down once every host name is claimed, the load balancer's status up, and what they name on the way: their
//! Secrets go down for them, and their host names are given back after them.

mod class;

use std::collections::BTreeSet;

use k8s_openapi::api::networking::v1::Ingress;
use warren_crds::served_host::ServedHost;
use warren_runtime::act;
use warren_translate::identity::{HostName, TenantKey};
use warren_translate::kinds::ingress;
use warren_translate::{Denied, Outcome, Translated, meta, name};

use self::class::Class;
use super::content::in_host;
use super::down::{STANDS_STILL, bring, remove, tell};
use crate::context::Context;
use crate::error::Result;
use crate::host_names::{self, Refusal};
use crate::key::{Key, Kind};
use crate::plan::HostKind;
use crate::registry::Round;
use crate::settlements::State;
use crate::stores::Parts as _;
use crate::teller;

impl HostKind for Ingress {
    fn needs_update(&self, desired: &Self) -> bool {
        ingress::needs_update(self, desired)
    }

    fn must_replace(&self, _desired: &Self) -> bool {
        false
    }
}

/// What becomes of an Ingress.
enum Verdict {
    /// It goes down, once its names are claimed.
    Down(Box<Translated<Ingress>>),
    /// It does not.
    Denied(Denied),
    /// A controller in the tenant serves it.
    Tenants,
}

/// One round.
///
/// # Errors
/// Failed calls to either cluster, what bringing it down and [`host_names::ask`] return, and translation.
pub async fn round(ctx: &Context, key: &Key) -> Result<Round> {
    if !ctx.ingresses().is_ready() {
        // Nothing may be taken for absent.
        return Ok(Round::done(State::Failed(STANDS_STILL.to_owned())));
    }
    let host_name = name::host_name(&ctx.cluster, name::INGRESS, &key.tenant);
    let host = ctx.ingresses.host.get(&in_host(&ctx.cluster, &host_name));
    let host = host.as_deref();
    let Some(tenant) = ctx.ingresses.tenant.get(&key.in_tenant()) else {
        ctx.teller.forget(key);
        withdraw(ctx, key, &host_name, host).await?;
        return Ok(Round::done(State::Absent));
    };
    let failed = match judge(ctx, &tenant)? {
        Verdict::Tenants => {
            withdraw(ctx, key, &host_name, host).await?;
            return Ok(Round::done(State::Unneeded));
        }
        Verdict::Denied(denied) => {
            let note = denied.to_string();
            warn(ctx, key, &tenant, Denied::REASON, &note);
            withdraw(ctx, key, &host_name, host).await?;
            note
        }
        Verdict::Down(translated) => match claim(ctx, key, &tenant, &host_name, host).await? {
            None => return serve(ctx, key, &tenant, &host_name, host, *translated).await,
            Some(note) => note,
        },
    };
    let serving = host.filter(|host| stands_for(ctx, host, &tenant));
    report(ctx, key, &tenant, serving).await?;
    Ok(Round::done(State::Failed(failed)))
}

/// Claims the names. When it does not get them, it says why; what the host has of this Ingress stays only if it serves
/// nothing but names that the tenant asks for and has.
async fn claim(
    ctx: &Context,
    key: &Key,
    tenant: &Ingress,
    host_name: &HostName,
    host: Option<&Ingress>,
) -> Result<Option<String>> {
    let Some(Refusal { reason, note, kept }) = host_names::ask(ctx, ingress::hosts(tenant)).await? else {
        return Ok(None);
    };
    warn(ctx, key, tenant, reason, &note);
    if host.is_some_and(|host| !ingress::hosts(host).is_subset(&kept)) {
        withdraw(ctx, key, host_name, host).await?;
    }
    host_names::release(ctx, Some(key)).await?;
    Ok(Some(note))
}

/// Every name is this cluster's: the Secrets go down, the host gets the object, the tenant its status.
async fn serve(
    ctx: &Context,
    key: &Key,
    tenant: &Ingress,
    host_name: &HostName,
    host: Option<&Ingress>,
    translated: Translated<Ingress>,
) -> Result<Round> {
    let Translated { object, notes } = translated;
    tell(ctx, key, tenant, notes);
    let namespace = key.tenant.namespace.as_str();
    let secrets = ingress::secrets(tenant).into_iter();
    let secrets = secrets.map(|secret| Key::new(Kind::Secret, TenantKey::new(namespace, secret)));
    refer(ctx, key, secrets.collect());
    let round = bring(ctx, key, host_name, host, object, None).await?;
    let serving = host.filter(|host| stands_for(ctx, host, tenant));
    report(ctx, key, tenant, serving).await?;
    if host.is_none_or(|host| ingress::hosts(host) != ingress::hosts(tenant)) {
        ctx.host_names.unsettle();
    }
    host_names::release(ctx, None).await?;
    Ok(round)
}

/// Takes it off the host, and with it what it named.
async fn withdraw(ctx: &Context, key: &Key, host_name: &HostName, host: Option<&Ingress>) -> Result<()> {
    ctx.host_names.unsettle();
    remove(ctx, key, host_name, host).await?;
    refer(ctx, key, BTreeSet::new());
    host_names::release(ctx, None).await
}

/// What it names from now on.
fn refer(ctx: &Context, key: &Key, secrets: BTreeSet<Key>) {
    for changed in ctx.references.named_by(key, secrets) {
        ctx.queue.add(changed);
    }
}

/// The status, while the host object is this cluster's and of this very Ingress.
async fn report(ctx: &Context, key: &Key, tenant: &Ingress, host: Option<&Ingress>) -> Result<()> {
    if let Some(status) = ingress::status(tenant, host) {
        let api = ctx.tenant_api::<Ingress>(&key.tenant.namespace);
        act::merge_status(&api, key.tenant.name.as_str(), &status).await?;
        ctx.wrote();
    }
    Ok(())
}

fn stands_for(ctx: &Context, host: &Ingress, tenant: &Ingress) -> bool {
    let origin = meta::origin(&host.metadata);
    let uid = tenant.metadata.uid.as_deref();
    meta::belongs(&ctx.cluster, &host.metadata)
        && origin.is_some_and(|origin| uid == Some(origin.uid.as_str()))
}

fn judge(ctx: &Context, tenant: &Ingress) -> warren_translate::Result<Verdict> {
    let class = match class::of(ctx, tenant) {
        Class::Hosts(class) => class,
        Class::Tenants => return Ok(Verdict::Tenants),
        Class::None(denied) => return Ok(Verdict::Denied(denied)),
    };
    let outcome = ingress::down(&ctx.cluster, &ctx.policy, &class, tenant)?;
    Ok(match outcome {
        Outcome::Translated(translated) => Verdict::Down(Box::new(translated)),
        Outcome::Denied(denied) => Verdict::Denied(denied),
    })
}

fn warn(ctx: &Context, key: &Key, tenant: &Ingress, reason: &str, note: &str) {
    ctx.teller
        .warn(key, teller::about(key.kind, &tenant.metadata), reason, note);
}

/// The host names that the tenant's Ingresses are to serve on the host, without those of `except`.
pub(crate) fn wanted(ctx: &Context, except: Option<&Key>) -> BTreeSet<ServedHost> {
    let except = except.filter(|key| key.kind == Kind::Ingress);
    let except = except.map(|key| &key.tenant);
    let is_other = |ingress: &Ingress| TenantKey::of(&ingress.metadata).ok().as_ref() != except;
    let goes_down = |ingress: &Ingress| matches!(judge(ctx, ingress), Ok(Verdict::Down(_)));
    let ingresses = ctx.ingresses.tenant.all().into_iter();
    ingresses
        .filter(|ingress| is_other(ingress) && goes_down(ingress))
        .flat_map(|ingress| ingress::hosts(&ingress))
        .collect()
}

/// The host names that the host's Ingresses of this cluster serve.
pub(crate) fn on_host(ctx: &Context) -> BTreeSet<ServedHost> {
    let own = ctx.ingresses.host.all().into_iter();
    own.filter(|host| meta::belongs(&ctx.cluster, &host.metadata))
        .flat_map(|host| ingress::hosts(&host))
        .collect()
}

/// Whether an Ingress on the host may read this Secret of the host: it must not go before.
pub(super) fn may_read(ctx: &Context, secret: &HostName) -> bool {
    let host = &ctx.ingresses.host;
    !host.is_ready() || host.any(|ingress| ingress::secrets(ingress).contains(secret.as_str()))
}

#[cfg(test)]
mod tests;

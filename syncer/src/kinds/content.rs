//! ConfigMaps and Secrets: down only if a Pod (or an Ingress) names them, kept fresh while one does, removed after.
//!
//! The stores hold metadata only. An object is read, from both clusters, only when one of its two versions is not
//! the one that was last found equal.

use std::time::Duration;

use kube::core::PartialObjectMeta;
use warren_runtime::act;
use warren_runtime::store::{ObjectKey, Store};
use warren_translate::identity::{Cluster, HostName, TenantNamespace};
use warren_translate::policy::TenantPolicy;
use warren_translate::{Translated, meta, name};

use super::down::tell;
use super::ingress;
use crate::context::Context;
use crate::error::Result;
use crate::key::{Key, Kind};
use crate::perform::{Performed, perform};
use crate::plan::{HostKind, plan_copy};
use crate::registry::Round;
use crate::settlements::State;
use crate::verified::{LAG, Standing};

/// How long to wait for host Pods that may still read an object that no tenant Pod names.
pub(super) const LINGER: Duration = Duration::from_secs(15);

/// A kind whose content goes down as it is.
pub trait Content: HostKind {
    /// For host names.
    const NAME: name::Kind;

    /// The host object.
    ///
    /// # Errors
    /// When the tenant object has no name, namespace or UID.
    fn down(
        cluster: &Cluster,
        policy: &TenantPolicy,
        tenant: &Self,
    ) -> warren_translate::Result<Translated<Self>>;

    /// The stores of tenant and host.
    fn stores(ctx: &Context) -> (&Store<PartialObjectMeta<Self>>, &Store<PartialObjectMeta<Self>>);
}

/// One round.
///
/// # Errors
/// Failed reads of either cluster, and what [`perform`] returns.
pub async fn round<K: Content>(ctx: &Context, key: &Key) -> Result<Round> {
    let host_name = name::host_name(&ctx.cluster, K::NAME, &key.tenant);
    let (tenant_store, host_store) = K::stores(ctx);
    let seen_host = host_store.get(&in_host(&ctx.cluster, &host_name));
    if !ctx.references.is_referenced(key) {
        ctx.verified.forget(key);
        return match seen_host {
            None => Ok(Round::done(State::Unneeded)),
            Some(_) => remove::<K>(ctx, key, &host_name).await,
        };
    }
    let seen_host_version = seen_host.as_ref().map(|object| version(&object.metadata));
    if let Some(seen) = tenant_store.get(&key.in_tenant()) {
        let seen = version(&seen.metadata);
        match ctx.verified.check(key, &seen, seen_host_version.as_deref()) {
            Standing::Current => return Ok(Round::done(State::Ready)),
            Standing::Written => return Ok(Round::again(State::Ready, LAG)),
            Standing::Unknown => {}
        }
    }
    let (tenant, host) = tokio::try_join!(
        read::<K>(ctx.tenant_api(&key.tenant.namespace), key.tenant.name.as_str()),
        read_if::<K>(seen_host.is_some(), ctx, &host_name),
    )?;
    let desired = match &tenant {
        Some(tenant) => {
            let Translated { object, notes } = K::down(&ctx.cluster, &ctx.policy, tenant)?;
            tell(ctx, key, tenant, notes);
            Some(object)
        }
        None => None,
    };
    let actions = plan_copy(&ctx.cluster, desired, host.as_ref());
    let performed = perform(ctx, key, &host_name, actions).await?;
    let Some(tenant) = tenant else {
        ctx.verified.forget(key);
        ctx.teller.forget(key);
        return Ok(Round::done(State::Absent));
    };
    let stored = match &performed {
        Performed::Written(stored) => Some(&**stored),
        Performed::Nothing => host.as_ref(),
        Performed::Deleted => None,
    };
    if let Some(stored) = stored {
        ctx.verified
            .set(key, version(tenant.meta()), version(stored.meta()));
    }
    Ok(Round::done(State::Ready))
}

/// Nothing of the tenant names it: it goes, unless something on the host may still read it.
async fn remove<K: Content>(ctx: &Context, key: &Key, host_name: &HostName) -> Result<Round> {
    let by_ingress = key.kind == Kind::Secret && ingress::may_read(ctx, host_name);
    if by_ingress || has_unknown_host_pods(ctx, &key.tenant.namespace) {
        return Ok(Round::again(State::Unneeded, LINGER));
    }
    let host = read::<K>(ctx.host_api(), host_name.as_str()).await?;
    let actions = plan_copy(&ctx.cluster, None, host.as_ref());
    perform(ctx, key, host_name, actions).await?;
    ctx.teller.forget(key);
    Ok(Round::done(State::Unneeded))
}

/// Whether a host Pod of this tenant namespace lives on although its tenant Pod is not known (force-deleted, or
/// not seen yet): nobody can say what it names.
pub(super) fn has_unknown_host_pods(ctx: &Context, namespace: &TenantNamespace) -> bool {
    let mut has_unknown = false;
    ctx.host.pods.visit(
        |_| true,
        |pod| {
            has_unknown |= meta::origin(&pod.metadata).is_some_and(|origin| {
                origin.key.namespace == *namespace && !ctx.references.knows(&origin.key, &origin.uid)
            });
        },
    );
    has_unknown
}

async fn read_if<K: Content>(there: bool, ctx: &Context, name: &HostName) -> Result<Option<K>> {
    if there {
        read(ctx.host_api(), name.as_str()).await
    } else {
        Ok(None)
    }
}

async fn read<K: HostKind>(api: kube::Api<K>, name: &str) -> Result<Option<K>> {
    let what = format!("read {} {name}", K::kind(&()));
    Ok(act::call(what, api.get_opt(name)).await?)
}

/// Where the host's store has an object of this name.
pub(super) fn in_host(cluster: &Cluster, name: &HostName) -> ObjectKey {
    ObjectKey::new(cluster.workload_namespace.as_str(), name.as_str())
}

/// The resourceVersion; empty for an object that was never stored.
pub(super) fn version(metadata: &kube::api::ObjectMeta) -> String {
    metadata.resource_version.clone().unwrap_or_default()
}

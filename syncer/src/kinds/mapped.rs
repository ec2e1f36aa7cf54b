//! ConfigMaps and Secrets that come from the host: mapped by name or label, or made there by a controller for a custom
//! resource. What the tenant changes is put back, what it deletes is made again, what the host no longer has goes.
//!
//! The stores hold metadata only. Content is read, from both clusters, only when one of its two versions is not the one
//! that was last found equal.

use k8s_openapi::api::core::v1::{ConfigMap, ObjectReference, Secret};
use kube::core::PartialObjectMeta;
use kube::{Api, ResourceExt};
use warren_crds::sync::ReferenceKind;
use warren_runtime::act;
use warren_runtime::store::{ObjectKey, Store};
use warren_translate::identity::TenantKey;
use warren_translate::kinds::custom::Named;
use warren_translate::kinds::from_host;
use warren_translate::meta;
use warren_translate::mirrored::is_mirrored;

use super::content::version;
use super::tenant_write;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::plan::HostKind;
use crate::registry::Round;
use crate::settlements::State;
use crate::stores::mapped::{Found, Sources};
use crate::teller;
use crate::verified::{LAG, Standing};

/// Reason of Events about what is in the way.
pub(super) const NAME_TAKEN: &str = "NameTaken";
/// Reason of Events about what cannot be mapped.
pub(super) const NOT_MAPPED: &str = "NotMapped";

/// A kind whose content comes up as it is.
pub trait ComesUp: HostKind {
    /// How references of custom resources name it.
    const REFERENCE: ReferenceKind;

    /// The tenant's object.
    ///
    /// # Errors
    /// Why the tenant does not get it.
    fn up(host: &Self, target: &TenantKey) -> Result<Self, String>;

    /// What is mapped.
    fn sources(ctx: &Context) -> &Sources<Self>;

    /// What the tenant has.
    fn tenant(ctx: &Context) -> &Store<PartialObjectMeta<Self>>;
}

impl ComesUp for ConfigMap {
    const REFERENCE: ReferenceKind = ReferenceKind::ConfigMap;

    fn up(host: &Self, target: &TenantKey) -> Result<Self, String> {
        Ok(from_host::config_map(host, target))
    }

    fn sources(ctx: &Context) -> &Sources<Self> {
        &ctx.mapped.config_maps
    }

    fn tenant(ctx: &Context) -> &Store<PartialObjectMeta<Self>> {
        &ctx.tenant.config_maps
    }
}

impl ComesUp for Secret {
    const REFERENCE: ReferenceKind = ReferenceKind::Secret;

    fn up(host: &Self, target: &TenantKey) -> Result<Self, String> {
        from_host::secret(host, target)
    }

    fn sources(ctx: &Context) -> &Sources<Self> {
        &ctx.mapped.secrets
    }

    fn tenant(ctx: &Context) -> &Store<PartialObjectMeta<Self>> {
        &ctx.tenant.secrets
    }
}

/// One round; `key` is the tenant's object.
///
/// # Errors
/// Failed calls to either cluster.
pub async fn round<K: ComesUp>(ctx: &Context, key: &Key) -> Result<Round> {
    let seen = K::tenant(ctx).get(&key.in_tenant());
    let (at, seen_version) = match find::<K>(ctx, key) {
        Found::Unknown => return Ok(Round::done(State::Absent)),
        Found::Nothing => {
            if let Some(seen) = seen.filter(|seen| is_mirrored(&seen.metadata)) {
                remove::<K>(ctx, key, &seen).await?;
            }
            return Ok(Round::done(State::Unneeded));
        }
        Found::Object { at, version } => (at, version),
    };
    if !has_namespace(ctx, key) {
        // It is looked at again when the namespace comes.
        return Ok(Round::done(State::Absent));
    }
    if let Some(seen) = seen.as_deref().filter(|seen| !is_mirrored(&seen.metadata)) {
        name_taken(ctx, key, &seen.metadata);
        return Ok(Round::done(State::Absent));
    }
    let source = format!("{at} {seen_version}");
    let tenant_version = seen.as_deref().map(|seen| version(&seen.metadata));
    match ctx.verified.check(key, &source, tenant_version.as_deref()) {
        Standing::Current => return Ok(Round::done(State::Ready)),
        Standing::Written => return Ok(Round::again(State::Ready, LAG)),
        Standing::Unknown => {}
    }
    let host: Api<K> = Api::namespaced(ctx.host_client.client(), &at.namespace);
    let Some(host) = act::call(format!("read {} {at}", K::kind(&())), host.get_opt(&at.name)).await? else {
        return Err(Error::Stale);
    };
    match K::up(&host, &key.tenant) {
        Ok(desired) => {
            if let Some(stored) = bring(ctx, key, desired).await? {
                ctx.verified
                    .set(key, format!("{at} {}", version(host.meta())), stored);
            }
            Ok(Round::done(State::Ready))
        }
        Err(why) => {
            tell_namespace(ctx, key, NOT_MAPPED, &why);
            if let Some(seen) = seen {
                remove::<K>(ctx, key, &seen).await?;
            }
            Ok(Round::done(State::Absent))
        }
    }
}

fn find<K: ComesUp>(ctx: &Context, key: &Key) -> Found {
    match K::sources(ctx).find(&key.tenant) {
        Found::Nothing => {
            let named = Named {
                kind: K::REFERENCE,
                is_made: true,
                key: key.tenant.clone(),
            };
            ctx.customs.made(&ctx.references, &ctx.cluster, &named)
        }
        found => found,
    }
}

/// Makes the tenant's object so, and returns its version; `None` when somebody else's is in the way.
async fn bring<K: ComesUp>(ctx: &Context, key: &Key, mut desired: K) -> Result<Option<String>> {
    let api = ctx.tenant_api::<K>(&key.tenant.namespace);
    let what = format!("read {} {}", K::kind(&()), key.tenant);
    let Some(tenant) = act::call(what, api.get_opt(key.tenant.name.as_str())).await? else {
        let created = tenant_write::create(ctx, key, &api, &desired).await?;
        return Ok(Some(version(created.meta())));
    };
    if !is_mirrored(tenant.meta()) {
        name_taken(ctx, key, tenant.meta());
        return Ok(None);
    }
    if tenant.must_replace(&desired) {
        tenant_write::delete(ctx, key, &api, &tenant).await?;
        let created = tenant_write::create(ctx, key, &api, &desired).await?;
        return Ok(Some(version(created.meta())));
    }
    if !tenant.needs_update(&desired) {
        return Ok(Some(version(tenant.meta())));
    }
    tracing::debug!(%key, "putting right in the tenant");
    meta::carry_over(tenant.meta(), desired.meta_mut());
    let replaced = act::replace(&api, &desired).await?;
    ctx.wrote();
    Ok(Some(version(replaced.meta())))
}

async fn remove<K: ComesUp>(ctx: &Context, key: &Key, seen: &PartialObjectMeta<K>) -> Result<()> {
    ctx.verified.forget(key);
    let api: Api<PartialObjectMeta<K>> =
        Api::namespaced(ctx.tenant_client.client(), key.tenant.namespace.as_str());
    tenant_write::delete(ctx, key, &api, seen).await
}

/// Whether the tenant has the namespace. What a controller made is for an object of the namespace itself.
pub(super) fn has_namespace(ctx: &Context, key: &Key) -> bool {
    let namespace = key.tenant.namespace.as_str();
    !ctx.mapped.namespaces.is_ready() || ctx.mapped.namespace(namespace).is_some()
}

pub(super) fn name_taken(ctx: &Context, key: &Key, tenant: &kube::api::ObjectMeta) {
    let note =
        "the platform maps an object to this name, which is not overwritten: use another name for this one";
    ctx.teller
        .warn(key, teller::about(key.kind, tenant), NAME_TAKEN, note);
}

/// An Event on the namespace, where there is no object to speak of.
pub(super) fn tell_namespace(ctx: &Context, key: &Key, reason: &str, note: &str) {
    let Some(namespace) = ctx.mapped.namespace(key.tenant.namespace.as_str()) else {
        return;
    };
    let about = ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Namespace".to_owned()),
        name: Some(namespace.name_any()),
        uid: namespace.uid(),
        ..ObjectReference::default()
    };
    ctx.teller.warn(key, about, reason, note);
}

/// Every object of the tenant that came from the host, whether or not it still should.
pub(crate) fn mirrored<K: ComesUp>(ctx: &Context) -> Vec<ObjectKey> {
    let mut found = Vec::new();
    K::tenant(ctx).visit(
        |_| true,
        |object| {
            if is_mirrored(&object.metadata) {
                found.push(ObjectKey::of(&*object));
            }
        },
    );
    found
}

#[cfg(test)]
mod tests;

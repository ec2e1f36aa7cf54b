//! Changes the address of a tenant Service without changing its UID: the intent and the whole spec into an
//! annotation first, then to `ExternalName`, then back with the new address. Each step is found again after a crash.
//!
//! Patches carry what changes only, and the resourceVersion that was read: fields of a newer tenant that this
//! Warren does not know are neither read nor lost, and an edit in between starts the step over.

mod step;

use k8s_openapi::api::core::v1::Service;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, ObjectMeta, Patch, PatchParams};
use warren_runtime::act;
use warren_runtime::disposition::Disposed;
use warren_translate::identity::TenantKey;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::key::{Key, Kind};

pub use step::{Address, CHANGE, Step, next};

/// Field manager of the changed fields, which tells them from what a user chose.
const MANAGER: &str = "warren-syncer";
/// Mark, park, restore, and once more each when somebody edits in between.
const STEPS: usize = 6;

/// Whether a change of address has begun and is not finished.
pub fn is_changing(metadata: &ObjectMeta) -> bool {
    metadata
        .annotations
        .as_ref()
        .is_some_and(|annotations| annotations.contains_key(CHANGE))
}

/// The address that a change that has begun goes to.
pub fn intended(metadata: &ObjectMeta) -> Option<Address> {
    step::intent(metadata).map(|intent| intent.address)
}

/// Brings the Service to `address`, from wherever an earlier attempt has left it. One that is gone is a success.
///
/// # Errors
/// [`Error::AddressBusy`] when another Service of the tenant has the address (it is raised, and gives it back),
/// [`Error::Stale`] when somebody edits faster than this, [`Error::Act`].
pub async fn drive(ctx: &Context, tenant: &TenantKey, address: &Address) -> Result<()> {
    let api = api(ctx, tenant);
    let name = tenant.name.as_str();
    let Some(mut service) = act::call(format!("read Service {tenant}"), api.get_opt(name)).await? else {
        return Ok(());
    };
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    for _ in 0..STEPS {
        let patch = match next(&service, address)? {
            Step::Done => return Ok(()),
            Step::Patch(patch) => patch,
        };
        let what = format!("change the address of Service {tenant}");
        let patched = act::call(what, api.patch(name, &params, &Patch::Merge(&patch))).await;
        service = patched.map_err(|error| busy(ctx, address, error))?;
        ctx.wrote();
    }
    Err(Error::Stale)
}

/// When the tenant has given the address to another Service, that one cannot have it on the host: it changes too.
pub(crate) fn busy(ctx: &Context, address: &Address, error: act::Error) -> Error {
    if error.is_conflict() {
        return Error::Stale;
    }
    let taken = error
        .message()
        .is_some_and(|message| message.contains("already allocated"));
    if !taken || error.reason() != "Invalid" {
        return Error::Act(error);
    }
    let holders = ctx.tenant.services.filter(|service| {
        let ip = service.spec.as_ref().and_then(|spec| spec.cluster_ip.as_deref());
        ip == Some(&address.cluster_ip)
    });
    for holder in holders {
        if let Ok(tenant) = TenantKey::of(&holder.metadata) {
            ctx.queue.add_urgent(Key::new(Kind::Service, tenant));
        }
    }
    Error::AddressBusy {
        address: address.cluster_ip.clone(),
    }
}

/// Whether somebody else than the tenant's allocators, or this syncer, wrote the ClusterIP or a node port: an
/// allocated address belongs to no field manager.
///
/// # Errors
/// When the Service cannot be read.
pub async fn chosen_by_user(ctx: &Context, tenant: &TenantKey, seen: &Service) -> Result<bool> {
    let api = api(ctx, tenant);
    let read = api.get_opt(tenant.name.as_str());
    let Some(service) = act::call(format!("read Service {tenant}"), read).await? else {
        return Ok(false);
    };
    Ok(service.metadata.uid == seen.metadata.uid && step::chosen(&service.metadata, MANAGER))
}

fn api(ctx: &Context, tenant: &TenantKey) -> Api<DynamicObject> {
    let services = ApiResource::erase::<Service>(&());
    Api::namespaced_with(ctx.tenant_client.client(), tenant.namespace.as_str(), &services)
}

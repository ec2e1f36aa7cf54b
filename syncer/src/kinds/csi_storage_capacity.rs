//! CSIStorageCapacities: room for volumes of the classes on offer, in a namespace of the tenant.

use std::sync::Arc;

use k8s_openapi::api::storage::v1::CSIStorageCapacity;
use kube::Api;
use warren_translate::kinds::csi_storage_capacity::{self as capacity, NAMESPACE};

use super::storage_class::offers;
use super::up::ComesUp;
use crate::context::Context;
use crate::key::Key;
use crate::stores::Both;

impl ComesUp for CSIStorageCapacity {
    fn both(ctx: &Context) -> &Both<Self> {
        &ctx.ups.csi_capacities
    }

    fn is_ready(ctx: &Context) -> bool {
        Self::both(ctx).is_ready() && ctx.ups.storage_classes.is_ready()
    }

    fn api(ctx: &Context) -> Api<Self> {
        Api::namespaced(ctx.tenant_client.client(), NAMESPACE)
    }

    fn on_host(ctx: &Context, key: &Key) -> Option<Arc<Self>> {
        let named = |host: &Arc<Self>| capacity::has_name(&host.metadata, key.tenant.name.as_str());
        Self::both(ctx).host.filter(named).pop()
    }

    fn wanted(ctx: &Context, host: &Self) -> Option<Self> {
        let offered = offers(ctx, &host.storage_class_name);
        offered.then(|| capacity::up(host)).flatten()
    }
}

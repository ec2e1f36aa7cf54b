//! How a store keeps objects: whole, or packed where there are as many as Pods.

use std::marker::PhantomData;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{
    ConfigMap, Node, PersistentVolume, PersistentVolumeClaim, Pod, ResourceQuota, Service,
};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::{Ingress, IngressClass, NetworkPolicy, ServiceCIDR};
use k8s_openapi::api::node::v1::RuntimeClass;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::resource::v1::{DeviceClass, ResourceClaim, ResourceSlice};
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::api::storage::v1::{CSIDriver, CSINode, CSIStorageCapacity, StorageClass};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::{DynamicObject, PartialObjectMeta};
use warren_crds::{VirtualCluster, VirtualClusterClass};

use crate::packed::Packed;

/// An object that a [`Store`](super::Store) can keep.
pub trait Stored: Sized {
    /// What is kept of it. Cheap to clone.
    type Kept: Clone + Send + Sync;

    /// For the store.
    fn keep(object: &Arc<Self>) -> Self::Kept;

    /// From the store. `None` for what cannot be read back, which nothing is that [`Self::keep`] made.
    fn show(kept: &Self::Kept) -> Option<Arc<Self>>;
}

/// Kinds of which there are few: kept as they are.
macro_rules! whole {
    ($($kind:ty),* $(,)?) => {$(
        impl Stored for $kind {
            type Kept = Arc<Self>;

            fn keep(object: &Arc<Self>) -> Self::Kept {
                Arc::clone(object)
            }

            fn show(kept: &Self::Kept) -> Option<Arc<Self>> {
                Some(Arc::clone(kept))
            }
        }
    )*};
}

whole!(
    CSIDriver,
    CSINode,
    CSIStorageCapacity,
    ConfigMap,
    DynamicObject,
    EndpointSlice,
    Ingress,
    IngressClass,
    NetworkPolicy,
    Node,
    PersistentVolume,
    PersistentVolumeClaim,
    Pod,
    PodDisruptionBudget,
    PriorityClass,
    ResourceClaim,
    ResourceQuota,
    ResourceSlice,
    RuntimeClass,
    DeviceClass,
    Service,
    ServiceCIDR,
    StorageClass,
    VirtualCluster,
    VirtualClusterClass,
);

/// Metadata as a store keeps it.
pub struct KeptMeta<K> {
    packed: Packed,
    kind: PhantomData<fn() -> K>,
}

impl<K> Clone for KeptMeta<K> {
    fn clone(&self) -> Self {
        Self {
            packed: self.packed.clone(),
            kind: PhantomData,
        }
    }
}

impl<K> KeptMeta<K> {
    /// The metadata; `None` as with [`Stored::show`].
    pub fn metadata(&self) -> Option<ObjectMeta> {
        serde_json::from_str(&self.packed.text()?).ok()
    }
}

/// There are as many Secrets on the host as Pods, and as many ConfigMaps and Secrets in the tenant as it likes.
impl<K> Stored for PartialObjectMeta<K> {
    type Kept = KeptMeta<K>;

    fn keep(object: &Arc<Self>) -> Self::Kept {
        KeptMeta {
            packed: Packed::json(&object.metadata),
            kind: PhantomData,
        }
    }

    fn show(kept: &Self::Kept) -> Option<Arc<Self>> {
        Some(Arc::new(Self {
            types: None,
            metadata: kept.metadata()?,
            _phantom: PhantomData,
        }))
    }
}

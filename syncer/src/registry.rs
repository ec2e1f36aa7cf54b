//! The closed list of kinds: which file does a round of which key.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::api::networking::v1::{IngressClass, NetworkPolicy};
use k8s_openapi::api::node::v1::RuntimeClass;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::resource::v1::DeviceClass;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::api::storage::v1::{CSIDriver, CSINode, CSIStorageCapacity, StorageClass};

use crate::context::Context;
use crate::error::Result;
use crate::key::{Key, Kind};
use crate::kinds;
use crate::settlements::State;

/// How a round ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// How the key stands.
    pub state: State,
    /// When to look again by itself. `None`: when something changes.
    pub again: Option<Duration>,
}

impl Round {
    /// Settled until something changes.
    pub const fn done(state: State) -> Self {
        Self { state, again: None }
    }

    /// Settled, but to be looked at again.
    pub const fn again(state: State, after: Duration) -> Self {
        Self {
            state,
            again: Some(after),
        }
    }
}

/// One round of `key`, whatever its kind.
///
/// # Errors
/// Whatever the round's steps return.
pub async fn round(ctx: &Context, key: &Key) -> Result<Round> {
    match key.kind {
        Kind::FixedService => Box::pin(kinds::fixed_service::round(ctx, key)).await,
        Kind::Service => Box::pin(kinds::service::round(ctx, key)).await,
        Kind::ConfigMap => Box::pin(kinds::config_map::round(ctx, key)).await,
        Kind::Secret => Box::pin(kinds::secret::round(ctx, key)).await,
        Kind::Token => Box::pin(kinds::token::round(ctx, key)).await,
        Kind::ServiceEnvironment => Box::pin(kinds::service_environment::round(ctx, key)).await,
        Kind::TrustBundle => Box::pin(kinds::trust_bundle::round(ctx, key)).await,
        Kind::PodCertificate => Box::pin(kinds::pod_certificate::round(ctx, key)).await,
        Kind::Claim => Box::pin(kinds::claim::round(ctx, key)).await,
        Kind::ResourceClaim => Box::pin(kinds::resource_claim::round(ctx, key)).await,
        Kind::Volume => Box::pin(kinds::volume::round(ctx, key)).await,
        Kind::EndpointSlice => Box::pin(kinds::endpoint_slice::round(ctx, key)).await,
        Kind::StorageClass => Box::pin(kinds::up::round::<StorageClass>(ctx, key)).await,
        Kind::IngressClass => Box::pin(kinds::up::round::<IngressClass>(ctx, key)).await,
        Kind::PriorityClass => Box::pin(kinds::up::round::<PriorityClass>(ctx, key)).await,
        Kind::RuntimeClass => Box::pin(kinds::up::round::<RuntimeClass>(ctx, key)).await,
        Kind::DeviceClass => Box::pin(kinds::up::round::<DeviceClass>(ctx, key)).await,
        Kind::CsiDriver => Box::pin(kinds::up::round::<CSIDriver>(ctx, key)).await,
        Kind::CsiNode => Box::pin(kinds::up::round::<CSINode>(ctx, key)).await,
        Kind::CsiStorageCapacity => Box::pin(kinds::up::round::<CSIStorageCapacity>(ctx, key)).await,
        Kind::Budget => Box::pin(kinds::down::round::<PodDisruptionBudget>(ctx, key)).await,
        Kind::Ingress => Box::pin(kinds::ingress::round(ctx, key)).await,
        Kind::MappedConfigMap => Box::pin(kinds::mapped::round::<ConfigMap>(ctx, key)).await,
        Kind::MappedSecret => Box::pin(kinds::mapped::round::<Secret>(ctx, key)).await,
        Kind::ImportedService => Box::pin(kinds::imported_service::round(ctx, key)).await,
        Kind::ExportedService => Box::pin(kinds::exported_service::round(ctx, key)).await,
        Kind::SharedPolicy => Box::pin(kinds::shared_policy::round(ctx, key)).await,
        Kind::Definition => Box::pin(kinds::definition::round(ctx, key)).await,
        Kind::Custom => Box::pin(kinds::custom::round(ctx, key)).await,
        Kind::NetworkPolicy => Box::pin(kinds::down::round::<NetworkPolicy>(ctx, key)).await,
    }
}

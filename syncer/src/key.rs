//! The keys of the queue: which object of which kind, in tenant terms.

use std::fmt;

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use kube::api::ObjectMeta;
use warren_crds::keys;
use warren_runtime::store::ObjectKey;
use warren_translate::identity::{Cluster, TenantKey, TenantUid};
use warren_translate::kinds::trust_bundle::TrustBundleAsk;
use warren_translate::kinds::{csi_storage_capacity, persistent_volume, pod_certificate};
use warren_translate::{meta, name};

/// The kinds that the syncer moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `default/kubernetes` and `kube-system/kube-dns`: in the tenant only, with an address given by Warren.
    FixedService,
    /// A Service.
    Service,
    /// A ConfigMap that a Pod names.
    ConfigMap,
    /// A Secret that a Pod or an Ingress names.
    Secret,
    /// The ServiceAccount tokens of one Pod.
    Token,
    /// The service variables of one namespace.
    ServiceEnvironment,
    /// What one ClusterTrustBundle projection of a namespace's Pods asks for.
    TrustBundle,
    /// One certificate of one Pod.
    PodCertificate,
    /// A StorageClass of the tenant that stands for one of the host.
    StorageClass,
    /// An IngressClass of the tenant that stands for one of the host.
    IngressClass,
    /// A PriorityClass of the tenant that stands for one of the host.
    PriorityClass,
    /// A RuntimeClass of the tenant that stands for one of the host.
    RuntimeClass,
    /// A DeviceClass of the tenant that stands for one of the host.
    DeviceClass,
    /// A CSIDriver of the tenant that stands for one of the host.
    CsiDriver,
    /// A CSINode of the tenant that stands for one of the host.
    CsiNode,
    /// A CSIStorageCapacity of the tenant that stands for one of the host.
    CsiStorageCapacity,
    /// A PersistentVolumeClaim.
    Claim,
    /// A ResourceClaim.
    ResourceClaim,
    /// A PersistentVolume of the tenant that stands for one of the host.
    Volume,
    /// An EndpointSlice of a Service without selector.
    EndpointSlice,
    /// A PodDisruptionBudget.
    Budget,
    /// An Ingress.
    Ingress,
    /// A ConfigMap of the tenant that stands for one of the host.
    MappedConfigMap,
    /// A Secret of the tenant that stands for one of the host.
    MappedSecret,
    /// A Service of the tenant that stands for one of the host.
    ImportedService,
    /// A Service of the tenant that is exported.
    ExportedService,
    /// What the host's network lets through because of mapped and exported Services, and of own node ports.
    SharedPolicy,
    /// The definition of a registered kind.
    Definition,
    /// An object of a registered kind.
    Custom,
    /// A NetworkPolicy.
    NetworkPolicy,
}

impl Kind {
    /// In `PascalCase`, for metrics, logs and the gRPC answer.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FixedService => "FixedService",
            Self::Service => "Service",
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
            Self::Token => "ServiceAccountToken",
            Self::ServiceEnvironment => "ServiceEnvironment",
            Self::TrustBundle => "ClusterTrustBundle",
            Self::PodCertificate => "PodCertificate",
            Self::Claim => "PersistentVolumeClaim",
            Self::Volume => "PersistentVolume",
            Self::StorageClass => "StorageClass",
            Self::IngressClass => "IngressClass",
            Self::PriorityClass => "PriorityClass",
            Self::RuntimeClass => "RuntimeClass",
            Self::DeviceClass => "DeviceClass",
            Self::ResourceClaim => "ResourceClaim",
            Self::CsiDriver => "CSIDriver",
            Self::CsiNode => "CSINode",
            Self::CsiStorageCapacity => "CSIStorageCapacity",
            Self::EndpointSlice => "EndpointSlice",
            Self::Budget => "PodDisruptionBudget",
            Self::Ingress => "Ingress",
            Self::MappedConfigMap => "MappedConfigMap",
            Self::MappedSecret => "MappedSecret",
            Self::ImportedService => "ImportedService",
            Self::ExportedService => "ExportedService",
            Self::SharedPolicy => "SharedPolicy",
            Self::Definition => "CustomResourceDefinition",
            Self::Custom => "Custom",
            Self::NetworkPolicy => "NetworkPolicy",
        }
    }
}

/// One object to sync.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Its kind.
    pub kind: Kind,
    /// The tenant object; for tokens and certificates their Pod, for service variables their namespace with a fixed
    /// name, for bundles the namespace and [`TrustBundleAsk::key`]; cluster-scoped kinds have an empty namespace.
    pub tenant: TenantKey,
    /// UID of the Pod, for tokens and certificates only: a successor of the same name has its own.
    pub pod_uid: Option<TenantUid>,
    /// For certificates: which source of which volume. For objects of registered kinds: the name of the definition.
    pub source: Option<String>,
}

impl Key {
    /// The key of a kind whose objects are told apart by name.
    pub const fn new(kind: Kind, tenant: TenantKey) -> Self {
        Self {
            kind,
            tenant,
            pod_uid: None,
            source: None,
        }
    }

    /// The key of a cluster-scoped kind.
    pub fn cluster(kind: Kind, name: &str) -> Self {
        Self::new(kind, TenantKey::new("", name))
    }

    /// A host object of a kind that comes up, as the tenant has it. `None` for one that was never stored.
    pub fn of_mirrored(kind: Kind, host: &ObjectMeta) -> Option<Self> {
        if kind == Kind::CsiStorageCapacity {
            let name = csi_storage_capacity::name_of(host)?;
            return Some(Self::new(
                kind,
                TenantKey::new(csi_storage_capacity::NAMESPACE, name),
            ));
        }
        Some(Self::cluster(kind, host.name.as_deref()?))
    }

    /// The volume of a host claim, under the name that it has in the tenant. `None` for a claim that was never stored.
    pub fn volume_of_claim(host: &PersistentVolumeClaim) -> Option<Self> {
        let name = persistent_volume::name_of(host)?;
        Some(Self::cluster(Kind::Volume, &name))
    }

    /// A host volume, under the name that it has in the tenant. `None` for one that no claim of this cluster has.
    pub fn of_host_volume(cluster: &Cluster, host: &PersistentVolume) -> Option<Self> {
        let name = persistent_volume::name_of_volume(cluster, host)?;
        Some(Self::cluster(Kind::Volume, &name))
    }

    /// The tokens of one Pod.
    pub const fn token(pod: TenantKey, uid: TenantUid) -> Self {
        Self {
            kind: Kind::Token,
            tenant: pod,
            pod_uid: Some(uid),
            source: None,
        }
    }

    /// One certificate of one Pod.
    pub const fn certificate(pod: TenantKey, uid: TenantUid, source: String) -> Self {
        Self {
            kind: Kind::PodCertificate,
            tenant: pod,
            pod_uid: Some(uid),
            source: Some(source),
        }
    }

    /// An object of a registered kind.
    pub fn custom(definition: &str, tenant: TenantKey) -> Self {
        Self {
            source: Some(definition.to_owned()),
            ..Self::new(Kind::Custom, tenant)
        }
    }

    /// What a host object of a registered kind stands for. `None` for objects that are not the tenant's.
    pub fn of_host_custom(definition: &str, host: &ObjectMeta) -> Option<Self> {
        let origin = meta::origin(host)?;
        Some(Self::custom(definition, origin.key))
    }

    /// What the host's network lets through.
    pub fn shared_policy() -> Self {
        Self::cluster(Kind::SharedPolicy, "shared")
    }

    /// What Pods of a namespace ask of the tenant's bundles.
    pub fn trust_bundle(namespace: &str, ask: &TrustBundleAsk) -> Self {
        Self::new(Kind::TrustBundle, TenantKey::new(namespace, ask.key()))
    }

    /// The service variables of a namespace.
    pub fn service_environment(namespace: &str) -> Self {
        Self::new(
            Kind::ServiceEnvironment,
            TenantKey::new(namespace, "service-environment"),
        )
    }

    /// What a host object of `kind` stands for (`kind` as the host has it: a token is a Secret there). `None` for
    /// objects that are not the tenant's.
    pub fn of_host(kind: Kind, host: &ObjectMeta) -> Option<Self> {
        let annotations = host.annotations.as_ref()?;
        let origin_kind = annotations.get(keys::ORIGIN_KIND).map(String::as_str);
        if origin_kind == Some(name::SERVICE_ENVIRONMENT.kind) {
            return Some(Self::service_environment(
                annotations.get(keys::ORIGIN_NAMESPACE)?,
            ));
        }
        if origin_kind == Some(name::CLUSTER_TRUST_BUNDLE_PROJECTION.kind) {
            let asked = TenantKey::new(
                annotations.get(keys::ORIGIN_NAMESPACE)?,
                annotations.get(keys::ORIGIN_NAME)?,
            );
            return Some(Self::new(Kind::TrustBundle, asked));
        }
        let origin = meta::origin(host)?;
        match origin.kind.as_deref() {
            None => Some(Self::new(kind, origin.key)),
            Some(token) if token == name::TOKEN.kind => Some(Self::token(origin.key, origin.uid)),
            Some(certificate) if certificate == name::POD_CERTIFICATE.kind => {
                let source = pod_certificate::source_of(host)?.to_owned();
                Some(Self::certificate(origin.key, origin.uid, source))
            }
            Some(_of_a_later_warren) => None,
        }
    }

    /// Where the tenant's store has it.
    pub fn in_tenant(&self) -> ObjectKey {
        ObjectKey::new(self.tenant.namespace.as_str(), self.tenant.name.as_str())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), self.tenant)?;
        self.source.iter().try_for_each(|source| write!(f, " {source}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(annotations: &[(&str, &str)]) -> ObjectMeta {
        let annotations = annotations
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        ObjectMeta {
            annotations: Some(annotations.collect()),
            ..ObjectMeta::default()
        }
    }

    #[test]
    fn a_host_object_without_origin_is_nobodys() {
        assert_eq!(Key::of_host(Kind::ConfigMap, &host(&[("a", "b")])), None);
        assert_eq!(Key::of_host(Kind::ConfigMap, &ObjectMeta::default()), None);
    }

    #[test]
    fn the_origin_tells_which_kind_a_host_secret_stands_for() {
        let mut origin = vec![
            (keys::ORIGIN_NAMESPACE, "team"),
            (keys::ORIGIN_NAME, "web"),
            (keys::ORIGIN_UID, "u"),
        ];
        let tenant = TenantKey::new("team", "web");
        let secret = Key::of_host(Kind::Secret, &host(&origin));
        assert_eq!(secret, Some(Key::new(Kind::Secret, tenant.clone())));
        origin.push((keys::ORIGIN_KIND, "Token"));
        let token = Key::of_host(Kind::Secret, &host(&origin));
        assert_eq!(token, Some(Key::token(tenant, TenantUid::new("u"))));
        origin.pop();
        origin.push((keys::ORIGIN_KIND, "SomethingLater"));
        assert_eq!(Key::of_host(Kind::Secret, &host(&origin)), None);
    }

    #[test]
    fn a_certificate_is_known_by_its_pod_and_source() {
        let origin = [
            (keys::ORIGIN_NAMESPACE, "team"),
            (keys::ORIGIN_NAME, "web"),
            (keys::ORIGIN_UID, "u"),
            (keys::ORIGIN_KIND, "PodCertificate"),
            (pod_certificate::SOURCE, "tls.1"),
        ];
        let key = Key::of_host(Kind::Secret, &host(&origin)).unwrap();
        let pod = TenantKey::new("team", "web");
        assert_eq!(
            key,
            Key::certificate(pod, TenantUid::new("u"), "tls.1".to_owned())
        );
        assert_eq!(Key::of_host(Kind::Secret, &host(&origin[..4])), None);
    }

    #[test]
    fn a_bundles_config_map_is_known_by_what_was_asked() {
        let origin = [
            (keys::ORIGIN_NAMESPACE, "team"),
            (keys::ORIGIN_NAME, "optional/name/corp"),
            (keys::ORIGIN_KIND, "ClusterTrustBundleProjection"),
        ];
        let key = Key::of_host(Kind::ConfigMap, &host(&origin)).unwrap();
        assert_eq!(
            key,
            Key::new(Kind::TrustBundle, TenantKey::new("team", "optional/name/corp"))
        );
    }

    #[test]
    fn service_variables_are_known_by_their_namespace() {
        let origin = [
            (keys::ORIGIN_NAMESPACE, "team"),
            (keys::ORIGIN_KIND, "ServiceEnvironment"),
        ];
        let key = Key::of_host(Kind::ConfigMap, &host(&origin));
        assert_eq!(key, Some(Key::service_environment("team")));
    }
}

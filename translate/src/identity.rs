//! Names as types: what belongs to the tenant and what to the host cannot be swapped.

use std::fmt;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};

macro_rules! text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// A clone shares the text: keys of the same object are kept in many places.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
                String::deserialize(deserializer).map(|text| Self(text.into()))
            }
        }
    };
}

macro_rules! constructor {
    ($name:ident) => {
        impl $name {
            /// Takes the text as it is; the caller vouches for where it comes from.
            pub fn new(text: impl Into<String>) -> Self {
                let text: String = text.into();
                Self(text.into())
            }
        }
    };
}

text!(
    /// `status.clusterId` of the `VirtualCluster`: a DNS label, value of the label `warren.dev/cluster`.
    ClusterId
);
text!(
    /// UID of the `VirtualCluster` object.
    ClusterUid
);
text!(
    /// A namespace of the tenant.
    TenantNamespace
);
text!(
    /// A name of an object in the tenant.
    TenantName
);
text!(
    /// A UID that the tenant's apiserver gave.
    TenantUid
);
text!(
    /// A namespace of the host.
    HostNamespace
);
text!(
    /// A name of an object on the host. Made by [`crate::name::host_name`], or read off a host object.
    HostName
);
constructor!(ClusterId);
constructor!(ClusterUid);
constructor!(TenantNamespace);
constructor!(TenantName);
constructor!(TenantUid);
constructor!(HostNamespace);

impl HostName {
    /// For [`crate::name`] only: the one place that turns tenant names into host names.
    pub(crate) fn computed(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The name of an object that was read from the host. `None` without `metadata.name`.
    pub fn of(host: &ObjectMeta) -> Option<Self> {
        host.name.as_deref().map(|name| Self(name.into()))
    }
}

/// Which tenant object: key of stores and queues.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantKey {
    /// Its namespace.
    pub namespace: TenantNamespace,
    /// Its name.
    pub name: TenantName,
}

impl TenantKey {
    /// Key of `namespace`/`name`.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: TenantNamespace::new(namespace),
            name: TenantName::new(name),
        }
    }

    /// The key of an object that was read from the *tenant*.
    ///
    /// # Errors
    /// [`Error::NoName`] and [`Error::NoNamespace`] when the metadata lacks them.
    pub fn of(tenant: &ObjectMeta) -> Result<Self> {
        let name = tenant
            .name
            .clone()
            .filter(|name| !name.is_empty())
            .ok_or(Error::NoName)?;
        match tenant.namespace.clone().filter(|namespace| !namespace.is_empty()) {
            Some(namespace) => Ok(Self::new(namespace, name)),
            None => Err(Error::NoNamespace { name }),
        }
    }
}

impl fmt::Display for TenantKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The UID of an object that was read from the tenant.
///
/// # Errors
/// [`Error::NoUid`], and what [`TenantKey::of`] returns.
pub fn tenant_uid(tenant: &ObjectMeta) -> Result<TenantUid> {
    if let Some(uid) = tenant.uid.clone().filter(|uid| !uid.is_empty()) {
        return Ok(TenantUid::new(uid));
    }
    let TenantKey { namespace, name } = TenantKey::of(tenant)?;
    Err(Error::NoUid {
        namespace: namespace.0.as_ref().to_owned(),
        name: name.0.as_ref().to_owned(),
    })
}

/// The virtual cluster that is translated for: part of every call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Its id, on every host object as a label.
    pub id: ClusterId,
    /// UID of its `VirtualCluster`: host names are computed from it, so that a successor of the same name
    /// never meets its predecessor's objects.
    pub uid: ClusterUid,
    /// The host namespace of the tenant's objects.
    pub workload_namespace: HostNamespace,
}

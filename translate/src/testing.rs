//! What unit tests of several kinds share.

pub(crate) mod merge;
pub(crate) mod reach;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::identity::{Cluster, ClusterId, ClusterUid, HostNamespace};

/// A cluster called `ci`.
pub(crate) fn cluster() -> Cluster {
    Cluster {
        id: ClusterId::new("ci"),
        uid: ClusterUid::new("cluster-uid"),
        workload_namespace: HostNamespace::new("wc-ci"),
    }
}

/// An object from JSON.
pub(crate) fn object<T: DeserializeOwned>(json: Value) -> T {
    serde_json::from_value(json).unwrap()
}

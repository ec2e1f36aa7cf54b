//! The host Secret with key and chain of one `podCertificate` source of one Pod.

use crate::identity::{Cluster, HostName, TenantKey, TenantUid};
use crate::name::{POD_CERTIFICATE, host_name_of_part};

/// Key of the Secret's data: the private key, then the chain, PEM.
pub const CREDENTIAL_BUNDLE: &str = "credentialBundle";
/// Key of the Secret's data: the private key, PKCS#8 PEM.
pub const KEY: &str = "key";
/// Key of the Secret's data: the chain, leaf first, PEM.
pub const CERTIFICATE_CHAIN: &str = "certificateChain";

/// Name of the host Secret for source `index` of volume `volume`. It depends on the Pod's UID: a successor of the
/// same name must not start with its predecessor's key.
pub fn secret_name(
    cluster: &Cluster,
    pod: &TenantKey,
    pod_uid: &TenantUid,
    volume: &str,
    index: usize,
) -> HostName {
    host_name_of_part(
        cluster,
        POD_CERTIFICATE,
        pod,
        &format!("{pod_uid}/{volume}/{index}"),
    )
}

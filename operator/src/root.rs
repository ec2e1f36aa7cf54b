//! I/O: the operator's own CA, kept in a Secret of its namespace, and the address of its Service.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Secret, Service};
use kube::api::ObjectMeta;
use kube::{Api, Client};
use warren_crds::keys;
use warren_runtime::act;

use crate::pki::{self, Pair, ca};
use crate::virtual_cluster::keyring;

/// Secret with the CA. The vkubelets' certificates for `WatchNodes` come from it.
pub const SECRET: &str = "warren-operator-ca";

/// Why the operator cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The host.
    #[error(transparent)]
    Call(#[from] act::Error),
    /// The CA cannot be made.
    #[error(transparent)]
    Pki(#[from] pki::Error),
    /// The CA cannot be read. Making a new one would cut every vkubelet off, so a person decides.
    #[error("Secret `{SECRET}` holds no certificate and key; restore it, or delete it to make a new one")]
    Damaged,
    /// The Service has no address.
    #[error("Service `{0}` has no ClusterIP; it is part of the chart")]
    NoAddress(String),
}

/// Reads the CA, or makes it.
///
/// # Errors
/// When it cannot be read or stored.
pub async fn ensure(client: &Client, namespace: &str, now: Timestamp) -> Result<Pair, Error> {
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    loop {
        if let Some(secret) = act::call("get the operator's CA", api.get_opt(SECRET)).await? {
            return keyring::pair_of(&secret).ok_or(Error::Damaged);
        }
        let pair = ca::generate("warren-operator", now)?;
        match act::create(&api, &secret(&pair)).await {
            Ok(_created) => return Ok(pair),
            // Another replica was quicker: its CA is the one.
            Err(error) if error.is_conflict() => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn secret(pair: &Pair) -> Secret {
    let data = [
        ("tls.crt", &pair.certificate),
        ("tls.key", &pair.key),
        ("ca.crt", &pair.ca),
    ];
    let data: BTreeMap<String, ByteString> = data
        .into_iter()
        .map(|(key, text)| (key.to_owned(), ByteString(text.as_bytes().to_vec())))
        .collect();
    Secret {
        metadata: ObjectMeta {
            name: Some(SECRET.to_owned()),
            labels: Some([(keys::MANAGED_BY.to_owned(), keys::MANAGED_BY_WARREN.to_owned())].into()),
            ..ObjectMeta::default()
        },
        type_: Some("kubernetes.io/tls".to_owned()),
        data: Some(data),
        ..Secret::default()
    }
}

/// The ClusterIP of the operator's Service.
///
/// # Errors
/// When it has none.
pub async fn service_address(client: &Client, namespace: &str, name: &str) -> Result<String, Error> {
    let api: Api<Service> = Api::namespaced(client.clone(), namespace);
    let service = act::call(format!("get Service {name}"), api.get(name)).await?;
    let address = service
        .spec
        .and_then(|spec| spec.cluster_ip)
        .filter(|ip| !ip.is_empty() && ip != "None");
    address.ok_or_else(|| Error::NoAddress(name.to_owned()))
}

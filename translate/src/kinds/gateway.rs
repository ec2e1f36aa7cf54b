//! Gateways of the host that a class offers: what routes depend on of them, and their picture in the tenant, which shows the
//! listeners and nothing of how the host runs them.

mod up;

pub use up::{Picture, up};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;
use warren_crds::gateways::{GATEWAYS, HTTP_ROUTES, OfferedGateway, TLS_ROUTES};

/// The version of each kind that is read and written, the best first: the first that the definition serves.
const VERSIONS: [(&str, &[&str]); 3] = [
    (GATEWAYS, &["v1"]),
    (HTTP_ROUTES, &["v1"]),
    (TLS_ROUTES, &["v1", "v1alpha3", "v1alpha2"]),
];

/// The version in which a definition of the Gateway API is read and written. `None` when it serves none that is known here.
pub fn version(definition: &CustomResourceDefinition) -> Option<&'static str> {
    let name = definition.metadata.name.as_deref()?;
    let (_, known) = VERSIONS.iter().find(|(of, _)| *of == name)?;
    let serves = |version: &str| {
        let mut versions = definition.spec.versions.iter();
        versions.any(|served| served.served && served.name == version)
    };
    known.iter().copied().find(|version| serves(version))
}

/// A Gateway on offer, as far as routes depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    /// What the class says.
    pub offer: OfferedGateway,
    /// The listeners that tenants may attach to. Empty while the host does not have the Gateway.
    pub listeners: Vec<Listener>,
}

/// A listener of a Gateway on offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Its name.
    pub name: String,
    /// Its port.
    pub port: Option<i64>,
    /// The host names that it takes. `None`: all.
    pub hostname: Option<String>,
}

impl Offered {
    /// With the fields beside the metadata of the host's Gateway, if the host has it.
    pub fn new(offer: &OfferedGateway, host: Option<&Value>) -> Self {
        let listeners = listeners(offer, host).map(|listener| {
            let text = |field: &str| listener.get(field).and_then(Value::as_str);
            Listener {
                name: text("name").unwrap_or_default().to_owned(),
                port: listener.get("port").and_then(Value::as_i64),
                hostname: text("hostname")
                    .filter(|host| !host.is_empty())
                    .map(str::to_owned),
            }
        });
        Self {
            offer: offer.clone(),
            listeners: listeners.collect(),
        }
    }

    /// Whether the class offers this Gateway.
    pub fn is(&self, namespace: &str, name: &str) -> bool {
        self.offer.namespace == namespace && self.offer.name == name
    }
}

/// The entry of a class for the host's Gateway with this metadata.
pub fn offer<'a>(offers: &'a [OfferedGateway], host: &ObjectMeta) -> Option<&'a OfferedGateway> {
    let is = |text: &Option<String>, wanted: &str| text.as_deref() == Some(wanted);
    offers
        .iter()
        .find(|offer| is(&host.namespace, &offer.namespace) && is(&host.name, &offer.name))
}

/// The host's listeners that are on offer.
fn listeners<'a>(offer: &'a OfferedGateway, host: Option<&'a Value>) -> impl Iterator<Item = &'a Value> {
    let listeners = host.and_then(|host| host.pointer("/spec/listeners")?.as_array());
    let offered = |listener: &&Value| {
        let name = listener.get("name").and_then(Value::as_str);
        name.is_some_and(|name| offer.offers(name))
    };
    listeners.into_iter().flatten().filter(offered)
}

#[cfg(test)]
mod tests;

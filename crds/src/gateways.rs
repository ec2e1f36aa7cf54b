//! Which Gateways of the host tenants may attach routes to, and the kinds of the Gateway API that this takes.

#![allow(
    unreachable_pub,
    reason = "the KubeSchema derive repeats each struct inside a private module"
)]

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// API group of all of these kinds.
pub const GROUP: &str = "gateway.networking.k8s.io";
/// Definition of Gateways.
pub const GATEWAYS: &str = "gateways.gateway.networking.k8s.io";
/// Definition of HTTPRoutes.
pub const HTTP_ROUTES: &str = "httproutes.gateway.networking.k8s.io";
/// Definition of TLSRoutes.
pub const TLS_ROUTES: &str = "tlsroutes.gateway.networking.k8s.io";

/// RE2 of the name of a namespace.
const LABEL: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
/// RE2 of the name of a Gateway or of a listener.
const NAME: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

/// A Gateway of the host that is on offer.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct OfferedGateway {
    /// Namespace of the Gateway, on the host and as tenants see it.
    #[schemars(length(max = 63), regex(pattern = LABEL))]
    pub namespace: String,
    /// Name of the Gateway, on the host and as tenants see it.
    #[schemars(length(max = 253), regex(pattern = NAME))]
    pub name: String,
    /// Names of the listeners that tenants see and may attach to, at most 64. Empty: all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 253), regex(pattern = NAME)))]
    pub listeners: Vec<String>,
}

impl OfferedGateway {
    /// Whether tenants may attach to the listener of this name.
    pub fn offers(&self, listener: &str) -> bool {
        self.listeners.is_empty() || self.listeners.iter().any(|offered| offered == listener)
    }
}

#[cfg(test)]
mod tests {
    use regex::Regex;
    use serde_json::json;

    use super::*;

    #[test]
    fn without_names_every_listener_is_offered_and_with_names_these_alone() {
        let offer = |listeners: &[&str]| OfferedGateway {
            listeners: listeners.iter().map(|&name| name.to_owned()).collect(),
            ..OfferedGateway::default()
        };
        assert!(offer(&[]).offers("https"));
        assert!(offer(&["http", "https"]).offers("https"));
        assert!(!offer(&["http"]).offers("https"));
    }

    #[test]
    fn names_are_those_of_kubernetes() {
        for (pattern, text, good) in [
            (LABEL, "infra", true),
            (LABEL, "in.fra", false),
            (LABEL, "*", false),
            (NAME, "public.v2", true),
            (NAME, "Public", false),
            (NAME, "", false),
        ] {
            assert_eq!(Regex::new(pattern).unwrap().is_match(text), good, "{text:?}");
        }
    }

    #[test]
    fn what_is_not_set_is_not_written() {
        let offer = json!({ "namespace": "infra", "name": "public" });
        let read: OfferedGateway = serde_json::from_value(offer.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), offer);
    }
}

//! Who of the host's world may reach tenants' Pods, beside their own cluster and what is outside the host.

#![allow(
    unreachable_pub,
    reason = "the KubeSchema derive repeats each struct inside a private module"
)]

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// RE2 of the name of a namespace: a DNS label.
const NAME: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";

/// Who of the host's world may reach tenants' Pods.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Network {
    /// Namespaces of the host, by name, at most 64, whose Pods may reach tenants' Pods: ingress controllers, monitoring.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 63)))]
    #[x_kube(validation = Rule::new(crate::network::names_rule()).message(Message::Expression(crate::network::names_message())))]
    pub ingress_namespaces: Vec<String>,
    /// CIDRs, at most 64, from which tenants' Pods may be reached although they are private: the network of an office, load
    /// balancers, nodes where there are more than Warren lists. Not the host's Pod ranges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 49)))]
    #[x_kube(validation = Rule::new(crate::range::RULE).message(Message::Expression(crate::range::message("ingressRanges"))))]
    pub ingress_ranges: Vec<String>,
}

impl Network {
    /// Whether nothing is set.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// CEL over a list of names.
fn names_rule() -> String {
    format!("self.all(n, n.matches(r'{NAME}'))")
}

/// CEL of what is said when [`names_rule`] does not hold.
fn names_message() -> String {
    format!(
        "\"`ingressNamespaces` must hold names of namespaces of the host (no `*`); not '\" + self.filter(n, \
         !n.matches(r'{NAME}'))[0] + \"'\""
    )
}

#[cfg(test)]
mod tests {
    use regex::Regex;
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_complete() {
        let name = Regex::new(NAME).unwrap();
        for (text, good) in [
            ("ingress-nginx", true),
            ("a", true),
            ("", false),
            ("*", false),
            ("a.b", false),
            ("Ingress", false),
            ("a-", false),
        ] {
            assert_eq!(name.is_match(text), good, "{text:?}");
        }
    }

    #[test]
    fn what_is_not_set_is_not_written() {
        assert_eq!(serde_json::to_value(Network::default()).unwrap(), json!({}));
        assert!(serde_json::from_value::<Network>(json!({})).unwrap().is_nothing());
    }
}

//! Which of the host's class objects (StorageClasses, …) the tenants of a VirtualClusterClass see and may use.

#![allow(
    unreachable_pub,
    reason = "the KubeSchema derive repeats each struct inside a private module"
)]

use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// What the names of Kubernetes' own PriorityClasses begin with: every tenant has them of its own, and none is offered.
const SYSTEM: &str = "system-";
/// RE2 of the name of a class object: a DNS subdomain. A pattern with `*` is none.
const NAME: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

/// Which of the host's class objects tenants see and may use, by kind.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Classes {
    /// The host's StorageClasses. Unset: all of them.
    #[serde(default, skip_serializing_if = "Offer::is_everything")]
    pub storage: Offer,
    /// The host's IngressClasses. Unset: all of them.
    #[serde(default, skip_serializing_if = "Offer::is_everything")]
    pub ingress: Offer,
    /// The host's PriorityClasses. Unset: none, because Pods of a high one push other tenants' Pods from their nodes.
    #[serde(default, skip_serializing_if = "Named::is_nothing")]
    #[x_kube(validation = Rule::new(crate::classes::priorities_rule()).message(crate::classes::PRIORITIES))]
    pub priority: Named,
    /// The host's RuntimeClasses, beside `runtimeClassName`. Unset: none, because one may isolate less than another.
    #[serde(default, skip_serializing_if = "Named::is_nothing")]
    pub runtime: Named,
    /// The host's DeviceClasses, and the drivers of the devices. Unset: none.
    #[serde(default, skip_serializing_if = "Devices::is_nothing")]
    pub device: Devices,
}

impl Classes {
    /// Whether nothing is set.
    pub fn is_unset(&self) -> bool {
        *self == Self::default()
    }

    /// Whether Pods may have the host's PriorityClass of this name. Never one of Kubernetes' own, whatever is named.
    pub fn offers_priority(&self, name: &str) -> bool {
        self.priority.offers(name) && !name.starts_with(SYSTEM)
    }
}

/// Objects of the host that are on offer: those with one of the names *and* all of the labels.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Offer {
    /// Complete names, at most 64. Empty: any name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 253)))]
    #[x_kube(validation = Rule::new(crate::classes::names_rule()).message(Message::Expression(crate::classes::names_message())))]
    pub names: Vec<String>,
    /// Labels that the host's object must have, at most 16. Empty: any.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 16, "additionalProperties" = serde_json::json!({ "type": "string", "maxLength": 63 })))]
    pub match_labels: BTreeMap<String, String>,
}

impl Offer {
    /// Whether the host's object of this name and these labels is on offer.
    pub fn offers(&self, name: &str, labels: Option<&BTreeMap<String, String>>) -> bool {
        let Self { names, match_labels } = self;
        let named = names.is_empty() || names.iter().any(|offered| offered == name);
        let has = |(key, value): (&String, &String)| labels.and_then(|labels| labels.get(key)) == Some(value);
        named && match_labels.iter().all(has)
    }

    /// Whether nothing is set, so that all is on offer.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }
}

/// Objects of the host that are on offer by name alone: what they may do to others is looked at one by one, and a label
/// that is set later must not add to them.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Named {
    /// Complete names, at most 64. Empty: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 253)))]
    #[x_kube(validation = Rule::new(crate::classes::names_rule()).message(Message::Expression(crate::classes::names_message())))]
    pub names: Vec<String>,
}

impl Named {
    /// Whether the host's object of this name is on offer.
    pub fn offers(&self, name: &str) -> bool {
        let Self { names } = self;
        names.iter().any(|offered| offered == name)
    }

    /// Whether nothing is on offer.
    pub fn is_nothing(&self) -> bool {
        self.names.is_empty()
    }
}

/// What tenants may claim by dynamic resource allocation: devices of the classes *and*, where the tenant's own scheduler
/// chooses them, of the drivers.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Devices {
    /// Complete names of DeviceClasses, at most 64. Empty: none, and no claim reaches the host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 253)))]
    #[x_kube(validation = Rule::new(crate::classes::names_rule()).message(Message::Expression(crate::classes::names_message())))]
    pub names: Vec<String>,
    /// Complete names of drivers, at most 64: their ResourceSlices are in the tenant, without what others hold, and a claim may
    /// hold parameters for them (`config.opaque`), which a driver on the host reads. Empty: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 253)))]
    #[x_kube(validation = Rule::new(crate::classes::names_rule()).message(Message::Expression(crate::classes::names_message())))]
    pub drivers: Vec<String>,
}

impl Devices {
    /// Whether claims may name the host's DeviceClass of this name.
    pub fn offers(&self, name: &str) -> bool {
        self.names.iter().any(|offered| offered == name)
    }

    /// Whether tenants see devices of this driver, and may hand it parameters.
    pub fn shows(&self, driver: &str) -> bool {
        self.drivers.iter().any(|shown| shown == driver)
    }

    /// Whether nothing is on offer.
    pub fn is_nothing(&self) -> bool {
        let Self { names, drivers } = self;
        names.is_empty() && drivers.is_empty()
    }
}

/// What is said when [`priorities_rule`] does not hold.
pub(crate) const PRIORITIES: &str = "`classes.priority.names` must not hold Kubernetes' own PriorityClasses (`system-…`): every tenant has its own";

/// CEL over [`Classes::priority`].
fn priorities_rule() -> String {
    format!("!has(self.names) || self.names.all(n, !n.startsWith('{SYSTEM}'))")
}

/// CEL over a list of names.
fn names_rule() -> String {
    format!("self.all(n, n.matches(r'{NAME}'))")
}

/// CEL of what is said when [`names_rule`] does not hold; the apiserver adds the path of the list.
fn names_message() -> String {
    format!(
        "\"`names` must hold complete names of classes of the host (no `*`); not '\" + self.filter(n, \
         !n.matches(r'{NAME}'))[0] + \"'\""
    )
}

#[cfg(test)]
mod tests {
    use regex::Regex;
    use serde_json::json;

    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn what_is_offered_has_one_of_the_names_and_all_of_the_labels() {
        let offer = |names: &[&str], pairs: &[(&str, &str)]| Offer {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            match_labels: labels(pairs),
        };
        let gold = labels(&[("tier", "gold"), ("zone", "a")]);
        for (offer, offered) in [
            (offer(&[], &[]), true),
            (offer(&["slow", "fast"], &[]), true),
            (offer(&["slow"], &[]), false),
            (offer(&["fas"], &[]), false),
            (offer(&[], &[("tier", "gold")]), true),
            (offer(&[], &[("tier", "gold"), ("zone", "a")]), true),
            (offer(&[], &[("tier", "silver")]), false),
            (offer(&[], &[("tier", "gold"), ("other", "")]), false),
            (offer(&["fast"], &[("tier", "gold")]), true),
            (offer(&["fast"], &[("tier", "silver")]), false),
            (offer(&["slow"], &[("tier", "gold")]), false),
        ] {
            assert_eq!(offer.offers("fast", Some(&gold)), offered, "{offer:?}");
        }
        assert!(Offer::default().offers("fast", None));
        assert!(!offer(&[], &[("tier", "")]).offers("fast", None));
    }

    #[test]
    fn of_what_is_offered_by_name_nothing_is_the_default_and_a_system_priority_never_is() {
        let classes: Classes = serde_json::from_value(json!({
            "priority": { "names": ["batch", "system-node-critical"] }, "runtime": { "names": ["gvisor"] },
        }))
        .unwrap();
        assert!(classes.offers_priority("batch") && classes.runtime.offers("gvisor"));
        for name in ["system-node-critical", "bat", "other", ""] {
            assert!(!classes.offers_priority(name), "{name}");
        }
        let unset = Classes::default();
        assert!(!unset.offers_priority("batch") && !unset.runtime.offers("gvisor"));
        assert!(unset.ingress.offers("public", None), "as StorageClasses");
    }

    #[test]
    fn devices_are_offered_by_class_and_shown_by_driver() {
        let classes: Classes = serde_json::from_value(json!({
            "device": { "names": ["gpu"], "drivers": ["gpu.example.com"] },
        }))
        .unwrap();
        assert!(classes.device.offers("gpu") && classes.device.shows("gpu.example.com"));
        assert!(!classes.device.offers("gpu.example.com") && !classes.device.shows("gpu"));
        assert!(Classes::default().device.is_nothing() && !classes.device.is_nothing());
    }

    #[test]
    fn names_are_complete() {
        let name = Regex::new(NAME).unwrap();
        for (text, good) in [
            ("standard", true),
            ("csi.example.com", true),
            ("a-1", true),
            ("", false),
            ("*", false),
            ("fast-*", false),
            ("Fast", false),
            ("a..b", false),
            ("-a", false),
            ("a ", false),
        ] {
            assert_eq!(name.is_match(text), good, "{text:?}");
        }
    }

    #[test]
    fn what_is_not_set_is_not_written() {
        assert_eq!(serde_json::to_value(Classes::default()).unwrap(), json!({}));
        assert_eq!(
            serde_json::from_value::<Classes>(json!({})).unwrap(),
            Classes::default()
        );
    }
}

//! Which of the host's class objects (StorageClasses, …) the tenants of a VirtualClusterClass see and may use.

#![allow(
    unreachable_pub,
    reason = "the KubeSchema derive repeats each struct inside a private module"
)]

use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// RE2 of the name of a class object: a DNS subdomain. A pattern with `*` is none.
const NAME: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

/// Which of the host's class objects tenants see and may use, by kind.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Classes {
    /// The host's StorageClasses. Unset: all of them.
    #[serde(default, skip_serializing_if = "Offer::is_everything")]
    pub storage: Offer,
}

impl Classes {
    /// Whether nothing is set.
    pub fn is_everything(&self) -> bool {
        let Self { storage } = self;
        storage.is_everything()
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

//! Golden tests: a cluster as YAML in, the rules of its first node out, one file a case.

#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of test functions")]

use std::{collections::BTreeMap, path::Path};

use k8s_openapi::api::{
    core::v1::{Namespace, Pod},
    networking::v1::NetworkPolicy,
};
use serde::Deserialize;
use warren_devhost_netpol::{
    policy::Policy,
    ruleset::{Node, ruleset},
    world::{self, Announced, Key, World},
};

/// What is in a cluster.
#[derive(Deserialize)]
struct Case {
    #[serde(default)]
    pods: Vec<Pod>,
    #[serde(default)]
    namespaces: Vec<Namespace>,
    #[serde(default)]
    policies: Vec<NetworkPolicy>,
    /// By the name of a Pod in the namespace `shop`.
    #[serde(default)]
    announced: BTreeMap<String, Told>,
}

#[derive(Deserialize)]
struct Told {
    uid: String,
    address: std::net::Ipv4Addr,
}

fn key<K: kube::Resource>(object: &K) -> Key {
    let metadata = object.meta();
    Key {
        namespace: metadata.namespace.clone().unwrap_or_default(),
        name: metadata.name.clone().unwrap(),
    }
}

fn world(path: &Path) -> World {
    let text = std::fs::read_to_string(path).unwrap();
    let case: Case = serde_saphyr::from_str(&text).unwrap();
    let pods = case.pods.iter();
    let namespaces = case.namespaces.iter();
    let policies = case.policies.iter();
    let mut world = World {
        pods: pods
            .filter_map(|pod| Some((key(pod), world::Pod::read(pod)?)))
            .collect(),
        namespaces: namespaces
            .map(|namespace| {
                (
                    key(namespace),
                    namespace.metadata.labels.clone().unwrap_or_default(),
                )
            })
            .collect(),
        policies: policies
            .map(|policy| (key(policy), Policy::read(policy.spec.as_ref().unwrap())))
            .collect(),
        announced: case
            .announced
            .into_iter()
            .map(|(name, Told { uid, address })| {
                let namespace = "shop".to_owned();
                (Key { namespace, name }, Announced { uid, address })
            })
            .collect(),
    };
    world.forget_announced();
    world
}

#[test]
fn rules_are_as_written_in_the_cases() {
    let node = Node {
        name: "wn1".to_owned(),
        pods: "10.244.1.0/24".parse().unwrap(),
    };
    insta::glob!("cases/*.yaml", |path| {
        insta::assert_snapshot!(ruleset(&node, &world(path)));
    });
}

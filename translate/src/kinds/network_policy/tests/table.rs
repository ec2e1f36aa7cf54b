//! What is left out, and that the tenant hears of it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};

use super::super::*;
use super::host::{API, DNS, address, named, open};
use crate::TenantPolicy;
use crate::testing::{cluster, object};

/// The host's spec of a tenant's policy in the namespace `team`, among these Pods.
fn down_among(spec: &Value, pods: &BTreeSet<IpAddr>) -> (Value, Vec<String>) {
    let (cluster, policy, open) = (cluster(), TenantPolicy::default(), open("ci"));
    let namespaces = BTreeMap::from([named("team", &[("env", "dev")]), named("kube-system", &[])]);
    let around = Around {
        cluster: &cluster,
        policy: &policy,
        open: &open,
        namespaces: &namespaces,
        pods,
        api: Some(address(API)),
        dns: Some(address(DNS)),
    };
    let metadata = json!({ "namespace": "team", "name": "web", "uid": "u" });
    let Down { object, notes } =
        down(&around, &object(json!({ "metadata": metadata, "spec": spec }))).unwrap();
    assert!(notes.iter().all(|note| note.reason == NARROWED));
    let spec = object.map(|object| serde_json::to_value(object.spec).unwrap());
    (
        spec.unwrap_or_default(),
        notes.iter().map(ToString::to_string).collect(),
    )
}

fn down_of(spec: &Value) -> (Value, Vec<String>) {
    down_among(spec, &BTreeSet::new())
}

#[test]
fn a_rule_whose_peers_are_nobody_is_gone_and_not_open() {
    for peer in [
        json!({ "namespaceSelector": { "matchLabels": { "env": "nowhere" } } }),
        json!({ "namespaceSelector": { "matchLabels": { "env": "nowhere" } }, "podSelector": {} }),
        json!({ "ipBlock": { "cidr": "10.20.0.0/16" } }),
        json!({ "ipBlock": { "cidr": "10.0.0.0" } }),
        json!({ "ipBlock": { "cidr": "::ffff:8.8.8.0/120" } }),
        json!({ "ipBlock": { "cidr": "8.0.0.0/8", "except": ["8.8.8.8"] } }),
        json!({ "podSelector": { "matchExpressions": [{ "key": "a", "operator": "Like" }] } }),
        json!({ "namespaceSelector": { "matchExpressions": [{ "key": "a", "operator": "Like" }] } }),
    ] {
        let spec = json!({ "ingress": [{ "from": [peer] }], "egress": [{ "to": [peer], "ports": [{ "port": 80 }] }] });
        let (host, _) = down_of(&spec);
        assert_eq!(
            (&host["ingress"], &host["egress"]),
            (&Value::Null, &Value::Null),
            "{peer}"
        );
        assert_eq!(host["policyTypes"], json!(["Ingress", "Egress"]), "{peer}");
    }
}

#[test]
fn the_tenant_is_told_what_is_not_open_to_it() {
    let told = |peer: Value| down_of(&json!({ "ingress": [{ "from": [peer] }] })).1;
    let closed = told(json!({ "ipBlock": { "cidr": "10.20.0.0/16" } }));
    let expected = "`spec.ingress[0].from[0].ipBlock` 10.20.0.0/16 is closed to this cluster by the platform: of it only \
                    this cluster's own Pods are allowed";
    assert_eq!(closed, [expected]);
    assert!(told(json!({ "ipBlock": { "cidr": "2001:db8::/32" } }))[0].contains("closed"));
    assert!(told(json!({ "ipBlock": { "cidr": "10.0.0.0" } }))[0].contains("not written"));
    let like = json!({ "matchExpressions": [{ "key": "a", "operator": "Like" }] });
    assert!(told(json!({ "podSelector": like }))[0].contains("operator"));
    for open in [
        json!({ "ipBlock": { "cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"] } }),
        json!({ "ipBlock": { "cidr": "198.51.100.0/24" } }),
        json!({ "ipBlock": { "cidr": "10.88.0.0/24" } }),
        json!({ "namespaceSelector": { "matchLabels": { "env": "nowhere" } } }),
        json!({ "podSelector": {} }),
    ] {
        assert_eq!(told(open.clone()), Vec::<String>::new(), "{open}");
    }
    let api = json!({ "policyTypes": ["Egress"], "egress": [{ "to": [{ "ipBlock": { "cidr": "10.96.0.2/32" } }] }] });
    assert_eq!(down_of(&api).1, Vec::<String>::new());
}

#[test]
fn a_policy_that_selects_who_knows_whom_is_not_on_the_host() {
    let like = json!({ "matchExpressions": [{ "key": "a", "operator": "Like" }] });
    let (host, notes) = down_of(&json!({ "podSelector": like, "ingress": [{}] }));
    assert_eq!(host, Value::Null);
    assert!(
        notes[0].starts_with("`spec.podSelector` has an operator"),
        "{notes:?}"
    );
}

#[test]
fn a_rule_that_does_not_fit_is_left_out_and_the_next_one_is_not() {
    let first = u32::from(Ipv4Addr::new(10, 244, 0, 0));
    let count = u32::try_from(MAX_ENTRIES).unwrap();
    let pods: BTreeSet<IpAddr> = (0..=count)
        .map(|index| Ipv4Addr::from(first + index).into())
        .collect();
    let spec = json!({ "ingress": [
        { "from": [{ "ipBlock": { "cidr": "10.244.0.0/16" } }] },
        { "from": [{ "podSelector": {} }] },
    ] });
    let (host, notes) = down_among(&spec, &pods);
    let labels = json!({ "warren.dev/cluster": "ci", "warren.dev/tenant-namespace": "team" });
    assert_eq!(
        host["ingress"],
        json!([{ "from": [{ "podSelector": { "matchLabels": labels } }] }])
    );
    assert!(
        notes
            .iter()
            .any(|note| note.starts_with("`spec.ingress[0]` allows nothing")),
        "{notes:?}"
    );
    let fewer = pods.into_iter().skip(3).collect();
    let (host, _) = down_among(&spec, &fewer);
    assert_eq!(host["ingress"].as_array().unwrap().len(), 2);
}

#[test]
fn only_pods_that_change_what_a_range_means_concern_it() {
    let block = |cidr: &str, except: &[&str]| {
        let spec = json!({ "egress": [{ "to": [{ "ipBlock": { "cidr": cidr, "except": except } }] }] });
        blocks(&object(json!({ "metadata": {}, "spec": spec })))
            .pop()
            .unwrap()
    };
    let (own, other, v6) = (address("10.244.1.1"), address("10.244.2.1"), address("fd00::1"));
    let one = block("10.244.1.0/24", &["10.244.1.9/32"]);
    assert!(one.concerns(own) && !one.concerns(address("10.244.1.9")) && !one.concerns(other));
    let everything = block("0.0.0.0/0", &["169.254.169.254/32"]);
    assert!(!everything.concerns(own) && everything.concerns(v6));
    assert!(block("0.0.0.0/0", &["10.0.0.0/16"]).concerns(own));
}

#[test]
fn everyone_includes_the_node_ports_of_the_cluster() {
    let node_ports = object(json!({ "metadata": {}, "spec": { "egress": [{
        "to": [{ "ipBlock": { "cidr": "10.88.0.11/32" } }], "ports": [{ "port": 30080, "protocol": "TCP" }] }] } }));
    let [_, ingress, egress] = super::host::operators("ci");
    let with = Open::read(ingress, egress, Some(&node_ports));
    let (cluster, policy, api) = (cluster(), TenantPolicy::default(), Some(address(API)));
    let around = Around {
        cluster: &cluster,
        policy: &policy,
        open: &with,
        namespaces: &BTreeMap::new(),
        pods: &BTreeSet::new(),
        api,
        dns: Some(address(DNS)),
    };
    let rules = |rule: Value| {
        let tenant = object(
            json!({ "metadata": { "namespace": "team", "name": "web", "uid": "u" },
            "spec": { "policyTypes": ["Egress"], "egress": [rule] } }),
        );
        let host = down(&around, &tenant).unwrap().object.unwrap();
        json!(host.spec)["egress"].to_string()
    };
    assert!(rules(json!({})).contains("10.88.0.11/32"));
    let others = rules(json!({ "ports": [{ "port": 443, "protocol": "TCP" }] }));
    assert!(!others.contains("10.88.0.11/32"), "{others}");
}

//! What of a tenant's slice reaches the host.

use std::collections::BTreeMap;

use k8s_openapi::api::discovery::v1::{Endpoint, EndpointPort};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::kinds::pod::fields::Field;
use crate::note::Translated;
use crate::policy::TenantPolicy;
use crate::testing::{cluster, object};

const OWN: &str = "10.244.1.7";

fn slice(endpoints: &Value) -> EndpointSlice {
    object(json!({
        "metadata": { "name": "web-1", "namespace": "shop", "uid": "u", "labels": { SERVICE_NAME: "web", "app": "web" } },
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": [{ "name": "http", "port": 8080, "protocol": "TCP", "appProtocol": "http" }],
    }))
}

fn allowed(ranges: &[&str]) -> Allowed {
    let policy = TenantPolicy {
        allowed_endpoint_ranges: ranges.iter().map(|&range| range.to_owned()).collect(),
        ..TenantPolicy::default()
    };
    let backend = |node: &str| Backend {
        node: Some(node.to_owned()),
    };
    let pods = [(OWN, "node-1"), ("fd00::7", "node-2")];
    let pods = pods.map(|(address, node)| (address.parse().unwrap(), backend(node)));
    Allowed::new(&policy, BTreeMap::from(pods))
}

fn host(ranges: &[&str], tenant: &EndpointSlice) -> Translated<EndpointSlice> {
    let service = service_of(tenant).unwrap();
    down(
        &cluster(),
        &TenantPolicy::default(),
        &allowed(ranges),
        &service,
        tenant,
    )
    .unwrap()
}

#[test]
fn a_slice_of_an_own_pod_goes_down_for_the_host_service_and_no_controller_takes_it() {
    let ready = json!({ "ready": true, "serving": true, "terminating": false });
    let tenant = slice(
        &json!([{ "addresses": [OWN], "conditions": ready, "nodeName": "node-1", "zone": "a",
        "hostname": "web-0", "hints": { "forZones": [{ "name": "a" }] },
        "targetRef": { "kind": "Pod", "name": "web-0", "namespace": "shop" } }]),
    );
    let Translated { object, notes } = host(&[], &tenant);
    assert_eq!(notes, []);
    let labels = object.metadata.labels.as_ref().unwrap();
    let service = name::host_name(&cluster(), name::SERVICE, &TenantKey::new("shop", "web"));
    assert_eq!(labels[SERVICE_NAME], service.as_str());
    assert_eq!(labels[MANAGED_BY], MANAGED_BY_WARREN);
    assert_eq!(labels["tenant.warren.dev/app"], "web");
    let endpoints = serde_json::to_value(&object.endpoints).unwrap();
    let expected = json!([{ "addresses": [OWN], "conditions": ready, "nodeName": "node-1" }]);
    assert_eq!(endpoints, expected);
    assert_eq!(object.ports, tenant.ports);
}

/// SE-20: nodes, metadata services, the host's API, other tenants' Pods, loopback, and the same in other spellings.
#[test]
fn what_is_not_the_tenants_is_left_out_and_named() {
    for (type_, address) in [
        ("IPv4", "10.88.0.11"),
        ("IPv4", "169.254.169.254"),
        ("IPv4", "10.96.0.1"),
        ("IPv4", "10.244.1.8"),
        ("IPv4", "127.0.0.1"),
        ("IPv4", "010.244.1.7"),
        ("IPv4", "fd00::7"),
        ("IPv6", "::ffff:10.244.1.7"),
        ("IPv6", "fd00::8"),
        ("IPv6", OWN),
    ] {
        let mut tenant = slice(&json!([{ "addresses": [address] }]));
        tenant.address_type = type_.to_owned();
        let Translated { object, notes } = host(&[], &tenant);
        assert_eq!(object.endpoints, Some(Vec::new()), "{address}");
        let [note] = notes.as_slice() else {
            panic!("{notes:?}")
        };
        assert_eq!(note.reason, "AddressNotAllowed");
        assert!(note.why.contains(address), "{note}");
    }
}

#[test]
fn ranges_that_the_class_allows_pass_without_a_node() {
    let tenant = slice(&json!([
        { "addresses": ["192.0.2.9"], "nodeName": "node-1" },
        { "addresses": ["192.0.3.1", OWN] },
        { "addresses": ["192.0.3.2"] },
    ]));
    let Translated { object, notes } = host(&["192.0.2.0/24", "no range"], &tenant);
    let endpoints = serde_json::to_value(&object.endpoints).unwrap();
    assert_eq!(
        endpoints,
        json!([{ "addresses": ["192.0.2.9"] }, { "addresses": [OWN] }])
    );
    assert_eq!(notes.len(), 1);
    let note = notes[0].to_string();
    assert!(note.ends_with("left out is 192.0.3.1, 192.0.3.2"), "{note}");
    assert_eq!(host(&["192.0.0.0/16"], &tenant).notes, []);
}

#[test]
fn only_the_node_that_the_pod_runs_on_goes_down() {
    let node = |claimed: &str| {
        let tenant = slice(&json!([{ "addresses": [OWN], "nodeName": claimed }]));
        host(&[], &tenant).object.endpoints.unwrap()[0].node_name.clone()
    };
    assert_eq!(node("node-1").as_deref(), Some("node-1"));
    assert_eq!(node("node-2"), None);
}

#[test]
fn an_event_says_how_many_more_are_left_out() {
    let addresses: Vec<Value> = (1..=20)
        .map(|last| json!({ "addresses": [format!("192.0.2.{last}")] }))
        .collect();
    let note = host(&[], &slice(&json!(addresses))).notes[0].to_string();
    assert!(note.ends_with("192.0.2.8 and 12 more"), "{note}");
}

#[test]
fn a_slice_without_service_or_of_names_stays_in_the_tenant() {
    let mut of_names = slice(&json!([]));
    assert_eq!(service_of(&of_names), Some(TenantKey::new("shop", "web")));
    of_names.address_type = "FQDN".to_owned();
    assert_eq!(service_of(&of_names), None);
    let mut without = slice(&json!([]));
    without.metadata.labels = None;
    assert_eq!(service_of(&without), None);
}

#[test]
fn an_update_is_needed_for_every_difference_and_for_nothing_else() {
    let desired = host(&[], &slice(&json!([{ "addresses": [OWN] }]))).object;
    let mut existing = desired.clone();
    existing.metadata.resource_version = Some("7".to_owned());
    existing.metadata.generation = Some(2);
    assert!(!needs_update(&existing, &desired) && !must_replace(&existing, &desired));
    let changes: [fn(&mut EndpointSlice); 5] = [
        |slice| slice.endpoints = None,
        |slice| slice.endpoints.as_mut().unwrap()[0].conditions = object(json!({ "ready": false })),
        |slice| slice.ports = None,
        |slice| slice.metadata.labels.as_mut().unwrap().clear(),
        |slice| slice.metadata.annotations.as_mut().unwrap().clear(),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut existing = desired.clone();
        change(&mut existing);
        assert!(needs_update(&existing, &desired), "{index}");
    }
    existing.address_type = "IPv6".to_owned();
    assert!(must_replace(&existing, &desired));
    let mut successor = slice(&json!([]));
    successor.metadata.uid = Some("another".to_owned());
    assert!(must_replace(&desired, &host(&[], &successor).object));
}

#[test]
fn every_field_of_the_schema_is_classified() {
    let names = |parent: &str| -> Vec<String> {
        let paths = fields::FIELDS
            .iter()
            .filter_map(|field: &Field| field.path.strip_prefix(parent));
        let mut names: Vec<String> = paths
            .filter(|name| !name.contains(['.', '[']))
            .map(str::to_owned)
            .collect();
        names.sort();
        names
    };
    let properties = |schema: schemars::Schema| -> Vec<String> {
        let properties = schema.get("properties").unwrap().as_object().unwrap();
        let mut names: Vec<String> = properties.keys().cloned().collect();
        names.retain(|name| !["apiVersion", "kind", "metadata"].contains(&name.as_str()));
        names.sort();
        names
    };
    assert_eq!(names(""), properties(schemars::schema_for!(EndpointSlice)));
    assert_eq!(names("endpoints[]."), properties(schemars::schema_for!(Endpoint)));
    assert_eq!(names("ports[]."), properties(schemars::schema_for!(EndpointPort)));
}

proptest! {
    /// Whatever is written into a slice, the host's names nothing but own Pods and allowed ranges.
    #[test]
    fn no_other_address_ever_reaches_the_host(
        addresses in proptest::collection::vec(prop_oneof![any::<IpAddr>().prop_map(|ip| ip.to_string()), "[0-9a-f:.]{1,20}",
            Just(OWN.to_owned()), Just("192.0.2.77".to_owned())], 1..8),
        type_ in prop_oneof![Just("IPv4"), Just("IPv6")],
    ) {
        let mut tenant = slice(&json!([{ "addresses": addresses }]));
        tenant.address_type = type_.to_owned();
        let own = [OWN, "fd00::7"];
        for address in host(&["192.0.2.0/24"], &tenant).object.endpoints.iter().flatten().flat_map(|endpoint| &endpoint.addresses) {
            prop_assert!(own.contains(&address.as_str()) || address.starts_with("192.0.2."), "{address}");
        }
    }
}

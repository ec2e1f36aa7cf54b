//! Down: what is an error, what is denied, and what is the same every time.

use proptest::prelude::*;

use super::*;
use crate::Error;

#[test]
fn a_pod_without_node_is_not_the_vkubelets_yet() {
    let pod = tenant(&json!({ "spec": { "nodeName": null } }));
    let result = with_context(&TenantPolicy::default(), |context| {
        super::super::down(context, &pod)
    });
    assert!(matches!(result, Err(Error::NotBound { .. })));
}

#[test]
fn without_the_tenants_apiserver_the_hosts_would_leak_into_the_environment() {
    let result = with_context(&TenantPolicy::default(), |context| {
        super::super::down(
            &PodContext {
                services: &[],
                ..*context
            },
            &tenant(&json!({})),
        )
    });
    assert_eq!(result, Err(Error::NoApiService));
}

#[test]
fn the_host_pod_never_names_a_node_a_scheduler_or_the_tenants_account() {
    let spec = translated(&tenant(&json!({ "spec": {
        "schedulerName": "mine", "serviceAccountName": "vkubelet", "serviceAccount": "vkubelet",
        "nodeSelector": { "a": "b" }, "priorityClassName": "system-node-critical",
        "automountServiceAccountToken": true,
    } })))
    .object
    .spec
    .unwrap();
    assert_eq!(
        (
            spec.node_name,
            spec.scheduler_name,
            spec.node_selector,
            spec.priority_class_name
        ),
        (None, None, None, None)
    );
    assert_eq!(spec.service_account_name.as_deref(), Some("warren-workload"));
    assert_eq!(spec.automount_service_account_token, Some(false));
}

#[test]
fn a_name_that_is_not_renamed_would_resolve_on_the_host() {
    let pod = tenant(&json!({ "spec": {
        "imagePullSecrets": [{ "name": "canary" }, { "name": "canary" }, { "name": "" }],
        "containers": [{
            "name": "main", "image": "x",
            "env": [{ "name": "A", "valueFrom": { "secretKeyRef": { "name": "canary", "key": "k" } } },
                    { "name": "B", "valueFrom": { "configMapKeyRef": { "name": "canary", "key": "k" } } }],
            "envFrom": [{ "secretRef": { "name": "canary" } }, { "configMapRef": { "name": "canary" } }],
        }],
        "volumes": [
            { "name": "a", "secret": { "secretName": "canary" } },
            { "name": "b", "configMap": { "name": "canary" } },
            { "name": "c", "projected": { "sources": [
                { "secret": { "name": "canary" } }, { "configMap": { "name": "canary" } } ] } },
        ],
    } }));
    let spec = serde_json::to_string(&translated(&pod).object.spec).unwrap();
    assert!(!spec.contains("\"canary\""), "{spec}");
    assert_eq!(spec.matches("canary-").count(), 9);
}

#[test]
fn host_ports_of_zero_and_empty_hosts_are_nothing() {
    let pod = tenant(&json!({ "spec": { "containers": [{
        "name": "main",
        "ports": [{ "containerPort": 80, "hostPort": 0, "hostIP": "10.0.0.1" }],
        "readinessProbe": { "httpGet": { "host": "", "port": 80 } },
    }] } }));
    assert_eq!(denied(&pod), [""; 0]);
}

#[test]
fn restricted_asks_for_less_in_a_user_namespace_and_on_windows() {
    let policy = TenantPolicy {
        pod_security: warren_crds::virtual_cluster_class::PodSecurity::Restricted,
        ..TenantPolicy::default()
    };
    let denied = |extra: Value| {
        with_context(&policy, |context| {
            super::super::down(context, &tenant(&extra)).unwrap().denied()
        })
        .map_or(0, |denied| denied.fields.len())
    };
    assert_eq!(denied(json!({})), 4);
    assert_eq!(denied(json!({ "spec": { "hostUsers": false } })), 3);
    assert_eq!(denied(json!({ "spec": { "os": { "name": "windows" } } })), 1);
}

#[test]
fn annotations_too_large_for_the_host_are_denied() {
    let pod = tenant(&json!({
        "metadata": { "annotations": { "big": "x".repeat(200 * 1024) } },
        "spec": { "volumes": [{ "name": "info", "downwardAPI": { "items": [
            { "path": "a", "fieldRef": { "fieldPath": "metadata.annotations" } }] } }] },
    }));
    assert_eq!(denied(&pod), ["metadata.annotations"]);
}

#[test]
fn fields_of_a_newer_tenant_are_found() {
    let pod = tenant_json(&json!({ "spec": {
        "fieldOfTheFuture": 1,
        "dnsPolicy": null,
        "containers": [{ "name": "main", "image": "x", "futureRef": { "name": "canary" } }],
        "securityContext": { "future": {} },
    } }));
    let mut unknown = unknown_fields(&pod);
    unknown.sort();
    assert_eq!(
        unknown,
        [
            "spec.containers[main].futureRef",
            "spec.fieldOfTheFuture",
            "spec.securityContext.future"
        ]
    );
    assert_eq!(unknown_fields(&tenant_json(&json!({}))), [""; 0]);
    assert_eq!(
        unknown_fields(&json!({ "spec": { "containers": "no list" } })),
        ["spec"]
    );
}

#[test]
fn names_that_no_reference_makes_are_no_needs() {
    let pod = tenant(&json!({ "spec": { "imagePullSecrets": [{ "name": "" }] } }));
    assert_eq!(needs(&pod), []);
}

proptest! {
    #[test]
    fn a_host_name_is_always_set_and_always_a_label(
        name in "[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?",
        hostname in proptest::option::of("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"),
        subdomain in proptest::option::of("[a-z0-9]{1,63}"),
        qualified in any::<bool>(),
    ) {
        let pod = tenant(&json!({
            "metadata": { "name": name },
            "spec": { "hostname": hostname, "subdomain": subdomain, "setHostnameAsFQDN": qualified },
        }));
        if let Outcome::Translated(Translated { object, .. }) = outcome(&pod) {
            let spec = object.spec.unwrap();
            let host = spec.hostname.unwrap();
            prop_assert!((1..=63).contains(&host.len()) && !host.contains('.'), "{}", host);
            prop_assert!(!host.ends_with('-'));
            prop_assert!(spec.hostname_override.is_none_or(|name| name.len() <= 64));
            prop_assert_eq!(spec.subdomain, None);
            prop_assert_eq!(spec.set_hostname_as_fqdn, None);
        }
    }

    #[test]
    fn the_same_pod_gives_the_same_host_pod_and_no_list_has_a_key_twice(
        variables in proptest::collection::vec("[A-C]", 0..6),
        ports in proptest::collection::vec(1..4, 0..6),
        aliases in proptest::collection::vec("10\\.0\\.0\\.[1-3]", 0..6),
    ) {
        let pod = tenant(&json!({ "spec": {
            "hostAliases": aliases.iter().map(|ip| json!({ "ip": ip, "hostnames": ["a"] })).collect::<Vec<_>>(),
            "containers": [{
                "name": "main",
                "env": variables.iter().map(|name| json!({ "name": name, "value": "v" })).collect::<Vec<_>>(),
                "ports": ports.iter().map(|port| json!({ "containerPort": port })).collect::<Vec<_>>(),
            }],
        } }));
        let host = translated(&pod);
        prop_assert_eq!(&host, &translated(&pod));
        let spec = host.object.spec.unwrap();
        let unique = |mut keys: Vec<String>| {
            let all = keys.len();
            keys.sort();
            keys.dedup();
            keys.len() == all
        };
        let container = &spec.containers[0];
        prop_assert!(unique(container.env.iter().flatten().map(|entry| entry.name.clone()).collect()));
        prop_assert!(unique(container.ports.iter().flatten().map(|port| port.container_port.to_string()).collect()));
        prop_assert!(unique(spec.host_aliases.iter().flatten().map(|alias| alias.ip.clone()).collect()));
    }
}

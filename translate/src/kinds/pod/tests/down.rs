//! Down: what is an error, what is denied, and what is the same every time.

use proptest::prelude::*;
use warren_crds::virtual_cluster_class::UnknownFields;

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
fn of_classes_only_what_is_offered_goes_down() {
    let policy = TenantPolicy {
        priority_class_name: Some("warren-tenants".to_owned()),
        classes: serde_json::from_value(json!({
            "priority": { "names": ["batch", "system-node-critical"] }, "runtime": { "names": ["kata"] } }))
        .unwrap(),
        ..TenantPolicy::default()
    };
    let spec = |extra: Value| {
        let pod = tenant(&json!({ "spec": extra }));
        let outcome = with_context(&policy, |context| super::super::down(context, &pod)).unwrap();
        outcome
            .translated()
            .map(|translated| translated.object.spec.unwrap())
    };
    for (named, on_host) in [
        (json!("batch"), "batch"),
        (json!("of-the-tenant"), "warren-tenants"),
        (json!("system-node-critical"), "warren-tenants"),
        (json!(""), "warren-tenants"),
        (Value::Null, "warren-tenants"),
    ] {
        let spec = spec(json!({ "priorityClassName": named, "priority": 1000, "preemptionPolicy": "Never" }))
            .unwrap();
        assert_eq!(spec.priority_class_name.as_deref(), Some(on_host), "{named}");
        assert_eq!((spec.priority, spec.preemption_policy), (None, None));
    }
    let runtime = |name: &str| spec(json!({ "runtimeClassName": name, "overhead": { "cpu": "1" } }));
    let kata = runtime("kata").unwrap();
    assert_eq!(
        (kata.runtime_class_name.as_deref(), kata.overhead),
        (Some("kata"), None)
    );
    assert_eq!(runtime("").unwrap().runtime_class_name, None);
    assert!(runtime("weaker").is_none());
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
fn a_container_without_a_limit_cannot_start_before_its_node_says_what_it_offers() {
    let reads = |container: Value| {
        let pod = tenant(&json!({ "spec": { "containers": [container] } }));
        with_context(&TenantPolicy::default(), |context| {
            let unknown = PodContext {
                node_allocatable: None,
                ..*context
            };
            super::super::down(&unknown, &pod)
        })
    };
    let env = json!([{ "name": "A", "valueFrom": { "resourceFieldRef": { "resource": "limits.cpu" } } }]);
    let result = reads(json!({ "name": "main", "image": "x", "env": env }));
    assert!(matches!(result, Err(Error::NoAllocatable { node }) if node == "node-1"));
    let limits = json!({ "limits": { "cpu": "1" } });
    assert!(reads(json!({ "name": "main", "image": "x", "env": env, "resources": limits })).is_ok());
}

/// The `name`d entries of the only container's `env`.
fn variables(extra: &Value, name: &str) -> Vec<Option<String>> {
    let spec = translated(&tenant(extra)).object.spec.unwrap();
    let env = spec.containers[0].env.clone().unwrap();
    let named = env.into_iter().filter(|variable| variable.name == name);
    named.map(|variable| variable.value).collect()
}

#[test]
fn a_name_that_is_there_twice_stays_so_and_service_variables_come_first() {
    let extra = json!({ "spec": { "containers": [{ "name": "main", "image": "x", "env": [
        { "name": "PATH", "value": "/a" },
        { "name": "HOST", "value": "$(KUBERNETES_SERVICE_HOST)" },
        { "name": "KUBERNETES_SERVICE_HOST", "value": "mine" },
        { "name": "PATH", "value": "/b:$(PATH)" },
    ] }] } });
    let some = |texts: [&str; 2]| texts.map(|text| Some(text.to_owned()));
    assert_eq!(variables(&extra, "PATH"), some(["/a", "/b:$(PATH)"]));
    assert_eq!(
        variables(&extra, "KUBERNETES_SERVICE_HOST"),
        some(["10.96.0.1", "mine"])
    );
}

#[test]
fn a_service_without_address_hides_no_other_of_its_name() {
    let own: Service = object(json!({
        "metadata": { "name": "kubernetes", "namespace": "shop" },
        "spec": { "clusterIP": "None", "ports": [{ "port": 80 }] },
    }));
    let host = with_context(&TenantPolicy::default(), |context| {
        let services = [&own, context.services[0]];
        let context = PodContext {
            services: &services,
            ..*context
        };
        super::super::down(&context, &tenant(&json!({}))).unwrap()
    });
    let spec = host.translated().unwrap().object.spec.unwrap();
    let mut env = spec.containers[0].env.iter().flatten();
    let address = env
        .find(|variable| variable.name == "KUBERNETES_SERVICE_HOST")
        .unwrap();
    assert_eq!(address.value.as_deref(), Some("10.96.0.1"));
}

#[test]
fn dollar_signs_stay_for_the_kubelet_to_read() {
    let extra = json!({ "spec": { "containers": [{ "name": "main", "image": "x",
        "command": ["$(A)", "$$(A)", "$(UNDEFINED)", "$"],
        "env": [{ "name": "A", "value": "$$(B) $(UNDEFINED) $(" }] }] } });
    let spec = translated(&tenant(&extra)).object.spec.unwrap();
    assert_eq!(
        spec.containers[0].command.as_deref().unwrap(),
        ["$(A)", "$$(A)", "$(UNDEFINED)", "$"]
    );
    assert_eq!(variables(&extra, "A"), [Some("$$(B) $(UNDEFINED) $(".to_owned())]);
}

#[test]
fn ephemeral_containers_do_not_keep_a_pod_from_starting() {
    let pod = tenant(&json!({ "spec": { "ephemeralContainers": [{
        "name": "debug", "image": "x", "securityContext": { "privileged": true } }] } }));
    assert_eq!(translated(&pod).object.spec.unwrap().ephemeral_containers, None);
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
    let expected = [
        "spec.containers[main].futureRef",
        "spec.fieldOfTheFuture",
        "spec.securityContext.future",
    ];
    assert_eq!(unknown, expected);
    assert_eq!(unknown_fields(&tenant_json(&json!({}))), [""; 0]);
    let unreadable = json!({ "spec": { "containers": "no list" } });
    assert_eq!(unknown_fields(&unreadable), ["spec"]);

    let policy = |unknown_fields| TenantPolicy {
        unknown_fields,
        ..TenantPolicy::default()
    };
    let denied = check_unknown(&policy(UnknownFields::Deny), &pod).unwrap_err();
    assert_eq!(denied.fields.len(), 3);
    let notes = check_unknown(&policy(UnknownFields::Drop), &pod).unwrap();
    let mut dropped: Vec<_> = notes.into_iter().map(|note| note.field).collect();
    dropped.sort();
    assert_eq!(dropped, expected);
    // What cannot be read cannot run.
    assert!(check_unknown(&policy(UnknownFields::Drop), &unreadable).is_err());
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
}

#[test]
fn what_the_tenant_gave_its_node_itself_does_not_go_down() {
    let pod = tenant(
        &json!({ "spec": { "containers": [{ "name": "app", "image": "a", "resources": {
        "limits": { "example.com/own": "2", "cpu": "1" }, "requests": { "example.com/own": "2" } } }] } }),
    );
    let own = ["example.com/own".to_owned()].into();
    let host = with_context(&TenantPolicy::default(), |context| {
        let context = PodContext {
            own_resources: &own,
            ..*context
        };
        crate::kinds::pod::down(&context, &pod)
            .unwrap()
            .translated()
            .unwrap()
            .object
    });
    let resources = json!(host.spec.unwrap().containers[0].resources);
    assert_eq!(resources, json!({ "limits": { "cpu": "1" } }));
}

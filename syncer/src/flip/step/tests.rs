//! The steps as a walk: every state that a crash can leave leads to the same end.

use super::*;

fn service(spec: &Value, annotation: Option<String>) -> DynamicObject {
    let mut object: DynamicObject = serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "namespace": "team", "name": "web", "uid": "u", "resourceVersion": "5" },
        "spec": spec,
    }))
    .unwrap();
    if let Some(text) = annotation {
        object.metadata.annotations = Some([(CHANGE.to_owned(), text)].into());
    }
    object
}

fn spec() -> Value {
    json!({
        "type": "NodePort", "clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7"],
        "externalTrafficPolicy": "Local", "futureField": "kept",
        "ports": [{ "port": 80, "protocol": "TCP", "nodePort": 30001 }],
    })
}

fn target() -> Address {
    Address {
        cluster_ip: "10.96.0.99".to_owned(),
        cluster_ips: vec!["10.96.0.99".to_owned()],
        node_ports: vec![NodePort {
            port: 80,
            protocol: "TCP".to_owned(),
            number: 30099,
        }],
        health_check_node_port: None,
    }
}

/// As an apiserver does, with the fields that an `ExternalName` must not have checked.
fn patched(object: &DynamicObject, patch: &Value) -> DynamicObject {
    let mut whole = serde_json::to_value(object).unwrap();
    merge(&mut whole, patch);
    let spec = &whole["spec"];
    if spec["type"] == "ExternalName" {
        assert!(spec.get("clusterIP").is_none());
        assert!(spec.pointer("/ports/0/nodePort").is_none());
    }
    serde_json::from_value(whole).unwrap()
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(key);
        } else {
            merge(
                target
                    .as_object_mut()
                    .unwrap()
                    .entry(key.clone())
                    .or_insert(Value::Null),
                value,
            );
        }
    }
}

fn walk(mut object: DynamicObject) -> (DynamicObject, usize) {
    for steps in 0..10 {
        match next(&object, &target()).unwrap() {
            Step::Done => return (object, steps),
            Step::Patch(patch) => object = patched(&object, &patch),
        }
    }
    panic!("no end: {object:?}");
}

#[test]
fn three_patches_change_the_address_and_nothing_else() {
    let (end, steps) = walk(service(&spec(), None));
    assert_eq!(steps, 3);
    let mut expected = spec();
    expected["clusterIP"] = json!("10.96.0.99");
    expected["clusterIPs"] = json!(["10.96.0.99"]);
    expected["ports"][0]["nodePort"] = json!(30099);
    assert_eq!(end.data["spec"], expected);
    assert!(end.metadata.annotations.unwrap_or_default().is_empty());
}

#[test]
fn a_crash_after_any_step_ends_in_the_same_state() {
    let (end, _) = walk(service(&spec(), None));
    let mut object = service(&spec(), None);
    while let Step::Patch(patch) = next(&object, &target()).unwrap() {
        object = patched(&object, &patch);
        assert_eq!(walk(object.clone()).0.data, end.data);
    }
}

#[test]
fn the_first_patch_writes_only_the_intent() {
    let Step::Patch(patch) = next(&service(&spec(), None), &target()).unwrap() else {
        panic!()
    };
    assert!(patch.get("spec").is_none());
    assert_eq!(patch["metadata"]["resourceVersion"], "5");
    assert!(patch["metadata"]["annotations"][CHANGE].is_string());
}

#[test]
fn an_edit_by_the_user_before_parking_is_taken_over() {
    let Step::Patch(mark) = next(&service(&spec(), None), &target()).unwrap() else {
        panic!()
    };
    let mut edited = patched(&service(&spec(), None), &mark);
    edited.data["spec"]["selector"] = json!({ "app": "new" });
    let (end, _) = walk(edited);
    assert_eq!(end.data["spec"]["selector"], json!({ "app": "new" }));
}

#[test]
fn a_service_with_the_address_is_left_alone() {
    let mut spec = spec();
    spec["clusterIP"] = json!("10.96.0.99");
    spec["ports"][0]["nodePort"] = json!(30099);
    assert_eq!(next(&service(&spec, None), &target()).unwrap(), Step::Done);
}

#[test]
fn only_an_address_in_somebody_elses_fields_was_chosen() {
    let metadata = |manager: &str, fields: Value| -> ObjectMeta {
        serde_json::from_value(json!({ "managedFields": [
            { "manager": manager, "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": fields } ] }))
        .unwrap()
    };
    let ip = json!({ "f:spec": { "f:clusterIP": {} } });
    let port = json!({ "f:spec": { "f:ports": { "k:{\"port\":80}": { "f:nodePort": {} } } } });
    let neither = json!({ "f:spec": { "f:ports": { "k:{\"port\":80}": { "f:port": {} } } } });
    assert!(chosen(&metadata("kubectl", ip.clone()), "warren-syncer"));
    assert!(chosen(&metadata("kubectl", port), "warren-syncer"));
    assert!(!chosen(&metadata("kubectl", neither), "warren-syncer"));
    assert!(!chosen(&metadata("warren-syncer", ip), "warren-syncer"));
}

/// A load balancer of two families, of which the host chose the second address and the port for health checks.
#[test]
fn further_addresses_and_the_port_for_health_checks_are_changed_too() {
    let spec = json!({
        "type": "LoadBalancer", "clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7", "fd00::7"],
        "externalTrafficPolicy": "Local", "healthCheckNodePort": 31000, "ports": [{ "port": 80, "protocol": "TCP" }],
    });
    let address = |second: &str, port: i32| Address {
        cluster_ip: "10.96.0.7".to_owned(),
        cluster_ips: vec!["10.96.0.7".to_owned(), second.to_owned()],
        node_ports: Vec::new(),
        health_check_node_port: Some(port),
    };
    let walk = |wanted: &Address| {
        let mut object = service(&spec, None);
        for _ in 0..10 {
            match next(&object, wanted).unwrap() {
                Step::Done => return object.data["spec"].clone(),
                Step::Patch(patch) => object = patched(&object, &patch),
            }
        }
        panic!("no end: {object:?}");
    };
    assert_eq!(walk(&address("fd00::7", 31000)), spec);
    let mut expected = spec.clone();
    expected["clusterIPs"] = json!(["10.96.0.7", "fd00::99"]);
    assert_eq!(walk(&address("fd00::99", 31000)), expected);
    let mut expected = spec.clone();
    expected["healthCheckNodePort"] = json!(31999);
    assert_eq!(walk(&address("fd00::7", 31999)), expected);
}

#[test]
fn a_service_of_one_family_gets_one_address_and_no_port_that_it_does_not_have() {
    let wanted = Address {
        cluster_ips: vec!["10.96.0.99".to_owned(), "fd00::99".to_owned()],
        health_check_node_port: Some(31999),
        ..target()
    };
    let mut object = service(&spec(), None);
    while let Step::Patch(patch) = next(&object, &wanted).unwrap() {
        object = patched(&object, &patch);
    }
    let spec = &object.data["spec"];
    assert_eq!(spec["clusterIPs"], json!(["10.96.0.99"]));
    assert_eq!(spec.get("healthCheckNodePort"), None);
}

//! What the tenant's claim becomes, write by write.

use super::*;
use crate::identity::{TenantName, TenantUid};

/// One device as an allocation has it.
fn result(device: &str) -> Value {
    json!({ "request": "main", "driver": "gpu.example.com", "pool": "node-1", "device": device })
}

fn allocation(results: &[Value]) -> Value {
    json!({
        "allocationTimestamp": "2026-11-30T12:00:00Z",
        "devices": { "results": results },
        "nodeSelector": { "nodeSelectorTerms": [{ "matchFields": [
            { "key": "metadata.name", "operator": "In", "values": ["node-1"] } ] }] },
    })
}

fn pod(name: &str) -> Value {
    json!({ "resource": "pods", "name": name, "uid": format!("{name}-uid") })
}

/// A tenant claim that a scheduler of the tenant's allocated `device` of, for the Pod `p`.
fn allocated(device: &str) -> ResourceClaim {
    tenant(&json!({
        "metadata": { "finalizers": [FINALIZER] },
        "status": { "allocation": allocation(&[result(device)]), "reservedFor": [pod("p")] },
    }))
}

/// The host's claim with this status.
fn host(status: &Value) -> ResourceClaim {
    let mut host = stored(&tenant(&json!({})));
    host.status = object(status.clone());
    host
}

fn living(names: &[&str]) -> Vec<Living> {
    let living = names.iter().map(|name| Living {
        name: TenantName::new(*name),
        uid: TenantUid::new(format!("{name}-uid")),
    });
    living.collect()
}

fn write(tenant: &ResourceClaim, host: &ResourceClaim, names: &[&str]) -> Option<Write> {
    up(Seen {
        cluster: &cluster(),
        tenant,
        host,
        living: &living(names),
        former: &[],
    })
}

fn status(write: Option<Write>) -> Value {
    match write {
        Some(Write::Status(claim)) => {
            assert_eq!(claim.metadata.resource_version.as_deref(), Some("5"));
            serde_json::to_value(claim.status.unwrap()).unwrap()
        }
        other => panic!("no status: {other:?}"),
    }
}

#[test]
fn nothing_is_written_while_the_host_has_allocated_nothing() {
    for status in [json!(null), json!({}), json!({ "reservedFor": [] })] {
        assert_eq!(write(&allocated("gpu-0"), &host(&status), &["p"]), None);
        assert_eq!(write(&tenant(&json!({})), &host(&status), &["p"]), None);
    }
}

#[test]
fn an_allocation_is_written_with_who_has_it_after_the_finalizer() {
    let on_host = host(&json!({ "allocation": allocation(&[result("gpu-1")]), "reservedFor": [pod("h")] }));
    let unheld = tenant(&json!({ "metadata": { "finalizers": ["own.example.com/x"] } }));
    assert_eq!(
        write(&unheld, &on_host, &["p", "q"]).unwrap(),
        Write::Protect(json!({ "metadata": {
            "uid": "tenant-uid", "resourceVersion": "5", "finalizers": ["own.example.com/x", FINALIZER],
        } }))
    );
    let held = tenant(&json!({ "metadata": { "finalizers": [FINALIZER] } }));
    assert_eq!(
        status(write(&held, &on_host, &["p", "q"])),
        json!({ "allocation": allocation(&[result("gpu-1")]), "reservedFor": [pod("p"), pod("q")] })
    );
}

/// The tenant's own controller takes the allocation off when the last Pod has ended: it is not written again.
#[test]
fn without_a_living_pod_nothing_is_written() {
    let on_host = host(&json!({ "allocation": allocation(&[result("gpu-1")]), "reservedFor": [pod("h")] }));
    let held = tenant(&json!({ "metadata": { "finalizers": [FINALIZER] } }));
    assert_eq!(write(&held, &on_host, &[]), None, "given back");
    assert_eq!(write(&allocated("gpu-0"), &on_host, &[]), None, "another one");
}

#[test]
fn the_same_devices_are_no_difference_however_they_are_written() {
    let mut results = vec![result("gpu-0"), result("gpu-1")];
    let ours = tenant(&json!({ "status": { "allocation": allocation(&results) } }));
    results.reverse();
    results[0]["tolerations"] = json!([{ "operator": "Exists" }]);
    let mut theirs = allocation(&results);
    theirs["allocationTimestamp"] = json!("2026-11-30T12:00:07Z");
    theirs["devices"]["config"] = json!([{ "source": "FromClass",
        "opaque": { "driver": "gpu.example.com", "parameters": { "canary": 1 } } }]);
    assert_eq!(
        write(&ours, &host(&json!({ "allocation": theirs })), &["p"]),
        None
    );
}

#[test]
fn what_tells_two_allocations_apart() {
    let change = |field: &str, value: Value| {
        let mut changed = result("gpu-0");
        changed[field] = value;
        changed
    };
    for other in [
        change("device", json!("gpu-1")),
        change("driver", json!("other.example.com")),
        change("pool", json!("node-2")),
        change("request", json!("main/sub")),
    ] {
        let on_host = host(&json!({ "allocation": allocation(std::slice::from_ref(&other)) }));
        let Some(Write::TakeBack(claim)) = write(&allocated("gpu-0"), &on_host, &["p"]) else {
            panic!("{other}");
        };
        assert_eq!(claim.metadata.resource_version.as_deref(), Some("5"));
        assert_eq!(serde_json::to_value(claim.status).unwrap(), json!({}), "{other}");
    }
    let more = host(&json!({ "allocation": allocation(&[result("gpu-0"), result("gpu-1")]) }));
    assert!(matches!(
        write(&allocated("gpu-0"), &more, &["p"]),
        Some(Write::TakeBack(_))
    ));
}

#[test]
fn shares_tell_apart_where_the_tenant_knows_them_and_are_no_difference_for_ever_where_not() {
    let share = |id: &str, memory: &str| {
        let mut share = result("gpu-0");
        share["shareID"] = json!(id);
        share["consumedCapacity"] = json!({ "memory": memory });
        share
    };
    let claim = |results: &[Value]| tenant(&json!({ "status": { "allocation": allocation(results) } }));
    let on_host = host(&json!({ "allocation": allocation(&[share("a", "1Gi")]) }));
    assert_eq!(write(&claim(&[share("a", "1Gi")]), &on_host, &["p"]), None);
    for differs in [share("b", "1Gi"), share("a", "2Gi")] {
        let write = write(&claim(&[differs]), &on_host, &["p"]);
        assert!(matches!(write, Some(Write::TakeBack(_))), "{write:?}");
    }
    // Its apiserver dropped them.
    assert_eq!(write(&claim(&[result("gpu-0")]), &on_host, &["p"]), None);
}

#[test]
fn the_new_allocation_keeps_whom_the_tenant_had_reserved_the_claim_for() {
    let on_host = host(&json!({ "allocation": allocation(&[result("gpu-1")]), "reservedFor": [pod("h")] }));
    let taken_back = tenant(&json!({ "metadata": { "finalizers": [FINALIZER] } }));
    let former: Vec<_> = object(json!([pod("waits"), pod("p")]));
    let (cluster, living) = (cluster(), living(&["p", "q"]));
    let reserved = |former: &[_]| {
        let write = up(Seen {
            cluster: &cluster,
            tenant: &taken_back,
            host: &on_host,
            living: &living,
            former,
        });
        status(write)["reservedFor"].clone()
    };
    assert_eq!(reserved(&former), json!([pod("waits"), pod("p"), pod("q")]));
    // Whoever died between the two writes no longer knows.
    assert_eq!(reserved(&[]), json!([pod("p"), pod("q")]));
    let many: Vec<_> = object((0..300).map(|n| pod(&n.to_string())).collect());
    assert_eq!(reserved(&many).as_array().unwrap().len(), 256);
}

#[test]
fn of_parameters_only_the_claims_own_come_up() {
    let mut theirs = allocation(&[result("gpu-1")]);
    let config = |source: &str, what: &str| {
        json!({ "source": source, "requests": ["main"],
            "opaque": { "driver": "gpu.example.com", "parameters": { what: 1 } } })
    };
    theirs["devices"]["config"] = json!([config("FromClass", "canary"), config("FromClaim", "own")]);
    theirs["devices"]["results"][0]["adminAccess"] = json!(true);
    let held = tenant(&json!({ "metadata": { "finalizers": [FINALIZER] } }));
    let status = status(write(&held, &host(&json!({ "allocation": theirs })), &["p"]));
    let devices = &status["allocation"]["devices"];
    assert_eq!(devices["config"], json!([config("FromClaim", "own")]));
    assert_eq!(devices["results"], json!([result("gpu-1")]));
}

#[test]
fn what_drivers_say_of_allocated_devices_follows_without_host_names() {
    let name = host(&json!({})).metadata.name.unwrap();
    let said = |device: &str, message: &str| {
        json!({ "driver": "gpu.example.com", "pool": "node-1", "device": device,
            "conditions": [{ "type": "Ready", "status": "True", "reason": "Up", "message": message,
                "lastTransitionTime": "2026-11-30T12:00:00Z" }],
            "data": { "of": message }, "networkData": { "interfaceName": "net1", "ips": ["10.0.0.1/24"] } })
    };
    let hidden = format!("claim wc-ci/{name} is ready");
    let on_host = host(&json!({
        "allocation": allocation(&[result("gpu-0")]),
        "devices": [said("gpu-7", &hidden), said("gpu-0", &hidden)],
    }));
    // Also when nobody is behind it (any more): it is what is so.
    let written = status(write(&allocated("gpu-0"), &on_host, &[]));
    assert_eq!(
        written["devices"],
        json!([said("gpu-0", "claim shop/train is ready")])
    );
    assert_eq!(written["allocation"], allocation(&[result("gpu-0")]));
    assert_eq!(written["reservedFor"], json!([pod("p")]));

    let mut told = allocated("gpu-0");
    told.status = object(written);
    assert_eq!(write(&told, &on_host, &["p"]), None);
    let silent = host(&json!({ "allocation": allocation(&[result("gpu-0")]) }));
    assert_eq!(status(write(&told, &silent, &["p"])).get("devices"), None);
}

#[test]
fn a_claim_that_goes_or_is_anothers_is_left_alone() {
    let on_host = host(&json!({ "allocation": allocation(&[result("gpu-1")]) }));
    for extra in [
        json!({ "metadata": { "deletionTimestamp": "2026-11-30T12:00:00Z", "finalizers": [FINALIZER] } }),
        json!({ "metadata": { "uid": "successor" } }),
    ] {
        assert_eq!(write(&tenant(&extra), &on_host, &["p"]), None, "{extra}");
    }
}

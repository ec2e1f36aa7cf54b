//! Pod certificates: what is asked, how the signer's answers read, what is done next.

use k8s_openapi::api::certificates::v1::PodCertificateRequest;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::*;
use crate::testing::{cluster, object};
use crate::{TenantKey, TenantUid};

fn need() -> PodCertificateNeed {
    let pod: Pod = object(json!({ "spec": {
        "serviceAccountName": "robot", "containers": [],
        "volumes": [{ "name": "tls", "projected": { "sources": [
            { "configMap": { "name": "ca" } },
            { "podCertificate": {
                "signerName": "corp.example/mesh", "keyType": "ECDSAP256", "maxExpirationSeconds": 7200,
                "credentialBundlePath": "bundle.pem", "userAnnotations": { "corp.example/team": "shop" },
            } },
        ] } }],
    } }));
    let mut needs = needs(&pod);
    assert_eq!(needs.len(), 1);
    needs.remove(0)
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn refresh() -> Refresh {
    Refresh {
        begin_refresh_at: time("2026-11-21T13:00:00Z"),
        not_after: time("2026-11-21T14:00:00Z"),
    }
}

fn status(status: &Value) -> Answer {
    let request: PodCertificateRequest = object(json!({
        "metadata": { "namespace": "shop", "name": "req-1" },
        "spec": { "nodeName": "", "nodeUID": "", "podName": "", "podUID": "", "serviceAccountName": "",
            "serviceAccountUID": "", "signerName": "", "stubPKCS10Request": "" },
        "status": status,
    }));
    answer(&request)
}

fn condition(type_: &str) -> Value {
    json!({ "type": type_, "status": "True", "reason": "Because", "message": "of \"it\"",
        "lastTransitionTime": "2026-11-21T12:00:00Z" })
}

#[test]
fn the_request_is_what_a_kubelet_writes() {
    let by = Requester {
        pod: &TenantKey::new("shop", "web"),
        pod_uid: &TenantUid::new("pod-uid"),
        node: "node-1",
        node_uid: "node-uid",
        service_account_uid: "account-uid",
    };
    insta::assert_yaml_snapshot!(request(&by, &need(), b"stub".to_vec()));
}

#[test]
fn an_answer_is_read_off_the_conditions() {
    assert_eq!(status(&Value::Null), Answer::Pending);
    assert_eq!(
        status(&json!({ "conditions": [condition("Later")] })),
        Answer::Pending
    );
    let issued = status(&json!({
        "conditions": [condition("Issued")], "certificateChain": "text\n-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n",
        "notAfter": "2026-11-21T14:00:00Z", "beginRefreshAt": "2026-11-21T13:00:00Z",
    }));
    let chain = "-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n".to_owned();
    assert_eq!(
        issued,
        Answer::Issued {
            chain,
            refresh: refresh()
        }
    );
    let Answer::Refused { condition, message } = status(&json!({ "conditions": [condition("Denied")] }))
    else {
        panic!("not refused")
    };
    assert_eq!(condition, "Denied");
    assert_eq!(
        message,
        "PodCertificateRequest shop/req-1 was denied, reason=\"Because\", message=\"of \\\"it\\\"\""
    );
}

#[test]
fn an_issued_answer_without_a_chain_is_none_yet() {
    assert_eq!(
        status(&json!({ "conditions": [condition("Issued")] })),
        Answer::Pending
    );
}

fn decide(held: Option<&Refresh>, answer: Option<&Answer>, refused: bool, now: &str) -> Next {
    next(&Observed {
        held,
        answer,
        refused,
        jitter: SignedDuration::from_secs(60),
        now: time(now),
    })
}

#[test]
fn a_pod_without_certificate_asks_and_waits() {
    assert_eq!(decide(None, None, false, "2026-11-21T12:00:00Z"), Next::Ask);
    let pending = decide(None, Some(&Answer::Pending), false, "2026-11-21T12:00:00Z");
    assert_eq!(pending, Next::Wait);
}

#[test]
fn a_certificate_is_left_alone_until_its_refresh_and_jitter() {
    let due = time("2026-11-21T13:01:00Z");
    assert_eq!(
        decide(Some(&refresh()), None, false, "2026-11-21T12:00:00Z"),
        Next::Sleep(due)
    );
    assert_eq!(
        decide(Some(&refresh()), None, false, "2026-11-21T13:00:59Z"),
        Next::Sleep(due)
    );
    assert_eq!(
        decide(Some(&refresh()), None, false, "2026-11-21T13:01:00Z"),
        Next::Ask
    );
}

#[test]
fn a_refusal_is_told_and_ends_it() {
    let no = Answer::Refused {
        condition: "Failed",
        message: "why".to_owned(),
    };
    let told = decide(Some(&refresh()), Some(&no), false, "2026-11-21T13:10:00Z");
    assert_eq!(
        told,
        Next::Refuse {
            reason: "Failed",
            message: "why".to_owned()
        }
    );
    assert_eq!(decide(None, None, true, "2026-11-21T13:10:00Z"), Next::Stop);
}

#[test]
fn a_late_renewal_is_told_then_the_end() {
    let told = |now: &str| {
        let reasons = warnings(Some(&refresh()), time(now))
            .into_iter()
            .map(|(reason, _)| reason);
        reasons.collect::<Vec<_>>()
    };
    assert!(warnings(None, time("2026-11-21T13:00:00Z")).is_empty());
    assert!(told("2026-11-21T13:10:00Z").is_empty());
    assert_eq!(told("2026-11-21T13:10:01Z"), ["CertificateOverdueForRefresh"]);
    assert_eq!(
        told("2026-11-21T14:00:01Z"),
        ["CertificateOverdueForRefresh", "CertificateExpired"]
    );
}

#[test]
fn the_secret_has_key_and_chain_apart_and_together_and_tells_when_to_renew() {
    let credentials = Credentials {
        key: "KEY\n".to_owned(),
        chain: "CHAIN\n".to_owned(),
        refresh: refresh(),
    };
    assert!(!format!("{credentials:?}").contains("KEY"));
    let (pod, uid) = (TenantKey::new("shop", "web"), TenantUid::new("pod-uid"));
    let host = secret(&cluster(), &pod, &uid, &need(), &credentials).unwrap();
    let data = host.data.as_ref().unwrap();
    assert_eq!(data[CREDENTIAL_BUNDLE].0, b"KEY\nCHAIN\n");
    assert_eq!(data[KEY].0, b"KEY\n");
    assert_eq!(data[CERTIFICATE_CHAIN].0, b"CHAIN\n");
    assert_eq!(super::refresh(&host.metadata), Some(refresh()));
    assert_eq!(source_of(&host.metadata), Some("tls.1"));
    assert!(!serde_json::to_string(&host.metadata).unwrap().contains("KEY"));
    let name = secret_name(&cluster(), &pod, &uid, "tls", 1);
    assert_eq!(host.metadata.name.as_deref(), Some(name.as_str()));
    assert_ne!(
        name,
        secret_name(&cluster(), &pod, &TenantUid::new("successor"), "tls", 1)
    );
    assert_ne!(name, secret_name(&cluster(), &pod, &uid, "tls", 0));
}

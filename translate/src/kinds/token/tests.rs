//! Tokens: what a Pod asks for, what the host Secret holds, when to renew.

use k8s_openapi::api::core::v1::{Pod, Secret};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::testing::{cluster, object};
use crate::{TenantKey, TenantUid};

fn pod() -> Pod {
    object(json!({
        "metadata": { "name": "web", "namespace": "shop", "uid": "pod-uid" },
        "spec": {
            "serviceAccountName": "robot",
            "containers": [],
            "volumes": [
                { "name": "settings", "configMap": { "name": "settings" } },
                { "name": "access", "projected": { "sources": [
                    { "configMap": { "name": "ca" } },
                    { "serviceAccountToken": { "path": "token", "expirationSeconds": 3607 } },
                    { "serviceAccountToken": { "path": "vault", "audience": "vault" } },
                ] } },
            ],
        },
    }))
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn token(data_key: &str, expires_at: &str, expiration_seconds: i64) -> Token {
    Token {
        data_key: data_key.to_owned(),
        token: "secret-text".to_owned(),
        expires_at: time(expires_at),
        expiration_seconds,
    }
}

fn host(tokens: &[Token]) -> Secret {
    secret(&cluster(), &pod(), tokens).unwrap()
}

#[test]
fn a_pod_asks_for_each_projected_token_with_its_own_audience_and_lifetime() {
    let needs = needs(&pod());
    assert_eq!(needs.len(), 2);
    assert_eq!(
        (needs[0].data_key.as_str(), needs[0].expiration_seconds),
        ("access.1", 3607)
    );
    assert_eq!(
        (needs[1].audience.as_deref(), needs[1].expiration_seconds),
        (Some("vault"), 3600)
    );
    assert!(needs.iter().all(|need| need.service_account == "robot"));
}

#[test]
fn the_secret_is_named_after_the_very_pod() {
    let key = TenantKey::new("shop", "web");
    let name = secret_name(&cluster(), &key, &TenantUid::new("pod-uid"));
    assert_eq!(host(&[]).metadata.name.as_deref(), Some(name.as_str()));
    assert_ne!(secret_name(&cluster(), &key, &TenantUid::new("successor")), name);
}

#[test]
fn the_token_is_in_the_data_and_nowhere_else() {
    let token = token("access.1", "2026-11-21T13:00:00Z", 3607);
    assert!(!format!("{token:?}").contains("secret-text"));
    let host = host(&[token]);
    assert!(
        !serde_json::to_string(&host.metadata)
            .unwrap()
            .contains("secret-text")
    );
    assert_eq!(host.data.as_ref().unwrap()["access.1"].0, b"secret-text");
    assert_eq!(
        expiries(&host)["access.1"].expires_at,
        time("2026-11-21T13:00:00Z")
    );
    assert_eq!(host.metadata.owner_references, None);
}

#[test]
fn renewal_is_at_four_fifths_of_the_life() {
    let expiry = Expiry {
        expires_at: time("2026-11-21T13:00:00Z"),
        expiration_seconds: 3600,
    };
    assert_eq!(renew_at(&expiry), time("2026-11-21T12:48:00Z"));
}

#[test]
fn renewal_is_after_a_day_at_the_latest() {
    let expiry = Expiry {
        expires_at: time("2026-12-21T12:00:00Z"),
        expiration_seconds: 30 * 86_400,
    };
    assert_eq!(renew_at(&expiry), time("2026-11-22T12:00:00Z"));
}

#[test]
fn missing_stale_and_differently_asked_tokens_are_due() {
    let needs = needs(&pod());
    let now = time("2026-11-21T12:00:00Z");
    assert_eq!(due(&needs, None, now).len(), 2);
    let fresh = host(&[
        token("access.1", "2026-11-21T13:00:00Z", 3607),
        token("access.2", "2026-11-21T13:00:00Z", 3600),
    ]);
    assert_eq!(due(&needs, Some(&fresh), now), []);
    let later = time("2026-11-21T12:50:00Z");
    assert_eq!(due(&needs, Some(&fresh), later).len(), 2);
    let other = host(&[token("access.1", "2026-11-21T13:00:00Z", 600)]);
    assert_eq!(due(&needs, Some(&other), now).len(), 2);
}

#[test]
fn a_renewed_token_keeps_the_others_and_a_successors_secret_keeps_nothing() {
    let existing = host(&[
        token("access.1", "2026-11-21T13:00:00Z", 3607),
        token("access.2", "2026-11-21T13:00:00Z", 3600),
    ]);
    let fresh = host(&[token("access.1", "2026-11-21T14:00:00Z", 3607)]);
    let merged = merge(&existing, fresh.clone()).unwrap();
    assert_eq!(merged.data.as_ref().unwrap().len(), 2);
    assert_eq!(
        expiries(&merged)["access.1"].expires_at,
        time("2026-11-21T14:00:00Z")
    );
    assert_eq!(
        expiries(&merged)["access.2"].expires_at,
        time("2026-11-21T13:00:00Z")
    );
    let mut successor = fresh;
    let annotations = successor.metadata.annotations.as_mut().unwrap();
    annotations.insert(warren_crds::keys::ORIGIN_UID.to_owned(), "successor".to_owned());
    assert_eq!(merge(&existing, successor.clone()).unwrap(), successor);
}

#[test]
fn an_unreadable_expiry_counts_as_due() {
    let mut broken = host(&[token("access.1", "2026-11-21T13:00:00Z", 3607)]);
    broken
        .metadata
        .annotations
        .as_mut()
        .unwrap()
        .insert(EXPIRY.to_owned(), "{".to_owned());
    assert_eq!(
        due(&needs(&pod()), Some(&broken), time("2026-11-21T12:00:00Z")).len(),
        2
    );
}

#[test]
fn the_owner_is_the_stored_host_pod() {
    assert_eq!(owner(&Pod::default()), None);
    let owner = owner(&pod()).unwrap();
    assert_eq!((owner.kind.as_str(), owner.uid.as_str()), ("Pod", "pod-uid"));
}

proptest! {
    #[test]
    fn a_token_is_renewed_before_it_ends_and_within_a_day_but_never_at_once(
        issued in 0_i64..4_000_000_000, lifetime in 600_i64..(400 * 86_400),
    ) {
        let issued = Timestamp::from_second(issued).unwrap();
        let seconds = SignedDuration::from_secs;
        let expires_at = issued + seconds(lifetime);
        let at = renew_at(&Expiry { expires_at, expiration_seconds: lifetime });
        prop_assert!(at <= expires_at - seconds(lifetime / 5));
        prop_assert!(at <= issued + seconds(86_400));
        prop_assert!(at >= issued + seconds(480), "not before 80 % of the shortest life");
    }

    #[test]
    fn a_token_that_was_just_issued_is_not_due_and_one_that_ended_is(lifetime in 600_i64..(400 * 86_400)) {
        let issued = time("2026-11-21T12:00:00Z");
        let expires_at = issued + SignedDuration::from_secs(lifetime);
        let need = TokenNeed { expiration_seconds: lifetime, ..needs(&pod()).remove(0) };
        let token = Token { expires_at, ..token(&need.data_key, "2026-11-21T12:00:00Z", lifetime) };
        let host = host(&[token]);
        prop_assert!(due(std::slice::from_ref(&need), Some(&host), issued).is_empty());
        prop_assert_eq!(due(std::slice::from_ref(&need), Some(&host), expires_at).len(), 1);
    }
}

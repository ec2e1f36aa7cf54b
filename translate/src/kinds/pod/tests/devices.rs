//! Pods with claims of devices; what they become is in the cases `claimed_devices` and `denied_device_class`.

use super::*;
use crate::error::Error;
use crate::{TenantKey, TenantName};

fn policy() -> TenantPolicy {
    object(json!({ "classes": { "device": { "names": ["gpu"] } } }))
}

/// With a claim by name and one by template.
fn pod(made: &Value) -> Pod {
    tenant(&json!({
        "spec": { "resourceClaims": [
            { "name": "shared", "resourceClaimName": "team-gpu" },
            { "name": "own", "resourceClaimTemplateName": "one-gpu" },
        ] },
        "status": { "resourceClaimStatuses": made },
    }))
}

#[test]
fn a_pod_waits_for_the_claim_of_its_template_and_for_nothing_where_nothing_is_offered() {
    let pod = pod(&json!([]));
    let waits = with_context(&policy(), |context| super::super::down(context, &pod)).unwrap_err();
    assert!(
        matches!(&waits, Error::ClaimNotMade { claim } if claim == "own"),
        "{waits}"
    );
    assert_eq!(
        waits.to_string(),
        "the Pod waits for its ResourceClaim `own` to be made of its template"
    );
    assert_eq!(denied(&pod), ["spec.resourceClaims"]);
}

#[test]
fn a_pod_that_the_host_places_waits_for_its_claims_as_well() {
    let mut policy = policy();
    policy.host_scheduling = Some(object(json!({})));
    let mut pod = pod(&json!([]));
    pod.spec.as_mut().unwrap().node_name = None;
    let (namespaces, closed) = (
        std::collections::BTreeMap::new(),
        std::collections::BTreeSet::new(),
    );
    let placing = Placing {
        namespaces: &namespaces,
        closed: &closed,
    };
    let down = with_context(&policy, |context| {
        let context = PodContext {
            placing: Some(placing),
            ..*context
        };
        super::super::down(&context, &pod)
    });
    assert!(matches!(down, Err(Error::ClaimNotMade { .. })), "{down:?}");
}

#[test]
fn a_claim_of_a_template_must_be_the_pods_own_also_where_another_entry_names_it() {
    let need = |name: &str, generated| Need::ResourceClaim {
        name: TenantName::new(name),
        generated,
    };
    let made = pod(&json!([{ "name": "own", "resourceClaimName": "web-own-1" }]));
    assert_eq!(needs(&made), [need("team-gpu", false), need("web-own-1", true)]);
    let same = pod(&json!([{ "name": "own", "resourceClaimName": "team-gpu" }]));
    assert_eq!(needs(&same), [need("team-gpu", true)]);
    assert_eq!(needs(&pod(&json!([]))), [need("team-gpu", false)]);
    assert_eq!(
        needs(&pod(&json!([{ "name": "own" }]))),
        [need("team-gpu", false)]
    );
}

#[test]
fn no_text_about_a_pod_has_the_host_name_of_its_claim() {
    let pod = pod(&json!([{ "name": "own", "resourceClaimName": "web-own-1" }]));
    let host = with_context(&policy(), |context| super::super::down(context, &pod).unwrap());
    let mut host = host.translated().unwrap().object;
    host.metadata.uid = Some("host-uid".to_owned());
    let of = |name: &str| {
        let key = TenantKey::new("shop", name);
        crate::kinds::resource_claim::host_name(&cluster(), &key)
    };
    let said = format!("claim {} and {} of wc-ci", of("web-own-1"), of("team-gpu"));
    assert_eq!(
        scrub_pod(&cluster(), &pod, &host, &said),
        "claim web-own-1 and team-gpu of shop"
    );
}

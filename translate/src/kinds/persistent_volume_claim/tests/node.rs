//! A scheduler's choice goes down once, and comes back when the host gives it back.

use proptest::prelude::*;
use warren_crds::keys;

use super::*;

fn choosing(node: Option<&str>) -> PersistentVolumeClaim {
    tenant(&json!({ "metadata": { "annotations": { SELECTED_NODE: node } } }))
}

/// One round, as the syncer makes it: what the host gave back first, then down.
fn round(
    tenant: &PersistentVolumeClaim,
    host: &PersistentVolumeClaim,
) -> (PersistentVolumeClaim, PersistentVolumeClaim) {
    let tenant = match taken_back(tenant, host) {
        Some(patch) => patched(tenant, &patch),
        None => tenant.clone(),
    };
    let desired = translated(&tenant, Some(host)).object;
    let host = match changes(&desired, host) {
        Some(patch) => patched(host, &patch),
        None => host.clone(),
    };
    (tenant, host)
}

fn node(claim: &PersistentVolumeClaim) -> Option<&str> {
    annotation(claim, SELECTED_NODE)
}

#[test]
fn a_choice_goes_down_with_the_claim_or_after_it() {
    assert_eq!(node(&stored(&choosing(Some("n1")))), Some("n1"));
    let (_, host) = round(&choosing(Some("n1")), &stored(&choosing(None)));
    assert_eq!(node(&host), Some("n1"));
    assert_eq!(round(&choosing(Some("n1")), &host), (choosing(Some("n1")), host));
}

#[test]
fn a_choice_that_the_host_gave_back_goes_and_the_same_one_may_be_made_again() {
    let given_back = json!({ "metadata": { "annotations": { SELECTED_NODE: null } } });
    let host = patched(&stored(&choosing(Some("n1"))), &given_back);
    let patch = taken_back(&choosing(Some("n1")), &host).unwrap();
    assert_eq!(patch["metadata"]["resourceVersion"], "5");
    assert_eq!(patch["metadata"]["uid"], "tenant-uid");
    let (tenant, host) = round(&choosing(Some("n1")), &host);
    assert_eq!((node(&tenant), node(&host)), (None, None));
    let (tenant, host) = round(&choosing(Some("n1")), &host);
    assert_eq!((node(&tenant), node(&host)), (Some("n1"), Some("n1")));
}

#[test]
fn a_choice_that_the_tenant_took_back_goes_down_too() {
    let (_, host) = round(&choosing(None), &stored(&choosing(Some("n1"))));
    assert_eq!(node(&host), None);
}

#[test]
fn what_the_hosts_scheduler_chose_is_left_alone() {
    let chosen = json!({ "metadata": { "annotations": { SELECTED_NODE: "n2" } } });
    let host = patched(&stored(&choosing(None)), &chosen);
    assert_eq!(round(&choosing(None), &host), (choosing(None), host));
}

#[test]
fn a_predecessors_claim_gives_nothing_back() {
    let given_back = json!({ "metadata": { "annotations": { SELECTED_NODE: null } } });
    let host = patched(&stored(&choosing(Some("n1"))), &given_back);
    let successor = patched(
        &choosing(Some("n1")),
        &json!({ "metadata": { "uid": "successor" } }),
    );
    assert_eq!(taken_back(&successor, &host), None);
}

fn some_node() -> impl Strategy<Value = Option<&'static str>> {
    proptest::sample::select(vec![None, Some("n1"), Some("n2")])
}

proptest! {
    #[test]
    fn whatever_stands_where_two_rounds_settle_it(
        chosen in some_node(), has in some_node(), sent in some_node(),
    ) {
        let annotations = json!({ "metadata": { "annotations": { SELECTED_NODE: has, keys::SELECTED_NODE: sent } } });
        let host = patched(&stored(&choosing(None)), &annotations);
        let (tenant, host) = round(&choosing(chosen), &host);
        let again = round(&tenant, &host);
        prop_assert_eq!(&again, &(tenant.clone(), host.clone()));
        // Either the host has the tenant's choice, or there is none.
        if let Some(chosen) = node(&tenant) {
            prop_assert_eq!(node(&host), Some(chosen));
        }
    }
}

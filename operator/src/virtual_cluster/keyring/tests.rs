//! What is kept and what is made anew.

use jiff::SignedDuration;

use super::*;
use crate::pki::leaf::Wanted;
use crate::virtual_cluster::plan::{Plan, pki as plan_pki};

const ROOTS: [&str; 1] = ["ca-cluster"];

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn leaves(name: &str) -> Vec<WantedLeaf> {
    let wanted = Wanted::server("api", vec![name.to_owned()]);
    vec![WantedLeaf {
        secret: "serving",
        issuer: Issuer::Own("ca-cluster"),
        wanted,
    }]
}

/// What the next round would find if everything of `keyring` were written.
fn store(keyring: &Keyring) -> BTreeMap<String, Secret> {
    let cluster = crate::testing::validated();
    let mut plan = Plan::default();
    plan_pki::plan(&cluster, keyring, &mut plan).unwrap();
    plan.objects
        .into_iter()
        .map(|object| {
            (
                object.name,
                serde_json::from_value::<Secret>(object.object).unwrap(),
            )
        })
        .collect()
}

#[test]
fn a_second_round_makes_nothing() {
    let operator = ca::generate("operator", now()).unwrap();
    let first = complete(&BTreeMap::new(), &ROOTS, &leaves("a"), &operator, "x", now()).unwrap();
    assert!(first.roots["ca-cluster"].new && first.token_key_new);
    assert_eq!(first.issued, [("serving", Decision::Missing)]);

    let mut stored = store(&first);
    // A stored root is not written again, so it is not in the second plan.
    let second = complete(&stored, &ROOTS, &leaves("a"), &operator, "x", now()).unwrap();
    assert_eq!(second.issued, []);
    assert_eq!(second.leaves, first.leaves);
    assert_eq!(second.token_key, first.token_key);
    assert!(!second.roots["ca-cluster"].new);
    assert!(!store(&second).contains_key("ca-cluster"));

    stored.remove("serving");
    let third = complete(&stored, &ROOTS, &leaves("a"), &operator, "x", now()).unwrap();
    assert_eq!(third.issued, [("serving", Decision::Missing)]);
}

#[test]
fn a_leaf_is_renewed_by_age_and_by_name_but_a_root_never() {
    let operator = ca::generate("operator", now()).unwrap();
    let first = complete(&BTreeMap::new(), &ROOTS, &leaves("a"), &operator, "x", now()).unwrap();
    let stored = store(&first);

    let later = now() + SignedDuration::from_hours(61 * 24);
    let aged = complete(&stored, &ROOTS, &leaves("a"), &operator, "x", later).unwrap();
    assert_eq!(aged.issued, [("serving", Decision::Ageing)]);
    assert_eq!(aged.roots["ca-cluster"].pair, first.roots["ca-cluster"].pair);
    assert!(first.next_renewal().unwrap() < later && aged.next_renewal().unwrap() > later);

    let renamed = complete(&stored, &ROOTS, &leaves("b"), &operator, "x", now()).unwrap();
    assert_eq!(renamed.issued, [("serving", Decision::Outdated)]);
}

#[test]
fn a_damaged_root_is_an_error_and_not_replaced() {
    let operator = ca::generate("operator", now()).unwrap();
    let stored = [("ca-cluster".to_owned(), Secret::default())].into();
    let error = complete(&stored, &ROOTS, &[], &operator, "x", now()).unwrap_err();
    assert!(matches!(error, Error::Damaged("ca-cluster")), "{error}");
}

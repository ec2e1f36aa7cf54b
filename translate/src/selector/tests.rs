//! Requirements against every set of labels over two keys and two values.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const KEYS: [&str; 2] = ["app", "tier"];
const VALUES: [&str; 2] = ["x", "y"];

/// Every set of labels over the keys, each key missing or with one of the values or a third.
pub(crate) fn all_labels() -> Vec<BTreeMap<String, String>> {
    let values = [None, Some("x"), Some("y"), Some("z")];
    let mut all = Vec::new();
    for one in values {
        for other in values {
            let labels = KEYS.iter().zip([one, other]);
            let labels = labels.filter_map(|(key, value)| Some(((*key).to_owned(), value?.to_owned())));
            all.push(labels.collect());
        }
    }
    all
}

fn any_requirement() -> impl Strategy<Value = Requirement> {
    let key = proptest::sample::select(&KEYS[..]).prop_map(str::to_owned);
    let values = proptest::sample::subsequence(&VALUES[..], 1..=2);
    (key, values, 0..4).prop_map(|(key, values, operator)| {
        let values = values.into_iter().map(str::to_owned).collect();
        match operator {
            0 => Requirement::In(key, values),
            1 => Requirement::NotIn(key, values),
            2 => Requirement::Exists(key),
            _ => Requirement::DoesNotExist(key),
        }
    })
}

/// Up to three requirements.
pub(crate) fn any_requirements() -> impl Strategy<Value = Requirements> {
    proptest::collection::btree_set(any_requirement(), 0..=3)
}

proptest! {
    #[test]
    fn the_opposite_holds_exactly_where_a_requirement_does_not(requirement in any_requirement()) {
        let one = Requirements::from([requirement.clone()]);
        let opposite = Requirements::from([requirement.negated()]);
        for labels in all_labels() {
            prop_assert_ne!(matches(&one, &labels), matches(&opposite, &labels));
        }
    }

    #[test]
    fn what_is_called_a_contradiction_matches_nothing_and_nothing_else_is(requirements in any_requirements()) {
        let found = all_labels().iter().any(|labels| matches(&requirements, labels));
        prop_assert_eq!(is_contradiction(&requirements), !found);
    }

    #[test]
    fn a_selector_says_what_its_requirements_say(wanted in any_requirements()) {
        prop_assert_eq!(requirements(&selector(&wanted)), Some(wanted));
    }
}

#[test]
fn an_unknown_operator_is_not_guessed_at() {
    let unknown = LabelSelector {
        match_expressions: Some(vec![LabelSelectorRequirement {
            key: "app".to_owned(),
            operator: "Like".to_owned(),
            values: None,
        }]),
        match_labels: None,
    };
    assert_eq!(requirements(&unknown), None);
}

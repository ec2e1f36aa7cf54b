//! Which directions of a Pod are open, and that what is closed opens only on purpose.

use serde_json::{Value, json};
use warren_crds::keys::{OPEN_EGRESS, OPEN_INGRESS};

use super::super::*;
use super::host::labels;
use crate::testing::object;

fn isolated_by(specs: &[Value], pod: &[(&str, &str)]) -> (bool, bool) {
    let read = |spec: &Value| Isolates::of(&object(json!({ "metadata": {}, "spec": spec })));
    let policies: Vec<Isolates> = specs.iter().map(read).collect();
    let Isolation { ingress, egress } = isolation(&policies, &labels(pod));
    (ingress, egress)
}

#[test]
fn a_pod_is_isolated_where_a_policy_selects_it() {
    let web = json!({ "matchLabels": { "app": "web" } });
    let to = json!([{}]);
    for (specs, expected) in [
        (vec![], (false, false)),
        (vec![json!({ "podSelector": {} })], (true, false)),
        (vec![json!({})], (true, false)),
        (vec![json!({ "podSelector": web })], (true, false)),
        (
            vec![json!({ "podSelector": { "matchLabels": { "app": "db" } } })],
            (false, false),
        ),
        (vec![json!({ "podSelector": {}, "egress": to })], (true, true)),
        (vec![json!({ "podSelector": {}, "egress": [] })], (true, false)),
        (
            vec![json!({ "podSelector": {}, "policyTypes": [] })],
            (true, false),
        ),
        (
            vec![json!({ "podSelector": {}, "policyTypes": ["Egress"] })],
            (false, true),
        ),
        (
            vec![json!({ "podSelector": {}, "policyTypes": ["Ingress"], "egress": to })],
            (true, false),
        ),
        (
            vec![json!({ "podSelector": {}, "policyTypes": ["Later"] })],
            (false, false),
        ),
        (
            vec![
                json!({ "policyTypes": ["Egress"] }),
                json!({ "podSelector": web, "policyTypes": ["Ingress"] }),
            ],
            (true, true),
        ),
    ] {
        assert_eq!(isolated_by(&specs, &[("app", "web")]), expected, "{specs:?}");
    }
    // What a selector says that this Warren cannot read may be this Pod.
    let unknown = json!({ "podSelector": { "matchExpressions": [{ "key": "app", "operator": "Like" }] } });
    assert_eq!(isolated_by(&[unknown], &[]), (true, false));
}

#[test]
fn a_new_pod_has_the_labels_of_its_open_directions_and_none_when_nothing_is_known() {
    let of = |isolation| open_labels(isolation).map(|(label, _)| label).collect::<Vec<_>>();
    let isolation = |ingress, egress| Some(Isolation { ingress, egress });
    assert_eq!(of(None), Vec::<String>::new());
    assert_eq!(of(isolation(true, true)), Vec::<String>::new());
    assert_eq!(of(isolation(true, false)), [OPEN_EGRESS]);
    assert_eq!(of(isolation(false, false)), [OPEN_INGRESS, OPEN_EGRESS]);
}

#[test]
fn only_labels_that_differ_are_changed_and_closing_never_opens() {
    let isolation = |ingress, egress| Some(Isolation { ingress, egress });
    let both = labels(&[(OPEN_INGRESS, "true"), (OPEN_EGRESS, "true"), ("other", "x")]);
    let odd = labels(&[(OPEN_INGRESS, "yes")]);
    for (host, isolation, changes, closes) in [
        (&both, None, json!({}), json!({})),
        (&both, isolation(false, false), json!({}), json!({})),
        (
            &both,
            isolation(true, false),
            json!({ OPEN_INGRESS: null }),
            json!({ OPEN_INGRESS: null }),
        ),
        (
            &both,
            isolation(true, true),
            json!({ OPEN_INGRESS: null, OPEN_EGRESS: null }),
            json!({ OPEN_INGRESS: null, OPEN_EGRESS: null }),
        ),
        (&odd, isolation(true, true), json!({}), json!({})),
        (
            &odd,
            isolation(true, false),
            json!({ OPEN_EGRESS: "true" }),
            json!({}),
        ),
        (&odd, None, json!({}), json!({})),
    ] {
        assert_eq!(
            Value::Object(label_changes(Some(host), isolation)),
            changes,
            "{host:?} {isolation:?}"
        );
        assert_eq!(
            Value::Object(closing(Some(host), isolation)),
            closes,
            "{host:?} {isolation:?}"
        );
    }
    let open = Isolation::default();
    assert!(open.opens(None) && open.opens(Some(&odd)) && !open.opens(Some(&both)));
    assert_eq!(open.without_opening(Some(&both)), open);
    assert!(!open.without_opening(Some(&odd)).opens(Some(&odd)));
}

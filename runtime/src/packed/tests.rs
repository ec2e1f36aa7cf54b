//! What is packed reads back the same, and is smaller.

use super::*;

#[test]
fn every_text_comes_back_as_it_was() {
    let long = "kube-api-access".repeat(10_000);
    for text in ["", "a", "{}", "ä€\u{1f600}\0\n", &long] {
        assert_eq!(Packed::of(text).text().as_deref(), Some(text));
    }
}

#[test]
fn what_all_pods_say_takes_next_to_nothing() {
    let text = r#"{"serviceAccountToken":{"expirationSeconds":3607,"path":"token"}},{"configMap":{"items":[{"key":"ca.crt","path":"ca.crt"}],"name":"kube-root-ca.crt"}}"#;
    assert!(
        Packed::of(text).len() < text.len() / 8,
        "{}",
        Packed::of(text).len()
    );
}

#[test]
fn what_cannot_be_made_smaller_is_kept_as_it_is() {
    assert_eq!(Packed::of("xyz").len(), 3);
    assert!(Packed::of("").is_empty());
}

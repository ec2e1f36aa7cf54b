//! JSON and YAML as kubectl prints them: whole objects, stable, without managed fields.

use anyhow::{Context as _, Result};
use serde::Serialize;
use serde_json::{Value, json};

use super::escape;

/// `value` as indented JSON with a line break at the end.
///
/// # Errors
/// When `value` cannot be serialised.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<String> {
    let text = serde_json::to_string_pretty(value).context("cannot write JSON")?;
    Ok(escape::json(&text) + "\n")
}

/// `value` as YAML, keys in alphabetical order as kubectl writes them, with a line break at the end.
///
/// # Errors
/// When `value` cannot be serialised.
pub(crate) fn to_yaml<T: Serialize>(value: &T) -> Result<String> {
    let value = serde_json::to_value(value).context("cannot write YAML")?;
    // Folding is for prose; certificates and messages stay on one line, as kubectl writes them.
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    let text = serde_saphyr::to_string_with_options(&value, options).context("cannot write YAML")?;
    if text.chars().any(|c| c != '\n' && escape::is_unsafe(c)) {
        // YAML 1.2 contains JSON, and JSON can be made safe without changing what it means.
        return to_json(&value);
    }
    Ok(if text.ends_with('\n') { text } else { text + "\n" })
}

/// `object` as others should see it: `metadata.managedFields` is noise for everybody.
pub(crate) fn pruned(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}

/// A `List` of `items`, as kubectl prints several objects.
pub(crate) fn list(items: &[Value]) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": items})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_print_as_yaml_without_managed_fields() {
        let object = json!({
            "apiVersion": "warren.dev/v1alpha1", "kind": "VirtualCluster",
            "metadata": {"name": "ci-42", "managedFields": [{"manager": "x"}]},
            "spec": {"version": "1.37", "quota": {"pods": "10", "requests.cpu": "2"}},
        });
        insta::assert_snapshot!(to_yaml(&pruned(object)).unwrap());
    }

    #[test]
    fn a_name_with_an_escape_sequence_renders_safe_in_yaml() {
        let value = json!({"message": "a\u{1b}[31mb\u{9b}2J", "other": "\u{202e}x"});
        let text = to_yaml(&value).unwrap();
        assert!(
            !text.chars().any(|c| c != '\n' && escape::is_unsafe(c)),
            "{text:?}"
        );
        assert_eq!(serde_saphyr::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn long_and_multi_line_strings_survive_yaml() {
        let long = "word ".repeat(40);
        let value = json!({"long": long.trim(), "lines": "a\n  b\n\n", "odd": ["yes", "1.37", "null", "- x", "a: b", ""]});
        assert_eq!(
            serde_saphyr::from_str::<Value>(&to_yaml(&value).unwrap()).unwrap(),
            value
        );
    }
}

//! Fields by path: names with dots between, `[*]` for every entry of a list. What is not there is passed over.

use serde_json::{Map, Value};

/// Shows every string that `path` leads to, but for empty ones.
pub(super) fn visit(value: &Value, path: &str, found: &mut impl FnMut(&str)) {
    let (name, is_list, rest) = first(path);
    let Some(field) = value.get(name) else {
        return;
    };
    let mut step = |value: &Value| match rest {
        Some(rest) => visit(value, rest, found),
        None => {
            if let Some(text) = value.as_str().filter(|text| !text.is_empty()) {
                found(text);
            }
        }
    };
    match field {
        Value::Array(entries) if is_list => entries.iter().for_each(step),
        field if !is_list => step(field),
        _ => {}
    }
}

/// Rewrites every string that `path` leads to, but for empty ones.
pub(super) fn rewrite(value: &mut Value, path: &str, to: &impl Fn(&str) -> String) {
    let (name, is_list, rest) = first(path);
    let Some(field) = value.get_mut(name) else {
        return;
    };
    let step = |value: &mut Value| match rest {
        Some(rest) => rewrite(value, rest, to),
        None => {
            if let Some(text) = value.as_str().filter(|text| !text.is_empty()) {
                *value = Value::String(to(text));
            }
        }
    };
    match field {
        Value::Array(entries) if is_list => entries.iter_mut().for_each(step),
        field if !is_list => step(field),
        _ => {}
    }
}

/// Only the fields of `value` that `paths` lead to; none of them has a list on its way.
pub(super) fn pick(value: &Value, paths: &[String]) -> Value {
    let mut picked = Map::new();
    for path in paths {
        let parts: Vec<&str> = path.split('.').collect();
        let found = parts.iter().try_fold(value, |value, part| value.get(part));
        if let Some(found) = found {
            put(&mut picked, &parts, found);
        }
    }
    Value::Object(picked)
}

fn put(into: &mut Map<String, Value>, parts: &[&str], value: &Value) {
    let [first, rest @ ..] = parts else {
        return;
    };
    if rest.is_empty() {
        into.insert((*first).to_owned(), value.clone());
        return;
    }
    let inner = into
        .entry((*first).to_owned())
        .or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(inner) = inner {
        put(inner, rest, value);
    }
}

/// The first name of a path, whether all entries of a list are meant, and the rest.
fn first(path: &str) -> (&str, bool, Option<&str>) {
    let (first, rest) = match path.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    first
        .strip_suffix("[*]")
        .map_or((first, false, rest), |name| (name, true, rest))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn strings_are_found_and_rewritten_by_path() {
        let object = json!({
            "spec": {
                "secretName": "tls", "empty": "", "number": 7,
                "names": ["a", "b"],
                "sources": [{ "ref": { "name": "x" } }, { "ref": {} }, { "other": 1 }, { "ref": { "name": "y" } }],
            },
        });
        for (path, expected) in [
            ("spec.secretName", vec!["tls"]),
            ("spec.names[*]", vec!["a", "b"]),
            ("spec.sources[*].ref.name", vec!["x", "y"]),
            // Not there, not a string, not a list, a list that was not said to be one.
            ("spec.absent.name", vec![]),
            ("spec.number", vec![]),
            ("spec.empty", vec![]),
            ("spec.secretName[*]", vec![]),
            ("spec.names", vec![]),
            ("spec.sources.ref.name", vec![]),
            ("spec", vec![]),
        ] {
            let mut found = Vec::new();
            visit(&object, path, &mut |text| found.push(text.to_owned()));
            assert_eq!(found, expected, "{path}");
            let mut rewritten = object.clone();
            rewrite(&mut rewritten, path, &|text| format!("host-{text}"));
            let mut now = Vec::new();
            visit(&rewritten, path, &mut |text| now.push(text.to_owned()));
            let expected: Vec<String> = expected.iter().map(|text| format!("host-{text}")).collect();
            assert_eq!(now, expected, "{path}");
            assert_eq!(rewritten == object, expected.is_empty(), "{path}");
        }
    }

    #[test]
    fn picked_are_the_named_fields_alone() {
        let status = json!({ "a": { "b": 1, "c": 2 }, "d": [3], "e": 4 });
        let paths = ["a.b", "d", "x", "e.f"].map(str::to_owned);
        assert_eq!(pick(&status, &paths), json!({ "a": { "b": 1 }, "d": [3] }));
        let both = ["a.b", "a.c"].map(str::to_owned);
        assert_eq!(pick(&status, &both), json!({ "a": { "b": 1, "c": 2 } }));
    }
}

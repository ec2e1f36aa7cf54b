//! Label and field selectors, as the API machinery reads them. Pure.

use std::collections::BTreeMap;

/// A label selector: all of its requirements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Requirement {
    In(String, Vec<String>),
    /// Also true for what has no such label.
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

impl Labels {
    /// Reads `a=b,c!=d,e in (f,g),h notin (i),j,!k`; empty selects everything.
    ///
    /// # Errors
    /// A sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = split(text).into_iter().map(str::trim);
        let wanted: Result<Vec<_>, _> = parts
            .filter(|part| !part.is_empty())
            .map(|part| requirement(part).ok_or_else(|| format!("unable to parse requirement: {part:?}")))
            .collect();
        Ok(Self(wanted?))
    }

    /// Whether an object with these labels is selected.
    pub fn select(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|requirement| match requirement {
            Requirement::In(key, values) => labels.get(key).is_some_and(|value| values.contains(value)),
            Requirement::NotIn(key, values) => labels.get(key).is_none_or(|value| !values.contains(value)),
            Requirement::Exists(key) => labels.contains_key(key),
            Requirement::Absent(key) => !labels.contains_key(key),
        })
    }
}

/// At commas, but not at those inside parentheses.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    text.split(move |c| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
    .collect()
}

fn requirement(part: &str) -> Option<Requirement> {
    if let Some(key) = part.strip_prefix('!') {
        return Some(Requirement::Absent(label_key(key)?));
    }
    if let Some((key, value)) = part.split_once("!=") {
        return Some(Requirement::NotIn(label_key(key)?, vec![label_value(value)?]));
    }
    if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return Some(Requirement::In(label_key(key)?, vec![label_value(value)?]));
    }
    let Some((key, rest)) = part.split_once(char::is_whitespace) else {
        return Some(Requirement::Exists(label_key(part)?));
    };
    let rest = rest.trim();
    let key = label_key(key)?;
    if let Some(list) = rest.strip_prefix("notin") {
        Some(Requirement::NotIn(key, values(list)?))
    } else {
        Some(Requirement::In(key, values(rest.strip_prefix("in")?)?))
    }
}

fn values(list: &str) -> Option<Vec<String>> {
    let inside = list.trim().strip_prefix('(')?.strip_suffix(')')?;
    inside.split(',').map(label_value).collect()
}

fn plain(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/');
    text.bytes().all(allowed)
}

fn label_key(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty() && plain(text)).then(|| text.to_owned())
}

fn label_value(text: &str) -> Option<String> {
    let text = text.trim();
    plain(text).then(|| text.to_owned())
}

/// A field selector: only names and namespaces can be selected by, as at a metrics-server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<(Field, bool, String)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Name,
    Namespace,
}

impl Fields {
    /// Reads `metadata.name=a,metadata.namespace!=b`.
    ///
    /// # Errors
    /// A sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let wanted: Result<Vec<_>, _> = parts
            .map(|part| {
                let (key, same, value) = match part.split_once("!=") {
                    Some((key, value)) => (key, false, value),
                    None => match part.split_once("==").or_else(|| part.split_once('=')) {
                        Some((key, value)) => (key, true, value),
                        None => return Err(format!("invalid field selector: {part:?}")),
                    },
                };
                let field = match key {
                    "metadata.name" => Field::Name,
                    "metadata.namespace" => Field::Namespace,
                    other => return Err(format!("field label not supported: {other}")),
                };
                Ok((field, same, value.to_owned()))
            })
            .collect();
        Ok(Self(wanted?))
    }

    /// Whether the object of this namespace and name is selected.
    pub fn select(&self, namespace: &str, name: &str) -> bool {
        self.0.iter().all(|(field, same, value)| {
            let found = match field {
                Field::Name => name,
                Field::Namespace => namespace,
            };
            (found == value) == *same
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_selected_in_every_notation() {
        let labels: BTreeMap<String, String> = [("app", "web"), ("tier", ""), ("example.com/x", "1")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        for (selector, selected) in [
            ("", true),
            ("app=web", true),
            ("app==web", true),
            ("app = web", true),
            ("app!=web", false),
            ("other!=web", true),
            ("app", true),
            ("!app", false),
            ("!other", true),
            ("app in (db, web)", true),
            ("app notin (db,web)", false),
            ("other notin (a)", true),
            ("other in (a)", false),
            ("tier=", true),
            ("example.com/x=1,app in (web,db),!gone", true),
            ("example.com/x=1,app=db", false),
        ] {
            assert_eq!(
                Labels::parse(selector).unwrap().select(&labels),
                selected,
                "{selector}"
            );
        }
        for bad in ["a b", "a in b", "=x", "a in (b", "a=b c", "!", "a<1"] {
            assert!(Labels::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn fields_are_names_and_namespaces() {
        for (selector, selected) in [
            ("", true),
            ("metadata.name=a", true),
            ("metadata.name=b", false),
            ("metadata.namespace=n,metadata.name==a", true),
            ("metadata.namespace!=n", false),
        ] {
            assert_eq!(
                Fields::parse(selector).unwrap().select("n", "a"),
                selected,
                "{selector}"
            );
        }
        assert!(Fields::parse("spec.nodeName=x").is_err());
        assert!(Fields::parse("metadata.name").is_err());
    }
}

//! Label selectors as sets of requirements: which labels they match, what they exclude, what their opposite is.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

/// One condition on one label key. The opposite of each is one again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Requirement {
    /// The key is there, with one of these values.
    In(String, BTreeSet<String>),
    /// The key is missing, or has none of these values.
    NotIn(String, BTreeSet<String>),
    /// The key is there.
    Exists(String),
    /// The key is missing.
    DoesNotExist(String),
}

/// All must hold; none: everything matches.
pub(crate) type Requirements = BTreeSet<Requirement>;

impl Requirement {
    /// The key has this value.
    pub(crate) fn is(key: &str, value: &str) -> Self {
        Self::In(key.to_owned(), BTreeSet::from([value.to_owned()]))
    }

    /// What holds exactly where this does not.
    pub(crate) fn negated(&self) -> Self {
        match self {
            Self::In(key, values) => Self::NotIn(key.clone(), values.clone()),
            Self::NotIn(key, values) => Self::In(key.clone(), values.clone()),
            Self::Exists(key) => Self::DoesNotExist(key.clone()),
            Self::DoesNotExist(key) => Self::Exists(key.clone()),
        }
    }

    fn key(&self) -> &str {
        match self {
            Self::In(key, _) | Self::NotIn(key, _) | Self::Exists(key) | Self::DoesNotExist(key) => key,
        }
    }
}

/// The requirements of a selector. `None` for an operator that this Warren does not know: what it means cannot be said.
pub(crate) fn requirements(selector: &LabelSelector) -> Option<Requirements> {
    let LabelSelector {
        match_expressions,
        match_labels,
    } = selector;
    let labels = match_labels.iter().flatten();
    let expressions = match_expressions.iter().flatten();
    labels
        .map(|(key, value)| Some(Requirement::is(key, value)))
        .chain(expressions.map(expression))
        .collect()
}

fn expression(expression: &LabelSelectorRequirement) -> Option<Requirement> {
    let LabelSelectorRequirement {
        key,
        operator,
        values,
    } = expression;
    let values = || values.iter().flatten().cloned().collect();
    match operator.as_str() {
        "In" => Some(Requirement::In(key.clone(), values())),
        "NotIn" => Some(Requirement::NotIn(key.clone(), values())),
        "Exists" => Some(Requirement::Exists(key.clone())),
        "DoesNotExist" => Some(Requirement::DoesNotExist(key.clone())),
        _of_a_later_kubernetes => None,
    }
}

/// The selector of these requirements.
pub(crate) fn selector(requirements: &Requirements) -> LabelSelector {
    let mut labels = BTreeMap::new();
    let mut expressions = Vec::new();
    for requirement in requirements {
        let (operator, values) = match requirement {
            Requirement::In(key, values) => {
                if let (Some(value), 1) = (values.first(), values.len())
                    && !labels.contains_key(key)
                {
                    labels.insert(key.clone(), value.clone());
                    continue;
                }
                ("In", Some(values))
            }
            Requirement::NotIn(_, values) => ("NotIn", Some(values)),
            Requirement::Exists(_) => ("Exists", None),
            Requirement::DoesNotExist(_) => ("DoesNotExist", None),
        };
        expressions.push(LabelSelectorRequirement {
            key: requirement.key().to_owned(),
            operator: operator.to_owned(),
            values: values.map(|values| values.iter().cloned().collect()),
        });
    }
    LabelSelector {
        match_expressions: (!expressions.is_empty()).then_some(expressions),
        match_labels: (!labels.is_empty()).then_some(labels),
    }
}

/// True when no labels at all can fulfil them.
pub(crate) fn is_contradiction(requirements: &Requirements) -> bool {
    let keys: BTreeSet<&str> = requirements.iter().map(Requirement::key).collect();
    keys.into_iter().any(|key| {
        let mut allowed: Option<BTreeSet<&String>> = None;
        let mut refused = BTreeSet::new();
        let (mut present, mut absent) = (false, false);
        for requirement in requirements.iter().filter(|requirement| requirement.key() == key) {
            match requirement {
                Requirement::In(_, values) => {
                    present = true;
                    let values = values.iter().collect();
                    allowed = Some(match allowed {
                        Some(allowed) => &allowed & &values,
                        None => values,
                    });
                }
                Requirement::NotIn(_, values) => refused.extend(values),
                Requirement::Exists(_) => present = true,
                Requirement::DoesNotExist(_) => absent = true,
            }
        }
        let nothing_left = allowed.is_some_and(|allowed| allowed.is_subset(&refused));
        nothing_left || (present && absent)
    })
}

/// True when no labels fulfil both.
pub(crate) fn are_disjoint(one: &Requirements, other: &Requirements) -> bool {
    is_contradiction(&(one | other))
}

/// Whether these labels fulfil them all.
pub(crate) fn matches(requirements: &Requirements, labels: &BTreeMap<String, String>) -> bool {
    requirements.iter().all(|requirement| match requirement {
        Requirement::In(key, values) => labels.get(key).is_some_and(|value| values.contains(value)),
        Requirement::NotIn(key, values) => labels.get(key).is_none_or(|value| !values.contains(value)),
        Requirement::Exists(key) => labels.contains_key(key),
        Requirement::DoesNotExist(key) => !labels.contains_key(key),
    })
}

#[cfg(test)]
pub(crate) mod tests;

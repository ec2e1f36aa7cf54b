//! Specs that are known to differ, each with its reason: `docs/conformance-exceptions.toml`.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

/// Reasons by the full name of the spec.
pub(crate) type Exceptions = BTreeMap<String, String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    exception: Vec<Exception>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    spec: String,
    reason: String,
}

/// Reads the file.
///
/// # Errors
/// If it cannot be read, or a spec is named twice or without a reason.
pub(crate) fn read(path: &Path) -> Result<Exceptions> {
    let text = fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
    parse(&text).with_context(|| format!("{} is not as it should be", path.display()))
}

fn parse(text: &str) -> Result<Exceptions> {
    let file: File = toml::from_str(text)?;
    let mut exceptions = Exceptions::new();
    for Exception { spec, reason } in file.exception {
        ensure!(!reason.trim().is_empty(), "'{spec}' has no reason");
        ensure!(
            exceptions.insert(spec.clone(), reason).is_none(),
            "'{spec}' is named twice"
        );
    }
    Ok(exceptions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_this_checkout_is_valid() {
        read(&crate::root().join("docs/conformance-exceptions.toml")).unwrap();
    }

    #[test]
    fn an_exception_has_a_spec_and_a_reason() {
        let text = "[[exception]]\nspec = \"a\"\nreason = \"because\"\n";
        assert_eq!(parse(text).unwrap()["a"], "because");
        assert!(parse("").unwrap().is_empty());
        assert!(parse("[[exception]]\nspec = \"a\"\n").is_err());
        assert!(parse("[[exception]]\nspec = \"a\"\nreason = \" \"\n").is_err());
        assert!(parse(&text.repeat(2)).is_err());
        assert!(parse("[[exeption]]\nspec = \"a\"\nreason = \"b\"\n").is_err());
    }
}

//! Pure: checks of names and selectors, and how a list of allowed values is written in a message.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::Invalid;

/// `'a', 'b'`, or `(none)`.
pub fn list<'a>(items: impl Iterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = items.map(|item| format!("'{item}'")).collect();
    if quoted.is_empty() {
        "(none)".to_owned()
    } else {
        quoted.join(", ")
    }
}

/// Further names of the API's certificate must be IP addresses or DNS names, and none that the tenant's processes use
/// for somebody else.
///
/// # Errors
/// Names the entry.
pub fn check_extra_names(names: &[String]) -> Result<(), Invalid> {
    for name in names {
        if name.parse::<IpAddr>().is_ok() || is_dns_name(name) {
            continue;
        }
        return Err(Invalid::spec(format!(
            "`access.extraNames` must hold IP addresses or DNS names, not '{name}'"
        )));
    }
    Ok(())
}

fn is_dns_name(name: &str) -> bool {
    let name = name.strip_prefix("*.").unwrap_or(name);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

/// A tenant may narrow the class's nodes down, never leave them.
///
/// # Errors
/// Names the label.
pub fn check_node_selector(
    class: &BTreeMap<String, String>,
    own: &BTreeMap<String, String>,
) -> Result<(), Invalid> {
    for (key, value) in own {
        if let Some(fixed) = class.get(key)
            && fixed != value
        {
            return Err(Invalid::spec(format!(
                "`nodes.selector['{key}']` must be '{fixed}' or absent in this class"
            )));
        }
    }
    Ok(())
}

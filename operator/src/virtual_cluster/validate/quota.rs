//! Pure: the quota that applies, which is the tenant's own within the class's ceiling.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use warren_runtime::quantity::parse;

use super::Invalid;

/// Resources that a quota bounds by a name without a slash (`standardQuotaResources` of `pkg/apis/core/helper`), as far as
/// a tenant can have any in its workload namespace.
const STANDARD: [&str; 17] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
    "requests.storage",
    "persistentvolumeclaims",
    "services",
    "services.nodeports",
    "services.loadbalancers",
    "configmaps",
    "secrets",
];
/// Suffixes after the name of a class of storage or of devices.
const OF_CLASS: [&str; 3] = [
    ".storageclass.storage.k8s.io/requests.storage",
    ".storageclass.storage.k8s.io/persistentvolumeclaims",
    ".deviceclass.resource.k8s.io/devices",
];
/// What Kubernetes allows for each part of a name, in bytes.
const PART_MAX: usize = 63;
const PREFIX_MAX: usize = 253;

/// The class's limits, lowered by the VirtualCluster's own.
///
/// # Errors
/// Names the resource that is none, is above the ceiling, or whose limit is no quantity.
pub fn effective(
    ceiling: &BTreeMap<String, Quantity>,
    own: &BTreeMap<String, Quantity>,
) -> Result<BTreeMap<String, Quantity>, Invalid> {
    for name in ceiling.keys() {
        check_name(name).map_err(|why| Invalid {
            reason: "InvalidClass",
            message: format!("the class's {why}"),
        })?;
    }
    let mut quota = ceiling.clone();
    for (resource, limit) in own {
        check_name(resource).map_err(Invalid::spec)?;
        let value = parse(limit).filter(|value| *value >= 0).ok_or_else(|| {
            Invalid::spec(format!(
                "`quota['{resource}']` must be a quantity such as '4' or '8Gi', not '{}'",
                limit.0
            ))
        })?;
        if let Some(most) = ceiling.get(resource)
            && parse(most).is_some_and(|most| value > most)
        {
            return Err(Invalid::spec(format!(
                "`quota['{resource}']` must be no greater than the class's '{}', not '{}'",
                most.0, limit.0
            )));
        }
        quota.insert(resource.clone(), limit.clone());
    }
    Ok(quota)
}

/// Refuses what the host would refuse, and what it would take and never count.
fn check_name(name: &str) -> Result<(), String> {
    if is_counted(name) {
        return Ok(());
    }
    // A quota takes any name with a slash, and counts extended resources under this one only.
    if name.contains('/') && is_counted(&format!("requests.{name}")) {
        return Err(format!(
            "`quota['{name}']` bounds nothing: an extended resource is bounded by 'requests.{name}'"
        ));
    }
    Err(format!(
        "`quota['{name}']` is nothing that a quota bounds; allowed are {}, 'requests.<extended resource>', \
         'hugepages-<size>', 'count/<resource>.<group>', '<class>{}'",
        super::names::list(STANDARD.into_iter()),
        OF_CLASS.join("', '<class>"),
    ))
}

fn is_counted(name: &str) -> bool {
    let is_huge = name
        .strip_prefix("requests.")
        .unwrap_or(name)
        .strip_prefix("hugepages-")
        .is_some_and(is_part);
    let is_count = name.strip_prefix("count/").is_some_and(is_part);
    let of_class = OF_CLASS.iter().find_map(|suffix| name.strip_suffix(suffix));
    let extended = name
        .strip_prefix("requests.")
        .and_then(|resource| resource.split_once('/'));
    let is_extended = extended.is_some_and(|(prefix, part)| {
        is_prefix(prefix) && is_part(part) && prefix != "kubernetes.io" && !prefix.ends_with(".kubernetes.io")
    });
    STANDARD.contains(&name) || is_huge || is_count || of_class.is_some_and(is_prefix) || is_extended
}

fn is_part(text: &str) -> bool {
    is_word(text, "-_.", PART_MAX)
}

fn is_prefix(text: &str) -> bool {
    is_word(text, "-.", PREFIX_MAX) && !text.chars().any(|c| c.is_ascii_uppercase())
}

fn is_word(text: &str, inside: &str, max: usize) -> bool {
    let ends_well = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= max
        && ends_well(text.chars().next())
        && ends_well(text.chars().next_back())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || inside.contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_quota_counts_is_allowed_and_nothing_else() {
        for (name, good) in [
            ("requests.cpu", true),
            ("limits.ephemeral-storage", true),
            ("services.nodeports", true),
            ("services.loadbalancers", true),
            ("requests.storage", true),
            ("fast.storageclass.storage.k8s.io/requests.storage", true),
            ("fast.storageclass.storage.k8s.io/persistentvolumeclaims", true),
            ("gpu.deviceclass.resource.k8s.io/devices", true),
            ("count/pods", true),
            ("count/ingresses.networking.k8s.io", true),
            ("hugepages-2Mi", true),
            ("requests.hugepages-1Gi", true),
            ("requests.example.com/gpu", true),
            ("cpus", false),
            ("requests.gpu", false),
            ("limits.example.com/gpu", false),
            ("example.com/gpu", false),
            ("requests.kubernetes.io/x", false),
            ("count/", false),
            ("hugepages-", false),
            (".storageclass.storage.k8s.io/requests.storage", false),
            ("fast.storageclass.storage.k8s.io/limits.storage", false),
            ("", false),
        ] {
            assert_eq!(is_counted(name), good, "{name}");
        }
    }

    #[test]
    fn who_names_what_is_not_counted_is_told_what_is() {
        let refused = |name: &str| check_name(name).unwrap_err();
        assert!(refused("example.com/gpu").ends_with("is bounded by 'requests.example.com/gpu'"));
        let unknown = refused("cpus");
        assert!(unknown.starts_with("`quota['cpus']` is nothing that a quota bounds; allowed are "));
        assert!(unknown.contains("services.nodeports") && unknown.contains("count/<resource>.<group>"));
        let ceiling = [("cpus".to_owned(), Quantity("1".to_owned()))].into();
        assert_eq!(
            effective(&ceiling, &BTreeMap::new()).unwrap_err().reason,
            "InvalidClass"
        );
    }
}

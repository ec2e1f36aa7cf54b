//! Pure: which class and which of its versions a VirtualCluster gets.

use kube::ResourceExt;
use warren_crds::virtual_cluster_class::Version;
use warren_crds::{
    VirtualCluster, VirtualClusterClass, VirtualClusterClassSpec, keys, registry, reserved, served_host,
};

use super::Invalid;
use super::names::list;

/// Whether VirtualClusters that name no class get this one.
///
/// A *label*, not an annotation as `StorageClasses` have it: the admission policy that asks for the right to `use` the
/// default class finds it by label, the only thing that a policy's `paramRef` can select by.
pub fn is_default(class: &VirtualClusterClass) -> bool {
    class
        .labels()
        .get(keys::DEFAULT_CLASS)
        .is_some_and(|value| value == "true")
}

/// The class: as recorded, else as asked for, else the default.
///
/// # Errors
/// When there is no such class, or not exactly one default.
pub fn find<'a>(
    cluster: &VirtualCluster,
    classes: &'a [VirtualClusterClass],
) -> Result<(&'a str, &'a VirtualClusterClassSpec), Invalid> {
    let recorded = cluster.status.as_ref().and_then(|s| s.class.as_deref());
    let asked = recorded.or(cluster.spec.class.as_deref());
    let found = match asked {
        Some(name) => classes
            .iter()
            .find(|c| c.metadata.name.as_deref() == Some(name))
            .ok_or_else(|| Invalid {
                reason: "ClassNotFound",
                message: format!(
                    "there is no VirtualClusterClass '{name}'; create it, or use one of {}",
                    list(classes.iter().filter_map(|c| c.metadata.name.as_deref()))
                ),
            })?,
        None => default(classes)?,
    };
    Ok((found.metadata.name.as_deref().unwrap_or_default(), &found.spec))
}

fn default(classes: &[VirtualClusterClass]) -> Result<&VirtualClusterClass, Invalid> {
    let mut defaults = classes.iter().filter(|c| is_default(c));
    match (defaults.next(), defaults.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(Invalid {
            reason: "ClassNotFound",
            message: format!(
                "no VirtualClusterClass is the default (label {}=true); set `class` to one of {}",
                keys::DEFAULT_CLASS,
                list(classes.iter().filter_map(|c| c.metadata.name.as_deref()))
            ),
        }),
        (Some(first), Some(second)) => Err(Invalid {
            reason: "ClassAmbiguous",
            message: format!(
                "classes '{}' and '{}' are both labelled as default; set `class`, or remove one label",
                first.name_any(),
                second.name_any()
            ),
        }),
    }
}

/// The version on offer that the VirtualCluster gets.
///
/// # Errors
/// When the class does not offer it.
pub fn version<'a>(
    cluster: &VirtualCluster,
    class_name: &str,
    class: &'a VirtualClusterClassSpec,
) -> Result<&'a Version, Invalid> {
    let asked = cluster
        .spec
        .version
        .as_deref()
        .or(class.default_version.as_deref());
    let found = match asked {
        Some(name) => class.versions.iter().find(|v| v.name == name),
        None => class.versions.first(),
    };
    found.ok_or_else(|| {
        Invalid::spec(format!(
            "`version` must be one of {} in class '{class_name}', not '{}'",
            list(class.versions.iter().map(|v| v.name.as_str())),
            asked.unwrap_or_default()
        ))
    })
}

/// What the definition's rules refuse when a class is applied, again: one that was applied before there were such rules
/// must not open what they close.
///
/// # Errors
/// Names the field, the entry and what is allowed.
pub fn check_bounds(class_name: &str, class: &VirtualClusterClassSpec) -> Result<(), Invalid> {
    let invalid = |message: String| Invalid {
        reason: "InvalidClass",
        message: format!("class '{class_name}': {message}"),
    };
    if let Some(entry) = class
        .allowed_registries
        .iter()
        .find(|entry| !registry::is_prefix(entry))
    {
        let allowed = registry::ALLOWED;
        return Err(invalid(format!(
            "`allowedRegistries` entry '{entry}' must {allowed}"
        )));
    }
    let is_none = |entry: &&String| served_host::pattern(entry, "a", "a").is_none();
    if let Some(entry) = class.allowed_host_names.iter().find(is_none) {
        let allowed = served_host::ALLOWED;
        return Err(invalid(format!(
            "`allowedHostNames` entry '{entry}' must {allowed}"
        )));
    }
    let labels = class.allowed_labels.iter().map(|key| ("allowedLabels", key));
    let annotations = class
        .allowed_annotations
        .iter()
        .map(|key| ("allowedAnnotations", key));
    for (field, key) in labels.chain(annotations) {
        if let Some(reserved) = reserved::reserved(key) {
            let reason = reserved.reason();
            return Err(invalid(format!("`{field}` may not hold '{key}': {reason}")));
        }
    }
    Ok(())
}

/// The host names that the class allows this VirtualCluster. What is too long with its placeholders filled allows nothing.
pub fn host_names(cluster: &VirtualCluster, class: &VirtualClusterClassSpec) -> Vec<String> {
    let namespace = cluster.namespace().unwrap_or_default();
    let name = cluster.name_any();
    let filled = class
        .allowed_host_names
        .iter()
        .filter_map(|entry| served_host::pattern(entry, &namespace, &name));
    filled.map(|host| host.to_string()).collect()
}

//! Lists of references.

use k8s_openapi::api::core::v1::LocalObjectReference;

use super::going::Going;
use crate::name::SECRET;

/// Registry credentials under their host names, each once; nameless ones refer to nothing and are left out.
pub(super) fn pull_secrets(going: &Going<'_>, secrets: &[LocalObjectReference]) -> Vec<LocalObjectReference> {
    let mut renamed: Vec<LocalObjectReference> = Vec::new();
    for LocalObjectReference { name } in secrets {
        let reference = LocalObjectReference {
            name: going.references().host_name(SECRET, name).as_str().to_owned(),
        };
        if !name.is_empty() && !renamed.contains(&reference) {
            renamed.push(reference);
        }
    }
    renamed
}

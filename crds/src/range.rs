//! What an entry of a class's list of ranges may be, in CEL: the host's apiserver judges it when the class is applied. What
//! is no range all the same allows nothing.

/// CEL over the list of entries.
pub(crate) const RULE: &str = "self.all(r, isCIDR(r))";

/// CEL of what is said when [`RULE`] does not hold; `field` is the list's name.
pub(crate) fn message(field: &str) -> String {
    format!(
        "\"`{field}` must hold ranges of addresses such as '10.20.0.0/16' or 'fd00:20::/64'; not '\" + self.filter(r, \
         !isCIDR(r))[0] + \"'\""
    )
}

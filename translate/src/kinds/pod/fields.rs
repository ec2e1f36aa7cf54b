//! Every field of a Pod's spec, and what becomes of it on the host.

/// What happens to a field on the way down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Copied as it is.
    Copy,
    /// Replaced by what means the same on the host.
    Rewrite,
    /// Left out: without effect on the host, or noted as an Event.
    Drop,
    /// The object is refused when the field is set (or set to a value that the text names).
    Deny,
}

/// One classified field.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Path, `[]` for every element.
    pub path: &'static str,
    /// What happens.
    pub class: Class,
    /// Why; empty where it needs no reason.
    pub why: &'static str,
}

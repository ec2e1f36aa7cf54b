//! Every field of a Pod's spec, and what becomes of it on the host. A test holds the tables against the schema.

mod container;
mod document;
mod schema;
mod security;
mod spec;
mod volume;

pub use document::document;
pub use schema::{Comparison, compare};

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

/// One row of a table.
pub(crate) const fn field(path: &'static str, class: Class, why: &'static str) -> Field {
    Field { path, class, why }
}

/// All tables, in the order of the spec, containers, volumes, security contexts. Containers stand for init and
/// ephemeral ones, too.
pub fn fields() -> impl Iterator<Item = &'static Field> {
    spec::FIELDS
        .iter()
        .chain(container::FIELDS)
        .chain(volume::FIELDS)
        .chain(security::FIELDS)
}

#[cfg(test)]
mod tests;

//! Keys that logs use everywhere, and an adapter that prints an error with its causes once.

use std::fmt;

/// Cluster id.
pub const CLUSTER: &str = "cluster";
/// Controller or loop.
pub const CONTROLLER: &str = "controller";
/// Kind of the object.
pub const KIND: &str = "kind";

/// Prints an error followed by its causes: `failed to apply Service a/b: connection refused`.
pub struct Chain<'a>(pub &'a (dyn std::error::Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("failed to apply Service")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn chain_prints_every_cause_once() {
        let error = Outer(std::io::Error::other("connection refused"));
        assert_eq!(
            Chain(&error).to_string(),
            "failed to apply Service: connection refused"
        );
    }
}

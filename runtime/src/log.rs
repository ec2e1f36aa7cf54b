//! An adapter that prints an error with its causes once.

use std::fmt;

/// Prints an error followed by its causes: `failed to apply Service a/b: connection refused`.
///
/// A refusal by an API ends the chain with the API's own words: kube prints them with the whole answer behind them.
pub struct Chain<'a>(pub &'a (dyn std::error::Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut error = self.0;
        loop {
            if let Some(kube::Error::Api(status)) = error.downcast_ref() {
                return f.write_str(&status.message);
            }
            let cause = error.source();
            // kube repeats its causes in its own text; the last one says it.
            if error.downcast_ref::<kube::Error>().is_none() || cause.is_none() {
                write!(f, "{error}{}", if cause.is_some() { ": " } else { "" })?;
            }
            match cause {
                Some(next) => error = next,
                None => return Ok(()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("failed to apply Service")]
    struct Outer(#[source] std::io::Error);

    #[derive(Debug, thiserror::Error)]
    #[error("failed to get Pod a/b")]
    struct Refused(#[source] kube::Error);

    #[test]
    fn chain_ends_with_the_words_of_the_api() {
        let status = kube::core::Status::failure("pods \"b\" not found", "NotFound")
            .with_code(404)
            .boxed();
        let error = Refused(kube::Error::Api(status));
        assert_eq!(
            Chain(&error).to_string(),
            "failed to get Pod a/b: pods \"b\" not found"
        );
    }

    #[test]
    fn chain_prints_every_cause_once() {
        let error = Outer(std::io::Error::other("connection refused"));
        assert_eq!(
            Chain(&error).to_string(),
            "failed to apply Service: connection refused"
        );
    }
}

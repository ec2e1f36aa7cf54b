//! What to do after an error: one answer for every loop.

/// What to do after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Try again with backoff: something outside may change.
    Retry,
    /// Nothing helps but a change of the object itself: wait for its next event.
    WaitForChange,
    /// The process cannot go on.
    Fatal,
}

/// Errors that know what to do next.
pub trait Disposed {
    /// What to do after this error.
    fn disposition(&self) -> Disposition;
    /// Reason, a word such as `QuotaExceeded`, for conditions, Events and metrics.
    fn reason(&self) -> &'static str;
}

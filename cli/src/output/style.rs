//! The few colours used, and none of them where they are not wanted.

/// Wraps words in colour, or does not.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Style {
    enabled: bool,
}

impl Style {
    /// Colours only when `enabled`.
    pub(crate) const fn new(enabled: bool) -> Self {
        Self { enabled }
    }

    /// For what is as it should be.
    pub(crate) fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// For what failed.
    pub(crate) fn bad(self, text: &str) -> String {
        self.paint("31", text)
    }

    /// For what is in progress.
    pub(crate) fn busy(self, text: &str) -> String {
        self.paint("33", text)
    }

    /// For what matters less.
    pub(crate) fn faint(self, text: &str) -> String {
        self.paint("2", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.enabled {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

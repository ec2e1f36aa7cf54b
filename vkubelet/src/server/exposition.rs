//! Prometheus text (version 0.0.4). Written here because a scraper of kubelets wants the time of each measurement,
//! which `prometheus-client` cannot write.

use std::fmt::Write as _;

use jiff::Timestamp;

/// Media type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A text that grows by families.
#[derive(Debug, Default)]
pub struct Exposition(String);

/// Name, kind and help of a family, as a kubelet's.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Name, with `_total` where upstream has it.
    pub name: &'static str,
    /// `counter` or `gauge`.
    pub kind: &'static str,
    /// One line, upstream's stability first.
    pub help: &'static str,
}

/// One line of a family.
#[derive(Clone, Debug, Default)]
pub struct Line<'a> {
    /// Label names and values.
    pub labels: Vec<(&'static str, &'a str)>,
    /// The value.
    pub value: f64,
    /// When it was measured, where that matters.
    pub at: Option<Timestamp>,
}

impl Exposition {
    /// Adds a family; without lines it is left out, as Prometheus' own client does.
    pub fn family<'a>(&mut self, family: Family, lines: impl IntoIterator<Item = Line<'a>>) {
        let mut lines = lines.into_iter().peekable();
        if lines.peek().is_none() {
            return;
        }
        let Family { name, kind, help } = family;
        // Writing into a String cannot fail.
        let _infallible = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        for line in lines {
            self.line(name, &line);
        }
    }

    fn line(&mut self, name: &str, line: &Line<'_>) {
        self.0.push_str(name);
        if !line.labels.is_empty() {
            let labels: Vec<String> = line
                .labels
                .iter()
                .map(|(key, value)| format!("{key}=\"{}\"", escaped(value)))
                .collect();
            let _infallible = write!(self.0, "{{{}}}", labels.join(","));
        }
        let _infallible = write!(self.0, " {}", line.value);
        if let Some(at) = line.at {
            let _infallible = write!(self.0, " {}", at.as_millisecond());
        }
        self.0.push('\n');
    }

    /// The text.
    pub fn text(self) -> String {
        self.0
    }
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAMILY: Family = Family {
        name: "f_total",
        kind: "counter",
        help: "[STABLE] What it is",
    };

    #[test]
    fn families_lines_and_escapes() {
        let mut exposition = Exposition::default();
        let line = Line {
            labels: vec![("a", "x\"y\\z\n"), ("b", "")],
            value: 1.5,
            at: Timestamp::from_millisecond(1_700_000_000_123).ok(),
        };
        let plain = Line {
            value: 3.0,
            ..Line::default()
        };
        exposition.family(FAMILY, [line, plain]);
        exposition.family(FAMILY, []);
        assert_eq!(
            exposition.text(),
            "# HELP f_total [STABLE] What it is\n# TYPE f_total counter\n\
             f_total{a=\"x\\\"y\\\\z\\n\",b=\"\"} 1.5 1700000000123\nf_total 3\n"
        );
    }
}

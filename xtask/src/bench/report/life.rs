//! The table of one Pod's requests: what was asked by whom, and how often of which API.

use std::{collections::BTreeMap, fmt};

use super::{
    super::life::{Life, Side, is_write},
    wide_line,
};

/// The programs' names follow the requests.
const WIDTH: usize = 56;

/// Writes the table. Columns: a Pod of the host's own; a tenant's Pod, on the host and in the tenant.
pub(super) fn table(out: &mut fmt::Formatter<'_>, life: &Life) -> fmt::Result {
    let sides = [&life.native, &life.host, &life.tenant];
    writeln!(out)?;
    wide_line(out, WIDTH, "", &["native", "tenant", "tenant"])?;
    let title = format!("requests of one Pod's life (of {})", life.pods);
    wide_line(out, WIDTH, &title, &["host", "host", "own"])?;
    let sum = |pick: fn(&Side) -> f64| sides.map(|side| format!("{:.1}", pick(side)));
    wide_line(out, WIDTH, "  writes", &sum(|side| side.writes))?;
    wide_line(out, WIDTH, "  reads", &sum(|side| side.reads))?;
    for ((_, request, agent), counts) in merged(&sides) {
        let counts = counts.map(|count| count.map_or_else(String::new, |count| format!("{count:.1}")));
        wide_line(out, WIDTH, &format!("    {request}, {agent}"), &counts)?;
    }
    Ok(())
}

/// All kinds of requests, writes first, with their counts by side.
fn merged<'a>(sides: &[&'a Side; 3]) -> BTreeMap<(bool, &'a str, &'a str), [Option<f64>; 3]> {
    let mut all: BTreeMap<_, [Option<f64>; 3]> = BTreeMap::new();
    for (place, side) in sides.iter().enumerate() {
        for line in &side.requests {
            let key = (
                !is_write(&line.request),
                line.request.as_str(),
                line.agent.as_str(),
            );
            if let Some(count) = all.entry(key).or_default().get_mut(place) {
                *count = Some(line.per_pod);
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::{super::super::life::Line, *};

    struct Shown(Life);

    impl fmt::Display for Shown {
        fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            table(out, &self.0)
        }
    }

    fn side(writes: f64, reads: f64, lines: &[(&str, &str, f64)]) -> Side {
        let line = |(request, agent, per_pod): &(&str, &str, f64)| Line {
            request: (*request).to_owned(),
            agent: (*agent).to_owned(),
            per_pod: *per_pod,
        };
        Side {
            writes,
            reads,
            requests: lines.iter().map(line).collect(),
        }
    }

    #[test]
    fn a_request_has_one_line_and_writes_come_first() {
        let report = Life {
            pods: 10,
            native: side(
                4.0,
                1.0,
                &[
                    ("GET pods", "kubelet", 1.0),
                    ("PATCH pods/status", "kubelet", 4.0),
                ],
            ),
            host: side(5.0, 0.0, &[("PATCH pods/status", "kubelet", 5.0)]),
            tenant: side(3.0, 0.0, &[("PATCH pods/status", "warren-vkubelet", 3.0)]),
        };
        let text = Shown(report).to_string();
        let lines: Vec<String> = text
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(
            lines,
            [
                "",
                "native tenant tenant",
                "requests of one Pod's life (of 10) host host own",
                "writes 4.0 5.0 3.0",
                "reads 1.0 0.0 0.0",
                "PATCH pods/status, kubelet 4.0 5.0",
                "PATCH pods/status, warren-vkubelet 3.0",
                "GET pods, kubelet 1.0",
            ]
        );
        let end = |start: &str, word: &str| {
            let line = text.lines().find(|line| line.contains(start)).unwrap();
            line.rfind(word).map(|at| line[..at + word.len()].chars().count())
        };
        assert_eq!(end("of one Pod", "own"), end("vkubelet", "3.0"));
    }
}

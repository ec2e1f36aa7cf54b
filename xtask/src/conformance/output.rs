//! Reads what a suite process prints while it runs (`--ginkgo.v`), so that each result is known when its spec ends.

use std::mem;

use super::results::Outcome;

/// Ginkgo's line between two specs.
const DELIMITER: &str = "------------------------------";
/// Lines of a failure that are kept as its reason.
const REASON_LINES: usize = 8;

/// What a line of output meant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    /// A spec begins.
    Started(String),
    /// A spec has ended.
    Ended(Ended),
}

/// How a spec ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ended {
    pub(crate) name: String,
    pub(crate) outcome: Outcome,
    /// As Ginkgo measured it.
    pub(crate) seconds: f64,
    /// First lines of the reason; empty for what passed.
    pub(crate) reason: String,
    /// Everything that was printed about it.
    pub(crate) log: String,
}

/// Takes the output line by line.
#[derive(Debug)]
pub(crate) struct Reader {
    names: Vec<String>,
    current: Option<Running>,
}

#[derive(Debug)]
struct Running {
    name: String,
    log: String,
    /// Set once Ginkgo has printed the result; its reason follows up to the next delimiter.
    ended: Option<(Outcome, f64)>,
}

impl Reader {
    /// Expects specs of these names.
    pub(crate) fn new(names: &[String]) -> Self {
        let mut names = names.to_vec();
        // A name that begins with another one is tried first.
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        Self { names, current: None }
    }

    /// The spec that runs.
    pub(crate) fn current(&self) -> Option<&str> {
        self.current.as_ref().map(|running| running.name.as_str())
    }

    /// Takes in one line, without its end.
    pub(crate) fn line(&mut self, line: &str) -> Option<Event> {
        if let Some(running) = &mut self.current {
            running.log.push_str(line);
            running.log.push('\n');
            if running.ended.is_some() {
                return if line == DELIMITER { self.finish() } else { None };
            }
            match result(line) {
                // Its reason is still to come.
                Some((outcome, seconds)) if outcome != Outcome::Passed => {
                    running.ended = Some((outcome, seconds));
                    return None;
                }
                Some((outcome, seconds)) => {
                    running.ended = Some((outcome, seconds));
                    return self.finish();
                }
                None => return None,
            }
        }
        let name = self.names.iter().find(|name| begins(line, name))?.clone();
        self.current = Some(Running {
            name: name.clone(),
            log: format!("{line}\n"),
            ended: None,
        });
        Some(Event::Started(name))
    }

    /// The output is over: what has a result by now, but no delimiter.
    pub(crate) fn end(&mut self) -> Option<Event> {
        self.current.as_ref()?.ended?;
        self.finish()
    }

    /// What the spec that runs has printed so far.
    pub(crate) fn unfinished_log(&mut self) -> String {
        self.current.take().map(|running| running.log).unwrap_or_default()
    }

    fn finish(&mut self) -> Option<Event> {
        let running = self.current.take()?;
        let (outcome, seconds) = running.ended?;
        let reason = if outcome == Outcome::Passed {
            String::new()
        } else {
            reason(&running.log)
        };
        Some(Event::Ended(Ended {
            name: running.name,
            outcome,
            seconds,
            reason,
            log: running.log,
        }))
    }
}

/// Whether a line is the heading of a spec: its name, and its labels in brackets.
fn begins(line: &str, name: &str) -> bool {
    line.strip_prefix(name)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(" ["))
}

/// `• [1.234 seconds]`, `• [FAILED] [1.234 seconds]`, `S [SKIPPED] [0.001 seconds]` and their like.
fn result(line: &str) -> Option<(Outcome, f64)> {
    let seconds = |text: &str| {
        text.strip_suffix(" seconds]")?
            .strip_prefix('[')?
            .parse::<f64>()
            .ok()
    };
    let (mark, rest) = line.split_once(' ')?;
    match mark {
        "•" | "↺" => {
            if let Some(seconds) = seconds(rest) {
                return Some((Outcome::Passed, seconds));
            }
            // [FAILED], [PANICKED!], [TIMEDOUT], [INTERRUPTED], [ABORTED]
            let (_state, time) = rest.split_once("] ")?;
            Some((Outcome::Failed, seconds(time)?))
        }
        "S" => Some((Outcome::Skipped, seconds(rest.strip_prefix("[SKIPPED] ")?)?)),
        _ => None,
    }
}

/// The first lines of the last `[FAILED] …` (or the like) block, which Ginkgo prints after the result.
fn reason(log: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    let mut after_result = false;
    for line in log.lines() {
        if result(line).is_some() {
            after_result = true;
            lines.clear();
            continue;
        }
        if !after_result {
            continue;
        }
        let text = line.trim();
        let heading = [
            "[FAILED] ",
            "[PANICKED] ",
            "[TIMEDOUT] ",
            "[INTERRUPTED] ",
            "[SKIPPED] ",
        ];
        if lines.is_empty() {
            if let Some(first) = heading.iter().find_map(|heading| text.strip_prefix(heading)) {
                lines.push(first);
            }
        } else if text.starts_with("In [") || line == DELIMITER {
            break;
        } else if !text.is_empty() && lines.len() < REASON_LINES {
            lines.push(text);
        }
    }
    mem::take(&mut lines).join("\n")
}

#[cfg(test)]
mod tests;

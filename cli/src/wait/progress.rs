//! Showing progress on stderr: a tree that redraws itself on a terminal, otherwise one line a change.

use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::state::{self, Goal, Mark, Step};
use crate::hiargs::HiArgs;
use crate::output::style::Style;
use crate::output::{self, escape};

/// How often the spinner turns.
const TICK: Duration = Duration::from_millis(120);

/// Tells a person how far things are.
pub(crate) enum Progress {
    /// Says nothing.
    Silent,
    /// One line a change.
    Plain(Plain),
    /// A tree that redraws itself.
    Live(Live),
}

impl Progress {
    /// What suits the terminal and the flags; `key` is the `namespace/name` at the root of the tree.
    pub(crate) fn new(args: &HiArgs, key: String, goal: Goal) -> Self {
        if args.quiet {
            Self::Silent
        } else if args.screen.live {
            Self::Live(Live::new(&key, goal, Style::new(args.screen.color_err)))
        } else {
            Self::Plain(Plain {
                key,
                goal,
                start: Instant::now(),
                shown: Vec::new(),
                trouble: String::new(),
            })
        }
    }

    /// Shows `steps`.
    pub(crate) fn show(&mut self, steps: &[Step]) {
        match self {
            Self::Silent => {}
            Self::Plain(plain) => plain.show(steps),
            Self::Live(live) => live.show(steps),
        }
    }

    /// Mentions a difficulty that may pass.
    pub(crate) fn trouble(&mut self, text: &str) {
        match self {
            Self::Silent => {}
            Self::Plain(plain) if plain.trouble == text => {}
            Self::Plain(plain) => {
                text.clone_into(&mut plain.trouble);
                plain.say(text);
            }
            Self::Live(live) => live
                .root
                .set_message(format!("{} ({})", live.title, escape::line(text))),
        }
    }

    /// Shows how it ended; nothing is redrawn after this.
    pub(crate) fn finish(&mut self, reached: bool, elapsed: Duration) {
        match self {
            Self::Plain(plain) if reached => plain.say(&format!("{} is {}", plain.key, end_word(plain.goal))),
            Self::Silent | Self::Plain(_) => {}
            Self::Live(live) => live.finish(reached, elapsed),
        }
    }
}

/// One line a change, for logs.
pub(crate) struct Plain {
    key: String,
    goal: Goal,
    start: Instant,
    shown: Vec<Step>,
    trouble: String,
}

impl Plain {
    fn show(&mut self, steps: &[Step]) {
        self.trouble.clear();
        if self.shown.is_empty() && steps.iter().all(|step| step.mark == Mark::Unreported) {
            self.say(&format!("{}: waiting for the operator", self.key));
        }
        for step in state::changes(&self.shown, steps) {
            self.say(&plain_line(step));
        }
        self.shown = steps.to_vec();
    }

    fn say(&self, text: &str) {
        output::note(&format!(
            "{:>6.1}s  {}",
            self.start.elapsed().as_secs_f32(),
            escape::line(text)
        ));
    }
}

/// `DatastoreHealthy: waiting: PodPending: etcd-0 pulls its image`
fn plain_line(step: &Step) -> String {
    let word = match step.mark {
        Mark::Done => "ok",
        Mark::Waiting | Mark::Unreported => "waiting",
        Mark::Failed => "failing",
    };
    let why = if step.mark == Mark::Done {
        String::new()
    } else {
        step.why()
    };
    if why.is_empty() {
        format!("{}: {word}", step.part)
    } else {
        format!("{}: {word}: {why}", step.part)
    }
}

/// A tree that redraws itself.
pub(crate) struct Live {
    bars: MultiProgress,
    root: ProgressBar,
    title: String,
    goal: Goal,
    branches: Vec<ProgressBar>,
    shown: Vec<Step>,
    style: Style,
}

impl Live {
    fn new(key: &str, goal: Goal, style: Style) -> Self {
        let bars = MultiProgress::new();
        let title = escape::line(key);
        let root =
            bars.add(ProgressBar::new_spinner().with_style(template("{spinner} {wide_msg} {elapsed}")));
        root.set_message(title.clone());
        root.enable_steady_tick(TICK);
        Self {
            bars,
            root,
            title,
            goal,
            branches: Vec::new(),
            shown: Vec::new(),
            style,
        }
    }

    fn show(&mut self, steps: &[Step]) {
        self.root.set_message(self.title.clone());
        while self.branches.len() < steps.len() {
            self.branches.push(
                self.bars
                    .add(ProgressBar::new_spinner().with_style(template("{wide_msg}"))),
            );
        }
        for surplus in self.branches.split_off(steps.len()) {
            self.bars.remove(&surplus);
        }
        for (bar, line) in self.branches.iter().zip(tree(steps, self.style)) {
            bar.set_message(line);
        }
        self.shown = steps.to_vec();
    }

    fn finish(&mut self, reached: bool, elapsed: Duration) {
        if reached && self.goal == Goal::Ready {
            // Parts that this operator never reports are not worth a line at the end.
            let told: Vec<Step> = self
                .shown
                .iter()
                .filter(|step| step.mark != Mark::Unreported)
                .cloned()
                .collect();
            self.show(&told);
        }
        let seconds = elapsed.as_secs_f32();
        let (mark, word) = if reached {
            (self.style.good("✓"), end_word(self.goal))
        } else {
            (self.style.bad("✗"), "not done")
        };
        self.root.set_style(template("{wide_msg}"));
        for bar in &self.branches {
            if reached && self.goal == Goal::Gone {
                self.bars.remove(bar);
            } else {
                bar.abandon();
            }
        }
        self.root
            .abandon_with_message(format!("{mark} {} is {word} after {seconds:.1}s", self.title));
    }
}

fn end_word(goal: Goal) -> &'static str {
    match goal {
        Goal::Ready => "ready",
        Goal::Gone => "gone",
    }
}

/// The branches of the tree, one line each, names in a column.
pub(crate) fn tree(steps: &[Step], style: Style) -> Vec<String> {
    let width = steps
        .iter()
        .map(|step| step.part.chars().count())
        .max()
        .unwrap_or(0);
    let last = steps.len().saturating_sub(1);
    steps
        .iter()
        .enumerate()
        .map(|(index, step)| {
            let branch = if index == last { "└─" } else { "├─" };
            let (mark, why) = match step.mark {
                Mark::Done => (style.good("✓"), String::new()),
                Mark::Waiting => (style.busy("…"), step.why()),
                Mark::Failed => (style.bad("✗"), step.why()),
                Mark::Unreported => (style.faint("·"), String::new()),
            };
            format!(
                "{branch} {mark} {:width$}  {}",
                escape::line(&step.part),
                escape::line(&why)
            )
            .trim_end()
            .to_owned()
        })
        .collect()
}

/// The templates are constants; one that indicatif cannot read would show as its default.
fn template(text: &str) -> ProgressStyle {
    ProgressStyle::with_template(text).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::state::tests::cluster;

    fn steps() -> Vec<Step> {
        let cluster = cluster(&[
            ("CertificatesValid", "True", "Valid", "all good", 2),
            (
                "DatastoreHealthy",
                "Unknown",
                "PodPending",
                "etcd-0 pulls its image",
                2,
            ),
            ("SyncHealthy", "False", "Forbidden", "a\u{1b}[2Jb", 2),
            ("Ready", "Unknown", "WaitingForDatastore", "", 2),
        ]);
        state::steps(&cluster, Goal::Ready)
    }

    #[test]
    fn the_tree_gives_each_part_and_its_reason() {
        insta::assert_snapshot!(tree(&steps(), Style::default()).join("\n"));
    }

    #[test]
    fn plain_lines_say_the_same() {
        let steps = steps();
        let lines: Vec<String> = state::changes(&[], &steps).into_iter().map(plain_line).collect();
        insta::assert_snapshot!(lines.join("\n").replace('\u{1b}', "<ESC>"));
    }

    #[test]
    fn both_templates_can_be_read() {
        for text in ["{spinner} {wide_msg} {elapsed}", "{wide_msg}"] {
            ProgressStyle::with_template(text).unwrap();
        }
    }
}

//! The command line as it was meant: typed arguments joined with the terminal and the environment.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use crate::lowargs::{self, Command, Format, Global, LowArgs};

/// What every command needs to know besides its own arguments.
#[derive(Clone, Debug)]
pub(crate) struct HiArgs {
    /// `warren` or `kubectl warren`: the beginning of every command that is suggested.
    pub(crate) program: &'static str,
    /// Namespace asked for; `None` means the context's.
    pub(crate) namespace: Option<String>,
    /// Context asked for; `None` means the current one.
    pub(crate) context: Option<String>,
    /// Kubeconfig asked for; `None` means the usual places.
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Output format; `None` is for people.
    pub(crate) output: Option<Format>,
    /// No progress, no remarks.
    pub(crate) quiet: bool,
    /// What stdout and stderr can show.
    pub(crate) screen: Screen,
}

/// What the two output streams can show.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Screen {
    /// stderr is a terminal that can redraw lines.
    pub(crate) live: bool,
    /// Colours may be used on stdout.
    pub(crate) color_out: bool,
    /// Colours may be used on stderr.
    pub(crate) color_err: bool,
}

impl HiArgs {
    /// Separates what all commands share from the command.
    pub(crate) fn new(low: LowArgs) -> (Self, Command) {
        let LowArgs { global, command } = low;
        let Global {
            namespace,
            context,
            kubeconfig,
            output,
            quiet,
        } = global;
        let args = Self {
            program: lowargs::program(std::env::args_os().next().as_deref().map(Path::new)),
            namespace: namespace.filter(|text| !text.is_empty()),
            context: context.filter(|text| !text.is_empty()),
            kubeconfig: kubeconfig.filter(|path| !path.as_os_str().is_empty()),
            output,
            quiet,
            screen: Screen::detect(),
        };
        (args, command)
    }

    /// Whether the output is for a program.
    pub(crate) fn is_machine_format(&self) -> bool {
        matches!(self.output, Some(Format::Json | Format::Yaml))
    }
}

impl Screen {
    /// By the streams, `NO_COLOR` (any non-empty value) and `TERM=dumb`.
    fn detect() -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let (out, err) = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
        Self {
            live: err && !dumb,
            color_out: out && !dumb && !no_color,
            color_err: err && !dumb && !no_color,
        }
    }
}

//! `host logs`: prints the log of a component.
use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use warren_devhost::state::State;

/// Time between two looks for new lines.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(200);

pub(super) async fn run(component: Option<&str>, follow: bool) -> Result<()> {
    let state = State::locate()?;
    let known = components(&state);
    let Some(component) = component.filter(|name| known.iter().any(|known| known == name)) else {
        if known.is_empty() {
            bail!("there are no logs: start a host with `cargo xtask host up`");
        }
        bail!("which component? one of: {}", known.join(" "));
    };
    let path = state.log(component);
    let mut file = File::open(&path).with_context(|| format!("failed to open {}", path.display()))?;
    let mut output = io::stdout();
    loop {
        let mut text = Vec::new();
        file.read_to_end(&mut text)
            .with_context(|| format!("failed to read {}", path.display()))?;
        match output.write_all(&text).and_then(|()| output.flush()) {
            // `| head` has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            other => other.context("failed to print")?,
        }
        if !follow {
            return Ok(());
        }
        tokio::time::sleep(FOLLOW_INTERVAL).await;
    }
}

fn components(state: &State) -> Vec<String> {
    let Ok(entries) = fs::read_dir(state.path("log")) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| {
            entry
                .file_name()
                .to_string_lossy()
                .strip_suffix(".log")
                .map(ToOwned::to_owned)
        })
        .collect();
    names.sort();
    names
}

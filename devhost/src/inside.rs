//! Runs work of this program inside the control plane's network namespace, where Service addresses can be reached.
use std::{fs::File, future::Future, thread};

use anyhow::{Context as _, Result, bail};
use nix::sched::{CloneFlags, setns};

use crate::network::{self, CONTROL_PLANE};

/// Runs `work` to its end on a thread of its own: a network namespace belongs to a thread, and this one's ends with
/// it.
///
/// # Errors
/// If the namespace cannot be entered, and the work's own.
pub fn block_on<T, F>(work: impl FnOnce() -> F + Send + 'static) -> Result<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>>,
{
    let path = network::path(CONTROL_PLANE);
    let thread = thread::Builder::new().name("inside".to_owned()).spawn(move || {
        let namespace = File::open(&path).with_context(|| format!("failed to open {}", path.display()))?;
        setns(namespace, CloneFlags::CLONE_NEWNET)
            .context("failed to enter the control plane's network namespace")?;
        // Everything on this one thread (or on threads it starts, which inherit the namespace).
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.context("failed to start a runtime")?.block_on(work())
    });
    match thread.context("failed to start a thread")?.join() {
        Ok(result) => result,
        Err(_panic) => bail!("the work inside the control plane's network namespace panicked"),
    }
}

//! Runs work of this program inside the control plane's network namespace, where Service addresses can be reached, or
//! inside a process's, where its loopback is.
use std::{fs::File, future::Future, path::Path, thread};

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
    on_thread(&network::path(CONTROL_PLANE), || {
        // Everything on this one thread (or on threads it starts, which inherit the namespace).
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.context("failed to start a runtime")?.block_on(work())
    })
}

/// Runs `work` in the network namespace of the process `pid`.
///
/// # Errors
/// If the namespace cannot be entered, and the work's own.
pub fn of_process<T: Send + 'static>(
    pid: u32,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    on_thread(Path::new(&format!("/proc/{pid}/ns/net")), work)
}

fn on_thread<T: Send + 'static>(
    namespace: &Path,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let path = namespace.to_owned();
    let thread = thread::Builder::new().name("inside".to_owned()).spawn(move || {
        let namespace = File::open(&path).with_context(|| format!("failed to open {}", path.display()))?;
        setns(namespace, CloneFlags::CLONE_NEWNET)
            .with_context(|| format!("failed to enter the network namespace {}", path.display()))?;
        work()
    });
    match thread.context("failed to start a thread")?.join() {
        Ok(result) => result,
        Err(_panic) => bail!("the work inside a network namespace panicked"),
    }
}

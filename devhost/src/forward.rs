//! The forwarder: a port on 127.0.0.1 outside the host's namespaces behind which the apiserver answers.
//!
//! It is a process of its own and outlives the run that starts it. Sockets belong to the network namespace in
//! which they are made: one thread listens outside, another enters the control plane's namespace and connects.
use std::{
    ffi::OsString,
    fs::File,
    net::{Ipv4Addr, TcpListener},
    path::Path,
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use nix::{
    sched::{CloneFlags, setns},
    sys::resource::{Resource, getrlimit, setrlimit},
};
use tokio::{net::TcpStream, sync::mpsc};

use crate::{
    apiserver,
    network::{self, CONTROL_PLANE, CONTROL_PLANE_ADDRESS},
    process::{Process, Spawn, spawn, split},
    state::State,
    wait::{Look, until},
};

/// Tried first, so that kubeconfigs stay valid over `down` and `up` wherever possible.
const USUAL_PORT: u16 = 16443;
/// Connections accepted and not yet handed over; more wait in the kernel's queue.
const QUEUE_LENGTH: usize = 128;
const DEADLINE: Duration = Duration::from_secs(10);

/// A port that is free now: the usual one, or any.
///
/// # Errors
/// If the machine has no free port.
pub fn choose_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, USUAL_PORT))
        .or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .context("failed to find a free port on 127.0.0.1")?;
    Ok(listener
        .local_addr()
        .context("failed to find a free port on 127.0.0.1")?
        .port())
}

/// Starts the forwarder, `program` with the subcommand `forwarder` and the port, and waits until it listens.
///
/// # Errors
/// If it cannot be started, or ends.
pub async fn start(state: &State, program: &[OsString], port: u16) -> Result<()> {
    let (program, mut args) = split(program)?;
    args.extend(["forwarder".to_owned(), port.to_string()]);
    let process = spawn(
        state,
        &Spawn {
            name: "forwarder",
            network: None,
            mounts_of: None,
            program: &program,
            args,
            path: Vec::new(),
        },
    )?;
    wait_listening(state, &process, port).await
}

async fn wait_listening(state: &State, process: &Process, port: u16) -> Result<()> {
    let log = state.log("forwarder");
    until("the forwarder to listen", Some(&log), DEADLINE, || async {
        match TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
            Ok(_) => Look::Ready(()),
            Err(_) if !process.is_alive() => Look::Never("the forwarder ended".to_owned()),
            Err(error) => Look::NotYet(error.to_string()),
        }
    })
    .await
}

/// The forwarder itself: serves until it is killed.
///
/// # Errors
/// If the port is taken or the control plane's namespace cannot be entered.
pub fn serve(port: u16) -> Result<()> {
    // Each connection has two sockets, each watch a connection: the usual 1024 would not last for a busy test.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).context("failed to read the limit of open files")?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most).context("failed to raise the limit of open files")?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .with_context(|| format!("failed to listen on 127.0.0.1:{port}"))?;
    let (sender, receiver) = mpsc::channel(QUEUE_LENGTH);
    let inside = thread::Builder::new()
        .name("inside".to_owned())
        .spawn(move || connect_inside(receiver))
        .context("failed to start a thread")?;
    loop {
        let (stream, _) = listener.accept().context("failed to accept a connection")?;
        if sender.blocking_send(stream).is_err() {
            break;
        }
    }
    match inside.join() {
        Ok(result) => result,
        Err(_) => bail!("the forwarder's inner thread panicked"),
    }
}

/// Enters the namespace with this thread only, then runs all connections on it.
fn connect_inside(mut accepted: mpsc::Receiver<std::net::TcpStream>) -> Result<()> {
    let path: &Path = &network::path(CONTROL_PLANE);
    let namespace = File::open(path).with_context(|| format!("failed to open {}", path.display()))?;
    setns(namespace, CloneFlags::CLONE_NEWNET).context("failed to enter the control plane's namespace")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("failed to start a runtime")?.block_on(async {
        while let Some(outside) = accepted.recv().await {
            tokio::spawn(async move {
                if let Err(error) = copy(outside).await {
                    eprintln!("connection ended: {error:#}");
                }
            });
        }
        Ok(())
    })
}

async fn copy(outside: std::net::TcpStream) -> Result<()> {
    outside
        .set_nonblocking(true)
        .context("failed to prepare a connection")?;
    let mut outside = TcpStream::from_std(outside).context("failed to prepare a connection")?;
    let mut inside = TcpStream::connect((CONTROL_PLANE_ADDRESS, apiserver::PORT))
        .await
        .context("failed to connect to the apiserver")?;
    for stream in [&outside, &inside] {
        stream
            .set_nodelay(true)
            .context("failed to prepare a connection")?;
    }
    tokio::io::copy_bidirectional(&mut outside, &mut inside)
        .await
        .context("failed to copy")
        .map(drop)
}

//! One of the agents, syncer or vkubelet, as a child process with the flags that the operator gives it.

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use parking_lot::Mutex;

use crate::control_plane::{Process, free_ports};

/// Identity of the virtual cluster.
pub const CLUSTER_ID: &str = "faults-x7k2q";
/// UID of the virtual cluster.
pub const CLUSTER_UID: &str = "3c1f5f0e-7f6b-4c55-9a1e-000000000001";
/// Host namespace of the agents' Leases.
pub const SYSTEM: &str = "wc-faults-x7k2q-system";
/// Host namespace of what the tenant has on the host.
pub const WORKLOADS: &str = "wc-faults-x7k2q";
/// What `kube-system/kube-dns` gets in the tenant. Among the first addresses of the range, which an allocator that may
/// choose takes last.
pub const DNS_ADDRESS: &str = "10.96.0.22";
/// The class's bounds, which both agents read: EndpointSlices may name what is no Pod, Ingresses may serve some names, and
/// there is a class of each kind.
const POLICY: &str = "\
allowedEndpointRanges: [192.0.2.0/24]
allowedHostNames: [\"*.example.com\"]
classes:
  priority: { names: [batch] }
  runtime: { names: [gvisor] }
  device: { names: [gpu], drivers: [gpu.example.com] }
";
/// How much of a log is shown.
const TAIL: usize = 40;

/// A process that may be killed at any time, and is started again.
#[derive(Debug)]
pub struct Agent {
    program: PathBuf,
    flags: Vec<String>,
    log: PathBuf,
    health: u16,
    life: Arc<Mutex<Life>>,
}

#[derive(Debug, Default)]
struct Life {
    process: Option<Process>,
    /// It was killed, and nobody has noticed yet.
    killed: bool,
}

/// What both agents are told alike.
#[derive(Debug)]
pub struct Common<'a> {
    /// Where files are made.
    pub directory: &'a Path,
    /// URL of the host.
    pub host: String,
    /// URL of the tenant.
    pub tenant: String,
}

impl Agent {
    /// Writes the files; starts nothing. The program is named by the environment variable `variable`, which
    /// `cargo xtask test` sets; `own` are flags beside the common ones.
    ///
    /// # Errors
    /// When the program is not named, or a file cannot be written.
    pub fn new(name: &str, variable: &str, common: &Common<'_>, own: Vec<String>) -> Result<Self> {
        let program = std::env::var_os(variable)
            .with_context(|| format!("{variable} is not set: use `cargo xtask test`"))?;
        let Common {
            directory,
            host,
            tenant,
        } = common;
        let [health] = free_ports()?;
        let file = |name: &str, text: &str| write(directory, name, text);
        let mut flags = vec![
            format!("--cluster-id={CLUSTER_ID}"),
            format!("--cluster-uid={CLUSTER_UID}"),
            format!("--system-namespace={SYSTEM}"),
            format!("--workload-namespace={WORKLOADS}"),
            format!(
                "--tenant-kubeconfig={}",
                file("tenant.yaml", &kubeconfig(tenant))?
            ),
            format!("--host-kubeconfig={}", file("host.yaml", &kubeconfig(host))?),
            format!("--policy={}", file("policy.yaml", POLICY)?),
            "--log-format=text".to_owned(),
            format!("--health-port={health}"),
            // A container that starts again in its Pod: the Lease is still its own.
            format!("--pod-name={name}-0"),
        ];
        flags.extend(own);
        Ok(Self {
            program: program.into(),
            flags,
            log: directory.join("agent.log"),
            health,
            life: Arc::default(),
        })
    }

    /// Starts it, with its output behind that of those before it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&self) -> Result<()> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .context("failed to open the agent's log")?;
        let child = Command::new(&self.program)
            .args(&self.flags)
            .env("RUST_LOG", "info,warren_syncer=debug,warren_vkubelet=debug")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("failed to share the log")?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("failed to start {}", self.program.display()))?;
        let mut life = self.life.lock();
        life.process = Some(Process(child));
        life.killed = false;
        Ok(())
    }

    /// Kills it, from wherever this is called.
    pub fn killer(&self) -> impl Fn() + Send + Sync + 'static {
        let life = Arc::clone(&self.life);
        move || {
            let mut life = life.lock();
            if life.process.take().is_some() {
                life.killed = true;
            }
        }
    }

    /// Ends it for good, and forgets its log.
    ///
    /// # Errors
    /// When it panicked in its life.
    pub fn end(&self) -> Result<()> {
        *self.life.lock() = Life::default();
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        ensure!(
            !log.contains("panicked at"),
            "the agent panicked:\n{}",
            self.tail()
        );
        // The next run's is its own.
        let _none_yet = fs::remove_file(&self.log);
        Ok(())
    }

    /// Starts it again when it was killed.
    ///
    /// # Errors
    /// When it ended by itself, which it never should.
    pub fn tend(&self) -> Result<()> {
        let mut life = self.life.lock();
        if let Some(process) = &mut life.process
            && let Some(status) = process.0.try_wait().context("failed to look at the agent")?
        {
            life.process = None;
            bail!("the agent ended by itself: {status}\n{}", self.tail());
        }
        let restart = life.killed;
        drop(life);
        if restart { self.start() } else { Ok(()) }
    }

    /// Whether `/readyz` says so.
    ///
    /// # Errors
    /// When it does not; with what it says.
    pub fn is_ready(&self) -> Result<()> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.health)).context("the health port")?;
        stream
            .set_read_timeout(Some(Duration::from_secs(1)))
            .context("a time limit")?;
        stream
            .write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .context("failed to ask /readyz")?;
        let mut answer = String::new();
        stream
            .read_to_string(&mut answer)
            .context("no answer of /readyz")?;
        ensure!(answer.starts_with("HTTP/1.1 200"), "/readyz says {answer}");
        Ok(())
    }

    /// Resident memory, in KiB.
    ///
    /// # Errors
    /// When it does not run.
    pub fn memory(&self) -> Result<u64> {
        let pid = self.life.lock().process.as_ref().map(|process| process.0.id());
        let pid = pid.context("the agent does not run")?;
        let status =
            fs::read_to_string(format!("/proc/{pid}/status")).context("failed to read its status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line
            .and_then(|line| line.split_whitespace().next())
            .context("no VmRSS")?;
        kib.parse().context("VmRSS")
    }

    /// The end of its log.
    pub fn tail(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }
}

/// Writes a file of `directory`, which is made if need be, and returns its path.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write(directory: &Path, name: &str, text: &str) -> Result<String> {
    let path = directory.join(name);
    fs::create_dir_all(directory)
        .and_then(|()| fs::write(&path, text))
        .with_context(|| format!("failed to write {}", path.display()))?;
    Ok(path.display().to_string())
}

fn kubeconfig(url: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: it\n\
         clusters: [{{ name: it, cluster: {{ server: \"{url}\" }} }}]\n\
         users: [{{ name: it, user: {{}} }}]\n\
         contexts: [{{ name: it, context: {{ cluster: it, user: it }} }}]\n"
    )
}

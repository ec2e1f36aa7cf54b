//! Hears from the CNI plugin which Pod gets which address, and lets it go on once the rules know.
use std::{os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use anyhow::{Context as _, Result, bail};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
    sync::{mpsc, oneshot},
    time::Instant,
};

use crate::world::{Announced, Key};

/// Announcements that are read and not yet taken up; more wait in the kernel's queue.
const QUEUE_LENGTH: usize = 64;
/// A line has two names of at most 253 bytes each, and little else.
const MAX_LINE: u64 = 4096;
const READ_DEADLINE: Duration = Duration::from_secs(5);
/// What the plugin waits for.
const ANSWER: &[u8] = b"programmed\n";

/// One Pod's address, and who waits for it.
#[derive(Debug)]
pub(crate) struct Announcement {
    pub(crate) key: Key,
    pub(crate) announced: Announced,
    /// Told once the rules know it; closed if the plugin has given up.
    pub(crate) programmed: oneshot::Sender<()>,
}

/// Listens on a socket of this path. One that an earlier agent left is replaced.
pub(crate) fn listen(path: &Path) -> Result<mpsc::Receiver<Announcement>> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("failed to remove {}", path.display()));
        }
        _ => {}
    }
    let context = || format!("failed to listen on {}", path.display());
    let listener = UnixListener::bind(path).with_context(context)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).with_context(context)?;
    let (sender, receiver) = mpsc::channel(QUEUE_LENGTH);
    tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let sender = sender.clone();
                    tokio::spawn(async move {
                        if let Err(error) = serve(stream, &sender).await {
                            eprintln!("an announcement failed: {error:#}");
                        }
                    });
                }
                Err(error) => eprintln!("failed to accept an announcement: {error}"),
            }
        }
    });
    Ok(receiver)
}

async fn serve(stream: UnixStream, sender: &mpsc::Sender<Announcement>) -> Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read.take(MAX_LINE));
    let mut line = String::new();
    tokio::time::timeout(READ_DEADLINE, read.read_line(&mut line))
        .await
        .context("no line came")?
        .context("failed to read the line")?;
    let (key, announced) = parse(&line).with_context(|| format!("not an announcement: {line:?}"))?;
    let (begun, what) = (Instant::now(), format!("{key} at {}", announced.address));
    let (programmed, answer) = oneshot::channel();
    let announcement = Announcement {
        key,
        announced,
        programmed,
    };
    if sender.send(announcement).await.is_err() {
        bail!("the agent ends");
    }
    if answer.await.is_ok() {
        eprintln!("{what}: in the rules after {} ms", begun.elapsed().as_millis());
        write.write_all(ANSWER).await.context("failed to answer")?;
    }
    Ok(())
}

/// `CNI_ARGS`, a space, the address.
fn parse(line: &str) -> Option<(Key, Announced)> {
    let (arguments, address) = line.trim_end().split_once(' ')?;
    let argument = |name: &str| {
        let mut pairs = arguments.split(';').filter_map(|pair| pair.split_once('='));
        pairs
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.to_owned())
    };
    let key = Key {
        namespace: argument("K8S_POD_NAMESPACE")?,
        name: argument("K8S_POD_NAME")?,
    };
    let announced = Announced {
        uid: argument("K8S_POD_UID")?,
        address: address.parse().ok()?,
    };
    Some((key, announced))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn the_plugins_line_names_the_pod_and_its_address() {
        let line = "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0;K8S_POD_INFRA_CONTAINER_ID=f0;\
                    K8S_POD_UID=u1 10.244.1.7\n";
        let (key, announced) = parse(line).unwrap();
        assert_eq!(key.to_string(), "shop/web-0");
        assert_eq!(announced.uid, "u1");
        assert_eq!(announced.address, Ipv4Addr::new(10, 244, 1, 7));
        assert!(parse("K8S_POD_NAME=web-0 10.244.1.7").is_none());
        assert!(parse("K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0;K8S_POD_UID=u1 ").is_none());
    }
}

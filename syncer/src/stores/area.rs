//! A part of what is read of both clusters that may be missing alone: a right, or an API, of one side.
//!
//! It stands still then, and nothing else: nobody waits for it longer than a moment, and it is looked at as a whole once it
//! can be read.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::timeout;
use warren_translate::identity::Cluster;

use crate::key::{Key, Kind};

/// How long the start waits for an area.
const MOMENT: Duration = Duration::from_secs(5);

/// The watches of an area.
pub trait Parts: Sync {
    /// Whether all of the tenant's and all of the host's part has been listed once. Before, nothing may be taken for absent.
    fn is_read(&self) -> Sides<bool>;

    /// Whether both sides are read.
    fn is_ready(&self) -> bool {
        let Sides { tenant, host } = self.is_read();
        tenant && host
    }

    /// Ends when both sides are read.
    fn until_read(&self) -> BoxFuture<'_, ()>;

    /// Why a watch fails (see `Store::trouble`).
    fn trouble(&self) -> Sides<Option<&'static str>>;

    /// Every key that either side has.
    fn keys(&self, cluster: &Cluster, kind: Kind) -> BTreeSet<Key>;
}

/// Something of each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sides<T> {
    /// Of the tenant.
    pub tenant: T,
    /// Of the host.
    pub host: T,
}

/// An area, by its first kind.
pub struct Area<'a> {
    /// The kind of its keys.
    pub kind: Kind,
    name: String,
    is_late: bool,
    parts: Box<dyn Parts + 'a>,
}

impl<'a> Area<'a> {
    /// The area of `kind`.
    pub fn new(kind: Kind, parts: impl Parts + 'a) -> Self {
        Self {
            kind,
            name: kind.as_str().to_owned(),
            is_late: false,
            parts: Box::new(parts),
        }
    }

    /// As [`Self::new`], of what comes with rights or definitions that are made meanwhile: not even the start waits for it.
    pub fn late(kind: Kind, parts: impl Parts + 'a) -> Self {
        Self {
            is_late: true,
            ..Self::new(kind, parts)
        }
    }

    /// Under another name than its kind's, which several areas have.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..self
        }
    }

    /// What people know it by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether both sides are read.
    pub fn is_read(&self) -> bool {
        self.parts.is_ready()
    }

    /// Ends when both sides are read.
    pub async fn until_read(&self) {
        self.parts.until_read().await;
    }

    /// As [`Self::until_read`], for a moment only, or not at all for one that is [`Self::late`].
    pub async fn wait_a_moment(&self) {
        if self.is_late {
            return;
        }
        if timeout(MOMENT, self.until_read()).await.is_err() {
            let Sides { tenant, host } = self.parts.is_read();
            tracing::warn!(
                kind = self.name,
                tenant,
                host,
                "cannot be read (an older chart does not grant it): it stands still, everything else goes on"
            );
        }
    }

    /// Every key that either side has.
    pub fn keys(&self, cluster: &Cluster) -> BTreeSet<Key> {
        self.parts.keys(cluster, self.kind)
    }

    /// Why it stands still, or is about to: in words. `None` while both sides are read and no watch fails.
    pub fn problem(&self) -> Option<String> {
        let (read, trouble) = (self.parts.is_read(), self.parts.trouble());
        let side = |name: &str, read: bool, trouble: Option<&str>| match trouble {
            Some(why) => Some(format!("on the {name}: {why}")),
            None => (!read).then(|| format!("on the {name}: no answer yet")),
        };
        let sides: Vec<String> = [
            side("host", read.host, trouble.host),
            side("tenant", read.tenant, trouble.tenant),
        ]
        .into_iter()
        .flatten()
        .collect();
        (!sides.is_empty()).then(|| format!("{} cannot be read {}", self.name, sides.join(", ")))
    }
}

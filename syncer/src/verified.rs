//! What was last found equal on both sides: two resourceVersions a key. As long as both stores show them, there
//! is nothing to read and nothing to write.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::key::Key;

/// How long a store may lag behind a write of this process before it is believed again.
pub const LAG: Duration = Duration::from_secs(3);

/// How a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Both stores show what was verified.
    Current,
    /// The host's store shows something else, but this process has just written: it lags. Look again in [`LAG`].
    Written,
    /// Not verified.
    Unknown,
}

/// The records. They are lost with the process; then everything is compared once.
#[derive(Debug, Default)]
pub struct Verified {
    digests: Digests,
    records: Mutex<HashMap<u128, Record>>,
    /// Versions of the tenant's objects that cannot be brought to the host.
    failed: Mutex<HashMap<Key, String>>,
}

/// There is one for each object: it holds no more than it takes to compare.
#[derive(Debug)]
struct Record {
    tenant: u128,
    host: Box<str>,
    at: Instant,
}

/// Stand for what is only compared. Two that differ have the same once in 2^128, and nobody can choose them: the keys
/// are the process's own.
#[derive(Debug, Default)]
struct Digests(RandomState, RandomState);

impl Digests {
    fn of(&self, value: impl Hash) -> u128 {
        let (upper, lower) = (self.0.hash_one(&value), self.1.hash_one(&value));
        u128::from(upper) << 64 | u128::from(lower)
    }
}

impl Verified {
    /// Records that `key` was equal with these versions. `tenant` is any fingerprint of the tenant's side.
    pub fn set(&self, key: &Key, tenant: String, host: String) {
        let record = Record {
            tenant: self.digests.of(tenant),
            host: host.into(),
            at: Instant::now(),
        };
        self.records.lock().insert(self.digests.of(key), record);
        self.failed.lock().remove(key);
    }

    /// Records that this version of the tenant's object cannot be brought to the host.
    pub fn set_failed(&self, key: &Key, tenant: String) {
        self.failed.lock().insert(key.clone(), tenant);
    }

    /// Whether this version of the tenant's object is known not to come to the host: nobody need wait for it.
    pub fn has_failed(&self, key: &Key, tenant: &str) -> bool {
        self.failed.lock().get(key).is_some_and(|failed| failed == tenant)
    }

    /// Forgets a key.
    pub fn forget(&self, key: &Key) {
        self.records.lock().remove(&self.digests.of(key));
        self.failed.lock().remove(key);
    }

    /// How `key` stands with what the stores show now.
    pub fn check(&self, key: &Key, tenant: &str, host: Option<&str>) -> Standing {
        let (key, tenant) = (self.digests.of(key), self.digests.of(tenant));
        let records = self.records.lock();
        let Some(record) = records.get(&key).filter(|record| record.tenant == tenant) else {
            return Standing::Unknown;
        };
        if host == Some(&record.host) {
            Standing::Current
        } else if record.at.elapsed() < LAG && !host.is_some_and(|host| is_later(host, &record.host)) {
            Standing::Written
        } else {
            Standing::Unknown
        }
    }
}

/// Versions of one apiserver are comparable numbers. One later than this process's write is somebody else's.
fn is_later(seen: &str, written: &str) -> bool {
    match (seen.parse::<u64>(), written.parse::<u64>()) {
        (Ok(seen), Ok(written)) => seen > written,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use warren_translate::identity::TenantKey;

    use super::*;
    use crate::key::Kind;

    #[tokio::test(start_paused = true)]
    async fn a_write_is_trusted_while_the_store_lags_and_no_longer() {
        let verified = Verified::default();
        let key = Key::new(Kind::Secret, TenantKey::new("a", "b"));
        verified.set(&key, "1".to_owned(), "7".to_owned());
        assert_eq!(verified.check(&key, "1", Some("7")), Standing::Current);
        assert_eq!(verified.check(&key, "1", None), Standing::Written);
        assert_eq!(verified.check(&key, "1", Some("6")), Standing::Written);
        assert_eq!(verified.check(&key, "1", Some("8")), Standing::Unknown);
        assert_eq!(verified.check(&key, "2", Some("7")), Standing::Unknown);
        tokio::time::advance(LAG).await;
        assert_eq!(verified.check(&key, "1", None), Standing::Unknown);
    }
}

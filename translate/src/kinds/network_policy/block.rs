//! Ranges of addresses without parts of them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use k8s_openapi::api::networking::v1::{IPBlock, NetworkPolicyPeer};

/// A range without parts of it, each smaller than it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Block {
    range: IpNet,
    except: BTreeSet<IpNet>,
}

impl Block {
    /// `None` for what is not written as a range: what it leaves out cannot be said then.
    pub(super) fn read(block: &IPBlock) -> Option<Self> {
        let IPBlock { cidr, except } = block;
        let range = |text: &String| text.parse::<IpNet>().ok().map(|range| range.trunc());
        let all = range(cidr)?;
        // The other family in disguise is not what it is compared as.
        if matches!(all, IpNet::V6(v6) if v6.addr().to_ipv4_mapped().is_some()) {
            return None;
        }
        let except: Option<Vec<IpNet>> = except.iter().flatten().map(range).collect();
        Self::without(all, except?)
    }

    /// One address.
    pub(super) fn address(address: IpAddr) -> Self {
        Self {
            range: address.into(),
            except: BTreeSet::new(),
        }
    }

    /// `None` when nothing is left of `range`.
    fn without(range: IpNet, except: impl IntoIterator<Item = IpNet>) -> Option<Self> {
        let mut kept: BTreeSet<IpNet> = BTreeSet::new();
        let inside: BTreeSet<IpNet> = except
            .into_iter()
            .filter(|except| except.contains(&range) || range.contains(except))
            .collect();
        // A range is sorted right before those that it covers.
        for except in inside {
            if except.contains(&range) {
                return None;
            }
            if !kept.last().is_some_and(|last| last.contains(&except)) {
                kept.insert(except);
            }
        }
        Some(Self { range, except: kept })
    }

    /// What is in both.
    pub(super) fn both(&self, other: &Self) -> Option<Self> {
        let range = if self.range.contains(&other.range) {
            other.range
        } else if other.range.contains(&self.range) {
            self.range
        } else {
            return None;
        };
        Self::without(range, self.except.iter().chain(&other.except).copied())
    }

    /// Whether the address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.range.contains(&address) && !self.except.iter().any(|except| except.contains(&address))
    }

    /// Every IPv4 address but some that no Pod has.
    pub(super) fn is_everything(&self) -> bool {
        let is_no_pods = |except: &IpNet| match except.addr() {
            IpAddr::V4(address) => {
                (address.is_link_local() && except.prefix_len() >= 16)
                    || (address.is_loopback() && except.prefix_len() >= 8)
            }
            IpAddr::V6(_) => false,
        };
        self.range.addr().is_ipv4() && self.range.prefix_len() == 0 && self.except.iter().all(is_no_pods)
    }

    /// Whether a Pod with this address, coming or going, changes what the host's policy says of this block.
    pub fn concerns(&self, address: IpAddr) -> bool {
        if self.is_everything() {
            // Then all Pods are in it by their label, unless one has an address of the other family.
            return address.is_ipv6();
        }
        self.contains(address)
    }

    /// How much room it takes.
    pub(super) fn entries(&self) -> usize {
        1 + self.except.len()
    }

    pub(super) fn peer(&self) -> NetworkPolicyPeer {
        let except: Vec<String> = self.except.iter().map(IpNet::to_string).collect();
        NetworkPolicyPeer {
            ip_block: Some(IPBlock {
                cidr: self.range.to_string(),
                except: (!except.is_empty()).then_some(except),
            }),
            ..NetworkPolicyPeer::default()
        }
    }
}

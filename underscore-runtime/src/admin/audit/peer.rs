//! Who is at the other end of a connection, as far as the kernel vouches for it. Where that is asked is the
//! server's affair; over a host's own router nobody asks, and all of it is missing.

use axum::extract::ConnectInfo;
use axum::http::Extensions;

/// The process that made a connection, as it was at that moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peer {
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
    pub(crate) pid: Option<u32>,
}

impl Peer {
    /// The peer of the connection that a request came on; unknown behind a router of the host.
    pub(in crate::admin) fn from_extensions(extensions: &Extensions) -> Self {
        let peer = extensions.get::<ConnectInfo<Peer>>();
        peer.map_or_else(Peer::default, |ConnectInfo(peer)| peer.clone())
    }

    /// The name of the process, while it lives. It says so itself, so it is a hint and no proof.
    pub(super) fn process(&self) -> Option<String> {
        // Only Linux has this file; elsewhere it is not there, as for a process that is gone.
        let name = std::fs::read(format!("/proc/{}/comm", self.pid?)).ok()?;
        let name = String::from_utf8_lossy(&name);
        Some(name.strip_suffix('\n').unwrap_or(&name).to_owned())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_a_name_while_it_lives() {
        let of = |pid| Peer {
            pid,
            ..Peer::default()
        };
        let own = of(Some(std::process::id())).process().expect("it lives");
        assert!(!own.is_empty() && !own.ends_with('\n'), "{own:?}");
        // No process has this one: it is above the largest that Linux gives.
        assert_eq!(of(Some(u32::MAX)).process(), None);
        assert_eq!(of(None).process(), None);
    }
}

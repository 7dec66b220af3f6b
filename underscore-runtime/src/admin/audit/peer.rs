//! The credentials of a connection's peer, as reported by the kernel. The server reads them. Behind
//! `admin_router()` they are unknown.

use axum::extract::ConnectInfo;
use axum::http::Extensions;

/// The process that made a connection, at the time of `connect`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peer {
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
    pub(crate) pid: Option<u32>,
}

impl Peer {
    /// The peer of the connection of a request. Unknown behind `admin_router()`.
    pub(in crate::admin) fn from_extensions(extensions: &Extensions) -> Self {
        let peer = extensions.get::<ConnectInfo<Peer>>();
        peer.map_or_else(Peer::default, |ConnectInfo(peer)| peer.clone())
    }

    /// The name of the process while it lives. A process can set it itself, so it proves nothing.
    pub(super) fn process(&self) -> Option<String> {
        // Linux only. The file does not exist elsewhere, or if the process has exited.
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
        let peer = |pid| Peer {
            pid,
            ..Peer::default()
        };
        let own = peer(Some(std::process::id())).process().expect("it lives");
        assert!(!own.is_empty() && !own.ends_with('\n'), "{own:?}");
        // Above the maximum pid of Linux.
        assert_eq!(peer(Some(u32::MAX)).process(), None);
        assert_eq!(peer(None).process(), None);
    }
}

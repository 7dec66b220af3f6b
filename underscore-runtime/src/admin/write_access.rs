//! The peers that may make changes. Every peer that can connect may read.

use std::fs;

use axum::http::Extensions;
use rustix::process::geteuid;

use super::audit::Peer;
use super::error::Error;

/// The users and groups that may make changes. If none are named: every peer that can connect or,
/// if every user of the machine can, root and the service's own user.
#[derive(Clone, Debug, Default)]
pub(crate) struct WriteAccess {
    pub(crate) uids: Vec<u32>,
    pub(crate) gids: Vec<u32>,
    is_open: bool,
    overflow: OverflowIds,
}

/// The ids that the kernel reports for users and groups outside the user namespace of this process.
#[derive(Clone, Copy, Debug)]
struct OverflowIds {
    uid: u32,
    gid: u32,
}

impl Default for OverflowIds {
    /// The ids of Linux. Other systems have no user namespaces, and use the number for `nobody`,
    /// too.
    fn default() -> Self {
        OverflowIds {
            uid: 65_534,
            gid: 65_534,
        }
    }
}

impl OverflowIds {
    fn read_from_system() -> Self {
        let read = |name| {
            let text = fs::read_to_string(format!("/proc/sys/kernel/{name}")).ok()?;
            text.trim().parse().ok()
        };
        let default = OverflowIds::default();
        OverflowIds {
            uid: read("overflowuid").unwrap_or(default.uid),
            gid: read("overflowgid").unwrap_or(default.gid),
        }
    }
}

impl WriteAccess {
    /// The access on a socket. `is_open` is true if every user of the machine can connect. The
    /// overflow ids are read here, because a later call may find no free file descriptor.
    pub(crate) fn of_socket(&self, is_open: bool) -> Self {
        WriteAccess {
            is_open,
            overflow: OverflowIds::read_from_system(),
            ..self.clone()
        }
    }

    /// True if only root and the service's own user may make changes, because none are named.
    pub(crate) fn are_restricted(&self) -> bool {
        self.is_open && self.names_none()
    }

    fn names_none(&self) -> bool {
        self.uids.is_empty() && self.gids.is_empty()
    }

    /// Rejects a request of a peer that may not make changes.
    pub(super) fn check_extensions(extensions: &Extensions) -> Result<(), Error> {
        match extensions.get::<WriteAccess>() {
            Some(access) => access.check(&Peer::from_extensions(extensions)),
            None => Ok(()),
        }
    }

    /// Rejects a peer that may not make changes. A peer whose ids are not known may not if any are
    /// named.
    fn check(&self, peer: &Peer) -> Result<(), Error> {
        // Read each time: a service may drop its privileges after it has started to serve.
        let own = geteuid().as_raw();
        if self.allow(peer, own) {
            return Ok(());
        }
        let shown = |id: Option<u32>| id.map_or_else(|| "unknown".to_owned(), |id| id.to_string());
        let whose = if self.are_restricted() {
            format!(
                "every user can connect here and the service names no users, so only root and user \
                 [{own}], as which the service runs, may make changes"
            )
        } else {
            format!(
                "only users {:?} and groups {:?} may make changes",
                self.uids, self.gids
            )
        };
        let note = if peer.uid == Some(self.overflow.uid) {
            "; that id stands for all users outside the user namespace of the service"
        } else {
            ""
        };
        Err(Error::forbidden(format!(
            "{whose}; this is user [{}] of group [{}], who may only read{note}",
            shown(peer.uid),
            shown(peer.gid)
        )))
    }

    /// True if `peer` may make changes in a process that runs as user `own`.
    fn allow(&self, peer: &Peer, own: u32) -> bool {
        if self.names_none() && !self.is_open {
            return true;
        }
        let uid = peer.uid.filter(|uid| *uid != self.overflow.uid);
        let gid = peer.gid.filter(|gid| *gid != self.overflow.gid);
        match (uid, gid) {
            (Some(uid), _) if self.names_none() => uid == 0 || uid == own,
            (Some(uid), gid) => {
                self.uids.contains(&uid) || gid.is_some_and(|gid| self.gids.contains(&gid))
            }
            (None, _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The user as which the process runs.
    const OWN: u32 = 1_000;

    fn peer(uid: impl Into<Option<u32>>, gid: impl Into<Option<u32>>) -> Peer {
        Peer {
            uid: uid.into(),
            gid: gid.into(),
            pid: None,
        }
    }

    fn named() -> WriteAccess {
        WriteAccess {
            uids: vec![1, 65_534],
            gids: vec![7, 65_534],
            ..WriteAccess::default()
        }
    }

    #[test]
    fn only_named_users_and_groups_may_make_changes() {
        let (unknown, known) = (peer(None, None), peer(1, 2));
        let unrestricted = WriteAccess::default().of_socket(false);
        assert!(unrestricted.check(&unknown).is_ok() && unrestricted.check(&known).is_ok());
        for some in [named().of_socket(false), named().of_socket(true)] {
            assert!(!some.are_restricted());
            assert!(some.check(&known).is_ok());
            assert!(some.check(&peer(5, 7)).is_ok());
            assert!(some.check(&peer(7, 1)).is_err());
            assert!(some.check(&unknown).is_err());
        }
    }

    #[test]
    fn on_an_open_socket_root_and_the_own_user_may_make_changes() {
        let open = WriteAccess::default().of_socket(true);
        assert!(open.are_restricted());
        for (peer, may) in [
            (peer(0, 0), true),
            (peer(OWN, 2), true),
            (peer(OWN + 1, 0), false),
            (peer(None, None), false),
        ] {
            assert_eq!(open.allow(&peer, OWN), may, "{peer:?}");
        }
        let own = geteuid().as_raw();
        assert!(open.check(&peer(own + 1, own + 1)).is_err());
    }

    /// Holds 6.36 of docs/admin-api.md.
    #[test]
    fn the_overflow_user_and_group_may_make_no_changes() {
        let (open, named) = (WriteAccess::default().of_socket(true), named());
        assert!(!open.allow(&peer(65_534, 65_534), 65_534), "its own user");
        assert!(!named.allow(&peer(65_534, 65_534), OWN), "named");
        assert!(!named.allow(&peer(65_534, 7), OWN), "in a named group");
        assert!(!named.allow(&peer(5, 65_534), OWN), "in that group");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_overflow_ids_are_those_of_the_system() {
        let number = |name| {
            let text = fs::read_to_string(format!("/proc/sys/kernel/{name}"));
            text.expect("it is there").trim().parse::<u32>()
        };
        let OverflowIds { uid, gid } = OverflowIds::read_from_system();
        assert_eq!(number("overflowuid"), Ok(uid));
        assert_eq!(number("overflowgid"), Ok(gid));
    }
}

//! Who may change something, of those who may connect. Looking is for all of them.

use std::fs;

use axum::http::Extensions;
use rustix::process::geteuid;

use super::audit::Peer;
use super::error::Error;

/// The users and groups whose calls may change something. Where none are named it is everybody who
/// can connect, or root and the service's own user if that is every user of the machine.
#[derive(Clone, Debug, Default)]
pub(crate) struct WriteAccess {
    pub(crate) uids: Vec<u32>,
    pub(crate) gids: Vec<u32>,
    is_open: bool,
    overflow: Overflow,
}

/// What the kernel shows for all users and groups that the user namespace of this process does not
/// have.
#[derive(Clone, Copy, Debug)]
struct Overflow {
    uid: u32,
    gid: u32,
}

impl Default for Overflow {
    /// As Linux has them. Other systems have no user namespaces, and give the number to nobody,
    /// too.
    fn default() -> Self {
        Overflow {
            uid: 65_534,
            gid: 65_534,
        }
    }
}

impl Overflow {
    fn of_this_system() -> Self {
        let read = |name| {
            let text = fs::read_to_string(format!("/proc/sys/kernel/{name}")).ok()?;
            text.trim().parse().ok()
        };
        let default = Overflow::default();
        Overflow {
            uid: read("overflowuid").unwrap_or(default.uid),
            gid: read("overflowgid").unwrap_or(default.gid),
        }
    }
}

impl WriteAccess {
    /// The same for a socket, which is open if every user of the machine can connect to it. The
    /// system is asked here, and not at a call, when there may be no file descriptor left.
    pub(crate) fn of_socket(&self, is_open: bool) -> Self {
        WriteAccess {
            is_open,
            overflow: Overflow::of_this_system(),
            ..self.clone()
        }
    }

    /// True where only root and the service's own user may change something, for nobody is named.
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

    /// Refuses a call of `peer`, if it may not change anything. Whom the kernel says nothing of, may not
    /// where others are named.
    fn check(&self, peer: &Peer) -> Result<(), Error> {
        // Asked each time: a service may give up its privileges after it has begun to serve.
        let own = geteuid().as_raw();
        if self.allow(peer, own) {
            return Ok(());
        }
        let shown = |id: Option<u32>| id.map_or_else(|| "unknown".to_owned(), |id| id.to_string());
        let whose = if self.are_restricted() {
            format!(
                "every user can connect here, and the service's code names none, so changes are for root and for \
                 user [{own}], as which it runs"
            )
        } else {
            format!(
                "changes are for users {:?} and groups {:?}",
                self.uids, self.gids
            )
        };
        let note = if peer.uid == Some(self.overflow.uid) {
            "; that user stands for every user outside of the service's user namespace, so it is nobody's"
        } else {
            ""
        };
        Err(Error::forbidden(format!(
            "{whose}; this is user [{}] of group [{}], who may look{note}",
            shown(peer.uid),
            shown(peer.gid)
        )))
    }

    /// Whether `peer` may change something in a process that runs as user `own`.
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
    fn a_user_or_a_group_that_is_named_may_and_nobody_else() {
        let (nobody, anybody) = (peer(None, None), peer(1, 2));
        let everybodys = WriteAccess::default().of_socket(false);
        assert!(everybodys.check(&nobody).is_ok() && everybodys.check(&anybody).is_ok());
        for some in [named().of_socket(false), named().of_socket(true)] {
            assert!(!some.are_restricted());
            assert!(some.check(&anybody).is_ok());
            assert!(some.check(&peer(5, 7)).is_ok());
            assert!(some.check(&peer(7, 1)).is_err());
            assert!(some.check(&nobody).is_err());
        }
    }

    #[test]
    fn where_every_user_can_connect_root_and_its_own_user_may() {
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
    fn the_overflow_user_and_group_are_nobody() {
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
        let Overflow { uid, gid } = Overflow::of_this_system();
        assert_eq!(number("overflowuid"), Ok(uid));
        assert_eq!(number("overflowgid"), Ok(gid));
    }
}

//! Who may change something, of those who may connect. Looking is for all of them.

use super::audit::Peer;
use super::error::Error;

/// The users and groups whose calls may change something; everybody's may where none are named.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changers {
    pub(crate) uids: Vec<u32>,
    pub(crate) gids: Vec<u32>,
}

impl Changers {
    /// Refuses a call of `peer`, if it may not change anything. Whom the kernel says nothing of, may not
    /// where others are named.
    pub(super) fn check(&self, peer: &Peer) -> Result<(), Error> {
        let names_none = self.uids.is_empty() && self.gids.is_empty();
        let is_user = peer.uid.is_some_and(|uid| self.uids.contains(&uid));
        let is_group = peer.gid.is_some_and(|gid| self.gids.contains(&gid));
        if names_none || is_user || is_group {
            return Ok(());
        }
        let shown = |id: Option<u32>| id.map_or_else(|| "unknown".to_owned(), |id| id.to_string());
        Err(Error::forbidden(format!(
            "changes are for users {:?} and groups {:?}; this is user [{}] of group [{}], who may look",
            self.uids,
            self.gids,
            shown(peer.uid),
            shown(peer.gid)
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_or_a_group_that_is_named_may_and_nobody_else() {
        let peer = |uid, gid| Peer {
            uid,
            gid,
            pid: None,
        };
        let (nobody, anybody) = (peer(None, None), peer(Some(1), Some(2)));
        let everybodys = Changers::default();
        assert!(everybodys.check(&nobody).is_ok() && everybodys.check(&anybody).is_ok());
        let some = Changers {
            uids: vec![1],
            gids: vec![7],
        };
        assert!(some.check(&anybody).is_ok());
        assert!(some.check(&peer(Some(5), Some(7))).is_ok());
        assert!(some.check(&peer(Some(7), Some(1))).is_err());
        assert!(some.check(&nobody).is_err());
    }
}

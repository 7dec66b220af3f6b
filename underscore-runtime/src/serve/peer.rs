//! Asking the kernel who connected. What is done with the answer is the admin API's affair.

use tokio::net::UnixStream;

use crate::admin::Peer;

/// Who is at the other end of a connection.
pub(super) fn of(socket: &UnixStream) -> Peer {
    // A connection that the kernel says nothing of is served all the same: the mode of the file let it in.
    let Ok(peer) = socket.peer_cred() else {
        return Peer::default();
    };
    // Linux says 0 of a process that this one cannot see: it is in another container.
    let pid = peer.pid().and_then(|pid| u32::try_from(pid).ok());
    Peer {
        uid: Some(peer.uid()),
        gid: Some(peer.gid()),
        pid: pid.filter(|pid| *pid != 0),
    }
}

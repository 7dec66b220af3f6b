//! The credentials of a connected client, as the kernel reports them. The admin API decides what
//! they allow.

use tokio::net::UnixStream;

use crate::admin::Peer;

/// Returns user, group and process of the client.
pub(super) fn credentials(socket: &UnixStream) -> Peer {
    // Without credentials, the connection is served all the same: the mode of the file allowed it.
    let Ok(peer) = socket.peer_cred() else {
        return Peer::default();
    };
    // Linux reports 0 for a process in a PID namespace that this one cannot see.
    let pid = peer.pid().and_then(|pid| u32::try_from(pid).ok());
    Peer {
        uid: Some(peer.uid()),
        gid: Some(peer.gid()),
        pid: pid.filter(|pid| *pid != 0),
    }
}

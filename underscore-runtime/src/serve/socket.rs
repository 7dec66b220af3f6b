//! Binding the socket: never wider than its mode, never in the way of a live server, never in place of
//! something that is not a socket.
//!
//! It is bound under a random temporary name in the same directory and renamed over the path when
//! it is ready, so nobody finds it half made. The directory is locked meanwhile: of two processes
//! that start at once, the second one finds the first one's socket live.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, ErrorKind};
#[cfg(any(target_os = "linux", target_os = "android"))]
use std::os::fd::AsRawFd;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use socket2::{Domain, SockAddr, SockRef, Socket, Type};

use crate::dir_lock;
use crate::sync::Mutex;
use crate::temporary;

/// Connections that may wait while the admin thread is busy.
const BACKLOG: i32 = 128;

/// The longest path that fits in a socket address, without its final NUL.
#[cfg(any(target_os = "linux", target_os = "android"))]
const LONGEST_PATH: usize = 107;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const LONGEST_PATH: usize = 103;

/// A socket that listens, and the file that leads to it; none if that is somebody else's to remove.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) listener: UnixListener,
    pub(super) file: Option<Arc<SocketFile>>,
    /// True if every user of the machine can connect, by the mode that its file has at the start.
    pub(super) is_open: bool,
    /// Where it listens, as it was said; empty where that is no path.
    pub(super) path: PathBuf,
}

/// The file of a socket.
#[derive(Debug)]
pub(super) struct SocketFile {
    /// From the root: the process may go to another directory.
    pub(super) path: PathBuf,
    /// The directory that it was bound in. It is not made again in any other.
    directory: DirectoryIdentity,
    /// Its mode and group when it was looked at last: whoever changed them means them to stay.
    seen: Mutex<(u32, Option<u32>)>,
    /// Which one it is; nothing once it is removed. Held while it is made again or removed.
    made: Mutex<Option<Identity>>,
}

/// How to tell a file from another that took its place. No other one can get these numbers while the socket
/// is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

/// How to tell a directory from another one in its place: after a `chroot`, below a mount, or made
/// anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct DirectoryIdentity {
    identity: Identity,
    /// A directory that is made anew may get the number of the one before.
    created: Option<SystemTime>,
}

/// What was found at the path of a socket.
#[derive(Debug)]
pub(super) enum Found {
    /// Its file.
    Ours,
    /// What somebody else put there.
    Another,
    Nothing,
    /// Nothing, in another directory than the one in which it was bound.
    Elsewhere,
    /// Nothing, so that it was made again.
    Renewed(UnixListener),
    /// It was removed, and is not wanted any more.
    Closed,
}

/// Binds a socket at `path` whose file has the permissions `mode`.
pub(super) fn bind(path: &Path, mode: u32) -> io::Result<Bound> {
    let path = with_pid(path);
    // A process whose directory is gone has no other path either.
    let from_root = std::path::absolute(&path).unwrap_or_else(|_| path.clone());
    let bound = check(&path).and_then(|()| {
        let reach = Reach::open(&path)?;
        let (listener, identity) = bind_at(&path, &reach, mode, None)?;
        Ok((listener, identity, reach.identity()?))
    });
    let (listener, identity, directory) = bound.map_err(|error| named(&path, &error))?;
    let file = SocketFile {
        path: from_root,
        directory,
        seen: Mutex::new((mode, None)),
        made: Mutex::new(Some(identity)),
    };
    Ok(Bound {
        listener,
        file: Some(Arc::new(file)),
        is_open: is_for_others(mode),
        path,
    })
}

/// Takes a socket that somebody else has bound.
pub(super) fn take(listener: UnixListener) -> io::Result<Bound> {
    let address = listener.local_addr()?;
    let path = address.as_pathname().map(Path::to_owned);
    // An abstract socket has no mode. That of a file that is gone is not known, so it counts as the
    // widest.
    let metadata = path.as_ref().and_then(|path| fs::metadata(path).ok());
    let is_open = metadata.is_none_or(|metadata| is_for_others(metadata.permissions().mode()));
    let path = path.unwrap_or_default();
    let socket = SockRef::from(&listener);
    check_listens(&socket)
        // What was inherited is neither.
        .and_then(|()| socket.set_nonblocking(true))
        .and_then(|()| socket.set_cloexec(true))
        .map_err(|error| named(&path, &error))?;
    Ok(Bound {
        listener,
        file: None,
        is_open,
        path,
    })
}

/// To connect is to write, whoever the file belongs to.
fn is_for_others(mode: u32) -> bool {
    mode & 0o002 != 0
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
fn check_listens(socket: &Socket) -> io::Result<()> {
    if socket.is_listener()? {
        return Ok(());
    }
    Err(io::Error::new(
        ErrorKind::InvalidInput,
        "the socket does not listen; hand in one that does",
    ))
}

/// Other systems do not tell.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
fn check_listens(_: &Socket) -> io::Result<()> {
    Ok(())
}

/// The error with the path in front of it.
pub(super) fn named(path: &Path, error: &io::Error) -> io::Error {
    let text = format!("admin socket {}: {error}", path.display());
    io::Error::new(error.kind(), text)
}

impl Bound {
    /// Takes back what was made.
    pub(super) fn remove(&self) {
        if let Some(file) = &self.file {
            file.remove();
        }
    }
}

fn bind_at(
    path: &Path,
    reach: &Reach,
    mode: u32,
    group: Option<u32>,
) -> io::Result<(UnixListener, Identity)> {
    let _lock = dir_lock::lock(dir_lock::parent(path))?;
    check_free(path, reach)?;
    let (temporary, listener) = temporary::create(|random| {
        // Short, for it counts in the length of the address.
        let temporary = path.with_file_name(format!(".{:08x}", random >> 32));
        let listener = listen(&reach.address(&temporary)?, mode)?;
        Ok((temporary, listener))
    })?;
    let settled = settle(&temporary, mode, group)
        .and_then(|metadata| fs::rename(&temporary, path).map(|()| Identity::of(&metadata)));
    match settled {
        Ok(identity) => Ok((listener, identity)),
        Err(error) => {
            // What was made on the way is not left behind.
            let _ = fs::remove_file(&temporary);
            Err(error)
        }
    }
}

/// The way to files of one directory whose paths may be too long for a socket address: that of the temporary name
/// is longer than a short one, and a path from the root than one from here.
struct Reach {
    directory: File,
}

impl Reach {
    fn open(path: &Path) -> io::Result<Self> {
        let directory = dir_lock::open(dir_lock::parent(path))?;
        Ok(Reach { directory })
    }

    fn identity(&self) -> io::Result<DirectoryIdentity> {
        let metadata = self.directory.metadata()?;
        Ok(DirectoryIdentity {
            identity: Identity::of(&metadata),
            created: metadata.created().ok(),
        })
    }

    /// The address of a file in the directory.
    fn address(&self, path: &Path) -> io::Result<SockAddr> {
        let short = match path.file_name() {
            Some(name) if path.as_os_str().len() > LONGEST_PATH => self.through(name),
            _ => None,
        };
        let path = short.as_deref().unwrap_or(path);
        check_length(path)?;
        SockAddr::unix(path)
    }

    /// The same file by way of the open directory, where the system has such a way.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[allow(clippy::unnecessary_wraps, reason = "other systems have none")]
    fn through(&self, name: &OsStr) -> Option<PathBuf> {
        let directory = format!("/proc/self/fd/{}", self.directory.as_raw_fd());
        Some(Path::new(&directory).join(name))
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    #[allow(clippy::unused_self, reason = "the signature of the other")]
    fn through(&self, _: &OsStr) -> Option<PathBuf> {
        None
    }
}

/// Gives a file its mode and its group, if it was not made with them.
fn settle(path: &Path, mode: u32, group: Option<u32>) -> io::Result<Metadata> {
    let found = fs::symlink_metadata(path)?;
    if group.is_some_and(|group| group != found.gid()) {
        chown(path, None, group)?;
    }
    if found.permissions().mode() & 0o777 != mode {
        fs::set_permissions(path, Permissions::from_mode(mode))?;
    }
    Ok(found)
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Identity {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }
}

impl SocketFile {
    /// Removes the file, if it is still the one that was made here.
    pub(super) fn remove(&self) {
        let mut made = self.made.lock();
        let found = fs::symlink_metadata(&self.path).ok();
        if made.is_some() && *made == found.as_ref().map(Identity::of) {
            // A file that cannot be removed is stale, and the next start deals with that.
            let _ = fs::remove_file(&self.path);
        }
        *made = None;
    }

    /// Looks whether the file is still there, and makes it again if it is not and `renew` says so.
    pub(super) fn look(&self, renew: bool) -> io::Result<Found> {
        let mut made = self.made.lock();
        if made.is_none() {
            return Ok(Found::Closed);
        }
        match fs::symlink_metadata(&self.path) {
            Ok(found) if *made == Some(Identity::of(&found)) => {
                *self.seen.lock() = (found.permissions().mode() & 0o777, Some(found.gid()));
                Ok(Found::Ours)
            }
            Ok(_) => Ok(Found::Another),
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            Err(_) if !renew => Ok(Found::Nothing),
            Err(_) => {
                let reach = Reach::open(&self.path)?;
                if reach.identity()? != self.directory {
                    return Ok(Found::Elsewhere);
                }
                let (bits, group) = *self.seen.lock();
                let (listener, renewed) = bind_at(&self.path, &reach, bits, group)?;
                *made = Some(renewed);
                Ok(Found::Renewed(listener))
            }
        }
    }
}

fn with_pid(path: &Path) -> PathBuf {
    match path.to_str() {
        Some(text) if text.contains("{pid}") => {
            PathBuf::from(text.replace("{pid}", &std::process::id().to_string()))
        }
        _ => path.to_owned(),
    }
}

fn check(path: &Path) -> io::Result<()> {
    if path.file_name().is_some() {
        return check_length(path);
    }
    Err(io::Error::new(
        ErrorKind::InvalidInput,
        "the path must name a file; add a name, as in /run/app.sock",
    ))
}

fn check_length(path: &Path) -> io::Result<()> {
    let length = path.as_os_str().len();
    if length <= LONGEST_PATH {
        return Ok(());
    }
    Err(io::Error::new(
        ErrorKind::InvalidInput,
        format!(
            "the path is too long for a Unix socket ({length} bytes of at most {LONGEST_PATH}); choose a shorter one"
        ),
    ))
}

/// Leaves a live server and everything that is not a socket alone.
fn check_free(path: &Path, reach: &Reach) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !found.file_type().is_socket() {
        return Err(io::Error::new(
            ErrorKind::AlreadyExists,
            "what is there is not a socket; remove it or choose another path",
        ));
    }
    match reach.address(path).and_then(|address| connect(&address)) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
        // A server that has no place left in its queue is a live one too.
        Err(error) if error.kind() != ErrorKind::WouldBlock => Err(io::Error::new(
            ErrorKind::AddrInUse,
            format!("a socket is there and cannot be asked whether it is in use ({error})"),
        )),
        _ => Err(io::Error::new(
            ErrorKind::AddrInUse,
            "another server answers there; stop it or choose another path, for example with {pid} in it",
        )),
    }
}

/// Connects without waiting: a server that is stopped must not stop us.
fn connect(address: &SockAddr) -> io::Result<()> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(address)
}

fn listen(address: &SockAddr, mode: u32) -> io::Result<UnixListener> {
    let socket = with_mode(Socket::new(Domain::UNIX, Type::STREAM, None)?, mode);
    socket.bind(address)?;
    // Nobody can connect before this, and by then the file may only have become narrower.
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(UnixListener::from(socket))
}

/// Gives an unbound socket the mode that its file will have.
///
/// On Linux the file is made with the socket's own mode, which the umask can only narrow; elsewhere
/// this may not be possible, and the umask is all there is until the mode is set.
fn with_mode(socket: Socket, mode: u32) -> Socket {
    // A file, for the standard library's `fchmod`.
    let file = File::from(OwnedFd::from(socket));
    let _ = file.set_permissions(Permissions::from_mode(mode));
    Socket::from(OwnedFd::from(file))
}

//! Binds the socket: its file never has a wider mode than requested, and neither a live server nor
//! a file that is not a socket is replaced.
//!
//! It is bound under a random temporary name in the same directory and renamed to the path when it
//! is ready, so that no client sees it half made. The directory is locked meanwhile: of two
//! processes that start at once, the second one finds the socket of the first one live.

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
use crate::placeholder::with_pid;
use crate::sync::Mutex;
use crate::temporary;

/// Number of connections that the kernel queues while the admin thread is busy.
const BACKLOG: i32 = 128;

/// Maximum length of a path in a socket address, without the final NUL.
#[cfg(any(target_os = "linux", target_os = "android"))]
const MAX_PATH: usize = 107;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const MAX_PATH: usize = 103;

/// A listening socket and its file.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) listener: UnixListener,
    /// `None` for a socket that was passed in: whoever bound it removes its file.
    pub(super) file: Option<Arc<SocketFile>>,
    /// True if the mode of the file allows every user of the machine to connect.
    pub(super) is_open: bool,
    /// The path as it was given, empty for a socket without a path.
    pub(super) path: PathBuf,
}

/// The file of a socket.
#[derive(Debug)]
pub(super) struct SocketFile {
    /// Absolute, because the process may change its working directory.
    pub(super) path: PathBuf,
    /// The directory that it was bound in. It is bound again in no other one.
    directory: DirectoryIdentity,
    /// Mode and group at the last check. If an operator has changed them, a rebind keeps them.
    permissions: Mutex<(u32, Option<u32>)>,
    /// `None` once the file is removed. Locked while it is bound again or removed.
    identity: Mutex<Option<Identity>>,
}

/// Tells a file from another one that has replaced it. No other file can get these numbers while
/// the socket is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

/// Tells a directory from another one at its path: after a `chroot`, below a mount, or after it was
/// removed and created again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct DirectoryIdentity {
    identity: Identity,
    /// A new directory may get the inode number of the removed one.
    created: Option<SystemTime>,
}

/// Result of a check of the socket file.
#[derive(Debug)]
pub(super) enum FileCheck {
    /// The file is the one that was bound.
    Ours,
    /// Another file is at the path.
    Replaced,
    /// No file is at the path.
    Missing,
    /// No file is at the path, and the directory is not the one that the socket was bound in.
    DirectoryReplaced,
    /// The file was missing and was bound again.
    Rebound(UnixListener),
    /// The server has removed the file.
    Removed,
}

/// Binds a socket at `path` whose file has the permissions `mode`. Replaces the file of a dead
/// server.
pub(super) fn bind(path: &Path, mode: u32) -> io::Result<Bound> {
    let path = with_pid(path);
    // Fails if the working directory was removed.
    let absolute = std::path::absolute(&path).unwrap_or_else(|_| path.clone());
    let bound = check(&path).and_then(|()| {
        let directory = SocketDirectory::open(&path)?;
        let (listener, identity) = bind_at(&path, &directory, mode, None)?;
        Ok((listener, identity, directory.identity()?))
    });
    let (listener, identity, directory) = bound.map_err(|error| named(&path, &error))?;
    let file = SocketFile {
        path: absolute,
        directory,
        permissions: Mutex::new((mode, None)),
        identity: Mutex::new(Some(identity)),
    };
    Ok(Bound {
        listener,
        file: Some(Arc::new(file)),
        is_open: is_for_others(mode),
        path,
    })
}

/// Takes over a socket that another process has bound.
pub(super) fn take(listener: UnixListener) -> io::Result<Bound> {
    let address = listener.local_addr()?;
    let path = address.as_pathname().map(Path::to_owned);
    // An abstract socket has no mode, and the mode of a deleted file is unknown: both count as
    // open.
    let metadata = path.as_ref().and_then(|path| fs::metadata(path).ok());
    let is_open = metadata.is_none_or(|metadata| is_for_others(metadata.permissions().mode()));
    let path = path.unwrap_or_default();
    let socket = SockRef::from(&listener);
    check_listens(&socket)
        // An inherited socket has neither flag.
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

/// Connecting requires write permission.
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
        "the socket does not listen; pass one that does",
    ))
}

/// Other systems do not report it.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
fn check_listens(_: &Socket) -> io::Result<()> {
    Ok(())
}

/// The same error with the path in its text.
pub(super) fn named(path: &Path, error: &io::Error) -> io::Error {
    let text = format!("admin socket {}: {error}", path.display());
    io::Error::new(error.kind(), text)
}

impl Bound {
    /// The path through which clients connect, `None` for a socket without one.
    pub(super) fn socket_path(&self) -> Option<PathBuf> {
        let file = self.file.as_ref().map(|file| file.path.clone());
        let path = file.unwrap_or_else(|| self.path.clone());
        Some(path).filter(|path| !path.as_os_str().is_empty())
    }

    /// Removes the file, if it was bound here.
    pub(super) fn remove(&self) {
        if let Some(file) = &self.file {
            file.remove();
        }
    }
}

fn bind_at(
    path: &Path,
    directory: &SocketDirectory,
    mode: u32,
    group: Option<u32>,
) -> io::Result<(UnixListener, Identity)> {
    let _lock = dir_lock::lock(dir_lock::parent(path))?;
    check_free(path, directory)?;
    let (temporary, listener) = temporary::create(|random| {
        // Short, because it counts towards the length of the address.
        let temporary = path.with_file_name(format!(".{:08x}", random >> 32));
        let listener = listen(&directory.address(&temporary)?, mode)?;
        Ok((temporary, listener))
    })?;
    let renamed = set_permissions(&temporary, mode, group)
        .and_then(|metadata| fs::rename(&temporary, path).map(|()| Identity::new(&metadata)));
    match renamed {
        Ok(identity) => Ok((listener, identity)),
        Err(error) => {
            let _ = fs::remove_file(&temporary);
            Err(error)
        }
    }
}

/// The open directory of the socket. It gives addresses to files whose path is too long for one:
/// the temporary name may be longer than the final one, and an absolute path longer than a relative
/// one.
struct SocketDirectory {
    handle: File,
}

impl SocketDirectory {
    fn open(path: &Path) -> io::Result<Self> {
        let handle = dir_lock::open(dir_lock::parent(path))?;
        Ok(SocketDirectory { handle })
    }

    fn identity(&self) -> io::Result<DirectoryIdentity> {
        let metadata = self.handle.metadata()?;
        Ok(DirectoryIdentity {
            identity: Identity::new(&metadata),
            created: metadata.created().ok(),
        })
    }

    /// The address of a file in the directory.
    fn address(&self, path: &Path) -> io::Result<SockAddr> {
        let short = match path.file_name() {
            Some(name) if path.as_os_str().len() > MAX_PATH => self.through(name),
            _ => None,
        };
        let path = short.as_deref().unwrap_or(path);
        check_length(path)?;
        SockAddr::unix(path)
    }

    /// The path of the same file through the open directory, where the system supports that.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[allow(clippy::unnecessary_wraps, reason = "`None` on other systems")]
    fn through(&self, name: &OsStr) -> Option<PathBuf> {
        let directory = format!("/proc/self/fd/{}", self.handle.as_raw_fd());
        Some(Path::new(&directory).join(name))
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    #[allow(clippy::unused_self, reason = "same signature as on Linux")]
    fn through(&self, _: &OsStr) -> Option<PathBuf> {
        None
    }
}

/// Sets mode and group of a file, if it was not created with them.
fn set_permissions(path: &Path, mode: u32, group: Option<u32>) -> io::Result<Metadata> {
    let metadata = fs::symlink_metadata(path)?;
    if group.is_some_and(|group| group != metadata.gid()) {
        chown(path, None, group)?;
    }
    if metadata.permissions().mode() & 0o777 != mode {
        fs::set_permissions(path, Permissions::from_mode(mode))?;
    }
    Ok(metadata)
}

impl Identity {
    fn new(metadata: &Metadata) -> Self {
        Identity {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }
}

impl SocketFile {
    /// Removes the file, if it is still the one that was bound.
    pub(super) fn remove(&self) {
        let mut identity = self.identity.lock();
        let found = fs::symlink_metadata(&self.path).ok();
        if identity.is_some() && *identity == found.as_ref().map(Identity::new) {
            // If that fails, the file is stale, and the next server replaces it.
            let _ = fs::remove_file(&self.path);
        }
        *identity = None;
    }

    /// Checks the file. If it is missing and `rebind` is true, the socket is bound again.
    pub(super) fn check(&self, rebind: bool) -> io::Result<FileCheck> {
        let mut identity = self.identity.lock();
        if identity.is_none() {
            return Ok(FileCheck::Removed);
        }
        match fs::symlink_metadata(&self.path) {
            Ok(found) if *identity == Some(Identity::new(&found)) => {
                let mode = found.permissions().mode() & 0o777;
                *self.permissions.lock() = (mode, Some(found.gid()));
                Ok(FileCheck::Ours)
            }
            Ok(_) => Ok(FileCheck::Replaced),
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            Err(_) if !rebind => Ok(FileCheck::Missing),
            Err(_) => {
                let directory = SocketDirectory::open(&self.path)?;
                if directory.identity()? != self.directory {
                    return Ok(FileCheck::DirectoryReplaced);
                }
                let (mode, group) = *self.permissions.lock();
                let (listener, rebound) = bind_at(&self.path, &directory, mode, group)?;
                *identity = Some(rebound);
                Ok(FileCheck::Rebound(listener))
            }
        }
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
    if length <= MAX_PATH {
        return Ok(());
    }
    Err(io::Error::new(
        ErrorKind::InvalidInput,
        format!(
            "the path is too long for a Unix socket ({length} bytes of at most {MAX_PATH}); choose \
             a shorter one"
        ),
    ))
}

/// Fails if a live server or a file that is not a socket is at `path`.
fn check_free(path: &Path, directory: &SocketDirectory) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !found.file_type().is_socket() {
        return Err(io::Error::new(
            ErrorKind::AlreadyExists,
            "the file there is not a socket; remove it or choose another path",
        ));
    }
    match directory
        .address(path)
        .and_then(|address| connect(&address))
    {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
        // `WouldBlock`: the queue of a live server is full.
        Err(error) if error.kind() != ErrorKind::WouldBlock => Err(io::Error::new(
            ErrorKind::AddrInUse,
            format!("the socket there cannot be checked for a live server ({error})"),
        )),
        _ => Err(io::Error::new(
            ErrorKind::AddrInUse,
            "another server answers there; stop it or choose another path, for example with {pid} \
             in it",
        )),
    }
}

/// Connects without blocking: a server that was stopped (SIGSTOP) must not block this one.
fn connect(address: &SockAddr) -> io::Result<()> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(address)
}

fn listen(address: &SockAddr, mode: u32) -> io::Result<UnixListener> {
    let socket = with_mode(Socket::new(Domain::UNIX, Type::STREAM, None)?, mode);
    socket.bind(address)?;
    // No client can connect before this, and until then the mode can only have become narrower.
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(UnixListener::from(socket))
}

/// Sets the mode that the file of an unbound socket will have.
///
/// On Linux, `bind` creates the file with the mode of the socket, which the umask can only narrow.
/// Elsewhere this may fail, and only the umask restricts the file until its mode is set.
fn with_mode(socket: Socket, mode: u32) -> Socket {
    // `File` has the `fchmod` of the standard library.
    let file = File::from(OwnedFd::from(socket));
    let _ = file.set_permissions(Permissions::from_mode(mode));
    Socket::from(OwnedFd::from(file))
}

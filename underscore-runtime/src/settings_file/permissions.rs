//! Checks who can change the settings file. It steers the service, so only the user of the service
//! and root may be able to. Files and directories are checked by the rules of sshd.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

/// Maximum number of symbolic links, as on Linux.
const MAX_LINKS: u32 = 40;

/// Checks an absolute path for a process of user `own`: each directory on the way, each symbolic
/// link, and the file. Returns the metadata of the file, `None` if it does not exist.
pub(super) fn check(path: &Path, own: u32) -> io::Result<Option<Metadata>> {
    let mut at = PathBuf::from("/");
    let mut found = fs::symlink_metadata(&at)?;
    // The remaining components, the next one last.
    let mut rest = parts(path);
    let mut links = 0_u32;
    check_owner(&at, &found, own)?;
    check_directory(&at, &found)?;
    while let Some(part) = rest.pop() {
        if part == ".." {
            // Its directory was checked before.
            at.pop();
            found = fs::symlink_metadata(&at)?;
            continue;
        }
        let next = at.join(part);
        found = match fs::symlink_metadata(&next) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            found => found?,
        };
        check_owner(&next, &found, own)?;
        if found.is_symlink() {
            links = links.saturating_add(1);
            if links > MAX_LINKS {
                return Err(io::Error::other("too many symbolic links lead to it"));
            }
            let target = fs::read_link(&next)?;
            if target.is_absolute() {
                at = PathBuf::from("/");
            }
            rest.extend(parts(&target));
            continue;
        }
        if found.is_file() {
            check_mode(&next, &found)?;
        } else if !rest.is_empty() {
            check_directory(&next, &found)?;
        }
        at = next;
    }
    Ok(Some(found))
}

/// The components of a path, the first one last.
fn parts(path: &Path) -> Vec<OsString> {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(_) | Component::ParentDir => Some(part.as_os_str().to_owned()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    });
    parts.rev().collect()
}

fn check_owner(path: &Path, found: &Metadata, own: u32) -> io::Result<()> {
    let owner = found.uid();
    if owner == own || owner == 0 {
        return Ok(());
    }
    let path = path.display();
    Err(io::Error::new(
        ErrorKind::PermissionDenied,
        format!(
            "{path} belongs to user {owner}, but must belong to root or to user {own}, who runs this \
             process; `chown -h {own} {path}`"
        ),
    ))
}

/// In a sticky directory, such as `/tmp`, users cannot replace files of others.
fn check_directory(path: &Path, found: &Metadata) -> io::Result<()> {
    let is_sticky = found.permissions().mode() & 0o1000 != 0;
    if is_sticky || (is_writable(found) && is_mounted_read_only(path)) {
        return Ok(());
    }
    check_mode(path, found)
}

fn check_mode(path: &Path, found: &Metadata) -> io::Result<()> {
    if !is_writable(found) {
        return Ok(());
    }
    let path = path.display();
    Err(io::Error::new(
        ErrorKind::PermissionDenied,
        format!("{path} is writable by other users than its owner; `chmod go-w {path}`"),
    ))
}

fn is_writable(found: &Metadata) -> bool {
    found.permissions().mode() & 0o022 != 0
}

/// True if the directory itself is a read-only mount point. Kubernetes mounts a `ConfigMap` in this
/// way, with mode 0777, and only the kubelet writes there. A directory below a mount point is
/// checked by its mode: if systemd shows the service a read-only `/`, other users can still write
/// to it.
fn is_mounted_read_only(path: &Path) -> bool {
    // Exists on Linux only.
    let mounts = fs::read("/proc/self/mountinfo").unwrap_or_default();
    let mounts = String::from_utf8_lossy(&mounts);
    let mut escaped = path.display().to_string().replace('\\', "\\134");
    for (plain, code) in [(' ', "\\040"), ('\t', "\\011"), ('\n', "\\012")] {
        escaped = escaped.replace(plain, code);
    }
    // If several are mounted on each other, the last one is visible.
    let options = mounts.lines().rev().find_map(|line| {
        let mut fields = line.split(' ').skip(4);
        (fields.next()? == escaped).then(|| fields.next())?
    });
    options.is_some_and(|options| options.split(',').any(|option| option == "ro"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings_file::private_directory;
    use rustix::process::geteuid;
    use std::fs::Permissions;
    use std::os::unix::fs::symlink;

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("own file");
    }

    fn refused(path: &Path) -> String {
        let error = check(path, geteuid().as_raw()).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        error.to_string()
    }

    #[test]
    fn each_directory_and_each_link_of_the_path_is_checked() {
        let directory = private_directory();
        let root = fs::canonicalize(directory.path()).expect("exists");
        let [links, state] = ["links", "state"].map(|name| root.join(name));
        for directory in [&links, &state] {
            fs::create_dir(directory).expect("made");
            set(directory, 0o755);
        }
        let (link, file) = (links.join("settings.json"), state.join("settings.json"));
        symlink("../links/./../state/settings.json", &link).expect("linked");
        let own = geteuid().as_raw();
        assert!(check(&link, own).expect("accepted").is_none());
        fs::write(&file, "{}").expect("written");
        set(&file, 0o644);
        let found = check(&link, own).expect("accepted");
        let metadata = fs::metadata(&file).expect("exists");
        assert_eq!(found.map(|found| found.ino()), Some(metadata.ino()));

        for path in [&links, &state, &file] {
            let before = fs::metadata(path).expect("exists").permissions().mode();
            for mode in [0o775, 0o757, 0o777] {
                set(path, mode);
                let cure = format!("`chmod go-w {}`", path.display());
                assert!(refused(&link).contains(&cure), "{cure} after {mode:o}");
            }
            set(path, before);
        }
        set(&links, 0o1777);
        check(&link, own).expect("sticky");
        set(&file, 0o1666);
        refused(&link);
    }

    #[test]
    fn a_cycle_of_links_is_an_error() {
        let directory = private_directory();
        let [one, two] = ["one", "two"].map(|name| directory.path().join(name));
        symlink("two", &one).expect("linked");
        symlink("one", &two).expect("linked");
        let error = check(&one, geteuid().as_raw()).expect_err("a cycle");
        assert!(error.to_string().contains("too many"), "{error}");
    }

    #[test]
    fn a_file_of_another_user_is_refused() {
        let directory = private_directory();
        let own = geteuid().as_raw();
        // Files of this user belong to another one from the view of another user. Files of root are
        // accepted for each user, so root gives the directory away.
        if own == 0 {
            std::os::unix::fs::chown(directory.path(), Some(61_234), None).expect("it is root");
        }
        let other = if own == 0 { 0 } else { own + 1 };
        let error = check(&directory.path().join("file"), other).expect_err("of another user");
        let cure = format!("`chown -h {other} ");
        assert!(error.to_string().contains(&cure), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn mounts_are_found_in_mountinfo() {
        assert!(!is_mounted_read_only(Path::new("/nowhere that/is mounted")));
        let mounts = fs::read_to_string("/proc/self/mountinfo").expect("exists");
        let options = |path: &str| {
            let mut lines = mounts.lines().rev();
            let line = lines.find(|line| line.split(' ').nth(4) == Some(path));
            line.and_then(|line| line.split(' ').nth(5))
                .map(str::to_owned)
        };
        let is_read_only = options("/proc").is_some_and(|options| options.starts_with("ro"));
        assert_eq!(is_mounted_read_only(Path::new("/proc")), is_read_only);
    }
}

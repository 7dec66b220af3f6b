//! Who could change the settings file: it steers the service, so nobody may but the user as which
//! the service runs, and root. Files and directories are judged as sshd judges its own.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

/// As many symbolic links as Linux follows.
const MOST_LINKS: u32 = 40;

/// Checks a path from the root, for a process of user `own`: each directory in which something is
/// looked up, each link on the way, and the file. Gives what the path leads to, `None` if nothing
/// is there.
pub(super) fn check(path: &Path, own: u32) -> io::Result<Option<Metadata>> {
    let mut at = PathBuf::from("/");
    let mut found = fs::symlink_metadata(&at)?;
    // What is still to be looked up, the next one at the end.
    let mut rest = parts(path);
    let mut links = 0_u32;
    check_owner(&at, &found, own)?;
    check_directory(&at, &found)?;
    while let Some(part) = rest.pop() {
        if part == ".." {
            // It was checked on the way here.
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
            if links > MOST_LINKS {
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

/// The names in a path, the first one at the end.
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
            "{path} belongs to user {owner}, and must belong to root or to user {own}, as which this process runs; \
             `chown -h {own} {path}`"
        ),
    ))
}

/// In a sticky directory, `/tmp` for one, nobody can replace what belongs to others.
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
        format!("{path} can be written by other users than its owner; `chmod go-w {path}`"),
    ))
}

fn is_writable(found: &Metadata) -> bool {
    found.permissions().mode() & 0o022 != 0
}

/// True for a directory that is itself mounted, and read-only. Kubernetes mounts a `ConfigMap` in
/// this way, with mode 0777; only whoever mounted it writes there. A directory somewhere below such
/// a mount is judged by its mode: where systemd shows a service all of `/` read-only, other users
/// of the machine can still write to it.
fn is_mounted_read_only(path: &Path) -> bool {
    // Only Linux has this file.
    let mounts = fs::read("/proc/self/mountinfo").unwrap_or_default();
    let mounts = String::from_utf8_lossy(&mounts);
    let mut escaped = path.display().to_string().replace('\\', "\\134");
    for (plain, code) in [(' ', "\\040"), ('\t', "\\011"), ('\n', "\\012")] {
        escaped = escaped.replace(plain, code);
    }
    // Of several that are mounted on each other, the last one is seen.
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
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("it is ours");
    }

    fn refused(path: &Path) -> String {
        let error = check(path, geteuid().as_raw()).expect_err("it is refused");
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        error.to_string()
    }

    #[test]
    fn each_directory_and_each_link_on_the_way_counts() {
        let directory = private_directory();
        let root = fs::canonicalize(directory.path()).expect("it is there");
        let [links, state] = ["links", "state"].map(|name| root.join(name));
        for directory in [&links, &state] {
            fs::create_dir(directory).expect("made");
            set(directory, 0o755);
        }
        let (link, file) = (links.join("settings.json"), state.join("settings.json"));
        symlink("../links/./../state/settings.json", &link).expect("linked");
        let own = geteuid().as_raw();
        assert!(check(&link, own).expect("nothing is wrong").is_none());
        fs::write(&file, "{}").expect("written");
        set(&file, 0o644);
        let found = check(&link, own).expect("nothing is wrong");
        let metadata = fs::metadata(&file).expect("it is there");
        assert_eq!(found.map(|found| found.ino()), Some(metadata.ino()));

        for path in [&links, &state, &file] {
            let before = fs::metadata(path).expect("there").permissions().mode();
            for mode in [0o775, 0o757, 0o777] {
                set(path, mode);
                let cure = format!("`chmod go-w {}`", path.display());
                assert!(refused(&link).contains(&cure), "{cure} after {mode:o}");
            }
            set(path, before);
        }
        set(&links, 0o1777);
        check(&link, own).expect("it is sticky");
        set(&file, 0o1666);
        refused(&link);
    }

    #[test]
    fn links_that_lead_to_each_other_come_to_an_end() {
        let directory = private_directory();
        let [one, two] = ["one", "two"].map(|name| directory.path().join(name));
        symlink("two", &one).expect("linked");
        symlink("one", &two).expect("linked");
        let error = check(&one, geteuid().as_raw()).expect_err("no end");
        assert!(error.to_string().contains("too many"), "{error}");
    }

    #[test]
    fn what_belongs_to_another_user_is_refused() {
        let directory = private_directory();
        let own = geteuid().as_raw();
        // For another process this one's user is another one; for root, whose files are
        // everybody's, it is not.
        if own == 0 {
            std::os::unix::fs::chown(directory.path(), Some(61_234), None).expect("it is root");
        }
        let other = if own == 0 { 0 } else { own + 1 };
        let error = check(&directory.path().join("file"), other).expect_err("not its own");
        let cure = format!("`chown -h {other} ");
        assert!(error.to_string().contains(&cure), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_mounted_is_found_in_the_list_of_the_kernel() {
        assert!(!is_mounted_read_only(Path::new("/nowhere that/is mounted")));
        let mounts = fs::read_to_string("/proc/self/mountinfo").expect("it is there");
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

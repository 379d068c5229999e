//! Is a directory on a disk of this machine? LMDB shares memory between processes, and what two machines map of one file is not the same
//! memory: a store on a network file system loses data without saying so.
//!
//! Linux tells in `/proc/self/mountinfo`; where that is not there, nothing is known and nothing is refused.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};

/// File systems that are elsewhere, or map files as if they were.
const NETWORK: [&str; 26] = [
    "9p",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "fuse.ceph",
    "fuse.davfs",
    "fuse.gcsfuse",
    "fuse.glusterfs",
    "fuse.juicefs",
    "fuse.rclone",
    "fuse.s3fs",
    "fuse.sshfs",
    "fuse.vmhgfs-fuse",
    "gfs2",
    "gpfs",
    "lustre",
    "nfs",
    "nfs4",
    "ocfs2",
    "orangefs",
    "prl_fs",
    "smb3",
    "smbfs",
    "vboxsf",
];

/// Refuses a directory that is not on a disk of this machine.
pub fn check(directory: &Path) -> Result<()> {
    let Ok(mounts) = fs::read_to_string("/proc/self/mountinfo") else { return Ok(()) };
    match of(directory, &mounts).filter(|kind| NETWORK.contains(kind)) {
        None => Ok(()),
        Some(kind) => {
            let message = format!(
                "{} is on a network file system ({kind}), where stores lose data; give a directory on a disk of this machine",
                directory.display()
            );
            Err(Error::new(Kind::Store, message))
        }
    }
}

/// The kind of file system that `directory` (absolute, without links) is on: that of the longest mount point that leads to it; of several
/// at one place, the last covers the others.
fn of<'m>(directory: &Path, mounts: &'m str) -> Option<&'m str> {
    let leading = mounts.lines().filter_map(mount).filter(|(point, _)| directory.starts_with(point));
    leading.max_by_key(|(point, _)| point.components().count()).map(|(_, kind)| kind)
}

/// The mount point and the kind of file system in a line of `proc_pid_mountinfo(5)`.
fn mount(line: &str) -> Option<(PathBuf, &str)> {
    let (place, kind) = line.split_once(" - ")?;
    Some((unescaped(place.split(' ').nth(4)?), kind.split(' ').next()?))
}

/// Spaces, tabs, line ends and backslashes are written in octal.
fn unescaped(point: &str) -> PathBuf {
    let escapes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    escapes.iter().fold(point.to_owned(), |point, (escape, meant)| point.replace(escape, meant)).into()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::of;

    const MOUNTS: &str = "\
        22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
        30 22 0:40 / /srv rw shared:2 - nfs4 server:/export rw\n\
        31 30 8:1 / /srv/disk rw - xfs /dev/sda1 rw\n\
        32 22 0:41 / /my\\040files rw master:3 - fuse.sshfs me@there:/ rw\n\
        33 22 0:42 / /covered rw - ext4 /dev/sdb rw\n\
        34 33 0:43 / /covered rw - cifs //there/share rw\n";

    #[test]
    fn the_longest_mount_point_decides_and_the_last_of_equals() {
        let found = |path: &str| of(Path::new(path), MOUNTS);
        assert_eq!(found("/home/a"), Some("ext4"));
        assert_eq!(found("/srv/a"), Some("nfs4"));
        assert_eq!(found("/srv/disk/a"), Some("xfs"));
        assert_eq!(found("/srvother"), Some("ext4"));
        assert_eq!(found("/my files/store"), Some("fuse.sshfs"));
        assert_eq!(found("/covered/store"), Some("cifs"));
        assert_eq!(of(Path::new("/a"), "nonsense\n"), None);
    }
}

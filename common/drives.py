"""Whether a folder is on a drive of this computer, where locks hold and files are not cached."""

from __future__ import annotations

from pathlib import Path

#: File systems of other computers, on which a lock may be held without anybody here knowing.
NETWORK = frozenset(
    (
        "9p",
        "afs",
        "afpfs",
        "ceph",
        "cifs",
        "coda",
        "davfs",
        "fuse.sshfs",
        "gfs2",
        "glusterfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs3",
        "nfs4",
        "ocfs2",
        "smb",
        "smb2",
        "smb3",
        "smbfs",
        "webdav",
    )
)


def drive_of(path: Path) -> str | None:
    """Return the kind of the network drive on which `path` lies; None on a local disk."""
    import psutil

    whole = str(path.resolve())
    if whole.startswith("\\\\"):
        return "a shared folder"
    best, kind = "", None
    for part in psutil.disk_partitions(all=True):
        mount = part.mountpoint.rstrip("/\\")
        inside = whole == mount or whole.startswith((mount + "/", mount + "\\"))
        # The last of several on one point is the one that is seen.
        if inside and len(part.mountpoint) >= len(best):
            remote = part.fstype.lower() in NETWORK or "remote" in part.opts.split(",")
            best, kind = part.mountpoint, part.fstype if remote else None
    return kind

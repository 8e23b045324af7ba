#!/usr/bin/python3
"""Describes a directory tree, one sorted line for each name, so that two trees are compared by diff.

A line holds: the path (escaped), type, mode, owner, mtime in ns, extended attributes, and by type the link
target, the device number, or size, SHA-256 and the first name of the same inode. Walks by directory
descriptors, since a path below a mount point may be longer than PATH_MAX.
"""
import hashlib
import os
import stat
import sys

BLOCK = 1 << 20
KINDS = {stat.S_IFDIR: "dir", stat.S_IFREG: "file", stat.S_IFLNK: "link", stat.S_IFCHR: "char",
         stat.S_IFBLK: "block", stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket"}


def escaped(raw):
    return "".join(chr(b) if 33 <= b < 127 and b != 92 else "\\x%02x" % b for b in raw)


def data_runs(fd, size):
    """The ranges that are not holes; what lies between reads as zeros."""
    position = 0
    while position < size:
        try:
            start = os.lseek(fd, position, os.SEEK_DATA)
        except OSError:
            return
        position = os.lseek(fd, start, os.SEEK_HOLE)
        yield start, position


def content_digest(fd, size):
    """SHA-256 over (offset, bytes) of every block of 4 KiB that is not all zero: holes cost nothing."""
    digest = hashlib.sha256()
    zeros = bytes(4096)
    for start, end in data_runs(fd, size):
        start -= start % 4096
        while start < end:
            data = os.pread(fd, min(BLOCK, end - start), start)
            if not data:
                raise OSError("file ends at %d, size says %d" % (start, size))
            for at in range(0, len(data), 4096):
                block = data[at:at + 4096]
                if block != zeros[:len(block)]:
                    digest.update(b"%d:" % (start + at) + block)
            start += len(data)
    return digest.hexdigest()


def attributes(target):
    """`target`: a descriptor, or a path of /proc/self/fd for what cannot be opened."""
    pairs = []
    for name in sorted(os.listxattr(target, follow_symlinks=not isinstance(target, str))):
        value = os.getxattr(target, name, follow_symlinks=not isinstance(target, str))
        pairs.append("%s=%s" % (escaped(name.encode("utf-8", "surrogateescape")), value.hex()))
    return ",".join(pairs) or "-"


class Description:
    def __init__(self):
        self.lines = []
        self.first_names = {}

    def walk(self, parent_fd, name, path):
        info = os.stat(name, dir_fd=parent_fd, follow_symlinks=False)
        kind = stat.S_IFMT(info.st_mode)
        if kind == stat.S_IFDIR:
            self.directory(parent_fd, name, path, info)
        else:
            self.leaf(parent_fd, name, path, info, kind)

    def directory(self, parent_fd, name, path, info):
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent_fd)
        try:
            self.add(path, info, stat.S_IFDIR, attributes(fd), "-")
            for entry in sorted(os.listdir(fd), key=os.fsencode):
                raw = os.fsencode(entry)
                self.walk(fd, raw, path + b"/" + raw if path else raw)
        finally:
            os.close(fd)

    def leaf(self, parent_fd, name, path, info, kind):
        detail = "-"
        # listxattr has no dir_fd; the magic link of the parent makes any depth reachable.
        xattrs = attributes("/proc/self/fd/%d/%s" % (parent_fd, os.fsdecode(name)))
        if kind == stat.S_IFLNK:
            detail = escaped(os.readlink(name, dir_fd=parent_fd))
        elif kind in (stat.S_IFCHR, stat.S_IFBLK):
            detail = "%d:%d" % (os.major(info.st_rdev), os.minor(info.st_rdev))
        elif kind == stat.S_IFREG:
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=parent_fd)
            try:
                detail = "%d %s" % (info.st_size, content_digest(fd, info.st_size))
            finally:
                os.close(fd)
        if info.st_nlink > 1:
            detail += " same-as=" + self.first_names.setdefault((info.st_dev, info.st_ino), escaped(path))
        self.add(path, info, kind, xattrs, detail)

    def add(self, path, info, kind, xattrs, detail):
        self.lines.append("%s %s %04o %d:%d %d %s %s" % (
            escaped(path) or ".", KINDS[kind], stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid,
            info.st_mtime_ns, xattrs, detail))


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: describe_tree.py DIR")
    sys.setrecursionlimit(20000)
    description = Description()
    root = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECTORY)
    description.walk(root, b".", b"")
    print("\n".join(sorted(description.lines)))


if __name__ == "__main__":
    main()

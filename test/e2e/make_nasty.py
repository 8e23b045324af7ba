#!/usr/bin/python3
"""Makes an OCI layout of everything that a filesystem image may hold and that is easily got wrong.

usage: make_nasty.py FOLDER [SPARSE_LAYER.tar]
The second argument is a layer made by GNU tar with --sparse, which Python's tarfile cannot write.
"""
import random
import struct
import sys
import tarfile

from oci_layout import Layer, Layout

# vfs_cap_data revision 2: effective, cap_net_raw
CAP_NET_RAW = struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0)


def noise(seed, length):
    return random.Random(seed).randbytes(length)


def deep_path(length):
    """A path of exactly `length` bytes, of names of 100 bytes and a shorter last one."""
    parts = []
    left = length
    while left > 201:
        parts.append("d" * 100)
        left -= 101
    parts += ["e" * (left - 101), "f" * 100]
    return "/".join(parts)


def first_layer():
    layer = Layer()
    layer.directory("./", mode=0o755, mtime=1500000000)
    for folder in ("bin", "etc", "keep", "opaque", "opaque/old", "gone", "swap-dir", "swap-dir/in", "empty"):
        layer.directory(folder, mtime=1500000001)
    layer.directory("sticky", mode=0o1777, uid=0, gid=0)
    layer.file("bin/tool", noise(1, 70001), mode=0o4755, xattrs={"security.capability": CAP_NET_RAW})
    layer.file("bin/setgid", b"#!/bin/sh\n", mode=0o2755, gid=7)
    layer.file("etc/passwd", b"root:x:0:0::/:/bin/sh\n", mode=0o600)
    layer.file("etc/replaced", b"old text")
    layer.file("etc/removed", b"removed by a whiteout")
    layer.file("keep/a", noise(2, 4096))
    layer.hard_link("keep/b", "keep/a")
    layer.hard_link("keep/c", "keep/b")
    layer.file("opaque/old/x", b"hidden by an opaque directory")
    layer.file("opaque/y", b"hidden too")
    layer.file("gone/file", b"gone with its directory")
    layer.file("swap-dir/in/deep", b"a directory that becomes a file")
    layer.file("swap-file", b"a file that becomes a directory")
    layer.symlink("swap-link", "keep")
    return layer.bytes()


def owners_and_names():
    layer = Layer()
    layer.directory("names")
    layer.file("names/" + "n" * 255, b"longest name")
    layer.file("names/sp ace\ttab\nnewline\\back", b"odd")
    layer.file("names/\udcff\udcfe", b"not utf-8")
    layer.file("names/gr\u00fc\u00dfe", b"utf-8")
    layer.file("names/empty")
    layer.file("owner", b"x", uid=4294967294, gid=65536)
    layer.file("time-old", b"x", mtime=-1000000000)
    layer.file("time-new", b"x", mtime=4294967296 + 5)
    layer.file("time-fraction", b"x", mtime=1600000000.25)
    layer.symlink("link-short", "a")
    layer.symlink("link-60", "t" * 60)
    layer.symlink("link-4000", "/".join(["u" * 99] * 40), mtime=1400000000)
    layer.file("attributes", b"x", xattrs={"user.long": b"v" * 3000,
                                           "trusted.note": b"t", "user.name": b"value"})
    layer.directory("attributes-dir", xattrs={"user.on-directory": b"1"})
    layer.device("null", tarfile.CHRTYPE, 1, 3, mode=0o666)
    layer.device("big-minor", tarfile.BLKTYPE, 259, 70000)
    layer.add("pipe", tarfile.FIFOTYPE, mode=0o640)
    return layer.bytes()


def many_and_large():
    layer = Layer()
    layer.directory("many")
    for number in range(3000):
        layer.file("many/%05d" % number, noise(number, number % 9000), mtime=1600000000 + number)
    for size in (4095, 4096, 4097, 131071, 131072, 524287, 524288, 524289, 3 * 1024 * 1024 + 17):
        layer.file("size-%d" % size, noise(size, size))
    layer.file("zeros-1m", bytes(1 << 20))
    layer.file("zeros-in-the-middle", noise(9, 300000) + bytes(900000) + noise(10, 300000))
    return layer.bytes()


def deep():
    layer = Layer()
    path = deep_path(4000)
    at = path.find("/")
    while at > 0:
        layer.directory(path[:at], mode=0o700)
        at = path.find("/", at + 1)
    layer.file(path, b"deep")
    return layer.bytes()


def last_layer():
    layer = Layer()
    layer.whiteout("etc/removed")
    layer.whiteout("gone")
    layer.whiteout("never-was")
    layer.directory("opaque", mode=0o711, mtime=1500000009)
    layer.opaque("opaque")
    layer.file("opaque/new", b"stands beside the opaque mark")
    layer.file("etc/replaced", b"new text, longer", mode=0o640, uid=9)
    layer.hard_link("etc/over-layers", "keep/a")
    layer.whiteout("keep/b")
    layer.whiteout("swap-dir")
    layer.file("swap-dir", b"now a file")
    layer.whiteout("swap-file")
    layer.directory("swap-file")
    layer.file("swap-file/inside", b"now a directory")
    layer.whiteout("swap-link")
    layer.directory("swap-link")
    layer.directory("keep", mode=0o750, mtime=1500000010, uid=3)
    return layer.bytes()


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    image = Layout(sys.argv[1])
    image.add_layer(first_layer())
    image.add_layer(owners_and_names())
    image.add_plain_layer(many_and_large())
    image.add_layer(deep())
    if len(sys.argv) == 3:
        with open(sys.argv[2], "rb") as sparse:
            image.add_plain_layer(sparse.read())
    image.add_layer(last_layer())
    image.commit({"Cmd": ["/bin/sh"]})


if __name__ == "__main__":
    main()

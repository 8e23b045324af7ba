#!/usr/bin/env python3
"""What a read from flash costs without Thaw: random 512 KiB of a file, O_DIRECT, and their SHA-256, one after the other.

bare_reads.py FILE BYTES SECONDS

Only the first BYTES of the file are read. Prints one JSON object as read_latency.py does.
"""
import hashlib
import json
import mmap
import os
import random
import sys
import time

CHUNK = 512 * 1024


def main():
    path, size, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
    buffer = mmap.mmap(-1, CHUNK)
    choice = random.Random(0)
    reads = []
    begin = time.monotonic()
    while (started := time.monotonic()) - begin < seconds:
        if os.preadv(fd, [buffer], choice.randrange(size // CHUNK) * CHUNK) != CHUNK:
            sys.exit(f"{path} is shorter than {size} bytes")
        hashlib.sha256(buffer).digest()
        reads.append((round(started - begin, 4), round((time.monotonic() - started) * 1000, 3)))
    json.dump({"reads": reads, "errors": 0}, sys.stdout)


if __name__ == "__main__":
    main()

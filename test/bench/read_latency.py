#!/usr/bin/env python3
"""Random 4 KiB reads, O_DIRECT, of the parts of a file that hold data.

read_latency.py FILE EXTENTS SECONDS READERS

EXTENTS is a file of "OFFSET LENGTH" lines, in bytes. Prints one JSON object: for each read when it began, in seconds
since the start, how long it took in milliseconds, and how many failed.
"""
import json
import mmap
import os
import random
import sys
import threading
import time

PAGE = 4096


def read_for(path, pages, seconds, begin, seed, results):
    fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
    buffer = mmap.mmap(-1, PAGE)
    choice = random.Random(seed)
    errors = 0
    reads = []
    while (started := time.monotonic()) - begin < seconds:
        try:
            if os.preadv(fd, [buffer], choice.choice(pages) * PAGE) != PAGE:
                errors += 1
        except OSError:
            errors += 1
        reads.append((round(started - begin, 4), round((time.monotonic() - started) * 1000, 3)))
    os.close(fd)
    results.append((reads, errors))


def main():
    path, extents, seconds, readers = sys.argv[1:]
    pages = []
    with open(extents, encoding="ascii") as lines:
        for offset, length in (map(int, line.split()) for line in lines):
            pages.extend(range(offset // PAGE, (offset + length) // PAGE))
    results = []
    begin = time.monotonic()
    threads = [
        threading.Thread(target=read_for, args=(path, pages, float(seconds), begin, seed, results))
        for seed in range(int(readers))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reads = sorted(read for one, _ in results for read in one)
    json.dump({"reads": reads, "errors": sum(errors for _, errors in results)}, sys.stdout)


if __name__ == "__main__":
    main()

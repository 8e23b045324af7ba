#!/usr/bin/python3
"""Makes many small OCI layouts: a common layer, and a layer of each image's own.

usage: make_variations.py FOLDER FIRST LAST
Writes FOLDER/FIRST to FOLDER/LAST. Image N is the same bytes whenever it is made.
"""
import os
import random
import sys

from oci_layout import Layer, Layout

COMMON = 1_500_000
OWN = 200_000


def noise(seed, length):
    return random.Random(seed).randbytes(length)


def common_layer():
    layer = Layer()
    layer.directory("usr")
    for part in range(5):
        layer.file(f"usr/common{part}", noise(part, COMMON // 5))
    return layer.bytes()


def main():
    folder, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    common = common_layer()
    for number in range(first, last + 1):
        own = Layer()
        own.directory("own")
        own.file("own/data", noise(1000 + number, OWN))
        own.file("own/name", f"image {number}\n".encode())
        layout = Layout(os.path.join(folder, str(number)))
        layout.add_plain_layer(common)
        layout.add_plain_layer(own.bytes())
        layout.commit()


if __name__ == "__main__":
    main()

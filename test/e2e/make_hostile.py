#!/usr/bin/python3
"""Makes OCI layouts that lie or attack, one folder each below FOLDER. usage: make_hostile.py FOLDER"""
import gzip
import hashlib
import json
import os
import sys
import tarfile

from oci_layout import LAYER, Layer, Layout


def simple_layer():
    layer = Layer()
    layer.directory("etc")
    layer.file("etc/file", b"text" * 5000)
    return layer.bytes()


def tiny(folder):
    """No attack: the smallest image there is, for tests that need many."""
    image = Layout(folder)
    image.add_layer(simple_layer())
    image.commit({"Cmd": ["/bin/sh"]})


def truncated_layer(folder):
    """The blob ends early; its digest is that of the short blob, so only the stream itself tells."""
    image = Layout(folder)
    packed = gzip.compress(os.urandom(20000) + simple_layer(), 6, mtime=0)
    image.layers.append(image.add_blob(packed[:len(packed) // 2], LAYER + "+gzip"))
    image.diff_ids.append("sha256:" + "0" * 64)
    image.commit()


def truncated_tar(folder):
    """A whole gzip stream around a tar that stops in the middle of a file."""
    layer = Layer()
    layer.file("big", os.urandom(100000))
    image = Layout(folder)
    image.add_layer(layer.bytes()[:50000])
    image.commit()


def wrong_diff_id(folder):
    image = Layout(folder)
    image.add_layer(simple_layer(), diff_id="sha256:" + "1" * 64)
    image.commit()


def altered_blob(folder):
    """A layer blob whose bytes are not what its name says."""
    image = Layout(folder)
    image.add_plain_layer(simple_layer())
    image.commit()
    path = os.path.join(folder, "blobs/sha256", image.layers[0]["digest"].split(":")[1])
    with open(path, "r+b") as blob:
        blob.seek(2000)
        blob.write(b"X")


def wrong_blob_size(folder):
    image = Layout(folder)
    image.add_layer(simple_layer())
    image.layers[0]["size"] += 1
    image.commit()


def missing_blob(folder):
    image = Layout(folder)
    image.add_layer(simple_layer())
    image.commit()
    os.remove(os.path.join(folder, "blobs/sha256", image.layers[0]["digest"].split(":")[1]))


def more_layers_than_diff_ids(folder):
    image = Layout(folder)
    image.add_layer(simple_layer())
    image.add_layer(simple_layer())
    image.diff_ids.pop()
    image.commit()


def climbing_path(folder):
    layer = Layer()
    layer.file("../../escaped", b"outside")
    image = Layout(folder)
    image.add_layer(layer.bytes())
    image.commit()


def link_to_nothing(folder):
    layer = Layer()
    layer.hard_link("b", "a-that-is-not-there")
    image = Layout(folder)
    image.add_layer(layer.bytes())
    image.commit()


def file_below_file(folder):
    layer = Layer()
    layer.file("a", b"file")
    layer.file("a/b", b"below a file")
    image = Layout(folder)
    image.add_layer(layer.bytes())
    image.commit()


def bomb_of_zeros(folder):
    """2 GiB of zeros in some 2 MB."""
    image = Layout(folder)
    layer = Layer()
    layer.file("zeros")
    tar = layer.bytes()
    header = tarfile.TarInfo("zeros")
    header.size = 2 << 30
    path = os.path.join(folder, "layer.gz")
    digest = hashlib.sha256()
    with gzip.GzipFile(path, "wb", 6, mtime=0) as out:
        for part in [header.tobuf()] + [bytes(1 << 20)] * 2048 + [tar[-1024:]]:
            digest.update(part)
            out.write(part)
    with open(path, "rb") as packed:
        image.layers.append(image.add_blob(packed.read(), LAYER + "+gzip"))
    os.remove(path)
    image.diff_ids.append("sha256:" + digest.hexdigest())
    image.commit()


def bomb_of_entries(folder):
    """More entries than the tests allow (build.max_entries is set to 10,000 there)."""
    layer = Layer()
    for number in range(12000):
        layer.file("f%d" % number)
    image = Layout(folder)
    image.add_layer(layer.bytes())
    image.commit()


def bomb_of_depth(folder):
    layer = Layer()
    layer.file("/".join(["d"] * 1500) + "/f", b"deep")
    image = Layout(folder)
    image.add_layer(layer.bytes())
    image.commit()


def bomb_of_attributes(folder):
    layer = Layer()
    for number in range(40):
        layer.file("f%d" % number, xattrs={"user.a%d" % n: b"v" * 60000 for n in range(30)})
    image = Layout(folder)
    image.add_layer(layer.bytes())
    image.commit()


def not_a_layout(folder):
    os.makedirs(folder)
    with open(os.path.join(folder, "index.json"), "w", encoding="utf-8") as out:
        out.write('{"manifests": [')


def no_such_platform(folder):
    """An index of one image for a machine that this one is not."""
    image = Layout(folder)
    image.add_layer(simple_layer())
    image.commit()
    path = os.path.join(folder, "index.json")
    with open(path, encoding="utf-8") as file:
        index = json.load(file)
    index["manifests"][0]["platform"] = {"os": "linux", "architecture": "s390x"}
    nested = image.add_blob(json.dumps(dict(index, mediaType="application/vnd.oci.image.index.v1+json")).encode(),
                            "application/vnd.oci.image.index.v1+json")
    image.write("index.json", {"schemaVersion": 2, "manifests": [nested]})


MAKERS = [tiny, truncated_layer, truncated_tar, wrong_diff_id, altered_blob, wrong_blob_size, missing_blob,
          more_layers_than_diff_ids, climbing_path, link_to_nothing, file_below_file, bomb_of_zeros, bomb_of_entries,
          bomb_of_depth, bomb_of_attributes, not_a_layout, no_such_platform]

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for maker in MAKERS:
        maker(os.path.join(sys.argv[1], maker.__name__.replace("_", "-")))

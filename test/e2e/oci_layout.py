"""Writes OCI image layouts (github.com/opencontainers/image-spec) entry by entry, also ones that lie."""
import gzip
import hashlib
import io
import json
import os
import tarfile

LAYER = "application/vnd.oci.image.layer.v1.tar"


class Layer:
    """One tar in the making. Every entry has a fixed owner and time unless told otherwise."""

    def __init__(self):
        self.stream = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.stream, mode="w", format=tarfile.PAX_FORMAT,
                                encoding="utf-8", errors="surrogateescape")

    def add(self, name, kind, data=b"", xattrs=None, **fields):
        entry = tarfile.TarInfo(name)
        entry.type = kind
        entry.mtime = fields.pop("mtime", 1600000000)
        entry.mode = fields.pop("mode", 0o755 if kind == tarfile.DIRTYPE else 0o644)
        entry.size = len(data)
        for field, value in fields.items():
            setattr(entry, field, value)
        for key, value in (xattrs or {}).items():
            entry.pax_headers["SCHILY.xattr." + key] = value.decode("utf-8", "surrogateescape")
        self.tar.addfile(entry, io.BytesIO(data))

    def directory(self, name, **fields):
        self.add(name, tarfile.DIRTYPE, **fields)

    def file(self, name, data=b"", **fields):
        self.add(name, tarfile.REGTYPE, data, **fields)

    def symlink(self, name, target, **fields):
        self.add(name, tarfile.SYMTYPE, linkname=target, mode=0o777, **fields)

    def hard_link(self, name, target):
        self.add(name, tarfile.LNKTYPE, linkname=target)

    def device(self, name, kind, major, minor, **fields):
        self.add(name, kind, devmajor=major, devminor=minor, **fields)

    def whiteout(self, name):
        folder, base = os.path.split(name)
        self.file(os.path.join(folder, ".wh." + base))

    def opaque(self, folder):
        self.file(os.path.join(folder, ".wh..wh..opq"))

    def bytes(self):
        self.tar.close()
        return self.stream.getvalue()


class Layout:
    """A folder in OCI layout. add_* return descriptors; commit writes config, manifest and index."""

    def __init__(self, folder):
        self.folder = folder
        self.layers = []
        self.diff_ids = []
        os.makedirs(os.path.join(folder, "blobs/sha256"))

    def add_blob(self, data, media_type):
        name = hashlib.sha256(data).hexdigest()
        with open(os.path.join(self.folder, "blobs/sha256", name), "wb") as out:
            out.write(data)
        return {"mediaType": media_type, "digest": "sha256:" + name, "size": len(data)}

    def add_layer(self, tar, diff_id=None):
        packed = gzip.compress(tar, 6, mtime=0)
        self.layers.append(self.add_blob(packed, LAYER + "+gzip"))
        self.diff_ids.append(diff_id or "sha256:" + hashlib.sha256(tar).hexdigest())

    def add_plain_layer(self, tar):
        self.layers.append(self.add_blob(tar, LAYER))
        self.diff_ids.append("sha256:" + hashlib.sha256(tar).hexdigest())

    def commit(self, config=None, tag="latest"):
        image = {"architecture": "amd64", "os": "linux", "config": config or {},
                 "rootfs": {"type": "layers", "diff_ids": self.diff_ids}}
        manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                    "config": self.add_blob(json.dumps(image).encode(), "application/vnd.oci.image.config.v1+json"),
                    "layers": self.layers}
        entry = self.add_blob(json.dumps(manifest).encode(), manifest["mediaType"])
        entry["annotations"] = {"org.opencontainers.image.ref.name": tag}
        self.write("index.json", {"schemaVersion": 2, "manifests": [entry]})
        self.write("oci-layout", {"imageLayoutVersion": "1.0.0"})

    def write(self, name, value):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as out:
            json.dump(value, out)

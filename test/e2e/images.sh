#!/usr/bin/env bash
# images.sh FOLDER: makes what the end-to-end tests read, once a run: a real Debian system as an OCI layout, a
# layout of all that is nasty, a layout with a sparse file, and a store in which the first two are built.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$1"

export SOURCE_DATE_EPOCH=1700000000 PYTHONDONTWRITEBYTECODE=1
mmdebstrap --quiet --variant=minbase --include=python3-minimal bookworm rootfs.tar
umoci init --layout debian
umoci new --image debian:latest
umoci raw add-layer --image debian:latest rootfs.tar
umoci config --image debian:latest --config.cmd /bin/bash --config.workingdir /usr/share \
  --config.env PATH=/usr/sbin:/usr/bin:/sbin:/bin --config.env FROM_IMAGE=yes
rm rootfs.tar

/usr/bin/python3 "$here/make_nasty.py" nasty
/usr/bin/python3 "$here/make_hostile.py" hostile

mkdir sparse.d
truncate -s 5G sparse.d/sparse
printf begin | dd of=sparse.d/sparse conv=notrunc status=none
printf middle | dd of=sparse.d/sparse bs=1 seek=4500000001 conv=notrunc status=none
truncate -s 3M sparse.d/all-hole
touch -d @1600000000 sparse.d/* sparse.d
tar --sparse --format=pax -C sparse.d -cf sparse.tar .
/usr/bin/python3 - "$here" <<'PYTHON'
import sys
sys.path.insert(0, sys.argv[1])
from oci_layout import Layout
image = Layout("sparse")
image.add_plain_layer(open("sparse.tar", "rb").read())
image.commit()
PYTHON
rm sparse.tar
/usr/bin/python3 "$here/describe_tree.py" sparse.d >sparse.txt
rm -r sparse.d

# What an unrelated program makes of the same images: the truth that mounts are compared with.
for image in debian nasty; do
  umoci unpack --image "$image:latest" "$image.unpacked"
  /usr/bin/python3 "$here/describe_tree.py" "$image.unpacked/rootfs" >"$image.txt"
  rm -rf "$image.unpacked"
done

jq -n --arg t "$PWD" '{store: {url: ("file://" + $t + "/store")}, keys: {url: ("file://" + $t + "/keys")},
  run_dir: ($t + "/run"), state_dir: ($t + "/state"), build: {spool_dir: $t}}' >thaw.json
thaw --config "$PWD/thaw.json" build "oci:debian:latest" debian:1
thaw --config "$PWD/thaw.json" build "oci:nasty:latest" nasty:1
touch complete

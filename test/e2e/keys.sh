# What the tests of keys share: small images, builders with a configuration of their own, and a key service that goes
# away. Sourced.

# small_image DIR TEXT: a layout $T/DIR with one file "content" of that line.
small_image() {
  /usr/bin/python3 - "$here" "$T/$1" "$2" <<'PYTHON'
import io, sys, tarfile
sys.path.insert(0, sys.argv[1])
from oci_layout import Layout
layer = io.BytesIO()
with tarfile.open(fileobj=layer, mode="w", format=tarfile.PAX_FORMAT) as tar:
    content = (sys.argv[3] + "\n").encode()
    entry = tarfile.TarInfo("content")
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))
image = Layout(sys.argv[2])
image.add_plain_layer(layer.getvalue())
image.commit()
PYTHON
}

builder() { thaw --config "$T/builder.json" "$@"; }

# A worker trusts whom its configuration names.
trust_the_builder() {
  builder keys list --json | jq .builders >"$T/builders.json"
  change_config --slurpfile b "$T/builders.json" '.trust.builders = $b[0]'
}

nothing_mounted() { [ -z "$(mounts_below "$T/run/mnt")" ]; }
another_worker() {
  local now
  now=$(worker_pid) && [ "$now" != "$1" ] && daemon_answers
}

# a_service_that_is_away_delays_new_mounts NAME TAKE_AWAY BRING_BACK: the key service that errors call NAME, and the
# functions that do so.
a_service_that_is_away_delays_new_mounts() {
  local worker
  small_image web web
  builder build oci:"$IMAGES/nasty:latest" nasty:1
  builder build oci:"$T/web" web:1
  trust_the_builder
  start_daemon
  mkdir "$T/mnt" "$T/web.mnt"
  thaw mount nasty:1 "$T/mnt"
  "$2"
  echo 3 >/proc/sys/vm/drop_caches
  same_tree "$IMAGES/nasty.txt" "$T/mnt"
  expect_error 5 "web:1.*$1" thaw mount web:1 "$T/web.mnt"

  # What was mounted a while ago is mounted again without it.
  thaw umount "$T/mnt"
  wait_for 10 nothing_mounted || fail "the image lingers"
  thaw mount nasty:1 "$T/mnt"

  # A worker that dies comes back without a key service, and so does what it served.
  worker=$(worker_pid)
  kill -9 "$worker"
  wait_for 10 another_worker "$worker" || fail "no other worker: $(tail -n 3 "$T/thawd.log")"
  echo 3 >/proc/sys/vm/drop_caches
  same_tree "$IMAGES/nasty.txt" "$T/mnt"
  worker=$(worker_pid)
  expect_error 5 "web:1.*$1" thaw mount web:1 "$T/web.mnt"
  equal "$(worker_pid)" "$worker" "the worker"

  "$3"
  thaw mount web:1 "$T/web.mnt"
  equal "$(cat "$T/web.mnt/content")" web
  equal "$(worker_pid)" "$worker" "the worker"
  thaw umount "$T/web.mnt"
  thaw umount "$T/mnt"
  stop_daemon
}

# splice ENVELOPE OTHER: OTHER's wrapped key in ENVELOPE, whose signature and checksum are right.
splice() {
  /usr/bin/python3 - "$1" "$2" <<'PYTHON'
import hashlib, struct, sys
def parts(path):
    data = open(path, "rb").read()[:-32]
    at = 12
    for _ in range(2):
        begin = at
        at += 2 + struct.unpack_from("<H", data, at)[0]
    return data[:begin], data[begin:at], data[at:]
head, _, tail = parts(sys.argv[1])
whole = head + parts(sys.argv[2])[1] + tail
open(sys.argv[1], "wb").write(whole + hashlib.sha256(whole).digest())
PYTHON
}

# Reads of the block file and of the loop device on it, held against a FUSE file that replies from memory through the
# same session code and settings (test/bench/null_fuse.cc).

reads_bytes=$((512 * 1024 * 1024))
null_pid=
null_loop=

# One file of random bytes: every chunk of it is data, in one run on the device.
random_image() {
  mkdir -p "$WORK/random.d"
  head -c $reads_bytes /dev/urandom >"$WORK/random.d/random"
  tar -C "$WORK/random.d" -cf "$WORK/random.tar" random
  rm -r "$WORK/random.d"
  umoci init --layout "$WORK/random"
  umoci new --image "$WORK/random:latest"
  umoci raw add-layer --image "$WORK/random:latest" "$WORK/random.tar"
  rm "$WORK/random.tar"
}

start_null() {  # start_null BYTES
  mkdir -p "$WORK/null"
  # As many readers as thawd has.
  null_fuse "$WORK/null" "$1" "$(($(nproc) > 2 ? $(nproc) : 2))" >>"$WORK/null.log" 2>&1 &
  null_pid=$!
  wait_for 10 test -e "$WORK/null/null" || die "the null FUSE file did not appear: $(tail -n 3 "$WORK/null.log")"
}
take_null_away() {
  [ -z "$null_loop" ] || losetup -d "$null_loop" 2>/dev/null || true
  null_loop=
  [ -n "$null_pid" ] || return 0
  kill -TERM "$null_pid" 2>/dev/null || true
  wait "$null_pid" 2>/dev/null || true
  null_pid=
}

# random_reads FILE OFFSET LENGTH: 4 KiB reads a second, O_DIRECT, 32 in flight.
random_reads() {
  fio --name=reads --filename="$1" --readonly --rw=randread --bs=4k --direct=1 --ioengine=libaio --iodepth=32 \
    --offset="$2" --size="$3" --time_based --runtime=5 --ramp_time=1 --output-format=json |
    jq '.jobs[0].read.iops | floor'
}

# extents_of FILE: where its bytes lie on the device, "OFFSET LENGTH" a line, in the file's order. What lies between
# is zeros, which cost a reader nothing: a measurement reads inside these only.
extents_of() {
  filefrag -b4096 -v "$1" | awk '$1 ~ /^[0-9]+:$/ {gsub(/[.:]/, " "); printf "%.0f %.0f\n", $4 * 4096, $6 * 4096}'
}

# sequential_mib DEVICE EXTENTS: MiB a second of one reader after the other, buffered, nothing of the device in the
# page cache.
sequential_mib() {
  local start offset length bytes=0
  blockdev --flushbufs "$1"
  start=$(now)
  while read -r offset length; do
    dd if="$1" of=/dev/null bs=1M iflag=skip_bytes,count_bytes skip="$offset" count="$length" status=none
    bytes=$((bytes + length))
  done <<<"$2"
  [ "$bytes" = $reads_bytes ] || die "read $bytes bytes of $reads_bytes"
  calc "$bytes / 1048576 / ($(now) - $start)" 0
}

bench_reads() {
  section "Reads" "An image of 512 MiB of random bytes; the null file has the size of its device. Random: fio, 4 KiB, O_DIRECT, depth 32,
on the FUSE file, everything in Thaw's memory tier. Sequential: one reader through the loop device, Thaw's caches empty,
the store's files in the page cache; both loop devices with direct I/O, 4 KiB blocks and the same read-ahead. In turn,
five times each; the best of each, since a virtual machine's host may have to give memory first, and it is chance whom
that hits. Chunks verified: SHA-256 and page sums, two chunks at a time on all cores at once and nothing else; nothing that is
verified can be faster."
  local extents file device loop round ours=() null=() read_ahead
  random_image
  place reads
  seconds thaw build "oci:$WORK/random:latest" random:1 >/dev/null
  rm -rf "$WORK/random"
  mkdir -p "$WORK/mnt"
  start_null "$(thaw inspect random:1 --json | jq .device_bytes)"
  for round in 1 2 3 4 5; do
    start_daemon
    thaw mount random:1 "$WORK/mnt" --json >"$WORK/mount.json"
    file=$(jq -r .file "$WORK/mount.json")
    device=$(jq -r .device "$WORK/mount.json")
    extents=$(extents_of "$WORK/mnt/random")
    find "$WORK/reads/store" -type f -exec cat {} + >/dev/null
    read_ahead=$(blockdev --getra "$device")
    ours+=("$(sequential_mib "$device" "$extents")")
    null_loop=$(losetup --show -f -r --direct-io=on --sector-size 4096 "$WORK/null/null")
    blockdev --setra "$read_ahead" "$null_loop"
    for loop in "$device" "$null_loop"; do
      [ "$(losetup -n -O DIO "$loop" | tr -d ' ')" = 1 ] || die "$loop has no direct I/O"
    done
    null+=("$(sequential_mib "$null_loop" "$extents")")
    losetup -d "$null_loop"
    null_loop=
    if [ $round = 5 ]; then
      random_limit "$file" "$(sort -k2,2n <<<"$extents" | tail -n 1)"
    fi
    thaw umount "$WORK/mnt" >/dev/null
    stop_daemon
  done
  take_null_away
  local our_best null_best one two of_one
  our_best=$(best "${ours[@]}")
  null_best=$(best "${null[@]}")
  read -r one two of_one <<<"$(chunk_hashes)"
  row "cold sequential, Thaw" "$our_best MiB/s"
  row "sequential, null file" "$null_best MiB/s"
  row "chunks verified by one core, one at a time" "$one MiB/s"
  row "chunks verified by one core, two at a time" "$two MiB/s"
  limit "reads: time to verify chunks two at a time / one at a time" "$of_one" "<=" 0.75
  limit "reads: cold sequential through a loop device / null" "$(calc "$our_best / $null_best")" ">=" 0.5
  # The least work there is: the null file's, and one hash of each byte.
  row "cold sequential / null file, then the hash" "$(calc "$our_best * (1 / $null_best + 1 / ($two * $(nproc)))")"
}

random_limit() {  # random_limit FILE "OFFSET LENGTH": in that part, which is read into the memory tier first
  local round ours=() null=() offset length
  read -r offset length <<<"$2"
  dd if="$1" of=/dev/null bs=1M iflag=skip_bytes,count_bytes skip="$offset" count="$length" status=none
  for round in 1 2 3; do
    ours+=("$(random_reads "$1" "$offset" "$length")")
    null+=("$(random_reads "$WORK/null/null" "$offset" "$length")")
  done
  row "4 KiB random, Thaw" "$(middle "${ours[@]}") reads/s"
  row "4 KiB random, null file" "$(middle "${null[@]}") reads/s"
  limit "reads: 4 KiB random / null" "$(calc "$(middle "${ours[@]}") / $(middle "${null[@]}")")" ">=" 0.8
}

# hash_mib: MiB of chunks a second that OpenSSL hashes on all cores.
hash_mib() {
  openssl speed -multi "$(nproc)" -evp sha256 -bytes 524288 -seconds 3 -mr 2>/dev/null |
    awk -F: '/^\+F:/ && $3 ~ /SHA|sha/ {print int($4 / 1048576)}'
}

best() { printf '%s\n' "$@" | sort -n | tail -n 1; }
middle() { printf '%s\n' "$@" | sort -n | sed -n 2p; }

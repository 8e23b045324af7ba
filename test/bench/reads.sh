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

start_null() {
  mkdir -p "$WORK/null"
  # As many readers as thawd has.
  null_fuse "$WORK/null" $reads_bytes "$(($(nproc) > 4 ? $(nproc) : 4))" >>"$WORK/null.log" 2>&1 &
  null_pid=$!
  local tries
  for tries in $(seq 100); do
    [ -e "$WORK/null/null" ] && return
    sleep 0.1
  done
  die "the null FUSE file did not appear: $(tail -n 3 "$WORK/null.log")"
}
take_null_away() {
  [ -z "$null_loop" ] || losetup -d "$null_loop" 2>/dev/null || true
  null_loop=
  [ -n "$null_pid" ] || return 0
  kill -TERM "$null_pid" 2>/dev/null || true
  wait "$null_pid" 2>/dev/null || true
  null_pid=
}

# random_reads FILE OFFSET: 4 KiB reads a second, O_DIRECT, 32 in flight.
random_reads() {
  fio --name=reads --filename="$1" --readonly --rw=randread --bs=4k --direct=1 --ioengine=libaio --iodepth=32 \
    --offset="$2" --size=$reads_bytes --time_based --runtime=5 --ramp_time=1 --output-format=json |
    jq '.jobs[0].read.iops | floor'
}

# sequential_mib DEVICE OFFSET: MiB a second of one reader, buffered, nothing of the device in the page cache.
sequential_mib() {
  local start
  blockdev --flushbufs "$1"
  start=$(now)
  dd if="$1" of=/dev/null bs=1M iflag=skip_bytes,count_bytes skip="$2" count=$reads_bytes status=none
  calc "$reads_bytes / 1048576 / ($(now) - $start)" 0
}

bench_reads() {
  section "Reads" "An image of 512 MiB of random bytes; the null file has the same size. Random: fio, 4 KiB, O_DIRECT, depth 32,
on the FUSE file, everything in Thaw's memory tier. Sequential: one reader through the loop device, Thaw's caches empty,
the store's files in the page cache; both loop devices with direct I/O, 4 KiB blocks and the same read-ahead. In turn,
three times each; the medians."
  local offset file device loop round ours=() null=() read_ahead
  random_image
  place reads
  seconds thaw build "oci:$WORK/random:latest" random:1 >/dev/null
  rm -rf "$WORK/random"
  mkdir -p "$WORK/mnt"
  start_null
  for round in 1 2 3; do
    start_daemon
    thaw mount random:1 "$WORK/mnt" --json >"$WORK/mount.json"
    file=$(jq -r .file "$WORK/mount.json")
    device=$(jq -r .device "$WORK/mount.json")
    # The physical block of the file's first byte: it lies in one piece.
    offset=$(filefrag -b4096 -v "$WORK/mnt/random" | awk '$1 == "0:" {sub(/\.\.$/, "", $4); print $4 * 4096}')
    find "$WORK/reads/store" -type f -exec cat {} + >/dev/null
    read_ahead=$(blockdev --getra "$device")
    ours+=("$(sequential_mib "$device" "$offset")")
    null_loop=$(losetup --show -f -r --direct-io=on --sector-size 4096 "$WORK/null/null")
    blockdev --setra "$read_ahead" "$null_loop"
    for loop in "$device" "$null_loop"; do
      [ "$(losetup -n -O DIO "$loop" | tr -d ' ')" = 1 ] || die "$loop has no direct I/O"
    done
    null+=("$(sequential_mib "$null_loop" 0)")
    losetup -d "$null_loop"
    null_loop=
    if [ $round = 3 ]; then
      dd if="$file" of=/dev/null bs=1M iflag=skip_bytes,count_bytes skip="$offset" count=$reads_bytes status=none
      random_limit "$file" "$offset"
    fi
    thaw umount "$WORK/mnt" >/dev/null
    stop_daemon
  done
  take_null_away
  row "cold sequential, Thaw" "$(middle "${ours[@]}") MiB/s"
  row "sequential, null file" "$(middle "${null[@]}") MiB/s"
  limit "reads: cold sequential through a loop device / null" \
    "$(calc "$(middle "${ours[@]}") / $(middle "${null[@]}")")" ">=" 0.5
}

random_limit() {  # random_limit FILE OFFSET
  local round ours=() null=()
  for round in 1 2 3; do
    ours+=("$(random_reads "$1" "$2")")
    null+=("$(random_reads "$WORK/null/null" 0)")
  done
  row "4 KiB random, Thaw" "$(middle "${ours[@]}") reads/s"
  row "4 KiB random, null file" "$(middle "${null[@]}") reads/s"
  limit "reads: 4 KiB random / null" "$(calc "$(middle "${ours[@]}") / $(middle "${null[@]}")")" ">=" 0.8
}

middle() { printf '%s\n' "$@" | sort -n | sed -n 2p; }

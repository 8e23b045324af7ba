# A store that is far, slow or away, under load. All read from a real S3 server (test/e2e/rgw.sh) through
# test/fault/store_proxy.py.

# p99 FILE FROM TO: of the reads in FILE (read_latency.py) that began in these seconds, in ms.
p99() {
  jq "[.reads[] | select(.[0] >= $2 and .[0] < $3) | .[1]] | sort | .[(length * 0.99 | floor)]" "$1"
}

# put_blob DIR FILE: moves a file into an OCI layout; prints its descriptor.
put_blob() {
  local digest
  digest=$(sha256sum "$2" | cut -d ' ' -f 1)
  jq -nc --arg digest "sha256:$digest" --argjson size "$(stat -c %s "$2")" '{digest: $digest, size: $size}'
  mv "$2" "$1/blobs/sha256/$digest"
}

# load_image NAME MIB: an image of one file of so many MiB of random bytes, in the bucket. By hand, since umoci
# compresses what cannot be compressed. WORK/NAME.peak has the build's memory in KiB.
load_image() {
  local layout=$WORK/$1.oci type=application/vnd.oci.image layer
  mkdir -p "$WORK/$1.d" "$layout/blobs/sha256"
  head -c $(($2 << 20)) /dev/urandom >"$WORK/$1.d/random"
  tar -C "$WORK/$1.d" -cf "$layout/new" random
  rm -r "$WORK/$1.d"
  layer=$(put_blob "$layout" "$layout/new")
  jq -nc --argjson layer "$layer" \
    '{architecture: "amd64", os: "linux", rootfs: {type: "layers", diff_ids: [$layer.digest]}}' >"$layout/new"
  jq -nc --arg type "$type" --argjson layer "$layer" --argjson config "$(put_blob "$layout" "$layout/new")" \
    '{schemaVersion: 2, config: ($config + {mediaType: ($type + ".config.v1+json")}),
      layers: [$layer + {mediaType: ($type + ".layer.v1.tar")}]}' >"$layout/new.json"
  jq -nc --arg type "$type" --argjson manifest "$(put_blob "$layout" "$layout/new.json")" \
    '{schemaVersion: 2, manifests: [$manifest + {mediaType: ($type + ".manifest.v1+json")}]}' >"$layout/index.json"
  echo '{"imageLayoutVersion": "1.0.0"}' >"$layout/oci-layout"
  seconds "$here/../peak_memory.py" "$WORK/$1.peak" thaw build "oci:$layout" "$1:1" >/dev/null
  rm -rf "$layout"
}

declare -A FILE DEVICE

# load_mount NAME [OPTIONS]: sets FILE[NAME] and DEVICE[NAME]; what of it holds data is in WORK/NAME.extents.
load_mount() {
  mkdir -p "$WORK/mnt/$1"
  thaw mount "$1:1" "$WORK/mnt/$1" "${@:2}" --json >"$WORK/mount.json"
  FILE[$1]=$(jq -r .file "$WORK/mount.json")
  DEVICE[$1]=$(jq -r .device "$WORK/mount.json")
  extents_of "$WORK/mnt/$1/random" >"$WORK/$1.extents"
}

# begin_load MIB: an S3 server with images a, of so many MiB, and b, of 256.
begin_load() {
  start_s3
  place load ".store.url = \"s3://images/load\" | .s3.endpoint = \"$S3_ENDPOINT\""
  load_image a "$1"
  load_image b 256
}

# far_daemon DELAY [JQ]: a proxy that makes the store so far away, and a daemon that has nothing yet.
far_daemon() {
  start_proxy --delay "$1"
  place load ".store.url = \"s3://images/load\" | .s3.endpoint = \"$PROXY\" | .memory.size = \"64MiB\" |
    .prefetch.replay = false | ${2:-.}"
  start_daemon
}
end_far_daemon() {
  stop_daemon
  stop_proxy
}

# latencies IMAGE SECONDS READERS OUT
latencies() { "$here/read_latency.py" "${FILE[$1]}" "$WORK/$1.extents" "$2" "$3" >"$4"; }

bench_far() {
  section "Far" "One reader through the loop device, cold, from an S3 server behind a proxy that adds 200 ms to each request. What 1 Gbit/s
carries in 200 ms is 47.7 chunks of 512 KiB: so many requests fill such a line."
  local start offset length bytes=0 rate worth
  begin_load 512
  far_daemon 200ms '.memory.size = "512MiB"'
  load_mount a
  start=$(now)
  while read -r offset length; do
    dd if="${DEVICE[a]}" of=/dev/null bs=1M iflag=skip_bytes,count_bytes skip="$offset" count="$length" status=none
    bytes=$((bytes + length))
  done <"$WORK/a.extents"
  rate=$(calc "$bytes * 8 / 1000000000 / ($(now) - $start)")
  end_far_daemon
  take_s3_away
  worth=$(calc "1000000000 / 8 * 0.2 / 524288")
  row "requests at one time: most, mean" "$(jq -r '"\(.peak), \(.mean)"' "$WORK/proxy.json")"
  row "read, as this server and proxy took it" "$rate Gbit/s"
  limit "far: requests at one time / what fills 1 Gbit/s" "$(calc "$(jq .peak "$WORK/proxy.json") / $worth")" ">=" 1
}

bench_outage() {
  section "Outage" "16 readers of random 4 KiB, most of which are not in memory; after 10 s the S3 server is killed, and started again 60 s
later. p99 of the reads of 10 s before it, and of the reads that began from 10 to 20 s after it."
  local reader before after
  begin_load 512
  far_daemon 5ms
  load_mount a --outage=wait
  latencies a 100 16 "$WORK/outage.json" &
  reader=$!
  sleep 10
  stop_gateway
  sleep 60
  start_gateway
  after=$SECONDS
  wait "$reader" || die "the reads failed"
  after=$((100 - (SECONDS - after)))
  end_far_daemon
  take_s3_away
  before=$(p99 "$WORK/outage.json" 0 9)
  after=$(p99 "$WORK/outage.json" $((after + 10)) $((after + 20)))
  row "p99 before, and 10 s after the outage" "$before ms, $after ms"
  limit "outage: reads that failed" "$(jq .errors "$WORK/outage.json")" "<=" 0
  limit "outage: p99 10 s after it / before it" "$(calc "$after / $before")" "<=" 1.5
  limit "outage: requests at one time" "$(jq .peak "$WORK/proxy.json")" "<=" 64
}

# heavy SECONDS: image a is read at random, whole chunks at depth 128, by process $heavy. Through its mount: between the
# extents of the device there are zeros, which cost nothing.
heavy() {
  fio --name=load --filename="$WORK/mnt/a/random" --readonly --rw=randread --bs=512k --direct=1 --ioengine=libaio --iodepth=128 \
    --time_based --runtime="$1" --output-format=json >"$WORK/fio.json" &
  heavy=$!
  sleep 3
}

# beside WHAT: NEIGHBOUR is the p99 of reads of image b while image a is read, in times of that of alone.json. Where there
# is a bare-alone.json, bare-beside.json is measured as well.
beside() {
  local before after
  heavy 26
  latencies b 10 1 "$WORK/beside.json"
  [ ! -e "$WORK/bare-alone.json" ] || bare_reads "$WORK/bare-beside.json"
  wait "$heavy" || die "the reads of image a failed"
  before=$(p99 "$WORK/alone.json" 0 99)
  after=$(p99 "$WORK/beside.json" 0 99)
  row "$1: p99 alone, and beside image a" "$before ms, $after ms"
  row "$1: reads of image a, 512 KiB" "$(jq '.jobs[0].read.iops | floor' "$WORK/fio.json") a second"
  NEIGHBOUR=$(calc "$after / $before")
}

bare_reads() { "$here/bare_reads.py" "$WORK/load/flash" $((256 << 20)) 10 >"$1"; }

bench_fair() {
  local offset length before after
  section "Fair" "One reader of random 4 KiB of image b (256 MiB; memory.size is 64MiB), alone and while image a (3 GiB, which
stays cold for as long) is read at random at depth 128 by whole chunks. Each request to the store takes 300 ms. Once image b
comes from the store, once from flash. Server and proxy, which would be other machines, run with the priority SCHED_IDLE;
readers and daemon share the cores: what that does to a read that is not Thaw's at all stands beside it."
  begin_load 3072
  limit "memory of the build of a 3 GiB image / 512 MiB" "$(calc "$(cat "$WORK/a.peak") / 524288")" "<=" 1
  far_daemon 300ms
  let_s3_stand_back
  load_mount a
  load_mount b
  latencies b 15 1 "$WORK/alone.json"
  beside "from the store"
  limit "fair: p99 of reads from the store beside a heavy reader / alone" "$NEIGHBOUR" "<=" 3
  end_far_daemon
  far_daemon 300ms ".flash.path = \"$WORK/load/flash\" | .flash.size = \"4GiB\""
  let_s3_stand_back
  load_mount a
  load_mount b
  # Every chunk of b comes by, lies on flash a second later, and is not overwritten by what image a brings.
  while read -r offset length; do
    dd if="${DEVICE[b]}" of=/dev/null bs=1M iflag=skip_bytes,count_bytes skip="$offset" count="$length" status=none
  done <"$WORK/b.extents"
  sleep 2
  row "from flash: chunks of image b that were not written" "$(thaw stats --json | jq .flash.dropped)"
  latencies b 10 1 "$WORK/alone.json"
  bare_reads "$WORK/bare-alone.json"
  beside "from flash"
  before=$(p99 "$WORK/bare-alone.json" 0 99)
  after=$(p99 "$WORK/bare-beside.json" 0 99)
  row "a read of 512 KiB of the flash file and its SHA-256, without Thaw: p99" "$before ms, $after ms: $(calc "$after / $before")"
  limit "fair: p99 of reads from flash beside a heavy reader / alone" "$NEIGHBOUR" "<=" 2
  end_far_daemon
  take_s3_away
}

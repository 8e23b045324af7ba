# A store whose answers are bad or slow: a real gateway behind a proxy that spoils them (test/fault/store_proxy.py).

. "$here/rgw.sh"
. "$here/../fault/proxy.sh"

at_end stop_proxy
at_end stop_rgw

# The image is built past the proxy, the daemon reads through it.
begin() {
  start_rgw
  make_bucket images
  export AWS_ACCESS_KEY_ID=$S3_KEY AWS_SECRET_ACCESS_KEY=$S3_SECRET
  mkdir -p "$T/mnt"
  configure "$S3_ENDPOINT"
  thaw build "oci:$IMAGES/debian:latest" debian:1 >/dev/null
}

configure() {  # configure ENDPOINT [JQ_PROGRAM]
  write_config ".store.url = \"s3://images/stores/one\" | .s3 = {endpoint: \"$1\"} | ${2:-.}"
}

# From now on daemons read through it.
read_through_proxy() {  # read_through_proxy OPTIONS...
  start_proxy "$@"
  configure "$PROXY"
}

# What the daemon counted goes to T/stats.json, once what it reads ahead has arrived too: the proxy counts every request.
keep_stats() { wait_for 60 nothing_on_its_way || fail "still on its way: $(cat "$T/stats.json")"; }
nothing_on_its_way() {
  thaw stats --json >"$T/stats.json" && jq -e '.origin.open == 0 and .tiers.memory.in_flight == 0' "$T/stats.json" >/dev/null
}

# Reads the whole image through the proxy, by many readers, and compares it.
read_everything() {
  start_daemon
  thaw mount debian:1 "$T/mnt"
  find "$T/mnt" -xdev -type f -print0 | xargs -0 -n 20 -P 32 cat >/dev/null || fail "a read failed"
  same_tree "$IMAGES/debian.txt" "$T/mnt"
  equal "$(json_value .read_errors thaw stats)" 0 "reads that failed"
  keep_stats
  thaw umount "$T/mnt"
  stop_daemon
  stop_proxy
}

# A part of the image: one late answer after the other takes its time.
read_programs() {  # read_programs FILE
  thaw mount debian:1 "$T/mnt"
  (cd "$T/mnt" && sha256sum usr/bin/* usr/sbin/* 2>/dev/null) >"$1" || true
  [ "$(wc -l <"$1")" -gt 100 ] || fail "only $(wc -l <"$1") programs were read"
  keep_stats
  thaw umount "$T/mnt"
}

holds() {  # holds JQ_PROGRAM: of what the daemon ($daemon) and the proxy ($proxy) counted
  jq -en --slurpfile d "$T/stats.json" --slurpfile p "$T/proxy.json" "\$d[0] as \$daemon | \$p[0] as \$proxy | $1" \
    >/dev/null || fail "not so: $1; daemon: $(jq -c . "$T/stats.json"), proxy: $(cat "$T/proxy.json")"
}

test_a_fifth_of_all_replies_is_bad_and_no_read_is() {
  begin
  read_through_proxy --bad 0.2
  read_everything
  holds '$proxy.bad > 20 and ([$proxy["503"], $proxy.reset, $proxy.truncated, $proxy.flipped, $proxy.other, $proxy.document] | all(. > 0))'
  holds '$daemon.tiers.origin.errors > 0'
  holds '$proxy.requests <= 1.3 * $daemon.tiers.origin.hits'
}

# Sums of the parts of a device or file, read at once.
sums_of_parts() {  # sums_of_parts FILE MIB_A_PART
  local part readers=()
  for part in {0..7}; do
    dd if="$1" bs=1M skip=$((part * $2)) count="$2" iflag=direct status=none | sha256sum >"$T/part.$part" &
    readers+=($!)
  done
  for part in "${readers[@]}"; do wait "$part" || fail "a read failed"; done
  cat "$T"/part.*
}

# Again and again the whole image, of which memory holds a part, byte for byte. THAW_FETCHES=100000 takes a while; so
# many can also be shared out over runs of this test, each with a THAW_SEED of its own.
test_each_of_many_fetches_through_bad_replies_is_right() {
  local wanted mib least=${THAW_FETCHES:-300} fetches=0 device
  begin
  thaw export debian:1 "$T/debian.ext4" >/dev/null
  mib=$((($(stat -c %s "$T/debian.ext4") >> 20) / 8 + 1))
  wanted=$(sums_of_parts "$T/debian.ext4" "$mib")
  rm "$T/debian.ext4"
  read_through_proxy --bad 0.2 --seed "${THAW_SEED:-1}"
  start_daemon
  device=$(json_value .device thaw mount debian:1 "$T/mnt")
  while [ "$fetches" -lt "$least" ]; do
    equal "$(sums_of_parts "$device" "$mib")" "$wanted" "sums after $fetches fetches"
    fetches=$(json_value .tiers.origin.hits thaw stats)
  done
  equal "$(json_value .read_errors thaw stats)" 0 "reads that failed"
  keep_stats
  thaw umount "$T/mnt"
  stop_daemon
  stop_proxy
  holds '$proxy.bad > 0.15 * $proxy.requests and $proxy.requests <= 1.3 * $daemon.tiers.origin.hits'
}

test_a_twentieth_of_all_replies_is_late_and_no_read_fails() {
  begin
  start_daemon
  read_programs "$T/wanted"
  stop_daemon
  read_through_proxy --slow 0.05 --slow-by 10s
  start_daemon
  read_programs "$T/seen"
  stop_daemon
  stop_proxy
  cmp "$T/wanted" "$T/seen"
  holds '$proxy.slow > 0 and $daemon.read_errors == 0'
  holds '$proxy.requests <= 1.3 * $daemon.tiers.origin.hits + 2'
}

test_a_store_that_is_far_away_is_read_in_parallel() {
  begin
  read_through_proxy --delay 30ms
  read_everything
  holds '$proxy.bad == null and $daemon.tiers.origin.errors == 0'
}

test_a_gateway_that_is_frozen_for_20_s_delays_reads_and_fails_none() {
  begin
  start_daemon
  thaw mount debian:1 "$T/mnt"
  find "$T/mnt" -xdev -type f -print0 | xargs -0 -n 20 -P 8 sha256sum >"$T/sums" &
  local reader=$!
  sleep 0.5
  kill -STOP "${rgw_pid[gateway]}"
  sleep 20
  kill -0 "$reader" 2>/dev/null || fail "all was read before the gateway froze"
  kill -CONT "${rgw_pid[gateway]}"
  wait "$reader" || fail "a read failed"
  equal "$(json_value .read_errors thaw stats)" 0 "reads that failed"
  same_tree "$IMAGES/debian.txt" "$T/mnt"
  thaw umount "$T/mnt"
  stop_daemon
}

# waiting COUNT: so many requests stand in the loop devices of the images one, two and three.
waiting() {
  local image
  for image in one two three; do cat "/sys/block/$(basename "$(cat "$T/$image.device")")/inflight"; done |
    awk -v count="$1" '{ sum += $1 } END { exit sum < count }'
}

# Loop devices ask in the background, of which a FUSE connection has room for so much; all images share one.
test_mounts_that_wait_for_the_store_hold_up_no_other() {
  local image device readers=()
  begin
  for image in one two three; do random_image "$image" 64; done
  start_daemon
  mkdir "$T/warm"
  device=$(json_value .device thaw mount debian:1 "$T/warm")
  dd if="$device" of=/dev/null bs=4k count=1 iflag=direct status=none
  for image in one two three; do
    mkdir "$T/$image"
    thaw mount "$image:1" "$T/$image" --no-prefetch --json | jq -r .device >"$T/$image.device"
    dd if="$T/$image/random" of=/dev/null bs=4k count=1 status=none  # its inode, and where it lies
  done
  kill -STOP "${rgw_pid[gateway]}"
  for image in one two three; do
    fio --name=wait --filename="$T/$image/random" --readonly --rw=randread --bs=64k --direct=1 --ioengine=libaio --iodepth=128 \
      --runtime=5 --time_based --output="$T/$image.fio" &
    readers+=($!)
  done
  wait_for 10 waiting 384 || fail "the loop devices do not wait"
  timeout 5 dd if="$device" of=/dev/null bs=4k count=1 iflag=direct status=none || fail "a read of what is in memory waited for the store"
  kill -CONT "${rgw_pid[gateway]}"
  for reader in "${readers[@]}"; do wait "$reader" || fail "a read failed: $(tail -n 3 "$T"/*.fio)"; done
  for image in warm one two three; do thaw umount "$T/$image"; done
  stop_daemon
}

# The store gives what running containers wait for, and slowly; another image's empty cache would add to that.
test_a_store_that_is_overloaded_refuses_new_mounts_and_no_reads() {
  local image readers=()
  begin
  for image in one two; do random_image "$image" 64; done
  start_proxy --slow 1 --slow-by 1s
  configure "$PROXY" '.origin.in_flight = 16'
  start_daemon
  mkdir "$T/late"
  for image in one two; do
    mkdir "$T/$image"
    thaw mount "$image:1" "$T/$image" --no-prefetch --json | jq -r .device >"$T/$image.device"
    dd if="$T/$image/random" of=/dev/null bs=4k count=1 status=none
  done
  for image in one two; do
    fio --name=read --filename="$T/$image/random" --readonly --rw=randread --bs=64k --direct=1 --ioengine=libaio --iodepth=128 \
      --io_size=64M --output="$T/$image.fio" &
    readers+=($!)
  done
  wait_for 10 is_overloaded || fail "not overloaded: $(thaw stats --json | jq -c .origin)"
  expect_error 5 "overloaded.*later" thaw mount debian:1 "$T/late"
  for reader in "${readers[@]}"; do wait "$reader" || fail "a read failed: $(tail -n 3 "$T"/*.fio)"; done
  thaw mount debian:1 "$T/late"
  for image in one two late; do thaw umount "$T/$image"; done
  stop_daemon
  stop_proxy
}
is_overloaded() { thaw stats --json | jq -e .origin.overloaded >/dev/null; }

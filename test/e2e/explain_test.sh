# What a mount read from where, what waited longest, and why.

explained() { jq -er "$1" "$T/explain.json" || fail "the explanation has no $1: $(cat "$T/explain.json")"; }
explain() { thaw explain "$1" --json >"$T/explain.json"; }

test_a_mount_is_explained() {
  write_config
  copy_store
  rm -rf "$T"/store/roots/*/traces
  mkdir -p "$T/mnt"
  start_daemon
  thaw mount debian:1 "$T/mnt"
  cat "$T"/mnt/usr/bin/* >/dev/null
  explain "$T/mnt"
  local id
  id=$(explained .id)
  equal "$id" "$(json_value '.mounts[0].id' thaw ps)" ids
  [ "$(explained .tiers.origin.chunks)" -gt 10 ] || fail "nothing from the origin"
  [ "$(explained .tiers.origin.bytes_fetched)" -gt $((1 << 20)) ] || fail "no bytes from the origin"
  equal "$(explained '[.tiers[].bytes_answered] | add + 0')" "$(explained '.bytes_read - .zeros_answered')" "bytes read"
  equal "$(explained .trace.chunks)" 0 "chunks of a trace"
  [ "$(explained '.slowest | length')" -le 16 ] || fail "more than 16 reads are kept"
  explained '.slowest[0] | .took_us > 0 and .tier == "origin" and .requests == 1 and (.why | length > 0)' >/dev/null
  equal "$(explained '[.slowest[].took_us] | . == (sort | reverse)')" true "the order"
  thaw explain "$id" >"$T/out"
  grep -q "^origin " "$T/out" || fail "no origin in: $(cat "$T/out")"
  grep -q "what waited longest" "$T/out" || fail "no slow reads in: $(cat "$T/out")"
  expect_error 3 "no such mount" thaw explain m-0
  expect_error 3 "no such mount" thaw explain "$T"
  thaw umount "$T/mnt"
  expect_error 3 "no such mount" thaw explain "$id"
  stop_daemon
}

# Many readers at once, who wait for each other's fetches and then find all in memory.
test_a_mount_fetched_what_the_tiers_gave() {
  write_config '.memory.size = "512MiB"'
  copy_store
  mkdir -p "$T/mnt"
  start_daemon
  thaw mount debian:1 "$T/mnt" --no-prefetch
  local round
  for round in 1 2; do
    find "$T/mnt" -xdev -type f -print0 | xargs -0 -n 20 -P 16 cat >/dev/null
    echo 3 >/proc/sys/vm/drop_caches
  done
  thaw stats --json >"$T/stats.json"
  explain "$T/mnt"
  equal "$(explained .tiers.origin.chunks)" "$(jq .tiers.origin.hits "$T/stats.json")" "chunks from the store"
  # A slow request may have been hedged: then the store sent more than was needed.
  [ "$(explained .tiers.origin.bytes_fetched)" -le "$(jq .tiers.origin.bytes "$T/stats.json")" ] ||
    fail "$(explained .tiers.origin.bytes_fetched) bytes are said to be fetched, the store gave $(jq .tiers.origin.bytes "$T/stats.json")"
  equal "$(thaw ps | awk 'NR == 2 {print $(NF - 1)}')" "$(explained .tiers.origin.chunks)" "chunks that ps calls fetched"
  thaw umount "$T/mnt"
  stop_daemon
}

test_a_read_that_waited_for_the_store_says_so() {
  write_config
  copy_store
  mkdir -p "$T/mnt"
  start_daemon
  thaw mount debian:1 "$T/mnt" --no-prefetch
  stat "$T/mnt/usr/bin/perl" >/dev/null
  mv "$T/store" "$T/store.away"
  cat "$T/mnt/usr/bin/perl" >/dev/null &
  local reader=$!
  wait_for 10 store_is_away || fail "no read found the store away"
  sleep 1
  mv "$T/store.away" "$T/store"
  wait "$reader"
  explain "$T/mnt"
  explained '.slowest[0] | .paused_us > 0 and .requests > 1' >/dev/null
  explained '.slowest[0].why | test("trouble with the store")' >/dev/null
  thaw umount "$T/mnt"
  stop_daemon
}
store_is_away() { [ "$(json_value .origin.retries thaw stats)" -gt 0 ]; }

test_tiers_say_how_long_they_take() {
  write_config '.flash = {path: "'"$T"'/flash.log", size: "1GiB"}'
  copy_store
  mkdir -p "$T/mnt"
  start_daemon
  thaw mount debian:1 "$T/mnt" --file-only --json >"$T/mount.json"
  cat "$(jq -r .file "$T/mount.json")" >/dev/null
  cat "$(jq -r .file "$T/mount.json")" >/dev/null
  thaw stats --json >"$T/stats.json"
  for tier in memory flash origin; do
    [ "$(jq ".tiers.$tier.latency_us.p999" "$T/stats.json")" -gt 0 ] || fail "no latency of $tier: $(cat "$T/stats.json")"
  done
  [ "$(jq .tiers.memory.evictions "$T/stats.json")" -gt 0 ] || fail "nothing left a memory of 64 MiB"
  thaw stats | grep -q "^flash " || fail "no text"
  stop_daemon
}

# What an image read first is recorded, kept with it, and replayed when it is mounted cold.

begin() {
  write_config "${1:-.}"
  copy_store
  rm -rf "$T"/store/roots/*/traces
  mkdir -p "$T/mnt"
  start_daemon
}

use() { cat "$T"/mnt/usr/bin/b* >/dev/null; ls -lR "$T/mnt/etc" >/dev/null; }
trace_is_kept() { thaw trace show debian:1 --json >"$T/trace.json" 2>/dev/null; }
origin_chunks() { json_value '.mounts[0].chunks_fetched.origin' thaw ps; }
restart() { stop_daemon; start_daemon; }

test_a_trace_is_recorded_replayed_and_dropped() {
  begin
  local read fetched
  expect_error 3 "no trace yet" thaw trace show debian:1
  thaw mount debian:1 "$T/mnt"
  use
  wait_for 15 trace_is_kept || fail "no trace after the first mount"
  read=$(jq '.chunks | length' "$T/trace.json")
  [ "$read" -gt 10 ] || fail "the trace has $read chunks only"
  equal "$(jq '.chunks | unique | length' "$T/trace.json")" "$read" "distinct chunks"
  thaw umount "$T/mnt"
  restart

  # Everything that the trace names arrives before anybody reads it.
  thaw mount debian:1 "$T/mnt"
  wait_for 10 all_arrived || fail "$(origin_chunks) of $read chunks arrived"
  fetched=$(origin_chunks)
  use
  [ "$(origin_chunks)" -le $((fetched + read / 10)) ] || fail "reading fetched $(($(origin_chunks) - fetched)) more chunks"
  thaw umount "$T/mnt"
  restart

  thaw mount debian:1 "$T/mnt" --no-prefetch
  sleep 1
  [ "$(origin_chunks)" -lt "$read" ] || fail "prefetched with --no-prefetch"
  thaw umount "$T/mnt"
  thaw trace drop debian:1
  expect_error 3 "no trace yet" thaw trace show debian:1
  stop_daemon
}
all_arrived() { [ "$(origin_chunks)" -ge "$(jq '.chunks | length' "$T/trace.json")" ]; }

test_a_mount_that_fails_fetches_nothing_more() {
  begin
  local read fetched
  thaw mount debian:1 "$T/mnt"
  find "$T/mnt/usr" -type f -exec cat {} + >/dev/null
  wait_for 20 trace_is_kept || fail "no trace after the first mount"
  read=$(jq '.chunks | length' "$T/trace.json")
  thaw umount "$T/mnt"
  restart
  expect_error 2 "thawd itself needs" thaw mount debian:1 "$T/run"
  sleep 2
  fetched=$(json_value .tiers.origin.hits thaw stats)
  [ "$fetched" -le $((read / 10)) ] || fail "$fetched of the trace's $read chunks were fetched for nobody"
  stop_daemon
}

test_a_damaged_trace_harms_nobody() {
  begin
  local file
  thaw mount debian:1 "$T/mnt"
  use
  wait_for 15 trace_is_kept || fail "no trace after the first mount"
  file=$(ls "$T"/store/roots/*/traces/*)
  chmod u+w "$file"
  flip_bit "$file"
  thaw umount "$T/mnt"
  restart
  expect_error 6 damaged thaw trace show debian:1
  thaw mount debian:1 "$T/mnt"
  use
  wait_for 15 trace_is_kept || fail "not recorded anew"
  thaw umount "$T/mnt"
  stop_daemon
}

test_a_trace_of_other_reads_is_recorded_anew() {
  begin
  thaw mount debian:1 "$T/mnt"
  use
  wait_for 15 trace_is_kept || fail "no trace after the first mount"
  mv "$T/trace.json" "$T/before.json"
  thaw umount "$T/mnt"
  restart
  # What the trace names is a small part of what this start reads.
  thaw mount debian:1 "$T/mnt"
  cat "$T"/mnt/usr/bin/[d-z]* "$T"/mnt/usr/sbin/* >/dev/null
  wait_for 20 trace_has_changed || fail "the trace is the old one: $(thaw explain "$T/mnt")"
  jq -e --slurpfile old "$T/before.json" '(.chunks | length) > 2 * ($old[0].chunks | length)' "$T/trace.json" >/dev/null ||
    fail "the new trace is none of the new reads"
  thaw umount "$T/mnt"
  stop_daemon
}

test_a_new_build_starts_with_its_predecessors_trace() {
  begin
  local traced
  thaw mount debian:1 "$T/mnt"
  use
  wait_for 15 trace_is_kept || fail "no trace after the first mount"
  thaw umount "$T/mnt"
  traced=$(json_value .traced_chunks thaw build "oci:$IMAGES/debian:latest" debian:1)
  equal "$traced" "$(jq '.chunks | length' "$T/trace.json")" "chunks of the trace that was carried over"
  cp "$T/trace.json" "$T/before.json"
  trace_is_kept || fail "the new image has no trace"
  equal "$(jq -c .chunks "$T/trace.json")" "$(jq -c .chunks "$T/before.json")" "traces"
  restart
  thaw mount debian:1 "$T/mnt"
  wait_for 10 all_arrived || fail "$(origin_chunks) of $traced chunks arrived"
  thaw umount "$T/mnt"
  stop_daemon
}

test_a_mounted_image_is_recorded_on_demand() {
  begin
  expect_error 3 "not mounted" thaw trace record debian:1
  thaw mount debian:1 "$T/mnt"
  use
  wait_for 15 trace_is_kept || fail "no trace after the first mount"
  cp "$T/trace.json" "$T/before.json"
  thaw trace record debian:1
  cat "$T"/mnt/usr/bin/[c-z]* >/dev/null
  wait_for 15 trace_has_changed || fail "the trace is the old one"
  thaw umount "$T/mnt"
  thaw mount nasty:1 "$T/mnt" --outage=wait
  thaw trace record nasty:1
  thaw umount "$T/mnt"
  stop_daemon
}

# The recording that every first mount begins ends meanwhile.
test_an_image_that_was_just_mounted_is_recorded_on_demand() {
  begin
  thaw mount debian:1 "$T/mnt"
  sleep 3
  thaw trace record debian:1
  sleep 6
  use
  wait_for 15 trace_is_kept || fail "what was read within ten seconds of 'thaw trace record' is not in a trace"
  thaw umount "$T/mnt"
  stop_daemon
}

test_a_recording_in_which_nothing_is_read_at_first_lasts_ten_seconds() {
  begin
  thaw mount debian:1 "$T/mnt"
  sleep 12
  thaw trace record debian:1
  sleep 9
  use
  wait_for 15 trace_is_kept || fail "what was read nine seconds after 'thaw trace record' is not in a trace"
  thaw umount "$T/mnt"
  stop_daemon
}
trace_has_changed() { trace_is_kept && ! cmp -s "$T/before.json" "$T/trace.json"; }

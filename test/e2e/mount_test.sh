# thaw mount, umount, ps, stats: the contract.

begin() {
  write_config "${1:-.}"
  copy_store
  start_daemon
  mkdir -p "$T/mnt"
}

test_mount_says_what_it_made() {
  begin
  thaw mount debian:1 "$T/mnt" --json >"$T/mount.json"
  equal "$(jq -r .mountpoint "$T/mount.json")" "$T/mnt" mountpoint
  equal "$(jq -r .manifest "$T/mount.json")" "$(json_value .manifest thaw inspect debian:1)" manifest
  [[ $(jq -r .file "$T/mount.json") =~ ^[A-Za-z0-9._/-]+$ ]] || fail "file: $(cat "$T/mount.json")"
  [ -b "$(jq -r .device "$T/mount.json")" ] || fail "device: $(cat "$T/mount.json")"
  equal "$(stat -c '%a %u:%g' "$(jq -r .file "$T/mount.json")")" "400 0:0" "mode and owner of the block file"
  equal "$(stat -c %s "$(jq -r .file "$T/mount.json")")" "$(json_value .device_bytes thaw inspect debian:1)" size
  findmnt -no OPTIONS "$T/mnt" | tr , '\n' >"$T/options"
  local option
  for option in ro nosuid nodev; do grep -qx "$option" "$T/options" || fail "mounted without $option"; done
  cat "$T/mnt/etc/debian_version"
  thaw umount "$T/mnt"
  stop_daemon
}

test_ps_and_stats_count_what_was_read() {
  begin
  local id
  id=$(json_value .id thaw mount debian:1 "$T/mnt")
  sha256sum "$T/mnt"/usr/bin/* >/dev/null
  thaw ps --json >"$T/ps.json"
  equal "$(jq -r '.mounts[0].id' "$T/ps.json")" "$id" id
  jq -e '.mounts[0] | .name == "debian:1" and .bytes_read > 1000000 and .chunks_fetched.origin > 10' "$T/ps.json" ||
    fail "ps says $(cat "$T/ps.json")"
  thaw stats --json >"$T/stats.json"
  jq -e '.tiers.origin.hits > 10 and .tiers.origin.bytes > 1000000 and .tiers.origin.errors == 0 and
         .tiers.flash.hits == 0 and .tiers.zone.hits == 0 and .memory_bytes > 1000000 and .reads > 10 and
         .latency_us.p50 > 0 and .latency_us.p99 >= .latency_us.p50 and .latency_us.p999 >= .latency_us.p99' \
    "$T/stats.json" || fail "stats says $(cat "$T/stats.json")"
  thaw umount "$id"
  equal "$(json_value '.mounts | length' thaw ps)" 0 mounts
  stop_daemon
}

test_each_byte_that_is_read_is_counted_once() {
  begin
  local file
  thaw mount debian:1 "$T/mnt" --file-only --json >"$T/mount.json"
  file=$(jq -r .file "$T/mount.json")
  dd if="$file" of=/dev/null bs=1M count=8 iflag=direct status=none
  equal "$(json_value '.mounts[0].bytes_read' thaw ps)" $((8 * 1024 * 1024)) "bytes_read of thaw ps"
  thaw umount "$(jq -r .id "$T/mount.json")"
  stop_daemon
}

test_mounts_of_one_image_share_one_device() {
  begin
  mkdir "$T/other"
  thaw mount debian:1 "$T/mnt" --json >"$T/one.json"
  thaw mount debian:1 "$T/other" --json >"$T/two.json"
  equal "$(jq -r .device "$T/one.json")" "$(jq -r .device "$T/two.json")" devices
  equal "$(jq -r .file "$T/one.json")" "$(jq -r .file "$T/two.json")" files
  [ "$(jq -r .id "$T/one.json")" != "$(jq -r .id "$T/two.json")" ] || fail "both mounts have one id"
  thaw umount "$T/mnt"
  cat "$T/other/etc/debian_version"
  expect_error 3 . thaw umount "$T/mnt"
  thaw umount "$T/other"
  wait_for 10 no_loops || fail "the loop device is still there after mount.linger"
  wait_for 10 no_trace_in_run_dir || fail "left in run_dir/mnt after mount.linger: $(ls -A "$T/run/mnt")"
  stop_daemon
}
no_trace_in_run_dir() { [ -z "$(ls -A "$T/run/mnt")" ]; }

test_lingering_device_is_used_again() {
  begin '.mount.linger = "60s"'
  local device
  device=$(json_value .device thaw mount debian:1 "$T/mnt")
  thaw umount "$T/mnt"
  equal "$(json_value .device thaw mount debian:1 "$T/mnt")" "$device" "the device of the second mount"
  thaw umount "$T/mnt"
  stop_daemon
}

test_file_only() {
  begin
  thaw mount debian:1 --file-only --json >"$T/mount.json"
  equal "$(jq -r .mountpoint "$T/mount.json")" null mountpoint
  thaw export debian:1 "$T/device.img"
  cmp "$(jq -r .file "$T/mount.json")" "$T/device.img" || fail "the block file is not what export writes"
  expect 0 thaw mount debian:1 "$T/mnt" --file-only
  equal "$(cat "$T/err")" "thaw mount: warning: --file-only: nothing is mounted on $T/mnt" "what it said"
  equal "$(cat "$T/out")" "$(jq -r .file "$T/mount.json")" "the block file"
  thaw umount "$(jq -r .id "$T/mount.json")"
  stop_daemon
}

test_pinned_by_digest() {
  begin
  local digest
  digest=$(json_value .manifest thaw inspect debian:1 | sed 's/^sha256://')
  thaw mount "debian:1@sha256:$digest" "$T/mnt"
  thaw umount "$T/mnt"
  expect_error 6 debian:1 thaw mount "debian:1@sha256:$(printf %064d 7)" "$T/mnt"
  [ -z "$(mounts_below "$T/mnt")" ] || fail "something was mounted all the same"
  # The name moves on; the digest still means what it meant.
  thaw build "oci:$IMAGES/nasty:latest" debian:1
  equal "$(json_value .manifest thaw mount "debian:1@sha256:$digest" "$T/mnt" | sed "s/^sha256://")" "$digest" manifest
  cat "$T/mnt/etc/debian_version"
  thaw umount "$T/mnt"
  stop_daemon
}

test_a_mount_point_in_use_is_refused() {
  begin
  thaw mount debian:1 "$T/mnt"
  expect_error 1 "mount point|in use|already" thaw mount nasty:1 "$T/mnt"
  equal "$(json_value '.mounts | length' thaw ps)" 1 mounts
  expect_error 3 "no-such-dir.*make the directory" thaw mount nasty:1 "$T/no-such-dir"
  expect_error 2 "thaw.json: not a directory" thaw mount nasty:1 "$T/thaw.json"
  (cd "$T/mnt/etc"; expect_error 1 "busy|in use" thaw umount "$T/mnt")
  thaw umount "$T/mnt"
  stop_daemon
}

test_a_busy_mount_is_taken_away_when_its_last_user_goes() {
  begin
  thaw mount debian:1 "$T/mnt"
  exec 7<"$T/mnt/etc/debian_version"
  expect_error 1 "in use.*--lazy" thaw umount "$T/mnt"
  thaw umount --lazy "$T/mnt"
  [ -z "$(mounts_below "$T/mnt")" ] || fail "it is still mounted"
  [ -n "$(cat <&7)" ] || fail "what was open cannot be read"
  exec 7<&-
  wait_for 10 no_loops || fail "the loop device is still there"
  stop_daemon
}

test_a_name_that_was_set_back_is_taken_only_when_told_so() {
  begin
  local record command
  record=$(find "$T/store/tenants/default/images/debian" -type f)
  cp "$record" "$T/old"
  thaw build "oci:$IMAGES/nasty:latest" debian:1 >/dev/null
  cp "$record" "$T/young"
  for command in "mount debian:1 $T/mnt" "run debian:1 -- true" "inspect debian:1" "export debian:1 $T/device" "verify debian:1"; do
    cp "$T/young" "$record"
    thaw inspect debian:1 >/dev/null
    cp "$T/old" "$record"
    ! thaw $command >"$T/out" 2>"$T/err" || fail "thaw $command took a name that was set back"
    grep -q -- --allow-rollback "$T/err" || fail "thaw $command said $(cat "$T/err")"
    expect 0 thaw ${command/ / --allow-rollback }
  done
  thaw umount "$T/mnt"
  stop_daemon
}

test_what_lies_on_top_of_a_mount_is_unmounted_first() {
  begin
  thaw mount debian:1 "$T/mnt"
  mount -t tmpfs none "$T/mnt"
  expect_error 1 "on top" thaw umount "$T/mnt"
  equal "$(json_value '.mounts | length' thaw ps)" 1 mounts
  umount "$T/mnt"
  thaw umount "$T/mnt"
  ! mountpoint -q "$T/mnt" || fail "still mounted"
  stop_daemon
}

is_mounted_on() { thaw ps --json | jq -e --arg dir "$1" '.mounts | map(.mountpoint) == [$dir]' >/dev/null; }

test_a_mount_below_a_folder_that_is_renamed_is_followed() {
  write_config
  copy_store
  mkdir -p "$T/old/mnt"
  start_daemon
  thaw mount debian:1 "$T/old/mnt"
  mv "$T/old" "$T/new"
  wait_for 5 is_mounted_on "$T/new/mnt" || fail "ps says $(thaw ps)"
  same_tree "$IMAGES/debian.txt" "$T/new/mnt"
  # The next daemon mounts it again where it was last.
  kill_daemon
  start_daemon
  wait_for 10 is_mounted_on "$T/new/mnt" || fail "ps says $(thaw ps)"
  head -c 1 "$T/new/mnt/usr/bin/perl" >/dev/null
  thaw umount "$T/new/mnt"
  equal "$(json_value '.mounts | length' thaw ps)" 0 "mounts"
  stop_daemon
}

test_a_mount_that_just_moved_is_unmounted_where_it_is() {
  local i id
  write_config
  copy_store
  mkdir -p "$T/0/mnt"
  start_daemon
  for i in 0 1 2 3; do
    id=$(json_value .id thaw mount nasty:1 "$T/$i/mnt")
    mv "$T/$i" "$T/$((i + 1))"
    thaw umount "$id"
    equal "$(mounts_below "$T/$((i + 1))")" "" "mounts that nobody knows of"
  done
  stop_daemon
}

test_a_folder_that_moves_while_the_worker_is_dead_is_followed() {
  local i worker
  write_config
  copy_store
  mkdir -p "$T/0/mnt"
  start_daemon
  thaw mount nasty:1 "$T/0/mnt"
  for i in 0 1 2 3; do
    worker=$(worker_pid)
    kill -9 "$worker"
    mv "$T/$i" "$T/$((i + 1))"
    wait_for 10 is_mounted_on "$T/$((i + 1))/mnt" || fail "ps says $(thaw ps)"
  done
  thaw umount "$T/4/mnt"
  stop_daemon
}

# The state directory cannot be written: what moved is told once, and not with each sweep.
test_a_move_that_cannot_be_recorded_is_told_once() {
  write_config
  copy_store
  mkdir -p "$T/old/mnt"
  start_daemon
  thaw mount nasty:1 "$T/old/mnt"
  mv "$T/state/mounts.json" "$T/mounts.json"
  mkdir "$T/state/mounts.json"
  mv "$T/old" "$T/new"
  wait_for 10 is_mounted_on "$T/new/mnt" || fail "ps says $(thaw ps)"
  mv "$T/new" "$T/newer"
  wait_for 10 is_mounted_on "$T/newer/mnt" || fail "ps says $(thaw ps)"
  equal "$(grep -c "is on $T/new/mnt now" "$T/thawd.log")" 1 "lines about the first move"
  grep -q 'write into its state_dir' "$T/thawd.log" || fail "nothing is said of what was not recorded"
  rmdir "$T/state/mounts.json"
  thaw umount "$T/newer/mnt"
  stop_daemon
}

test_a_mount_whose_folder_was_just_renamed_is_found() {
  begin
  local round
  for round in 1 2 3; do
    mkdir -p "$T/old/mnt"
    thaw mount debian:1 "$T/old/mnt" >/dev/null
    mv "$T/old" "$T/new"
    thaw explain "$T/new/mnt" >/dev/null
    mv "$T/new" "$T/old"
    thaw umount "$T/old/mnt"
  done
  stop_daemon
}

test_paths_that_are_no_text_are_paths_too() {
  local worker
  write_config
  copy_store
  mkdir -p "$T/x/mnt" "$T/"$'caf\xe9'
  start_daemon
  thaw mount nasty:1 "$T/"$'caf\xe9' >"$T/out"
  same_tree "$IMAGES/nasty.txt" "$T/"$'caf\xe9'
  json_value '.mounts | length' thaw ps >/dev/null
  thaw explain "$T/"$'caf\xe9' >/dev/null
  thaw mount nasty:1 "$T/x/mnt"
  worker=$(worker_pid)
  mv "$T/x" "$T/"$'x\xff'
  wait_for 10 thaw explain "$T/"$'x\xff/mnt' >/dev/null 2>&1 || fail "the moved mount is not found: $(thaw ps)"
  equal "$(worker_pid)" "$worker" "the worker"
  # The next daemon has them too.
  kill_daemon
  start_daemon
  wait_for 10 thaw umount "$T/"$'x\xff/mnt' 2>/dev/null || fail "$(thaw ps)"
  wait_for 10 thaw umount "$T/"$'caf\xe9' 2>/dev/null || fail "$(thaw ps)"
  equal "$(json_value '.mounts | length' thaw ps)" 0 "mounts"
  stop_daemon
}

test_a_newline_in_a_path_makes_no_second_line() {
  write_config
  copy_store
  mkdir "$T/"$'two\nlines'
  start_daemon
  thaw mount nasty:1 "$T/"$'two\nlines' >"$T/out"
  equal "$(wc -l <"$T/out")" 1 "lines of mount"
  equal "$(thaw ps | wc -l)" 2 "lines of ps"
  expect_error 3 'no such mount' thaw umount $'no\nmount'
  thaw umount "$T/"$'two\nlines'
  expect_error 2 'longer than' thaw umount "$(head -c 70000 /dev/zero | tr '\0' a)"
  mkdir "$T/gone"
  cd "$T/gone"
  rmdir "$T/gone"
  expect_error 3 'umount \.: no such mount' thaw umount .
  cd /
  stop_daemon
}

test_a_mount_over_what_the_daemon_needs_is_refused() {
  begin
  local target
  for target in "$T" "$T/run" "$T/run/mnt" "$T/state" "$T/store" "$T/keys" /; do
    expect_error 2 "$target.*choose another directory" thaw mount debian:1 "$target"
  done
  mkdir -p "$T/state/run/x"
  for target in "$T/store/roots" "$T/keys/trusted" "$T/state/run/x"; do
    expect_error 2 "$target.*would hide.*choose another directory" thaw mount debian:1 "$target"
  done
  equal "$(json_value '.mounts | length' thaw ps)" 0 mounts
  stop_daemon
}

# post PATH JSON: a request to the daemon as it is, without what 'thaw' makes of paths before it asks.
post() { curl -s --unix-socket "$T/run/thaw.sock" -d "$2" "http://thaw$1"; }

test_the_control_api_trusts_no_path_and_no_id() {
  begin
  local id
  mkdir -p "$T/a" "$T/b"
  ln -s run "$T/link"
  # What leads to the daemon's own folders may not be covered, however it is written.
  for dir in "$T/a/../run" "$T/link" "$T/a/../store"; do
    post /v1/mounts "{\"name\": \"nasty:1\", \"dir\": \"$dir\", \"pid\": $$}" >"$T/answer"
    equal "$(jq -r .error.code "$T/answer")" usage "code for $dir ($(cat "$T/answer"))"
  done
  daemon_answers || fail "the daemon does not answer any more"
  # An id takes no other mount's place.
  thaw mount nasty:1 "$T/a"
  id=$(json_value '.mounts[0].id' thaw ps)
  post /v1/mounts "{\"name\": \"nasty:1\", \"dir\": \"$T/b\", \"pid\": $$, \"id\": \"$id\"}" >"$T/answer"
  equal "$(jq -r .error.code "$T/answer")" usage "code for an id that is taken ($(cat "$T/answer"))"
  equal "$(json_value '.mounts | length' thaw ps)" 1 "mounts"
  thaw umount "$T/a"
  stop_daemon
}

test_without_its_helper_program_the_daemon_mounts_too() {
  mkdir "$T/bin"
  cp "$(command -v thawd)" "$T/bin/"
  local PATH=$T/bin:$PATH
  begin
  thaw mount debian:1 "$T/mnt" >/dev/null
  [ -x "$T/mnt/bin/sh" ] || fail "it is empty"
  thaw umount "$T/mnt"
  stop_daemon
}

test_two_hundred_mounts_at_once() {
  begin '.mount.linger = "60s"'
  local number pids=() pid
  # Two hundred manifests, hence as many block files and loop devices, all asked for together.
  for number in $(seq 200); do thaw build "oci:$IMAGES/hostile/tiny" "many:$number" >/dev/null 2>&1; done
  for number in $(seq 200); do
    mkdir "$T/mnt/$number"
    thaw mount "many:$number" "$T/mnt/$number" >/dev/null 2>>"$T/errors" &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || fail "a mount failed: $(head -n 3 "$T/errors")"; done
  thaw ps --json >"$T/ps.json"
  equal "$(jq '.mounts | length' "$T/ps.json")" 200 mounts
  equal "$(jq '[.mounts[].device] | unique | length' "$T/ps.json")" 200 "loop devices"
  equal "$(cat "$T"/mnt/*/etc/file | sha256sum)" "$(for number in $(seq 200); do cat "$T/mnt/1/etc/file"; done | sha256sum)" \
    "a file in all 200"
  stop_daemon
  [ -z "$(mounts_below "$T")" ] || fail "mounts after the daemon's end: $(mounts_below "$T" | head -n 3)"
}

test_reload_and_config() {
  begin
  expect 0 thaw config check
  thaw config default >"$T/default.json"
  thaw config check --config "$T/default.json"
  equal "$(json_value .memory.size thaw config show)" 64MiB "memory.size shown"
  write_config '.memory.size = "128MiB"'
  thaw reload --json >"$T/reload.json"
  jq -e '.applied == ["memory.size"] and .needs_restart == []' "$T/reload.json" || fail "reload: $(cat "$T/reload.json")"
  stop_daemon
}

# Killed workers, killed supervisors, orderly ends.

begin() {
  write_config "${1:-.}"
  copy_store
  mkdir -p "$T/mnt"
  start_daemon
}

test_forty_killed_workers_under_load() {
  begin
  local kills=0 pid reader
  thaw mount nasty:1 "$T/mnt"
  (cd "$T/mnt" && find many size-* -type f -print0 | sort -z | xargs -0 sha256sum) >"$T/wanted"
  [ "$(wc -l <"$T/wanted")" -ge 3000 ] || fail "only $(wc -l <"$T/wanted") files"
  # Reads them over and over with the page cache dropped, until told to stop.
  (
    cd "$T/mnt"
    while [ ! -e "$T/stop" ]; do
      echo 3 >/proc/sys/vm/drop_caches
      sha256sum --quiet -c "$T/wanted" || exit 1
      echo . >>"$T/rounds"
    done
  ) >"$T/reader.log" 2>&1 &
  reader=$!
  while [ $kills -lt 40 ]; do
    pid=$(worker_pid) || pid=
    if [ -n "$pid" ] && kill -9 "$pid" 2>/dev/null; then kills=$((kills + 1)); fi
    kill -0 "$reader" 2>/dev/null || fail "the reader ended after $kills kills: $(tail -n 3 "$T/reader.log")"
    sleep 0.25
  done
  touch "$T/stop"
  wait "$reader" || fail "wrong or failed reads after $kills kills: $(tail -n 3 "$T/reader.log")"
  [ -s "$T/rounds" ] || fail "not one round was read to its end"
  daemon_answers || wait_for 10 daemon_answers || fail "no worker after the kills"
  equal "$(json_value '.mounts | length' thaw ps)" 1 "mounts after the kills"
  thaw umount "$T/mnt"
  stop_daemon
}

test_mounts_leave_descriptors_for_the_next_worker() {
  write_config
  (ulimit -n 64 && exec thawd --config "$THAW_CONFIG" >>"$T/thawd.log" 2>&1) &
  daemon=$!
  wait_for 10 daemon_answers || fail "thawd did not answer: $(tail -n 3 "$T/thawd.log")"
  local n=0 status=0
  while [ $status = 0 ] && [ $n -lt 64 ]; do
    n=$((n + 1))
    random_image "image-$n" 1
    mkdir "$T/mnt-$n"
    thaw mount "image-$n:1" "$T/mnt-$n" >/dev/null 2>"$T/err" || status=$?
  done
  equal "$status" 1 "status of the mount that is one too many"
  grep -q 'ulimit -n' "$T/err" || fail "the refusal does not name the limit: $(cat "$T/err")"
  [ $n -gt 10 ] || fail "only $n mounts"
  kill -9 "$(worker_pid)"
  wait_for 10 daemon_answers || fail "no worker after the kill: $(tail -n 1 "$T/thawd.log")"
  cmp "$T/image-1.bytes" "$T/mnt-1/random" || fail "wrong bytes after the kill"
  stop_daemon
}

test_too_few_descriptors_are_told_at_the_start() {
  write_config
  expect 1 bash -c "ulimit -n 32 && exec thawd --config '$THAW_CONFIG'"
  grep -q 'thawd needs 64' "$T/err" || fail "it said $(cat "$T/err")"
}

# As an upgrade does that moves to another folder.
test_programs_may_go_while_they_run() {
  write_config
  copy_store
  mkdir "$T/bin" "$T/mnt" "$T/other"
  cp "$(command -v thawd)" "$(command -v thawd-mount-helper)" "$T/bin/"
  "$T/bin/thawd" --config "$THAW_CONFIG" >>"$T/thawd.log" 2>&1 &
  daemon=$!
  wait_for 10 daemon_answers || fail "thawd did not answer: $(tail -n 3 "$T/thawd.log")"
  thaw mount debian:1 "$T/mnt"
  rm -r "$T/bin"
  thaw mount nasty:1 "$T/other"
  thaw umount "$T/mnt"
  kill -9 "$(worker_pid)"
  wait_for 10 daemon_answers || fail "no worker after the kill"
  same_tree "$IMAGES/nasty.txt" "$T/other"
  thaw umount "$T/other"
  stop_daemon
}

test_counters_outlive_a_worker() {
  begin
  local before
  thaw mount debian:1 "$T/mnt"
  cat "$T"/mnt/usr/bin/* >/dev/null
  before=$(json_value .reads thaw stats)
  kill -9 "$(worker_pid)"
  wait_for 10 daemon_answers || fail "no worker after the kill"
  [ "$(json_value .reads thaw stats)" -ge "$before" ] || fail "reads went back from $before"
  thaw umount "$T/mnt"
  stop_daemon
}

test_recovery_needs_no_key_and_no_store() {
  begin '.read.deadline = "2s"'
  thaw mount debian:1 "$T/mnt"
  mv "$T/keys" "$T/keys.away"
  kill -9 "$(worker_pid)"
  wait_for 10 daemon_answers || fail "no worker after the kill"
  cat "$T"/mnt/usr/bin/* >/dev/null || fail "reads fail without the key service"
  mv "$T/keys.away" "$T/keys"
  thaw umount "$T/mnt"
  stop_daemon
}

test_both_killed_and_the_next_daemon_recovers() {
  begin
  thaw mount debian:1 "$T/mnt"
  cat "$T/mnt/etc/debian_version" >"$T/wanted"
  kill_daemon
  start_daemon
  wait_for 10 mount_is_back || fail "what was mounted is not mounted again: $(thaw ps --json)"
  cmp "$T/wanted" "$T/mnt/etc/debian_version"
  thaw umount "$T/mnt"
  stop_daemon
}

# What was mounted is not lost because the store is away when the daemon comes back.
test_mounts_wait_for_a_store_that_is_away_at_a_restart() {
  begin
  mkdir "$T/other"
  thaw mount debian:1 "$T/mnt"
  thaw mount nasty:1 "$T/other"
  describe "$T/mnt/etc" >"$T/wanted"
  kill_daemon
  mv "$T/store" "$T/store.away"
  start_daemon
  wait_for 10 wait_for_the_store 2 || fail "ps says $(thaw ps --json)"
  thaw ps | grep -q "debian:1 waits to be mounted again on $T/mnt: .*store" || fail "ps says $(thaw ps)"
  # The next daemon and worker know of them as well; who does not want one unmounts it.
  kill_daemon
  start_daemon
  thaw umount "$T/other"
  expect_error 3 "no such mount" thaw umount "$T/other"
  kill -9 "$(worker_pid)"
  wait_for 10 daemon_answers || fail "no worker after the kill"
  wait_for 10 wait_for_the_store 1 || fail "ps says $(thaw ps --json)"
  mv "$T/store.away" "$T/store"
  thaw reload >/dev/null
  wait_for 10 mount_is_back || fail "ps says $(thaw ps --json)"
  equal "$(thaw ps --json | jq -c '.waiting')" "[]" "what waits"
  describe "$T/mnt/etc" >"$T/seen"
  cmp "$T/wanted" "$T/seen"
  thaw umount "$T/mnt"
  stop_daemon
}
wait_for_the_store() { thaw ps --json | jq -e --argjson n "$1" '(.waiting | length) == $n and all(.waiting[]; .why != null)' >/dev/null; }

# A disk that is not mounted yet leaves an empty folder: a store without images, or keys that nobody trusts.
test_mounts_wait_for_disks_that_are_not_mounted_at_a_restart() {
  begin
  local away
  thaw mount debian:1 "$T/mnt"
  for away in store keys; do
    kill_daemon
    mv "$T/$away" "$T/$away.away"
    mkdir "$T/$away"
    start_daemon
    wait_for 10 wait_for_the_store 1 || fail "without $away ps says $(thaw ps --json)"
    rm -r "${T:?}/$away"
    mv "$T/$away.away" "$T/$away"
    thaw reload >/dev/null
    wait_for 10 mount_is_back || fail "with $away ps says $(thaw ps --json)"
  done
  thaw umount "$T/mnt"
  stop_daemon
}

test_a_mount_whose_name_was_removed_comes_back_too() {
  begin
  thaw mount debian:1 "$T/mnt"
  thaw rm debian:1
  kill_daemon
  start_daemon
  wait_for 10 mount_is_back || fail "ps says $(thaw ps --json)"
  mkdir "$T/other"
  expect_error 3 "no such image" thaw mount debian:1 "$T/other"
  thaw umount "$T/mnt"
  stop_daemon
}

# More than fits into one message between the supervisor and its worker.
test_a_long_configuration_outlives_a_worker() {
  write_config '.registry.mirrors = {"registry.example": [range(2000) | "https://mirror-\(.).example:5000"]}'
  copy_store
  start_daemon
  kill -9 "$(worker_pid)"
  wait_for 10 daemon_answers || fail "no worker after the kill"
  equal "$(json_value '.registry.mirrors."registry.example" | length' thaw config show --daemon)" 2000 mirrors
  stop_daemon
}

mount_is_back() { [ "$(thaw ps --json | jq '.mounts | length')" = 1 ] && [ -e "$T/mnt/etc/debian_version" ]; }

test_sigterm_with_busy_mounts_ends_within_5_s() {
  begin
  local start
  thaw mount debian:1 "$T/mnt"
  exec 9<"$T/mnt/etc/debian_version"
  start=$SECONDS
  stop_daemon
  [ $((SECONDS - start)) -le 5 ] || fail "it took $((SECONDS - start)) s"
  [ -z "$(mounts_below "$T")" ] || fail "still mounted: $(mounts_below "$T")"
  exec 9<&-
  wait_for 10 no_loops || fail "loop devices: $(loops_of "$T")"
}

test_sigterm_with_a_stuck_worker() {
  begin
  local start worker
  thaw mount debian:1 "$T/mnt"
  worker=$(worker_pid)
  kill -STOP "$worker"
  start=$SECONDS
  stop_daemon
  [ $((SECONDS - start)) -le 5 ] || fail "it took $((SECONDS - start)) s"
  ! kill -0 "$worker" 2>/dev/null || fail "the worker is still there"
}

test_a_second_daemon_names_the_first() {
  begin
  expect_error 1 "$daemon" thawd --config "$THAW_CONFIG"
  # Nor may it have the records of the first one's mounts.
  jq '.run_dir += "-2"' "$THAW_CONFIG" >"$T/second.json"
  expect_error 1 "state_dir.*$daemon" thawd --config "$T/second.json"
  daemon_answers || fail "the first daemon was disturbed"
  stop_daemon
}

test_one_folder_may_be_run_dir_and_state_dir() {
  write_config '.state_dir = .run_dir'
  copy_store
  start_daemon
  stop_daemon
}

test_what_lay_in_its_folder_before_stays() {
  write_config
  copy_store
  mkdir -p "$T/run/mnt" "$T/mnt"
  echo precious >"$T/run/mnt/notes"
  echo precious >"$T/run/mnt/package.lock"
  start_daemon
  thaw mount nasty:1 "$T/mnt"
  kill_daemon
  start_daemon
  stop_daemon
  equal "$(cd "$T/run/mnt" && echo *)" "notes package.lock" "what is left in run_dir/mnt"
}

test_daemon_not_running() {
  write_config
  copy_store
  mkdir -p "$T/mnt"
  expect_error 5 "thawd|daemon" thaw mount debian:1 "$T/mnt"
  expect_error 5 "thawd|daemon" thaw ps
  expect_error 5 "thawd|daemon" thaw stats
}

# The flash tier: warm again after any end, never a wrong byte, never an error.

# begin [JQ_PROGRAM]: a daemon with a flash tier below T.
begin() {
  write_config '.flash = {path: "'"$T"'/flash/log", size: "1GiB"} | '"${1:-.}"
  copy_store
  mkdir -p "$T/mnt"
  start_daemon
  wait_for 10 flash_is_ready || fail "the flash tier is not ready"
}

flash_is_ready() { [ "$(flash_state .ready)" = true ]; }
flash_state() { thaw stats --json | jq -r ".flash$1"; }
tier() { thaw stats --json | jq -r ".tiers.$1"; }  # tier NAME.COUNTER
# A chunk that memory gave up before it was written is fetched a second time.
all_is_written() { [ "$(flash_state .buffered_bytes)" = 0 ] && [ "$(flash_state .chunks)" -ge $(($(tier origin.hits) * 9 / 10)) ]; }

read_all() { (cd "$T/mnt" && find . -xdev -type f -print0 | sort -z | xargs -0 sha256sum); }

test_warm_after_a_killed_worker_and_a_killed_daemon() {
  begin
  local chunks
  thaw mount debian:1 "$T/mnt"
  read_all >"$T/wanted"
  wait_for 5 all_is_written || fail "not written: $(flash_state '')"
  equal "$(stat -c '%a' "$T/flash/log")" 600 "mode of the flash file"
  kill -9 "$(worker_pid)"
  wait_for 10 daemon_answers || fail "no worker after the kill"
  wait_for 10 flash_is_ready || fail "the flash tier is not ready after the worker was killed"
  thaw umount "$T/mnt"

  local worker
  worker=$(worker_pid)
  kill -9 "$daemon"
  kill -9 "$worker" 2>/dev/null || true
  wait "$daemon" || true
  start_daemon
  wait_for 10 flash_is_ready || fail "the flash tier is not ready after the daemon was killed"
  chunks=$(flash_state .chunks)
  rm -r "$T"/store/roots/*/chunks  # nothing else has them now
  thaw mount debian:1 "$T/mnt"
  read_all >"$T/seen"
  cmp "$T/wanted" "$T/seen"
  [ "$(tier flash.hits)" -gt $((chunks / 2)) ] || fail "only $(tier flash.hits) of $chunks chunks came from flash"
  equal "$(tier origin.hits)" 0 "chunks from the store"
  thaw umount "$T/mnt"
  stop_daemon
}

test_a_filled_image_outlasts_the_store() {
  begin
  thaw mount debian:1 "$T/mnt" --fill
  wait_for 20 all_is_filled || fail "$(flash_state .chunks) chunks on flash"
  mv "$T/store" "$T/store.away"
  read_all >"$T/sums" || fail "a filled image does not read without its store"
  thaw umount "$T/mnt"
  stop_daemon
}
all_is_filled() { [ "$(flash_state .chunks)" -ge "$(json_value .chunks thaw inspect debian:1)" ]; }

test_a_reload_changes_its_size_and_outlives_the_worker() {
  begin
  thaw mount debian:1 "$T/mnt"
  read_all >"$T/wanted"
  wait_for 5 all_is_written || fail "not written: $(flash_state '')"
  jq '.flash.size = "100MiB"' "$T/thaw.json" >"$T/new.json" && mv "$T/new.json" "$T/thaw.json"
  thaw reload --json >"$T/reload.json"
  jq -e '.applied == ["flash.size"]' "$T/reload.json" || fail "reload said $(cat "$T/reload.json")"
  equal "$(stat -c %s "$T/flash/log")" $((100 * 1024 * 1024)) "size of the flash file"
  [ "$(flash_state .chunks)" -gt 0 ] || fail "all was forgotten"
  kill -9 "$(worker_pid)"
  wait_for 10 daemon_answers || fail "no worker after the kill"
  wait_for 10 flash_is_ready || fail "the flash tier is not ready"
  equal "$(stat -c %s "$T/flash/log")" $((100 * 1024 * 1024)) "size of the flash file after the kill"
  echo 3 >/proc/sys/vm/drop_caches
  read_all >"$T/seen"
  cmp "$T/wanted" "$T/seen"
  thaw umount "$T/mnt"
  stop_daemon
}

test_a_damaged_flash_file_is_never_seen() {
  begin
  local offset
  thaw mount debian:1 "$T/mnt"
  read_all >"$T/wanted"
  wait_for 5 all_is_written || fail "not written: $(flash_state '')"
  thaw umount "$T/mnt"
  stop_daemon
  for offset in $(seq 1 7 300); do  # 64 KiB of noise every 7 MiB, headers, footers and chunks alike
    dd if=/dev/urandom of="$T/flash/log" bs=64K count=1 seek=$((offset * 16)) conv=notrunc status=none
  done
  start_daemon
  wait_for 10 flash_is_ready || fail "the flash tier is not ready"
  thaw mount debian:1 "$T/mnt"
  read_all >"$T/seen"
  cmp "$T/wanted" "$T/seen"
  [ "$(tier flash.hits)" -gt 0 ] || fail "nothing came from flash"
  [ "$(tier origin.hits)" -gt 0 ] || fail "nothing was damaged"
  thaw umount "$T/mnt"
  stop_daemon
}

test_a_full_disk_is_a_miss() {
  mkdir "$T/flash"
  mount -t tmpfs -o size=80m none "$T/flash"
  begin
  thaw mount debian:1 "$T/mnt"
  read_all >"$T/first"
  echo 3 >/proc/sys/vm/drop_caches
  read_all >"$T/second"
  cmp "$T/first" "$T/second"
  [ "$(tier flash.errors)" -gt 0 ] || fail "80 MiB held everything"
  equal "$(json_value .read_errors thaw stats)" 0 "failed reads"
  thaw umount "$T/mnt"
  stop_daemon
  umount "$T/flash"
}

test_a_second_daemon_on_the_flash_file_is_refused() {
  begin
  jq '.run_dir += "2" | .state_dir += "2"' "$T/thaw.json" >"$T/second.json"
  expect_error 1 "flash file .* process id $daemon" thawd --config "$T/second.json"
  stop_daemon
}

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
  local chunks written
  thaw mount debian:1 "$T/mnt" --fill  # a burst of reads may lose some
  read_all >"$T/wanted"
  wait_for 20 is_filled "$T/mnt" || fail "not written: $(flash_state '')"
  equal "$(stat -c '%a' "$T/flash/log")" 600 "mode of the flash file"
  written=$(flash_state .chunks)
  sleep 2
  kill -9 "$(worker_pid)"
  wait_for 10 daemon_answers || fail "no worker after the kill"
  wait_for 10 flash_is_ready || fail "the flash tier is not ready after the worker was killed"
  found_again "$(flash_state .chunks)" "$written"
  thaw umount "$T/mnt"

  kill_daemon
  start_daemon
  wait_for 10 flash_is_ready || fail "the flash tier is not ready after the daemon was killed"
  chunks=$(flash_state .chunks)
  found_again "$chunks" "$written"
  rm -r "$T"/store/roots/*/chunks  # nothing else has them now
  thaw mount debian:1 "$T/mnt"
  read_all >"$T/seen"
  cmp "$T/wanted" "$T/seen"
  [ "$(tier flash.hits)" -gt $((chunks / 2)) ] || fail "only $(tier flash.hits) of $chunks chunks came from flash"
  equal "$(tier origin.hits)" 0 "chunks from the store"
  thaw umount "$T/mnt"
  stop_daemon
}

found_again() {  # found_again CHUNKS WRITTEN: that many of what was written more than 2 s before
  [ $((100 * $1)) -ge $((99 * $2)) ] || fail "only $1 of $2 chunks were found again"
}

# What a burst of reads had in memory, and flash dropped or was not to have, is written all the same.
test_a_filled_image_outlasts_the_store() {
  begin '.memory.size = "1GiB" | .flash.admit = "second"'
  mkdir "$T/again"
  thaw mount debian:1 "$T/mnt"
  read_all >"$T/wanted"
  [ "$(flash_state .dropped)" -gt 0 ] || fail "flash has all before the fill"
  thaw mount debian:1 "$T/again" --fill
  wait_for 30 all_is_filled || fail "$(flash_state .chunks) chunks on flash"
  wait_for 30 is_filled "$T/again" || fail "not filled: $(fill_of "$T/again" '')"
  thaw explain "$T/again" | grep -q 'fill: all [0-9]* chunks are on flash' || fail "explain: $(thaw explain "$T/again")"
  equal "$(json_value .chunks thaw inspect debian:1)" "$(fill_of "$T/mnt" .chunks)" "chunks of the image and its fill"
  grep -q 'debian:1: all .* chunks are on flash' "$T/thawd.log" || fail "the log says nothing"
  kill -9 "$(worker_pid)"  # and its memory tier with it
  wait_for 10 daemon_answers || fail "no worker after the kill"
  wait_for 10 flash_is_ready || fail "the flash tier is not ready"
  mv "$T/store" "$T/store.away"
  echo 3 >/proc/sys/vm/drop_caches
  read_all >"$T/seen" || fail "a filled image does not read without its store"
  cmp "$T/wanted" "$T/seen"
  mv "$T/store.away" "$T/store"
  thaw umount "$T/again"
  thaw umount "$T/mnt"
  stop_daemon
}
all_is_filled() { [ "$(flash_state .chunks)" -ge "$(json_value .chunks thaw inspect debian:1)" ]; }
fill_of() { thaw explain "$1" --json | jq -r ".fill$2"; }  # fill_of DIR .FIELD
is_filled() { thaw explain "$1" --json | jq -e '.fill // {} | .kept == .chunks and .chunks > 0' >/dev/null; }

test_a_fill_without_a_flash_tier_is_warned_of() {
  write_config
  copy_store
  mkdir -p "$T/mnt" "$T/other"
  start_daemon
  expect 0 thaw mount debian:1 "$T/mnt"
  equal "$(cat "$T/err")" "" "what a mount without --fill says on stderr"
  expect 0 thaw mount debian:1 "$T/other" --fill --json
  equal "$(grep -c 'warning: .*--fill.*no flash tier.*flash.path' "$T/err") $(wc -l <"$T/err")" "1 1" "warnings of all lines"
  jq -e .fill "$T/out" >/dev/null || fail "no object on stdout: $(cat "$T/out")"
  thaw umount "$T/other"
  thaw umount "$T/mnt"
  stop_daemon
}

test_a_fill_goes_on_after_a_killed_worker_and_daemon_and_ends_with_its_mount() {
  begin
  random_image noise 64
  rm "$(chunk_files | xargs ls -t | sed -n 1p)"  # the end of its file: no mount needs that, and no other image has it
  mkdir "$T/other"
  thaw mount noise:1 "$T/mnt" --fill
  wait_for 30 lacks_one "$T/mnt" || fail "not nearly filled: $(fill_of "$T/mnt" '')"
  thaw explain "$T/mnt" | grep -q 'fill: .* 1 could not be fetched' || fail "explain: $(thaw explain "$T/mnt")"
  kill -9 "$(worker_pid)"
  wait_for 10 daemon_answers || fail "no worker after the kill"
  wait_for 30 lacks_one "$T/mnt" || fail "not taken up by the next worker: $(fill_of "$T/mnt" '')"
  thaw mount noise:1 "$T/other"
  kill_daemon
  start_daemon
  wait_for 30 lacks_one "$T/mnt" || fail "not taken up by the next daemon: $(fill_of "$T/mnt" '')"
  thaw umount "$T/mnt"
  equal "$(fill_of "$T/other" '')" null "the fill after the mount that wanted it"
  thaw umount "$T/other"
  stop_daemon
}
lacks_one() { thaw explain "$1" --json | jq -e '.fill // {} | .not_fetched == 1 and .kept == .chunks - 1 and .why != null' >/dev/null; }

test_a_spent_budget_outlives_worker_and_daemon_and_is_told() {
  begin '.flash.size = "64MiB" | .flash.daily_rewrites = 1'
  mkdir "$T/again"
  thaw mount debian:1 "$T/mnt"
  read_all >"$T/wanted"
  wait_for 30 is_spent || fail "the budget is not spent: $(flash_state '')"
  kill -9 "$(worker_pid)"
  wait_for 10 daemon_answers || fail "no worker after the kill"
  wait_for 10 flash_is_ready || fail "the flash tier is not ready"
  is_spent || fail "the next worker has $(flash_state .budget_left) bytes to write"
  kill_daemon
  start_daemon
  wait_for 10 flash_is_ready || fail "the flash tier is not ready after the daemon was killed"
  is_spent || fail "the next daemon has $(flash_state .budget_left) bytes to write"
  thaw mount debian:1 "$T/again" --fill
  wait_for 10 says_budget || fail "explain: $(thaw explain "$T/again")"
  grep -q 'debian:1: .*daily budget' "$T/thawd.log" || fail "the log says nothing"
  thaw umount "$T/again"
  thaw umount "$T/mnt"
  stop_daemon
}
# Less than a region; 64 MiB a day are 800 bytes a second.
is_spent() { [ "$(flash_state .budget_left)" -lt 4000000 ]; }
says_budget() { thaw explain "$T/again" | grep -q 'fill: .* could not be written.*flash.daily_rewrites'; }

test_a_reload_changes_its_size_and_outlives_the_worker() {
  begin
  thaw mount debian:1 "$T/mnt"
  read_all >"$T/wanted"
  wait_for 5 all_is_written || fail "not written: $(flash_state '')"
  change_config '.flash.size = "100MiB"'
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

# A device that is missing when the daemon starts: its folder lies behind a link that leads nowhere yet.
test_a_device_that_comes_later_is_used_with_what_it_holds() {
  local port
  port=$(free_ports 1)
  begin '.metrics.listen = "127.0.0.1:'"$port"'"'
  thaw mount debian:1 "$T/mnt" --fill
  read_all >"$T/wanted"
  wait_for 30 is_filled "$T/mnt" || fail "not filled: $(fill_of "$T/mnt" '')"
  thaw umount "$T/mnt"
  stop_daemon
  mkdir "$T/disk"
  mv "$T/flash" "$T/disk.away"
  ln -s "$T/disk/flash" "$T/flash"
  rmdir "$T/disk"
  start_daemon
  wait_for 10 is_away || fail "nobody says that flash is away: $(flash_state '')"
  thaw stats | grep -q "flash is not there: .*$T/flash" || fail "$(thaw stats)"
  wait_for 10 metric_is thaw_flash_ready 0 || fail "no metric says so"
  thaw mount debian:1 "$T/mnt"
  read_all | cmp "$T/wanted" - || fail "reads without flash"
  thaw umount "$T/mnt"
  equal "$(grep -c 'no flash tier' "$T/thawd.log")" 1 "lines about it in the log"
  kill -9 "$(worker_pid)"  # the next one finds it away as well, and memory is empty
  wait_for 10 daemon_answers || fail "no worker after the kill"

  mkdir "$T/disk"
  mv "$T/disk.away" "$T/disk/flash"
  thaw reload
  wait_for 10 flash_is_ready || fail "not used when it came: $(flash_state '')"
  wait_for 10 metric_is thaw_flash_ready 1 || fail "no metric says so"
  [ "$(flash_state .chunks)" -gt 100 ] || fail "what it held is forgotten: $(flash_state '')"
  rm -r "$T"/store/roots/*/chunks  # nothing else has them now
  thaw mount debian:1 "$T/mnt"
  read_all >"$T/seen"
  cmp "$T/wanted" "$T/seen"
  equal "$(json_value .read_errors thaw stats)" 0 "failed reads"
  jq '.run_dir += "2" | .state_dir += "2" | del(.metrics)' "$T/thaw.json" >"$T/second.json"
  expect_error 1 "flash file .* process id $daemon" thawd --config "$T/second.json"
  thaw umount "$T/mnt"
  stop_daemon
}
is_away() { thaw stats --json | jq -e '.flash | .ready == false and .error != ""' >/dev/null; }
metric_is() { [ "$(curl -sf "http://127.0.0.1:$port/metrics" | awk -v name="$1" '$1 == name {print $2}')" = "$2" ]; }

# Nobody reloads: it is tried again by itself. A loop device of an empty file has no bytes, and nobody else takes it.
test_a_block_device_that_comes_later_is_used() {
  local loop
  truncate -s 0 "$T/medium"
  loop=$(losetup --show -f "$T/medium")
  write_config '.flash = {path: "'"$loop"'", size: "1GiB"}'
  copy_store
  mkdir -p "$T/mnt"
  start_daemon
  wait_for 10 is_away || fail "nobody says that flash is away: $(flash_state '')"
  truncate -s 100M "$T/medium"
  losetup -c "$loop"
  wait_for 60 flash_is_ready || fail "not used when it came: $(flash_state '')"
  thaw mount debian:1 "$T/mnt" --fill
  read_all >"$T/seen"
  [ "$(flash_state .chunks)" -gt 0 ] || fail "nothing is written"
  thaw umount "$T/mnt"
  stop_daemon
  detach_loop "$loop"
  rm -f "$loop.lock"
}

# As in /dev/mapper and /dev/disk/by-id.
test_a_block_device_may_be_named_by_a_link() {
  local loop link=/dev/thaw-e2e-$$
  truncate -s 100M "$T/medium"
  loop=$(losetup --show -f "$T/medium")
  ln -s "$loop" "$link"
  write_config '.flash = {path: "'"$link"'", size: "1GiB"}'
  copy_store
  start_daemon
  wait_for 5 flash_is_ready || { rm -f "$link" "$link.lock"; fail "not used: $(flash_state '')"; }
  stop_daemon
  rm -f "$link" "$link.lock"
  detach_loop "$loop"
}

test_a_file_behind_a_link_is_not_used_and_said() {
  ln -s elsewhere "$T/flash"
  write_config '.flash = {path: "'"$T"'/flash", size: "64MiB"}'
  copy_store
  start_daemon
  wait_for 10 is_away_because 'is a symbolic link' || fail "it says $(flash_state '')"
  [ ! -e "$T/elsewhere" ] || fail "a file was made"
  stop_daemon
}

test_a_daemon_that_has_the_flash_file_first_keeps_it() {
  ln -s "$T/disk/flash" "$T/flash"
  begin_without_flash
  mkdir -p "$T/disk/flash"
  jq '.run_dir += "2" | .state_dir += "2"' "$T/thaw.json" >"$T/second.json"
  thawd --config "$T/second.json" >"$T/second.log" 2>&1 &
  local second=$!
  wait_for 10 second_is_ready || fail "the second daemon has no flash tier"
  thaw reload
  wait_for 10 is_away_because "process id $second" || fail "not refused: $(flash_state '')"
  kill -TERM "$second"
  wait "$second" || fail "the second daemon ended with $?"
  thaw reload
  wait_for 10 flash_is_ready || fail "not used when it was free: $(flash_state '')"
  stop_daemon
}
begin_without_flash() {  # its folder lies behind a link that leads nowhere yet
  write_config '.flash = {path: "'"$T"'/flash/log", size: "64MiB"}'
  copy_store
  start_daemon
  wait_for 10 is_away || fail "flash is not away: $(flash_state '')"
}
second_is_ready() { THAW_CONFIG=$T/second.json thaw stats --json | jq -e .flash.ready >/dev/null; }
is_away_because() { flash_state .error | grep -q "$1"; }

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
  [ "$(flash_state .writes_failed)" -gt 0 ] || fail "no failed write is counted: $(flash_state '')"
  equal "$(grep -c 'no chunk can be written to flash.*No space left on device; make room' "$T/thawd.log")" 1 "lines about it"
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

# Each setting does what docs/operating.md says of it, at a start and after a reload: what no other file shows.

begin() {  # begin [JQ_PROGRAM]
  write_config "${1:-.}"
  copy_store
  mkdir -p "$T/mnt" "$T/other"
  start_daemon
}

reload_with() {  # reload_with JQ_PROGRAM
  change_config "$1"
  thaw reload --json | jq -e '.needs_restart == []' >/dev/null || fail "$1 was not applied"
}

control() { curl -sS --unix-socket "$T/run/thaw.sock" "http://thaw/v1/$1" -H 'content-type: application/json' -d "$2"; }

from_origin() { json_value .tiers.origin.hits thaw stats; }

test_a_shorter_deadline_and_linger_hold_for_what_is_mounted_already() {
  begin '.read.deadline = "300s" | .mount.linger = "1h"'
  thaw mount debian:1 "$T/mnt"
  thaw mount nasty:1 "$T/other"
  thaw umount "$T/other"
  stat "$T/mnt/usr/bin/perl" >/dev/null
  reload_with '.read.deadline = "1s" | .mount.linger = "0s"'
  mv "$T/store" "$T/store.away"
  ! timeout 30 cat "$T/mnt/usr/bin/perl" >/dev/null 2>"$T/err" || fail "data was read without a store"
  grep -q "Input/output error" "$T/err" || fail "not EIO: $(cat "$T/err")"
  mv "$T/store.away" "$T/store"
  thaw umount "$T/mnt"
  wait_for 10 no_loops || fail "images linger on: $(loops_of "$T")"
  stop_daemon
}

test_an_outage_is_waited_for_by_what_is_mounted_after_the_reload() {
  local reader
  begin '.read.deadline = "1s"'
  thaw mount debian:1 "$T/mnt"
  reload_with '.read.outage = "wait"'
  thaw mount debian:1 "$T/other"
  stat "$T/mnt/usr/bin/perl" "$T/other/usr/bin/perl" >/dev/null
  mv "$T/store" "$T/store.away"
  ! timeout 30 cat "$T/mnt/usr/bin/perl" >/dev/null 2>"$T/err" || fail "data was read without a store"
  timeout 60 cat "$T/other/usr/bin/perl" >/dev/null &
  reader=$!
  sleep 3
  kill -0 "$reader" || fail "the read did not wait"
  mv "$T/store.away" "$T/store"
  wait "$reader" || fail "the read failed"
  thaw umount "$T/mnt"
  thaw umount "$T/other"
  stop_daemon
}

record_a_trace() {
  thaw mount debian:1 "$T/mnt"
  cat "$T"/mnt/usr/bin/b* >/dev/null
  wait_for 15 has_trace || fail "no trace is recorded"
  end_mount
}
end_mount() {
  thaw umount "$T/mnt"
  wait_for 10 no_loops || fail "the image lingers"
}
has_trace() { thaw trace show debian:1 >/dev/null 2>&1; }
replayed() { json_value '.trace.replayed' thaw explain "$T/mnt"; }
is_replayed() { [ "$(replayed)" -gt 0 ]; }

# A kept trace is replayed or not as the configuration says when the image is mounted.
test_a_trace_is_replayed_only_where_that_is_wanted() {
  begin '.prefetch.replay = false | .mount.linger = "0s"'
  rm -rf "$T"/store/roots/*/traces
  record_a_trace
  thaw mount debian:1 "$T/mnt"
  sleep 1
  equal "$(replayed)" 0 "chunks replayed with prefetch.replay false"
  end_mount
  reload_with '.prefetch.replay = true'
  thaw mount debian:1 "$T/mnt"
  wait_for 10 is_replayed || fail "nothing is replayed after the reload"
  thaw umount "$T/mnt"
  stop_daemon
}

# read_in_a_row MIB: so many of a file, from there on where the last one ended.
read_in_a_row() {
  dd if="$T/mnt/random" of=/dev/null bs=128K skip=$((from * 8)) count=$(($1 * 8)) iflag=direct status=none
  from=$((from + $1))
}
is_ahead() { [ "$(from_origin)" -gt $((before + 8)) ]; }

test_nothing_is_read_ahead_where_that_is_not_wanted() {
  local from=0 before
  begin '.read.ahead_chunks = 0'
  random_image big 32
  thaw mount big:1 "$T/mnt" --no-prefetch
  read_in_a_row 1
  before=$(from_origin)
  read_in_a_row 8
  sleep 0.5
  [ "$(from_origin)" -le $((before + 16)) ] || fail "$(($(from_origin) - before)) chunks for 16 that were read"
  reload_with '.read.ahead_chunks = 64'
  before=$(from_origin)
  read_in_a_row 4
  wait_for 10 is_ahead || fail "$(($(from_origin) - before)) chunks only for 8 that were read"
  thaw umount "$T/mnt"
  stop_daemon
}

test_the_log_is_as_talkative_as_it_is_told() {
  begin '.log.level = "error"'
  [ ! -s "$T/thawd.log" ] || fail "it said: $(cat "$T/thawd.log")"
  reload_with '.log.level = "debug" | .mount.linger = "0s"'
  record_a_trace
  thaw mount debian:1 "$T/mnt"
  local line
  for line in 'POST /v1/mounts: 200' 'mount helper: attach in [0-9]* ms: done' 'prefetch of [0-9]* chunks'; do
    wait_for 10 grep -q " debug $line" "$T/thawd.log" || fail "no line $line: $(cat "$T/thawd.log")"
  done
  # The supervisor's lines too, and the next worker's.
  kill -9 "$(worker_pid)"
  wait_for 10 grep -q 'the next one starts' "$T/thawd.log" || fail "the supervisor says nothing"
  wait_for 10 daemon_answers || fail "no worker after the kill"
  reload_with '.mount.linger = "2s"'
  grep -c 'was read again' "$T/thawd.log" | grep -qx 2 || fail "the next worker says nothing"
  thaw umount "$T/mnt"
  stop_daemon
}

test_the_tenant_is_the_commands_and_the_daemons() {
  begin '.tenant = "acme"'
  thaw build "oci:$IMAGES/nasty:latest" web:1 >/dev/null
  equal "$(json_value .tenant thaw inspect web:1)" acme tenant
  expect 3 thaw inspect debian:1
  thaw mount web:1 "$T/mnt"
  # A request without one means that of the daemon, a command that of its own configuration.
  equal "$(control mounts '{"name": "debian:1"}' | jq -r .error.code)" not_found "what the daemon says"
  jq '.tenant = "default"' "$T/thaw.json" >"$T/default.json"
  thaw --config "$T/default.json" mount debian:1 "$T/other"
  reload_with '.tenant = "default"'
  control mounts '{"name": "debian:1"}' | jq -e .file >/dev/null || fail "the daemon's tenant is still another"
  expect 3 thaw inspect web:1
  thaw umount "$T/mnt"
  thaw umount "$T/other"
  stop_daemon
}

test_a_key_is_kept_for_as_long_as_it_is_told() {
  local age status
  for age in 0s 10m; do
    write_config ".keys.cache_age = \"$age\" | .mount.linger = \"0s\""
    rm -rf "$T/store" "$T/keys"
    copy_store
    mkdir -p "$T/mnt"
    start_daemon
    thaw mount debian:1 "$T/mnt"
    thaw umount "$T/mnt"
    mv "$T/keys/tenants" "$T/keys/away"
    status=0
    thaw mount debian:1 "$T/mnt" 2>"$T/err" || status=$?
    case $age in
      0s) [ "$status" != 0 ] || fail "mounted without a key" ;;
      *) equal "$status" 0 "status of a mount with a key that is kept: $(cat "$T/err")" && thaw umount "$T/mnt" ;;
    esac
    mv "$T/keys/away" "$T/keys/tenants"
    stop_daemon
  done
}

test_containers_run_by_the_runtime_that_is_named() {
  begin
  printf '#!/bin/sh\necho asked >>%s\nexec runc "$@"\n' "$T/asked" >"$T/runtime"
  chmod +x "$T/runtime"
  write_config ".run.runtime = \"$T/runtime\""
  equal "$(thaw run debian:1 -- echo hello)" hello "what it said"
  [ -s "$T/asked" ] || fail "another runtime was used"
  write_config '.run.runtime = "no-such-runtime"'
  expect_error 125 'no OCI runtime "no-such-runtime"' thaw run debian:1 -- true
  stop_daemon
}

planned() { json_value '[.decisions[].action] | join(" ")' thaw gc --dry-run; }

test_a_lease_lapses_when_it_is_told_to() {
  begin
  thaw build "oci:$IMAGES/nasty:latest" gone:1 >/dev/null
  thaw mount gone:1 "$T/mnt"
  thaw rm gone:1
  kill_daemon
  find "$T/store/leases" -type f -exec touch -d '3 hours ago' {} +
  equal "$(planned)" "" "with a lease that lapses after a day"
  write_config '.gc.lease_lapse = "2h"'
  equal "$(planned)" "create retire" "with a lease that has lapsed"
  write_config '.gc.lease_lapse = "2h" | .gc.begin_percent = 100'
  equal "$(planned)" wait "where all images must be unused"
  start_daemon
  stop_daemon
}

flash() { json_value ".flash.$1" thaw stats; }
flash_has_all() { [ "$(flash chunks)" -ge "$(from_origin)" ]; }
budget_is_larger() { [ "$(flash budget_left)" -gt $((100 << 20)) ]; }

test_flash_takes_what_a_reload_says() {
  local chunks
  begin ".flash = {path: \"$T/flash\", size: \"64MiB\", daily_rewrites: 1}"
  thaw mount nasty:1 "$T/other"
  find "$T/other" -xdev -type f -exec cat {} + >/dev/null
  wait_for 10 flash_has_all || fail "only $(flash chunks) chunks on flash"
  [ "$(flash budget_left)" -lt $((64 << 20)) ] || fail "a budget of $(flash budget_left)"
  reload_with '.flash.admit = "second" | .flash.daily_rewrites = 10'
  wait_for 5 budget_is_larger || fail "a budget of $(flash budget_left)"
  chunks=$(flash chunks)
  thaw mount debian:1 "$T/mnt"
  cat "$T/mnt/usr/bin/perl" >/dev/null
  sleep 1
  equal "$(flash chunks)" "$chunks" "chunks on flash after a first read"
  thaw umount "$T/mnt"
  thaw umount "$T/other"
  stop_daemon
}

# What a store is asked with, on an address where none answers.
start_listener() {
  /usr/bin/python3 -c '
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        print(self.headers["Host"], self.path, self.headers["Authorization"], flush=True)
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()' >"$T/asked" 2>"$T/listener.err" &
  listener=$!
  at_end stop_listener
  wait_for 10 test -s "$T/asked" || fail "nothing listens: $(cat "$T/listener.err")"
}
stop_listener() { kill "$listener"; wait "$listener" 2>/dev/null; }

test_a_bucket_is_asked_for_in_its_region_and_style() {
  start_listener
  local at
  at=localhost:$(head -n 1 "$T/asked")
  export AWS_ACCESS_KEY_ID=key AWS_SECRET_ACCESS_KEY=secret
  write_config ".store.url = \"s3://images/one\" | .s3 = {endpoint: \"http://$at\", region: \"eu-west-7\"}"
  expect 0 thaw images
  grep -q "^$at /images?list-type=2.*/eu-west-7/s3/aws4_request" "$T/asked" || fail "asked for $(cat "$T/asked")"
  write_config ".store.url = \"s3://images/one\" | .s3 = {endpoint: \"http://$at\", path_style: false}"
  expect 0 thaw images
  grep -q "^images.$at /?list-type=2.*/us-east-1/s3/aws4_request" "$T/asked" || fail "asked for $(cat "$T/asked")"
}

# What the end-to-end tests share. test/e2e/run sources it, then a *_test.sh, then calls one test_* function, all
# in a process of its own with `set -euo pipefail`.
#
# T       this test's own folder, empty at the start; the runner removes it and fails the test if a mount, loop
#         device or process of it is left
# IMAGES  images and a store with them built, made once a run (images.sh); read only
# Every daemon, store and key folder of a test lies below T; THAW_CONFIG names its configuration.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../shell.sh"
daemon=

fail() { echo "FAILED: $*" >&2; exit 1; }

# --- the configuration, the daemon -----------------------------------------------------------------------------

# write_config [JQ_PROGRAM]: the configuration below T, changed by the program.
write_config() {
  jq -n --arg t "$T" '{
    store: {url: ("file://" + $t + "/store")}, keys: {url: ("file://" + $t + "/keys")},
    run_dir: ($t + "/run"), state_dir: ($t + "/state"), build: {spool_dir: $t}, memory: {size: "64MiB"},
    mount: {linger: "1s"}}' | jq "${1:-.}" >"$T/thaw.json"
  export THAW_CONFIG=$T/thaw.json
}

change_config() {  # change_config JQ_ARGUMENTS...: in one step, as an editor does
  jq "$@" "$T/thaw.json" >"$T/new.json" && mv "$T/new.json" "$T/thaw.json"
}

# A store of this test's own in which debian:1 and nasty:1 are built already.
copy_store() { cp -a "$IMAGES/store" "$T/store"; cp -a "$IMAGES/keys" "$T/keys"; }

# random_image NAME MIB: built as NAME:1, of one file of so many MiB, which nothing is shared with; it stays as
# T/NAME.bytes.
random_image() {
  local layout=$T/$1.layout
  mkdir "$T/$1.d"
  head -c "$2M" /dev/urandom >"$T/$1.d/random"
  tar -C "$T/$1.d" -cf "$T/$1.tar" random
  umoci init --layout "$layout" 2>/dev/null
  umoci new --image "$layout:latest" 2>/dev/null
  umoci raw add-layer --image "$layout:latest" "$T/$1.tar" 2>/dev/null
  mv "$T/$1.d/random" "$T/$1.bytes"
  thaw build "oci:$layout:latest" "$1:1" >/dev/null
  rm -r "$T/$1.d" "$T/$1.tar" "$layout"
}

no_loops() { [ -z "$(loops_of "$T")" ]; }
daemon_answers() { thaw stats --json >"$T/stats.json" 2>/dev/null; }

start_daemon() {
  thawd --config "$THAW_CONFIG" >>"$T/thawd.log" 2>&1 &
  daemon=$!
  wait_for 10 daemon_answers_or_ended || fail "thawd did not answer within 10 s: $(tail -n 3 "$T/thawd.log")"
  kill -0 "$daemon" 2>/dev/null || fail "thawd ended: $(tail -n 3 "$T/thawd.log")"
}
daemon_answers_or_ended() { daemon_answers || ! kill -0 "$daemon" 2>/dev/null; }

# SIGTERM; the daemon must end with status 0.
stop_daemon() {
  local status=0
  kill -TERM "$daemon"
  wait "$daemon" || status=$?
  daemon=
  [ "$status" = 0 ] || fail "thawd ended with status $status after SIGTERM: $(tail -n 3 "$T/thawd.log")"
}

worker_pid() { pgrep -P "$daemon" -o; }

# SIGKILL to the daemon and its worker.
kill_daemon() {
  local worker
  worker=$(worker_pid)
  kill -9 "$daemon"
  kill -9 "$worker" 2>/dev/null || true
  wait "$daemon" || true
  daemon=
}

# at_end FUNCTION: calls it too when the test ends, whose status it does not change.
cleanups=()
at_end() { cleanups+=("$1"); }

# Runs when a test ends, however it ends, so that a failed test leaves nothing to the next.
end_of_test() {
  local status=$? cleanup
  set +e
  for cleanup in "${cleanups[@]}"; do "$cleanup"; done
  if [ -n "$daemon" ] && kill -TERM "$daemon" 2>/dev/null; then wait "$daemon" || true; fi
  [ "$status" = 0 ] || { echo "--- thawd.log"; tail -n 20 "$T/thawd.log" 2>/dev/null || true; }
  exit "$status"
}
trap end_of_test EXIT

# --- assertions ------------------------------------------------------------------------------------------------

# expect STATUS COMMAND...: runs it, keeps stdout in T/out and stderr in T/err.
expect() {
  local wanted=$1 status=0
  shift
  "$@" >"$T/out" 2>"$T/err" </dev/null || status=$?
  [ "$status" = "$wanted" ] || fail "'$*' gave status $status, not $wanted: $(tail -n 5 "$T/err")"
}

# expect_error STATUS TEXT COMMAND...: fails as told, with one line on stderr that holds TEXT (a regular expression).
expect_error() {
  local wanted=$1 text=$2
  shift 2
  expect "$wanted" "$@"
  [ "$(wc -l <"$T/err")" = 1 ] || fail "'$*' said $(wc -l <"$T/err") lines on stderr, not one: $(cat "$T/err")"
  grep -qiE -- "$text" "$T/err" || fail "'$*' said '$(cat "$T/err")', nothing like '$text'"
}

equal() { [ "$1" = "$2" ] || fail "${3:-values} differ: '$1' and '$2'"; }

# json_value JQ_PATH COMMAND...: one value of what the command prints with --json.
json_value() {
  local path=$1
  shift
  "$@" --json 2>"$T/err" </dev/null | jq -er "$path" || fail "'$* --json' has no $path: $(cat "$T/err")"
}

describe() { /usr/bin/python3 "$here/describe_tree.py" "$1"; }

same_tree() {  # same_tree WANTED.txt DIR
  describe "$2" >"$T/tree.txt"
  diff -u "$1" "$T/tree.txt" >"$T/tree.diff" ||
    fail "$2 is not the tree of $1: $(grep -c '^[-+]' "$T/tree.diff") lines differ, the first: $(sed -n 4,8p "$T/tree.diff" | cut -c1-300)"
}

mounts_below() { awk -v t="$1" 'index($5, t) == 1 {print $5}' /proc/self/mountinfo; }
loops_of() { losetup -l -n -O NAME,BACK-FILE 2>/dev/null | awk -v t="$1" 'index($0, t) {print $1}'; }

is_detached() { [ -z "$(losetup -n -O BACK-FILE "$1" 2>/dev/null)" ]; }
# Whoever has it open for a moment, to look at it, puts its end off.
detach_loop() { losetup -d "$1" && wait_for 5 is_detached "$1" || fail "$1 is still attached"; }

# Each lease looks as if it had been written two days ago; for a store that is a folder, and has leases.
let_leases_lapse() { find "$T/store/leases" -type f -exec touch -d '2 days ago' {} +; }

chunk_files() { find "$T"/store/roots/*/chunks -type f; }

# flip_bit FILE [OFFSET]: changes one bit in place, also of a file that is read-only.
flip_bit() {
  local offset=${2:-100} old
  old=$(od -An -tu1 -j "$offset" -N 1 "$1" | tr -d ' ')
  printf "\\x$(printf %02x $((old ^ 1)))" | dd of="$1" bs=1 seek="$offset" conv=notrunc status=none
}

# What the measurements share; sourced by test/bench/run. WORK is the run's temporary folder, ROWS its table.
# Every limit is a ratio of two things measured in the same run, so that a slow machine is no failure.

. "$here/../shell.sh"

die() { echo "test/bench: $*" >&2; exit 1; }
now() { echo "$EPOCHREALTIME"; }
calc() { awk "BEGIN {printf \"%.${2:-3}f\", ($1)}"; }
mib() { calc "$1 / 1048576" 1; }
drop_caches() { sync; echo 3 >/proc/sys/vm/drop_caches; }

# seconds COMMAND...: how long it takes; its output goes to WORK/log, and it must succeed.
seconds() {
  local start
  start=$(now)
  "$@" >"$WORK/log" 2>&1 </dev/null || die "'$*' failed: $(tail -n 3 "$WORK/log")"
  calc "$(now) - $start"
}

# median COUNT COMMAND...: of so many runs, in seconds.
median() {
  local count=$1 round
  shift
  for round in $(seq "$count"); do seconds "$@"; echo; done | sort -n | sed -n "$(((count + 1) / 2))p"
}

# limit NAME VALUE RELATION BOUND: a ratio that is promised; RELATION is <= or >=.
limit() {
  local verdict=PASS
  [ "$(awk "BEGIN {print ($2 $3 $4) ? 1 : 0}")" = 1 ] || verdict=FAIL
  echo "$verdict bench $1" >>"${RESULTS:-/dev/null}"
  [ $verdict = PASS ] || echo "$1" >>"$WORK/failed"
  echo "$verdict bench $1: $2 (promised: $3 $4)"
  row "$1" "$2" "$3 $4"
}

row() { echo "| $1 | $2 | ${3:-} |" >>"$ROWS"; }
section() {
  printf '\n## %s\n\n%s\n\n| | measured | promised |\n| --- | --- | --- |\n' "$1" "$2" >>"$ROWS"
  printf '\n== %s (%s)\n' "$1" "$(date +%H:%M:%S)"
}

# place NAME [JQ]: a store, keys, state of its own; sets THAW_CONFIG.
place() {
  mkdir -p "$WORK/$1"
  jq -n --arg t "$WORK/$1" '{store: {url: ("file://" + $t + "/store")}, keys: {url: ("file://" + $t + "/keys")},
    run_dir: ($t + "/run"), state_dir: ($t + "/state"), build: {spool_dir: $t}, memory: {size: "1GiB"}}' |
    jq "${2:-.}" >"$WORK/$1/thaw.json"
  export THAW_CONFIG=$WORK/$1/thaw.json
}

daemon=
thaw_answers() { thaw stats --json >/dev/null 2>&1; }
start_daemon() {
  thawd --config "$THAW_CONFIG" >>"$WORK/thawd.log" 2>&1 &
  daemon=$!
  wait_for 10 thaw_answers || die "thawd did not start: $(tail -n 3 "$WORK/thawd.log")"
}
stop_daemon() {
  [ -n "$daemon" ] || return 0
  kill -TERM "$daemon" 2>/dev/null || true
  wait "$daemon" || true
  daemon=
}

# rootfs NAME PACKAGES [OPTION...]: WORK/NAME.tar, a Debian system with these, by mmdebstrap with these options; taken
# from THAW_BENCH_TARS where that holds it.
rootfs() {
  if [ -e "${THAW_BENCH_TARS:-/nonexistent}/$1.tar" ]; then
    ln -sf "$THAW_BENCH_TARS/$1.tar" "$WORK/$1.tar"
  elif [ ! -e "$WORK/$1.tar" ]; then
    SOURCE_DATE_EPOCH=1700000000 mmdebstrap --quiet --variant=minbase ${2:+"--include=$2"} "${@:3}" bookworm "$WORK/$1.tar" \
      >"$WORK/log" 2>&1 </dev/null || die "mmdebstrap $1: $(tail -n 3 "$WORK/log")"
  fi
}

# image NAME PACKAGES [OPTION...]: the OCI layout WORK/NAME of one gzip layer, the rootfs of that name.
image() {
  [ ! -d "$WORK/$1" ] || return 0
  rootfs "$@"
  umoci init --layout "$WORK/$1"
  umoci new --image "$WORK/$1:latest"
  umoci raw add-layer --image "$WORK/$1:latest" "$(readlink -f "$WORK/$1.tar")"
  umoci config --image "$WORK/$1:latest" --config.cmd /bin/bash --config.env PATH=/usr/sbin:/usr/bin:/sbin:/bin
  rm "$WORK/$1.tar"
}

# Cold start of the numpy + scipy program from a store that is 30 ms away: with its trace, without it, and one chunk
# at a time.

# far_place [JQ]: a daemon's configuration whose store is behind the proxy.
far_place() {
  place far ".store.url = \"s3://images/scipy\" | .s3.endpoint = \"$PROXY\" | ${1:-.}"
}

# cold_start [JQ]: seconds of the program with a daemon that has nothing yet.
cold_start() {
  far_place "${1:-.}"
  start_daemon
  seconds run_lazily
  thaw stats --json | jq -c '[.tiers.origin.hits, .tiers.origin.bytes]' >>"$WORK/fetched"
  stop_daemon
}

trace_is_there() { thaw trace show scipy:1 >/dev/null 2>&1; }

bench_trace() {
  section "Trace" "\`python3 -c '$program'\` in the numpy + scipy image, cold, from a real S3 server behind a proxy that adds
30 ms to each request. Three times each, in turn; the medians. One at a time: a single request in flight, no read-ahead."
  image scipy python3-numpy,python3-scipy
  local round with=() without=() single=()
  start_s3
  start_proxy --delay 30ms
  place far ".store.url = \"s3://images/scipy\" | .s3.endpoint = \"$S3_ENDPOINT\""
  seconds thaw build "oci:$WORK/scipy:latest" scipy:1 >/dev/null
  far_place
  start_daemon
  seconds run_lazily >/dev/null
  wait_for 30 trace_is_there || die "no trace was recorded"
  stop_daemon
  for round in 1 2 3; do
    with+=("$(cold_start)")
    without+=("$(cold_start '.prefetch.replay = false')")
    single+=("$(cold_start '.prefetch.replay = false | .read.ahead_chunks = 0 | .origin.in_flight = 1')")
  done
  take_s3_away
  row "fetched with, without, one at a time (chunks, bytes)" "$(head -n 3 "$WORK/fetched" | xargs)"
  row "with its trace" "$(middle "${with[@]}") s (${with[*]})"
  row "without a trace" "$(middle "${without[@]}") s (${without[*]})"
  row "one chunk at a time" "$(middle "${single[@]}") s (${single[*]})"
  limit "trace: with / without" "$(calc "$(middle "${with[@]}") / $(middle "${without[@]}")")" "<=" 0.334
  limit "trace: without / one at a time" "$(calc "$(middle "${without[@]}") / $(middle "${single[@]}")")" "<=" 0.5
}

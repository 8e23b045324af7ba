# What Prometheus is told.

sample() { curl -sf "http://127.0.0.1:$port/metrics" | awk -v name="$1" '$1 == name {print $2}'; }

test_metrics_say_what_stats_say() {
  port=$(free_ports 1)
  write_config '.metrics.listen = "127.0.0.1:'"$port"'"'
  copy_store
  mkdir -p "$T/mnt"
  start_daemon
  thaw mount debian:1 "$T/mnt"
  cat "$T"/mnt/usr/bin/* >/dev/null
  thaw stats --json >"$T/stats.json"
  equal "$(sample 'thaw_tier_hits_total{tier="origin"}')" "$(jq .tiers.origin.hits "$T/stats.json")" "origin hits"
  equal "$(sample thaw_reads_total)" "$(jq .reads "$T/stats.json")" reads
  equal "$(sample thaw_read_latency_seconds_count)" "$(sample thaw_reads_total)" "latencies and reads"
  equal "$(sample thaw_mounts)" 1 mounts
  kill -9 "$(worker_pid)"
  wait_for 10 daemon_answers || fail "no worker after the kill"
  wait_for 10 sample thaw_mounts || fail "no metrics after the kill"
  [ "$(sample thaw_reads_total)" -ge "$(jq .reads "$T/stats.json")" ] || fail "the counters went back"
  thaw umount "$T/mnt"
  stop_daemon
}

test_what_stats_count_of_the_zone_is_in_the_metrics() {
  local counter
  port=$(free_ports 1)
  write_config '.metrics.listen = "127.0.0.1:'"$port"'"'
  copy_store
  start_daemon
  wait_for 10 sample thaw_mounts || fail "no metrics"
  for counter in $(thaw stats --json | jq -r '.zone | keys[] | select(. != "nodes_out")') writes_failed claims_lost; do
    equal "$(sample "thaw_zone_${counter}_total")" "$(json_value ".zone.$counter" thaw stats)" "$counter"
  done
  stop_daemon
}

test_a_taken_address_stops_no_read() {
  port=$(free_ports 1)
  /usr/bin/python3 -m http.server --bind 127.0.0.1 "$port" --directory "$T" >/dev/null 2>&1 &
  local other=$!
  write_config '.metrics.listen = "127.0.0.1:'"$port"'"'
  copy_store
  mkdir -p "$T/mnt"
  wait_for 10 curl -s -o /dev/null "http://127.0.0.1:$port/"
  start_daemon
  thaw mount debian:1 "$T/mnt"
  cat "$T/mnt/etc/debian_version"
  kill "$other"
  wait "$other" || true
  wait_for 10 sample thaw_mounts || fail "the address was not taken when it was free"
  thaw umount "$T/mnt"
  stop_daemon
}

# Whole chunks at the zone store's door (test/bench/zone_reads.cc), from five memcached nodes on loopback, held against
# one get of the whole chunk from one memcached and its hash; and with one node frozen against all of them well.

zone_nodes=()

start_zone_node() {  # start_zone_node PORT
  memcached -u nobody -l 127.0.0.1 -p "$1" -U 0 -m 256 -t 1 -I 1m >"$WORK/node-$1.log" 2>&1 &
  zone_nodes+=($!)
  wait_for 5 zone_node_answers "$1" || die "memcached on port $1 does not answer: $(tail -n 3 "$WORK/node-$1.log")"
}
zone_node_answers() { (exec 9<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

take_zone_nodes_away() {
  local pid
  for pid in "${zone_nodes[@]}"; do
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  zone_nodes=()
}

bench_zone() {
  section "Zone" "Whole chunks, 512 KiB, one after another: at the zone store's door (4 data and 1 parity shard on five memcached
nodes on loopback, in memory), and with one get of the whole chunk from one memcached on one connection, then SHA-256; read in
turn. Then with one of the five nodes frozen. 500 reads of each kind, twenty times: each time the node is ejected anew, and
comes back. At last 10,000 reads with a node killed. How much the machine alone changes p99.9 is seen from the plain reads."
  local ports port
  read -ra ports <<<"$(free_ports 6)"
  for port in "${ports[@]}"; do start_zone_node "$port"; done
  zone_reads "${ports[5]}" "${zone_nodes[0]}" "${zone_nodes[1]}" "${ports[@]:0:5}" >"$WORK/zone" ||
    die "the zone could not be measured"
  take_zone_nodes_away
  row "one get and SHA-256" "$(zone_row plain)"
  row "zone hit" "$(zone_row healthy)"
  row "zone hit, one node frozen" "$(zone_row frozen)"
  row "zone hit, one node killed" "$(zone_row killed)"
  row "one get and SHA-256, while one was frozen" "$(zone_row plain_meanwhile)"
  row "zone misses with all nodes well" "$(zone_value missed_when_well) of 10000"
  row "zone hits that needed parity" "$(zone_value rebuilt) of 30000, of which 20000 with a node frozen or killed"
  limit "zone: hit of a whole chunk / one get and SHA-256, p50" "$(zone_ratio healthy_p50 plain_p50)" "<=" 1.3
  limit "zone: one node frozen / healthy, p99.9" "$(zone_ratio frozen_p999 healthy_p999)" "<=" 1.5
  limit "zone: one node killed / healthy, p99.9" "$(zone_ratio killed_p999 healthy_p999)" "<=" 1.5
  limit "zone: misses with a node frozen or killed" "$(calc "$(zone_value missed_in_trouble) / 20000" 4)" "<=" 0.01
}

zone_value() { awk -v name="$1" '$1 == name {print $2}' "$WORK/zone"; }
zone_ratio() { calc "$(zone_value "$1") / $(zone_value "$2")"; }
zone_row() { echo "p50 $(zone_value "$1_p50") µs, p99 $(zone_value "$1_p99") µs, p99.9 $(zone_value "$1_p999") µs"; }

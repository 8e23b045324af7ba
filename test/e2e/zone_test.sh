# The zone tier over real memcached nodes.

node_options=()  # beside the usual

start_node() {  # start_node PORT
  memcached -u nobody -l 127.0.0.1 -p "$1" -U 0 -m 256 -t 1 -I 1m "${node_options[@]}" >"$T/node-$1.log" 2>&1 &
  node_pid[$1]=$!
  wait_for 5 node_answers "$1" || fail "memcached on port $1 does not answer"
}
node_answers() { (exec 9<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
kill_node() { kill -9 "${node_pid[$1]}"; wait "${node_pid[$1]}" 2>/dev/null || true; unset "node_pid[$1]"; }

stop_nodes() {
  local port
  for port in "${!node_pid[@]}"; do
    kill -CONT "${node_pid[$port]}" 2>/dev/null || true
    kill_node "$port"
  done
}

# begin [JQ_PROGRAM]: five nodes on PORTS, and a daemon that uses them.
begin() {
  local port
  declare -gA node_pid=()
  at_end stop_nodes
  read -ra ports <<<"$(free_ports 6)"
  for port in "${ports[@]:0:5}"; do start_node "$port"; done
  write_config ".zone.nodes = $(nodes_json 5) | ${1:-.}"
  copy_store
  mkdir -p "$T/mnt"
  start_daemon
}
nodes_json() { printf '%s\n' "${ports[@]:0:$1}" | jq -R '"127.0.0.1:" + .' | jq -sc .; }

tier() { thaw stats --json | jq -r ".tiers.$1"; }
zone() { thaw stats --json | jq -r ".zone.$1"; }
read_all() { (cd "$T/mnt" && find . -xdev -type f -print0 | sort -z | xargs -0 sha256sum); }

# A daemon whose memory is empty.
restart() { thaw umount "$T/mnt"; stop_daemon; start_daemon; thaw mount debian:1 "$T/mnt"; }
all_is_filled() { [ "$(zone fills)" -ge "$(tier origin.hits)" ]; }

fill() {
  thaw mount debian:1 "$T/mnt"
  read_all >"$T/wanted"
  wait_for 10 all_is_filled || fail "$(zone fills) fills for $(tier origin.hits) chunks"
}

test_another_worker_reads_from_the_zone() {
  begin
  fill
  rm -r "$T"/store/roots/*/chunks  # nothing else has them now
  restart
  read_all >"$T/seen"
  cmp "$T/wanted" "$T/seen"
  equal "$(tier origin.hits)" 0 "chunks from the store"
  [ "$(tier zone.hits)" -gt 50 ] || fail "only $(tier zone.hits) chunks came from the zone"
  thaw umount "$T/mnt"
  stop_daemon
}

test_a_killed_and_a_frozen_node_are_not_missed() {
  begin
  fill
  rm -r "$T"/store/roots/*/chunks
  kill_node "${ports[1]}"
  restart
  read_all >"$T/seen"
  cmp "$T/wanted" "$T/seen"
  [ "$(zone rebuilt)" -gt 0 ] || fail "no read needed parity"
  equal "$(tier origin.hits)" 0 "chunks from the store with a node down"

  # Empty: what is read is written back to it, within a budget, so that one pass may leave something.
  start_node "${ports[1]}"
  local passes=0 repairs=1
  while [ "$repairs" -gt 0 ]; do
    restart
    read_all >"$T/seen"
    cmp "$T/wanted" "$T/seen"
    repairs=$(zone repairs)
    passes=$((passes + 1))
    [ "$passes" -lt 20 ] || fail "after $passes passes the node that came back lacks something still"
  done
  [ "$passes" -gt 1 ] || fail "nothing was written back to the node that came back"

  kill -STOP "${node_pid[${ports[2]}]}"
  restart
  read_all >"$T/seen"
  cmp "$T/wanted" "$T/seen"
  equal "$(tier origin.hits)" 0 "chunks from the store with a node frozen"
  thaw umount "$T/mnt"
  stop_daemon
}

# A worker with an empty memory reads all files; hits of zone and store are added up.
read_anew() {
  restart
  read_all >"$T/seen"
  cmp "$T/wanted" "$T/seen"
  from_zone=$((from_zone + $(tier zone.hits)))
  from_store=$((from_store + $(tier origin.hits)))
}
is_whole_again() { [ $((100 * $(zone repairs))) -le "$(tier zone.hits)" ]; }

test_nodes_restarted_one_after_another_are_hardly_seen_by_the_store() {
  local port from_zone=0 from_store=0 passes
  begin
  fill
  for port in "${ports[@]:0:5}"; do
    kill_node "$port"
    read_anew
    start_node "$port"
    for ((passes = 0; passes < 10; passes++)); do
      read_anew
      ! is_whole_again || break
    done
    [ "$passes" -lt 10 ] || fail "after ten passes over all chunks the restarted node still misses some"
  done
  [ "$from_zone" -gt 500 ] || fail "only $from_zone chunks came from the zone"
  [ $((50 * from_store)) -le "$from_zone" ] || fail "$from_store chunks came from the store, $from_zone from the zone"
  equal "$(json_value .read_errors thaw stats)" 0 "failed reads"
  thaw umount "$T/mnt"
  stop_daemon
}

test_two_nodes_down_is_the_store() {
  begin
  fill
  kill -STOP "${node_pid[${ports[0]}]}"
  kill_node "${ports[3]}"
  restart
  read_all >"$T/seen"
  cmp "$T/wanted" "$T/seen"
  [ "$(tier origin.hits)" -gt 50 ] || fail "only $(tier origin.hits) chunks came from the store"
  wait_for 10 some_shard_was_not_taken || fail "no failed write of a shard is counted"
  equal "$(json_value .read_errors thaw stats)" 0 "failed reads"
  thaw umount "$T/mnt"
  stop_daemon
}

some_shard_was_not_taken() { [ "$(zone writes_failed)" -gt 0 ]; }

test_a_node_joins_by_a_reload() {
  begin
  fill
  start_node "${ports[5]}"
  change_config ".zone.nodes = $(nodes_json 6)"
  thaw reload --json >"$T/reload.json"
  jq -e '.applied == ["zone.nodes"] and .needs_restart == []' "$T/reload.json" || fail "reload said $(cat "$T/reload.json")"
  jq '.zone.nodes = ["nonsense"]' "$T/thaw.json" >"$T/bad.json"
  cp "$T/thaw.json" "$T/good.json"
  cp "$T/bad.json" "$T/thaw.json"
  expect_error 2 "zone.nodes" thaw reload
  cp "$T/good.json" "$T/thaw.json"
  echo 3 >/proc/sys/vm/drop_caches
  read_all >"$T/seen"
  cmp "$T/wanted" "$T/seen"
  restart  # with six nodes, of which most chunks still have four shards where they are looked for
  read_all >"$T/seen"
  cmp "$T/wanted" "$T/seen"
  [ "$(tier zone.hits)" -gt 0 ] || fail "nothing came from the zone after a node had joined"
  thaw umount "$T/mnt"
  stop_daemon
}

test_a_node_whose_name_is_not_found_is_said() {
  begin '.zone.nodes[4] = "no-such-node.invalid:11211"'
  wait_for 30 grep -q "zone node no-such-node.invalid:11211: no-such-node.invalid: " "$T/thawd.log" || fail "nobody said it"
  fill
  rm -r "$T"/store/roots/*/chunks
  restart
  read_all >"$T/seen"
  cmp "$T/wanted" "$T/seen"
  [ "$(tier zone.hits)" -gt 50 ] || fail "only $(tier zone.hits) chunks came from the zone"
  thaw umount "$T/mnt"
  stop_daemon
}

shards_on() {  # shards_on PORT K+M: how many shards of chunks cut like that a node has
  exec 9<>"/dev/tcp/127.0.0.1/$1"
  printf 'lru_crawler metadump all\r\n' >&9
  sed '/^END/q' <&9 | grep -c "t1%2F${2/+/%2B}%2F" || true
  exec 9<&-
}

test_a_chunk_is_cut_as_the_configuration_says() {
  local port shards=0
  begin '.zone += {data_shards: 2, parity_shards: 2}'
  fill
  for port in "${ports[@]:0:5}"; do shards=$((shards + $(shards_on "$port" 2+2))); done
  equal "$shards" $((4 * $(zone fills))) "shards on all nodes"
  thaw umount "$T/mnt"
  stop_daemon
}

test_a_node_is_given_no_more_than_its_rate() {
  local dropped
  begin '.zone.write_rate = "4MiB"'
  thaw mount debian:1 "$T/mnt"
  read_all >"$T/wanted"
  dropped=$(zone fills_dropped)
  [ "$dropped" -gt 50 ] || fail "only $dropped of $(tier origin.hits) chunks were not written"
  change_config '.zone.write_rate = "2GB"'
  thaw reload --json | jq -e '.applied == ["zone.write_rate"]' || fail "the reload did not take it"
  kill -9 "$(worker_pid)"
  wait_for 10 daemon_answers || fail "no worker after the kill"
  echo 3 >/proc/sys/vm/drop_caches
  read_all >"$T/seen"
  cmp "$T/wanted" "$T/seen"
  equal "$(zone fills_dropped)" "$dropped" "what is dropped after the reload"
  thaw umount "$T/mnt"
  stop_daemon
}

# make_certificate NAME: its own authority, for 127.0.0.1
make_certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=node \
    -addext subjectAltName=IP:127.0.0.1 -keyout "$T/$1.key" -out "$T/$1.pem"
}
node_is_refused() { [ "$(zone refused)" -gt 0 ] && grep -q "$1" "$T/thawd.log"; }

test_nodes_behind_tls_and_a_login() {
  make_certificate right
  make_certificate wrong
  printf 'thaw:secret\n' >"$T/auth"
  # As root: nobody cannot read what lies below T.
  node_options=(-u root -Z -o "ssl_chain_cert=$T/right.pem,ssl_key=$T/right.key" -Y "$T/auth")
  cp "$T/auth" "$T/login"
  begin ".zone += {tls: true, ca_file: \"$T/right.pem\", auth_file: \"$T/login\"}"
  fill
  equal "$(zone refused)" 0 "refused requests"

  # A wrong password, then a wrong authority: all is a miss, said and counted, and no error.
  printf 'thaw:guess\n' >"$T/login"
  restart
  wait_for 5 node_is_refused "zone node 127.*: the login of zone.auth_file is not accepted" || fail "nobody said why"
  equal "$(tier zone.hits)" 0 "chunks from the zone with a wrong password"
  cp "$T/auth" "$T/login"
  cp "$T/thaw.json" "$T/good.json"
  jq --arg file "$T/wrong.pem" '.zone.ca_file = $file' "$T/good.json" >"$T/thaw.json"
  restart
  wait_for 5 node_is_refused "zone node 127.*: TLS: self-signed certificate" || fail "nobody said why"
  equal "$(tier zone.hits)" 0 "chunks from the zone with a wrong authority"
  equal "$(json_value .read_errors thaw stats)" 0 "failed reads"

  # Set right, it is used without a restart.
  cp "$T/good.json" "$T/thaw.json"
  thaw reload --json >"$T/reload.json"
  jq -e '.applied == ["zone.ca_file"]' "$T/reload.json" || fail "reload said $(cat "$T/reload.json")"
  rm -r "$T"/store/roots/*/chunks
  read_all >"$T/seen"
  cmp "$T/wanted" "$T/seen"
  [ "$(tier zone.hits)" -gt 50 ] || fail "only $(tier zone.hits) chunks came from the zone"
  printf 'no login\n' >"$T/login"
  expect_error 2 "zone.auth_file.*USER:PASSWORD" thaw reload
  thaw umount "$T/mnt"
  stop_daemon
}

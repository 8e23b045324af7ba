# A Ceph object gateway of a test's own, below $T/rgw: one monitor, one OSD in memory, one radosgw; nothing
# outside of that folder. Sourced. A gateway checks signatures, payload hashes and conditional puts.
#
#   start_rgw                      sets S3_ENDPOINT and, with TLS, S3_TLS_ENDPOINT, whose certificate is S3_CA_FILE;
#                                  the keys are S3_KEY and S3_SECRET
#   stop_rgw                       ends its processes, whatever state they are in
#   stop_gateway, start_gateway    radosgw alone; the objects stay
#   make_bucket NAME, s3_curl …    a signed request
# rgw_pid is an array: mon, osd, gateway.

S3_KEY=testkey S3_SECRET=testsecret
S3_ENDPOINT= S3_TLS_ENDPOINT= S3_CA_FILE=
declare -A rgw_pid=()

write_ceph_conf() {  # write_ceph_conf DIR FSID MON_V2_PORT MON_V1_PORT RGW_PORT RGW_TLS_PORT
  cat >"$1/ceph.conf" <<CONF
[global]
fsid = $2
mon_host = [v2:127.0.0.1:$3/0,v1:127.0.0.1:$4/0]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
osd_pool_default_size = 1
osd_pool_default_min_size = 1
mon_allow_pool_size_one = true
osd_pool_default_pg_num = 8
osd_pool_default_pg_autoscale_mode = off
mon_max_pg_per_osd = 2000
osd_crush_chooseleaf_type = 0
osd_crush_initial_weight = 1
mon_data_avail_crit = 1
run_dir = $1/run
admin_socket = $1/run/\$name.\$pid.asok
pid_file =
log_file = $1/log/\$name.log
crash_dir = $1/log
setuser =
setgroup =
[mon]
mon_data = $1/mon
paxos_propose_interval = 0.05
[osd]
osd_data = $1/osd
osd_objectstore = memstore
memstore_device_bytes = 4G
[client.rgw]
rgw_data = $1/rgw
ms_mon_client_mode = crc
rgw_frontends = beast endpoint=127.0.0.1:$5 ssl_endpoint=127.0.0.1:$6 ssl_certificate=$1/cert.pem ssl_private_key=$1/key.pem
CONF
}

# In the background, with a pid that is ours to end.
start_ceph() {  # start_ceph ROLE PROGRAM ARGUMENTS...
  local role=$1
  shift
  "$@" -f -c "$T/rgw/ceph.conf" >>"$T/rgw/log/$role.out" 2>&1 </dev/null &
  rgw_pid[$role]=$!
}

start_gateway() {
  start_ceph gateway radosgw -n client.rgw
  wait_for 60 curl -sf -o /dev/null "$S3_ENDPOINT/" || fail "radosgw does not answer: $(tail -n 3 "$T/rgw/log/gateway.out")"
}

start_rgw() {
  local dir=$T/rgw fsid osd ports ceph
  ceph="ceph -c $dir/ceph.conf"
  mkdir -p "$dir"/{mon,osd,rgw,log,run}
  fsid=$(uuidgen)
  osd=$(uuidgen)
  read -r -a ports < <(free_ports 4)
  S3_ENDPOINT=http://127.0.0.1:${ports[2]}
  S3_TLS_ENDPOINT=https://127.0.0.1:${ports[3]}
  S3_CA_FILE=$dir/cert.pem
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=gateway \
    -addext subjectAltName=IP:127.0.0.1 -keyout "$dir/key.pem" -out "$dir/cert.pem" 2>"$dir/log/openssl.out"
  write_ceph_conf "$dir" "$fsid" "${ports[@]}"
  monmaptool --create --clobber --fsid "$fsid" --addv a "[v2:127.0.0.1:${ports[0]}/0,v1:127.0.0.1:${ports[1]}/0]" "$dir/monmap" >/dev/null
  ceph-mon -c "$dir/ceph.conf" -i a --mkfs --monmap "$dir/monmap" --keyring /dev/null
  start_ceph mon ceph-mon -i a
  timeout 60 $ceph osd new "$osd" >/dev/null || fail "the monitor does not answer: $(tail -n 3 "$dir/log/mon.out")"
  ceph-osd -c "$dir/ceph.conf" -i 0 --mkfs --osd-uuid "$osd" >/dev/null 2>&1
  start_ceph osd ceph-osd -i 0
  start_gateway
  radosgw-admin -c "$dir/ceph.conf" -n client.rgw user create --uid test --display-name test \
    --access-key "$S3_KEY" --secret-key "$S3_SECRET" >"$dir/user.json"
}

end_ceph() {  # end_ceph ROLE
  local pid=${rgw_pid[$1]:-}
  [ -n "$pid" ] || return 0
  unset "rgw_pid[$1]"
  # It holds nothing that a test needs afterwards.
  kill -KILL "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
}

stop_gateway() { end_ceph gateway; }
stop_rgw() { end_ceph gateway; end_ceph osd; end_ceph mon; }

# Of a request without a body; libcurl 7.88 does not say its hash by itself.
s3_curl() {
  curl -sS --fail --aws-sigv4 "aws:amz:us-east-1:s3" -u "$S3_KEY:$S3_SECRET" \
    -H "x-amz-content-sha256: $(sha256sum </dev/null | cut -d ' ' -f 1)" "$@"
}
make_bucket() { s3_curl -o /dev/null -X PUT "$S3_ENDPOINT/$1" || fail "bucket $1 cannot be made"; }

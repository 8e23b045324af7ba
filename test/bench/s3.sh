# A real S3 server (test/e2e/rgw.sh) and a proxy in front of it that makes it far away (test/fault/store_proxy.py).

proxy_pid=
PROXY=

# What test/e2e/rgw.sh needs.
T=$WORK
fail() { die "$*"; }
. "$here/../e2e/rgw.sh"

start_s3() {
  start_rgw
  make_bucket images
  export AWS_ACCESS_KEY_ID=$S3_KEY AWS_SECRET_ACCESS_KEY=$S3_SECRET
}

start_proxy() {  # start_proxy OPTIONS...: its address is then in PROXY
  "$here/../fault/store_proxy.py" --to "${S3_ENDPOINT#http://}" "$@" >"$WORK/proxy.out" 2>"$WORK/proxy.err" &
  proxy_pid=$!
  wait_for 10 grep -q http "$WORK/proxy.out" || die "the proxy does not start: $(tail -n 3 "$WORK/proxy.err")"
  PROXY=$(head -n 1 "$WORK/proxy.out")
}

# What it counted is then in WORK/proxy.json.
stop_proxy() {
  [ -n "$proxy_pid" ] || return 0
  kill -TERM "$proxy_pid" 2>/dev/null || true
  wait "$proxy_pid" || true
  proxy_pid=
  sed -n 2p "$WORK/proxy.out" >"$WORK/proxy.json"
}

take_s3_away() {
  stop_proxy
  stop_rgw
  rm -rf "$WORK/rgw"
}

# A proxy that spoils or delays what an S3 server answers (store_proxy.py), for who has sourced test/e2e/rgw.sh and
# started its gateway. Its files lie in T.

proxy_pid=
PROXY=

start_proxy() {  # start_proxy OPTIONS...: its address is then in PROXY
  "$here/../fault/store_proxy.py" --to "${S3_ENDPOINT#http://}" "$@" >"$T/proxy.out" 2>"$T/proxy.err" &
  proxy_pid=$!
  wait_for 10 grep -q http "$T/proxy.out" || fail "the proxy does not start: $(tail -n 3 "$T/proxy.err")"
  PROXY=$(head -n 1 "$T/proxy.out")
}

# What it counted is then in T/proxy.json.
stop_proxy() {
  [ -n "$proxy_pid" ] || return 0
  kill -TERM "$proxy_pid" 2>/dev/null || true
  wait "$proxy_pid" || true
  proxy_pid=
  sed -n 2p "$T/proxy.out" >"$T/proxy.json"
}

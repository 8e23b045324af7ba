# Real registries (Docker's, docker-registry) of a test's own, below $T/NAME; nothing outside of that folder. Sourced.
#
#   start_registry NAME [JQ]     with the configuration changed by the program; sets REGISTRY to its HOST:PORT
#   push SOURCE REPO:TAG [OPTION...]  skopeo copy of a source into $REGISTRY, with PUSH_OPTIONS too
#   htpasswd_file FILE USER PASSWORD, certificate FOLDER
#   start_registry_proxy OPTIONS...       registry_proxy.py in front of $REGISTRY; sets PROXY to its HOST:PORT
#   stop_registries                     ends all of them; what a proxy saw is then in T/proxy.json

REGISTRY= PROXY=
registry_pids=()
PUSH_OPTIONS=(--dest-tls-verify=false)

start_registry() {
  local dir=$T/$1 port
  mkdir -p "$dir"
  port=$(free_ports 1)
  # Its configuration is YAML, of which JSON is a part.
  jq -n --arg dir "$dir" --arg port "$port" '{version: "0.1", log: {level: "warn"},
    storage: {filesystem: {rootdirectory: ($dir + "/data")}, delete: {enabled: true}},
    http: {addr: ("127.0.0.1:" + $port)}}' | jq "${2:-.}" >"$dir/config.yml"
  docker-registry serve "$dir/config.yml" >"$dir/log" 2>&1 </dev/null &
  registry_pids+=($!)
  REGISTRY=127.0.0.1:$port
  wait_for 20 registry_listens "$port" || fail "docker-registry does not start: $(tail -n 3 "$dir/log")"
}
registry_listens() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

push() {
  local source=$1 target=$2
  shift 2
  skopeo --insecure-policy copy -q "${PUSH_OPTIONS[@]}" "$@" "$source" "docker://$REGISTRY/$target" >"$T/push.log" 2>&1 ||
    fail "skopeo cannot push $source: $(tail -n 3 "$T/push.log")"
}

htpasswd_file() {
  /usr/bin/python3 -W ignore -c 'import crypt, sys
print(sys.argv[1] + ":" + crypt.crypt(sys.argv[2], crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)))' "$2" "$3" >"$1"
}

# certificate FOLDER: FOLDER/cert.pem for 127.0.0.1, which is its own authority, and key.pem.
certificate() {
  mkdir -p "$1"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=registry \
    -addext subjectAltName=IP:127.0.0.1,DNS:localhost -keyout "$1/key.pem" -out "$1/cert.pem" 2>"$1/openssl.out"
}

start_server() {  # start_server NAME COMMAND...: a server that prints its HOST:PORT; sets SERVER
  local name=$1
  shift
  rm -f "$T/$name.out"  # of an earlier one, whose address is none any more
  "$@" >"$T/$name.out" 2>"$T/$name.err" </dev/null &
  registry_pids+=($!)
  wait_for 10 grep -q : "$T/$name.out" || fail "$name does not start: $(tail -n 3 "$T/$name.err")"
  SERVER=$(head -n 1 "$T/$name.out")
}

start_registry_proxy() {
  start_server proxy "$here/../fault/registry_proxy.py" --to "$REGISTRY" "$@"
  PROXY=$SERVER
}

stop_registries() {
  [ ${#registry_pids[@]} -gt 0 ] || return 0
  kill -TERM "${registry_pids[@]}" 2>/dev/null || true
  wait "${registry_pids[@]}" 2>/dev/null || true
  registry_pids=()
  [ ! -e "$T/proxy.out" ] || sed -n 2p "$T/proxy.out" >"$T/proxy.json"
}

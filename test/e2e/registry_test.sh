# thaw build docker://…: images out of a real registry (docker-registry) that skopeo filled, behind passwords, tokens,
# TLS, mirrors and bad networks.

. "$here/registry.sh"

# Nobody's logins but the test's.
use_registry() {
  at_end stop_registries
  write_config "${1:-.}"
  mkdir -p "$T/docker"
  export HOME=$T DOCKER_CONFIG=$T/docker
  unset REGISTRY_AUTH_FILE XDG_RUNTIME_DIR
}

pull() { thaw build --plain-http "docker://$1" "${@:2}"; }

# log_in HOST:PORT USER:PASSWORD: as `docker login` writes it.
log_in() {
  jq -n --arg host "$1" --arg auth "$(printf %s "$2" | base64)" '{auths: {($host): {auth: $auth}}}' >"$DOCKER_CONFIG/config.json"
}

same_image() {  # same_image NAME NAME
  local name
  for name in "$@"; do thaw export "$name" "$T/device" --json 2>/dev/null | jq -r .sha256; done | sort -u >"$T/sums"
  rm -f "$T/device"
  [ "$(wc -l <"$T/sums")" = 1 ] || fail "$* are not the same: $(tr '\n' ' ' <"$T/sums")"
}

source_of() { thaw inspect "$1" --json | jq -r .source; }

test_an_image_is_what_its_layout_is() {
  use_registry
  thaw build "oci:$IMAGES/nasty:latest" layout:1
  start_registry registry
  push "oci:$IMAGES/nasty:latest" team/nasty:1 --preserve-digests
  pull "$REGISTRY/team/nasty:1" tag:1 --json >"$T/build.json"
  equal "$(jq .new_chunks "$T/build.json")" 0 "new chunks"
  equal "$(source_of tag:1)" "$(source_of layout:1)" "source digest"
  pull "$REGISTRY/team/nasty@sha256:$(source_of layout:1 | sed 's/.*://')" digest:1
  pull "$REGISTRY/team/nasty:gone@sha256:$(source_of layout:1 | sed 's/.*://')" both:1
  push "oci:$IMAGES/nasty:latest" team/nasty:schema2 --format v2s2
  pull "$REGISTRY/team/nasty:schema2" schema2:1
  skopeo --insecure-policy copy -q --dest-compress-format zstd --dest-compress-level 3 "oci:$IMAGES/nasty:latest" \
    "oci:$T/zstd:latest"
  push "oci:$T/zstd:latest" team/nasty:zstd
  pull "$REGISTRY/team/nasty:zstd" zstd:1
  grep -q zstd <(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/team/nasty:zstd") || fail "no layer is zstd"
  same_image layout:1 tag:1 digest:1 both:1 schema2:1 zstd:1
}

test_nobody_special_builds() {
  use_registry
  start_registry registry
  push "oci:$IMAGES/nasty:latest" nasty:1
  install -D -m 755 "$(command -v thaw)" "$T/bin/thaw"
  chmod 711 "$(dirname "$T")"
  chown -R nobody "$T"
  setpriv --reuid nobody --regid nogroup --clear-groups "$T/bin/thaw" build --plain-http "docker://$REGISTRY/nasty:1" web:1
  same_image web:1
}

test_errors_say_what_to_do() {
  use_registry
  start_registry registry
  push "oci:$IMAGES/nasty:latest" nasty:1
  expect_error 2 "docker://" thaw build --plain-http "oci:$IMAGES/nasty:latest" web:1
  expect_error 2 "docker://" thaw build --registry-ca "$T/none" "oci:$IMAGES/nasty:latest" web:1
  expect_error 3 "MANIFEST_UNKNOWN.*list-tags" pull "$REGISTRY/nasty:2" web:1
  expect_error 3 "NAME_UNKNOWN|MANIFEST_UNKNOWN" pull "$REGISTRY/other:1" web:1
  expect_error 3 "platform" pull "$REGISTRY/nasty:1" web:1 --platform linux/s390x
  expect_error 3 "MANIFEST_UNKNOWN" pull "$REGISTRY/nasty@sha256:$(printf %064d 0)" web:1
  expect_error 2 "docker://HOST" pull "nasty:1" web:1
  expect_error 2 "docker://HOST" pull "$REGISTRY/nasty:1@sha256:12" web:1
  expect_error 5 "plain-http" thaw build "docker://$REGISTRY/nasty:1" web:1
  stop_registries
  expect_error 5 "127.0.0.1" pull "$REGISTRY/nasty:1" web:1
  expect_error 3 "web" thaw inspect web:1
}

test_an_index_has_an_image_for_each_platform() {
  use_registry
  /usr/bin/python3 - "$here" "$T/layout" <<'PYTHON'
import json, sys
sys.path.insert(0, sys.argv[1])
import oci_layout
layout = oci_layout.Layout(sys.argv[2])
kind = "application/vnd.oci.image."
entries = []
for architecture in ("amd64", "arm64"):
    layer = oci_layout.Layer()
    layer.file("which", architecture.encode())
    layout.layers, layout.diff_ids = [], []
    layout.add_layer(layer.bytes())
    config = {"architecture": architecture, "os": "linux", "rootfs": {"type": "layers", "diff_ids": layout.diff_ids}}
    manifest = {"schemaVersion": 2, "mediaType": kind + "manifest.v1+json", "layers": layout.layers,
                "config": layout.add_blob(json.dumps(config).encode(), kind + "config.v1+json")}
    entry = layout.add_blob(json.dumps(manifest).encode(), manifest["mediaType"])
    entries.append(entry | {"platform": {"os": "linux", "architecture": architecture}})
index = {"schemaVersion": 2, "mediaType": kind + "index.v1+json", "manifests": entries}
top = layout.add_blob(json.dumps(index).encode(), index["mediaType"])
layout.write("index.json", {"schemaVersion": 2, "manifests": [top]})
layout.write("oci-layout", {"imageLayoutVersion": "1.0.0"})
PYTHON
  start_registry registry
  push "oci:$T/layout" both:1 --all
  local architecture
  for architecture in amd64 arm64; do
    pull "$REGISTRY/both:1" "$architecture:1" --platform "linux/$architecture"
    thaw export "$architecture:1" "$T/device" >/dev/null
    equal "$(debugfs -R "cat /which" "$T/device" 2>/dev/null)" "$architecture" "the file"
  done
  expect_error 3 "linux/amd64.*linux/arm64" pull "$REGISTRY/both:1" web:1 --platform linux/riscv64
}

test_a_password_is_taken_from_where_docker_keeps_it() {
  use_registry
  htpasswd_file "$T/htpasswd" tester secret
  start_registry registry '.auth.htpasswd = {realm: "test", path: "'"$T/htpasswd"'"}'
  push "oci:$IMAGES/nasty:latest" nasty:1 --dest-creds tester:secret
  expect_error 4 "docker login" pull "$REGISTRY/nasty:1" web:1
  log_in "$REGISTRY" tester:wrong
  expect_error 4 "tester" pull "$REGISTRY/nasty:1" web:1
  ! grep -q wrong "$T/err" || fail "the password is shown: $(cat "$T/err")"
  log_in "$REGISTRY" tester:secret
  pull "$REGISTRY/nasty:1" web:1

  mv "$DOCKER_CONFIG/config.json" "$T/auth.json"
  REGISTRY_AUTH_FILE=$T/auth.json pull "$REGISTRY/nasty:1" web:2

  mkdir "$T/bin"
  cat >"$T/bin/docker-credential-test" <<SCRIPT
#!/bin/sh
read -r server
echo "\$1 \$server" >>$T/asked
echo '{"ServerURL": "", "Username": "tester", "Secret": "secret"}'
SCRIPT
  chmod +x "$T/bin/docker-credential-test"
  jq -n --arg host "$REGISTRY" '{credHelpers: {($host): "test"}}' >"$DOCKER_CONFIG/config.json"
  PATH=$T/bin:$PATH pull "$REGISTRY/nasty:1" web:3
  equal "$(cat "$T/asked")" "get $REGISTRY" "what the helper was asked"
  same_image web:1 web:2 web:3
}

start_token_registry() {
  certificate "$T/tokens"
  start_server tokens "$here/token_server.py" "$T/tokens"
  start_registry registry '.auth.token = {realm: "http://'"$SERVER"'/token", service: "registry", issuer: "tester",
    rootcertbundle: "'"$T/tokens/cert.pem"'"}'
}

test_a_token_is_fetched_with_a_password_or_a_refresh_token() {
  use_registry
  start_registry open
  push "oci:$IMAGES/nasty:latest" team/nasty:1
  stop_registries
  start_token_registry
  cp -a "$T/open/data" "$T/registry/"
  expect_error 4 "docker login" pull "$REGISTRY/team/nasty:1" web:1
  log_in "$REGISTRY" tester:wrong
  expect_error 4 "does not accept" pull "$REGISTRY/team/nasty:1" web:1
  log_in "$REGISTRY" tester:secret
  pull "$REGISTRY/team/nasty:1" web:1
  equal "$(tail -n 1 "$T/tokens.out")" "GET tester repository:team/nasty:pull" "the request for a token"
  jq -n --arg host "$REGISTRY" '{auths: {($host): {identitytoken: "refresh"}}}' >"$DOCKER_CONFIG/config.json"
  pull "$REGISTRY/team/nasty:1" web:2
  equal "$(tail -n 1 "$T/tokens.out")" "POST tester repository:team/nasty:pull" "the request for a token"
  same_image web:1 web:2
}

test_tls_is_checked() {
  use_registry
  certificate "$T/tls"
  certificate "$T/other"
  start_registry registry '.http.tls = {certificate: "'"$T"'/tls/cert.pem", key: "'"$T"'/tls/key.pem"}'
  push "oci:$IMAGES/nasty:latest" nasty:1
  expect_error 4 "registry-ca" thaw build "docker://$REGISTRY/nasty:1" web:1
  expect_error 4 "registry-ca" thaw build --registry-ca "$T/other/cert.pem" "docker://$REGISTRY/nasty:1" web:1
  thaw build --registry-ca "$T/tls/cert.pem" "docker://$REGISTRY/nasty:1" web:1
  thaw build --registry-ca "$T/tls/cert.pem" "docker://${REGISTRY/127.0.0.1/localhost}/nasty:1" web:2
  write_config '.registry.ca_file = "'"$T/tls/cert.pem"'"'
  thaw build "docker://$REGISTRY/nasty:1" web:3
  same_image web:1 web:2 web:3
}

test_a_token_server_is_not_told_a_password_in_clear_text() {
  use_registry
  certificate "$T/tls"
  start_server tokens "$here/token_server.py" "$T/tls"
  start_registry registry '.http.tls = {certificate: "'"$T"'/tls/cert.pem", key: "'"$T"'/tls/key.pem"} |
    .auth.token = {realm: "http://'"$SERVER"'/token", service: "registry", issuer: "tester",
    rootcertbundle: "'"$T/tls/cert.pem"'"}'
  log_in "$REGISTRY" tester:secret
  expect_error 4 "clear text" thaw build --registry-ca "$T/tls/cert.pem" "docker://$REGISTRY/nasty:1" web:1
  equal "$(wc -l <"$T/tokens.out")" 1 "lines of the token server"
}

# The proxy lies between skopeo's registry and thaw.
start_debian() {
  use_registry
  start_registry registry
  push "oci:$IMAGES/debian:latest" debian:1
  start_registry_proxy "$@"
}

test_broken_downloads_go_on_where_they_broke() {
  start_debian --cut 3000000
  pull "$PROXY/debian:1" web:1
  thaw build "oci:$IMAGES/debian:latest" layout:1
  same_image web:1 layout:1
  stop_registries
  jq -e '.cuts > 5 and .ranges >= .cuts and .blobs == .ranges + 2' "$T/proxy.json" || fail "the proxy saw $(cat "$T/proxy.json")"
}

test_a_server_without_ranges_starts_anew() {
  start_debian --cut 9000000 --cuts 3 --no-ranges
  pull "$PROXY/debian:1" web:1 --json >"$T/build.json"
  thaw build "oci:$IMAGES/debian:latest" layout:1
  same_image web:1 layout:1
  stop_registries
  equal "$(jq .cuts "$T/proxy.json")" 3 "cuts"
}

test_downloads_that_never_get_further_end() {
  start_debian --cut 1000000 --no-ranges
  expect_error 5 "$PROXY" pull "$PROXY/debian:1" web:1
  expect_error 3 "web" thaw inspect web:1
}

test_a_silent_server_is_asked_again() {
  start_debian --stall 1
  pull "$PROXY/debian:1" web:1
  stop_registries
  jq -e '.stalled == 1 and .ranges >= 1' "$T/proxy.json" || fail "the proxy saw $(cat "$T/proxy.json")"
}

test_a_busy_server_is_left_alone_for_as_long_as_it_asks() {
  start_debian --busy 3
  local start=$SECONDS
  pull "$PROXY/debian:1" web:1
  [ $((SECONDS - start)) -ge 3 ] || fail "Retry-After was not obeyed"
  stop_registries
  equal "$(jq .busy "$T/proxy.json")" 3 "refusals"
  start_debian --busy 1000
  expect_error 5 "cannot serve it now" pull "$PROXY/debian:1" web:2
}

test_wrong_bytes_are_damage() {
  start_debian --flip
  expect_error 6 "digest" pull "$PROXY/debian:1" web:1
  expect_error 3 "web" thaw inspect web:1
}

test_a_login_is_not_shown_to_where_blobs_are() {
  use_registry
  start_registry storage
  push "oci:$IMAGES/nasty:latest" nasty:1
  start_registry_proxy
  local storage=$PROXY
  htpasswd_file "$T/htpasswd" tester secret
  start_registry registry '.auth.htpasswd = {realm: "test", path: "'"$T/htpasswd"'"}
    | .storage.filesystem.rootdirectory = "'"$T/storage/data"'"'
  log_in "$REGISTRY" tester:secret
  mv "$T/proxy.out" "$T/storage.out"
  start_registry_proxy --redirect "$storage"
  jq -n --arg host "$PROXY" --arg auth "$(printf tester:secret | base64)" '{auths: {($host): {auth: $auth}}}' \
    >"$DOCKER_CONFIG/config.json"
  pull "$PROXY/nasty:1" web:1
  stop_registries
  jq -e '.authorized > 0 and .blobs > 0' "$T/proxy.json" || fail "the registry saw $(cat "$T/proxy.json")"
  sed -n 2p "$T/storage.out" | jq -e '.authorized == 0 and .blobs > 0' || fail "the storage saw $(sed -n 2p "$T/storage.out")"
}

test_layers_are_downloaded_side_by_side() {
  use_registry
  /usr/bin/python3 - "$here" "$T/layout" <<'PYTHON'
import random, sys
sys.path.insert(0, sys.argv[1])
import oci_layout
layout = oci_layout.Layout(sys.argv[2])
for number in range(7):
    layer = oci_layout.Layer()
    layer.file(f"file{number}", random.Random(number).randbytes(6_000_000))
    layout.add_layer(layer.bytes())
layout.commit()
PYTHON
  start_registry registry
  push "oci:$T/layout:latest" seven:1
  start_registry_proxy
  pull "$PROXY/seven:1" web:1
  thaw build "oci:$T/layout:latest" layout:1
  same_image web:1 layout:1
  stop_registries
  jq -e '.most >= 2 and .most <= 3 and .blobs == 8' "$T/proxy.json" || fail "the proxy saw $(cat "$T/proxy.json")"
}

test_mirrors_are_asked_first() {
  use_registry
  start_registry registry
  push "oci:$IMAGES/nasty:latest" nasty:1
  local there=$REGISTRY gone
  gone=127.0.0.1:$(free_ports 1)
  write_config '.registry.mirrors = {"'"$gone"'": ["http://'"$there"'"]}'
  pull "$gone/nasty:1" web:1
  write_config '.registry.mirrors = {"'"$there"'": ["http://'"$gone"'"]}'
  pull "$there/nasty:1" web:2
  # A mirror that breaks off in the middle: the registry gives the rest.
  push "oci:$IMAGES/debian:latest" debian:1
  start_registry_proxy --cut 5000000 --no-ranges
  write_config '.registry.mirrors = {"'"$there"'": ["http://'"$PROXY"'"]}'
  pull "$there/debian:1" web:3
  thaw build "oci:$IMAGES/debian:latest" layout:3
  same_image web:3 layout:3
  stop_registries
  expect_error 5 "$there" pull "$there/debian:1" web:4
  write_config '.registry.mirrors = {"docker.io": ["ftp://x"]}'
  expect_error 2 "registry.mirrors" thaw images
}

# The proxy is the mirror, and what it does not spoil is right.
mirror_that_lies() {
  start_registry_proxy "$@"
  write_config '.registry.mirrors = {"'"$REGISTRY"'": ["http://'"$PROXY"'"]}'
}

test_what_a_mirror_lies_about_comes_from_the_registry() {
  use_registry
  start_registry registry
  push "oci:$IMAGES/debian:latest" debian:1
  thaw build "oci:$IMAGES/debian:latest" layout:1
  local what digest
  digest=sha256:$(source_of layout:1)
  for what in layers blobs manifests; do
    mirror_that_lies --flip "$what"
    pull "$REGISTRY/debian:1" "$what:1" --json >"$T/build.json" 2>"$T/err"
    grep -qE "^thaw build: warning: mirror $PROXY has other bytes under (blobs|manifests)/.*$REGISTRY$" "$T/err" ||
      fail "no warning names the mirror: $(cat "$T/err")"
    [ "$what" = manifests ] || grep -qE "blobs/sha256:[0-9a-f]{64};" "$T/err" || fail "no digest: $(cat "$T/err")"
    [ "$(wc -l <"$T/err")" -le 2 ] || fail "too many lines: $(cat "$T/err")"
    jq -e .manifest "$T/build.json" >/dev/null || fail "--json prints no object"
    pull "$REGISTRY/debian@$digest" "$what-digest:1" 2>"$T/err"
    grep -q "$PROXY" "$T/err" || fail "no warning: $(cat "$T/err")"
  done
  same_image layout:1 layers:1 blobs:1 manifests:1 layers-digest:1 blobs-digest:1 manifests-digest:1
}

test_when_all_lie_it_is_damage() {
  start_debian --flip layers
  local registry=$PROXY mirror
  start_server second "$here/../fault/registry_proxy.py" --to "$REGISTRY" --flip layers
  mirror=$SERVER
  write_config '.registry.mirrors = {"'"$registry"'": ["http://'"$mirror"'"]}'
  expect 6 pull "$registry/debian:1" web:1
  grep -q "^thaw build: image docker://$registry/debian:1: " "$T/err" || fail "no error: $(cat "$T/err")"
  grep -q "mirror $mirror has other bytes under blobs/sha256:" "$T/err" || fail "no warning: $(cat "$T/err")"
  expect_error 3 "web" thaw inspect web:1
}

test_memory_stays_below_its_limit() {
  start_debian
  /usr/bin/python3 "$here/../peak_memory.py" "$T/peak" thaw build --plain-http "docker://$REGISTRY/debian:1" web:1
  [ "$(cat "$T/peak")" -lt $((512 * 1024)) ] || fail "the build took $(cat "$T/peak") KiB"
}

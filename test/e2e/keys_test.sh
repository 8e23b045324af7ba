# Keys: rotation under a mount, a build and a kill, retirement; what one tenant's keys open.

. "$here/keys.sh"

# under KEYID: how many envelopes are under it.
under() { thaw keys list --envelopes --json | jq --arg id "$1" '[.keys[] | select(.id == $id) | .envelopes] | add // 0'; }

exported() {  # exported TENANT NAME: the device's SHA-256
  json_value .sha256 thaw export --tenant "$1" "$2" "$T/device"
  rm -f "$T/device"
}

digests() { for image in "$@"; do thaw inspect --tenant acme --json "$image" | jq -r .manifest; done; }

test_rotation_under_a_mount_a_build_and_a_kill() {
  local i killed=0 names=() before sums builder
  write_config '.tenant = "acme"'
  small_image small-1 "image 1"
  for i in $(seq 40); do
    thaw build --json oci:"$T/small-1" "small:$i" >/dev/null
    names+=("small:$i")
  done
  thaw build oci:"$IMAGES/nasty:latest" nasty:1
  thaw build --tenant zeta oci:"$IMAGES/nasty:latest" nasty:1
  before=$(digests nasty:1 "${names[@]}")
  sums=$(exported acme nasty:1)$(exported zeta nasty:1)
  find "$T/store/tenants/zeta" "$T/store/roots" -path '*chunks*' -prune -o -type f -print | sort >"$T/files"
  start_daemon
  mkdir "$T/mnt"
  thaw mount nasty:1 "$T/mnt"

  # Killed again and again, wherever it is, until a run ends; images are built all the while.
  (set +e; n=0; until [ -e "$T/enough" ]; do n=$((n + 1)); thaw build oci:"$T/small-1" "late:$n" || exit 1; done; echo "$n" >"$T/late") \
    >"$T/late.log" 2>&1 &
  builder=$!
  for i in 0.01 0.015 0.02 0.025 0.03 0.04; do
    thaw keys rotate acme --json >"$T/rotation.json" 2>"$T/err" & local rotation=$!
    sleep "$i"
    if kill -9 "$rotation" 2>/dev/null; then killed=$((killed + 1)); fi
    wait "$rotation" || true
  done
  [ "$killed" -gt 0 ] || fail "no rotation was killed"
  thaw keys rotate acme --json >"$T/rotation.json"
  touch "$T/enough"
  wait "$builder" || fail "a build under the rotation failed: $(tail -n 3 "$T/late.log")"

  # A build may have taken the old key just before: then another run is due, and makes no key.
  thaw keys list --envelopes --json >"$T/keys.json"
  jq -e '.keys | all(has("id") and has("tenant") and has("state") and (.created > 0))' "$T/keys.json" >/dev/null ||
    fail "keys without their fields: $(cat "$T/keys.json")"
  if [ "$(jq '[.keys[] | select(.tenant == "acme" and .current == false) | .envelopes] | add' "$T/keys.json")" != 0 ]; then
    equal "$(json_value .key thaw keys rotate acme)" "$(jq -r '.keys[] | select(.tenant == "acme" and .current) | .id' "$T/keys.json")"
  fi

  equal "$(digests nasty:1 "${names[@]}")" "$before" "manifests"
  equal "$(exported acme nasty:1)$(exported zeta nasty:1)" "$sums" "devices"
  same_tree "$IMAGES/nasty.txt" "$T/mnt"
  equal "$(under zeta/1)" 1 "envelopes of the other tenant"
  equal "$(thaw keys list --json | jq '[.keys[] | select(.tenant == "zeta")] | length')" 1 "keys of the other tenant"

  for i in $(thaw keys list --json | jq -r '.keys[] | select(.tenant == "acme" and .current == false) | .id'); do
    thaw keys retire "$i"
    [ ! -e "$T/keys/tenants/$i" ] || fail "the key file of $i is still there"
  done
  equal "$(thaw keys list --json | jq '[.keys[] | select(.tenant == "acme")] | length')" 1 "keys that are left"
  thaw umount "$T/mnt"
  wait_for 10 nothing_mounted || fail "the image lingers"
  thaw mount nasty:1 "$T/mnt"
  same_tree "$IMAGES/nasty.txt" "$T/mnt"
  thaw umount "$T/mnt"
  for i in $(seq "$(cat "$T/late")"); do thaw verify "late:$i" >/dev/null; done
  stop_daemon
}

test_retire_refuses_what_is_needed() {
  write_config '.tenant = "acme"'
  small_image small-1 "image 1"
  thaw build oci:"$T/small-1" web:1
  expect_error 4 'wraps new manifests.*rotate' thaw keys retire acme/1
  expect_error 3 'no key' thaw keys retire acme/9
  # The next key is there, and the rotation broke off before its first envelope.
  { od -An -tx1 -N 32 /dev/urandom | tr -d " \n"; echo; } >"$T/keys/tenants/acme/2"
  expect 6 thaw keys list
  grep -q "chmod 600" "$T/out" || fail "a key that others can read is listed as sound"
  chmod 600 "$T/keys/tenants/acme/2"
  thaw keys list >/dev/null
  expect_error 4 'acme/1.*needed by 1 envelopes.*rotate acme' thaw keys retire acme/1
  equal "$(thaw keys rotate acme --json | jq -c '[.key, .made, .replaced]')" '["acme/2",false,1]' "the rotation"
  equal "$(thaw keys list --json | jq -c '[.keys[].id]')" '["acme/1","acme/2"]' "a rotation that was only finished"
  thaw verify web:1
  thaw keys retire acme/1
  thaw verify web:1
  expect_error 3 'no key yet' thaw keys rotate nobody
}

test_rotation_names_images_whose_envelopes_are_missing() {
  local digest
  write_config '.tenant = "acme"'
  small_image small-1 "image 1"
  small_image small-2 "image 2"
  thaw build oci:"$T/small-1" web:1
  thaw build oci:"$T/small-2" tool:1
  digest=$(json_value .manifest thaw inspect web:1)
  rm "$T/store/roots/1/envelopes/$digest"
  expect_error 6 "$digest: its envelope is missing.*verify-existing" thaw keys rotate acme
  expect 6 thaw keys rotate acme --json
  equal "$(jq -r '.stuck[].manifest' "$T/out")" "$digest" "what is stuck"
  thaw build --verify-existing oci:"$T/small-1" web:1
  thaw keys rotate acme
}

test_a_private_tenant_shares_with_itself_alone() {
  local chunks
  write_config
  thaw build --tenant zeta oci:"$IMAGES/nasty:latest" web:1 --json >"$T/zeta.json"
  chunks=$(jq .chunks "$T/zeta.json")
  equal "$(json_value .new_chunks thaw build --tenant acme --isolation private oci:"$IMAGES/nasty:latest" web:1)" "$chunks" \
    "new chunks of the private tenant"
  equal "$(chunk_files | wc -l)" $((2 * chunks)) "chunks in the store"
  # From now on whatever a builder's setting says, and for other images of the tenant.
  equal "$(thaw build --tenant acme oci:"$IMAGES/nasty:latest" other:1 --json | jq .new_chunks)" 0 "chunks shared within"
  equal "$(thaw build --tenant next oci:"$IMAGES/nasty:latest" web:1 --json | jq .new_chunks)" 0 "chunks shared by others"
  write_config '.isolation = "private"'
  equal "$(json_value .new_chunks thaw build --tenant mine oci:"$IMAGES/nasty:latest" web:1)" "$chunks" \
    "new chunks of a tenant that the configuration makes private"
  equal "$(exported acme web:1)" "$(exported zeta web:1)" "the device"
  thaw verify --tenant acme web:1
  expect 2 thaw build --isolation none oci:"$IMAGES/nasty:latest" web:1
}

test_a_builder_refuses_an_exchanged_salt() {
  write_config
  small_image small-1 "image 1"
  thaw build oci:"$T/small-1" web:1
  thaw build --tenant acme --isolation private oci:"$T/small-1" web:1
  mv "$T/store" "$T/store.first"
  # The same store by its id and with the same builder's key, but its salt is another.
  mkdir "$T/store"
  cp "$T/store.first/store.json" "$T/store/"
  expect_error 4 'salt is not the one.*on purpose.*state/salts/' thaw build oci:"$T/small-1" web:1
  expect_error 4 'salt.json is gone.*acme' thaw build --tenant acme oci:"$T/small-1" web:1
  rm -r "$T/state/salts"
  thaw build oci:"$T/small-1" web:1
}

record() { echo "$T/store/tenants/$1/images/$2"; }
envelope() { echo "$T/store/roots/1/envelopes/$(thaw inspect --json "$1" | jq -r .manifest)"; }

test_what_an_attacker_on_the_store_puts_together_is_refused() {
  write_config '.tenant = "acme"'
  small_image small-1 "image 1"
  small_image small-2 "image 2"
  thaw build oci:"$T/small-1" web:1
  thaw build oci:"$T/small-2" tool:1
  thaw build --tenant zeta oci:"$T/small-2" web:1
  cp -a "$T/store" "$T/store.good"
  local web tool
  web=$(envelope web:1)
  tool=$(envelope tool:1)

  # A record under another name, and under another tenant's.
  cp "$(record acme tool)/1" "$(record acme web)/1"
  expect_error 4 'web' thaw verify web:1
  cp "$(record zeta web)/1" "$(record acme web)/1"
  expect_error 4 'web' thaw verify web:1
  cp "$T/store.good/tenants/acme/images/web/1" "$(record acme web)/1"
  thaw verify web:1

  # Another image's envelope; another image's wrapped key behind a signature that is right; another tenant's.
  cp "$tool" "$web"
  expect_error 4 'signature' thaw verify web:1
  cp "$T/store.good/${web#"$T/store/"}" "$web"
  splice "$web" "$tool"
  expect_error 6 'belongs to something else' thaw verify web:1
  cp "$T/store.good/${web#"$T/store/"}" "$web"

  # An older record, signed as it should be.
  cp "$(record acme web)/1" "$T/older"
  thaw build oci:"$T/small-2" web:1
  thaw verify web:1
  cp "$T/older" "$(record acme web)/1"
  expect_error 4 'set back' thaw verify web:1
  # Building goes on above all that was seen, and what was removed does not come back.
  thaw build oci:"$T/small-2" web:1
  thaw verify web:1
  cp "$(record acme web)/1" "$T/older"
  thaw rm web:1
  cp "$T/older" "$(record acme web)/1"
  expect_error 4 'set back' thaw verify web:1
  thaw verify --allow-rollback web:1

  # Who has the tenant's key, and even what wraps salts, but not the key that signs.
  cp -a "$T/keys" "$T/keys.foreign"
  rm "$T/keys.foreign/builder/sign-1" "$T/keys.foreign/trusted/"*
  jq --arg t "$T" '.keys.url = "file://" + $t + "/keys.foreign"' "$T/thaw.json" >"$T/foreign.json"
  thaw --config "$T/foreign.json" build oci:"$T/small-1" evil:1
  expect_error 4 'not trusted' thaw verify evil:1
  # With the tenant's key alone he cannot even seal.
  rm -r "$T/keys.foreign/builder"
  expect_error 4 'salt' thaw --config "$T/foreign.json" build oci:"$T/small-1" evil:2
  # A reader without the tenant's key.
  rm -r "$T/keys/tenants/acme"
  expect_error 4 'does not know' thaw verify tool:1
}

# Of a process that can leave a core file its files in /proc are its user's own.
test_a_build_leaves_no_core_file() {
  write_config
  install -D -m 755 "$(command -v thaw)" "$T/bin/thaw"
  cp -r "$IMAGES/debian" "$T/debian"
  chmod 711 "$(dirname "$T")"
  chown -R nobody "$T"
  setpriv --reuid nobody --regid nogroup --clear-groups "$T/bin/thaw" build "oci:$T/debian:latest" debian:1 >/dev/null &
  local build=$!
  is_nobodys() { [ "$(cat "/proc/$build/comm" 2>/dev/null)" = thaw ] && grep -qs "^Uid:.*65534" "/proc/$build/status"; }
  nobody_looks_into_it() { [ "$(stat -c %U "/proc/$build/environ" 2>/dev/null)" = root ]; }
  wait_for 5 is_nobodys || fail "it does not run as nobody"
  wait_for 5 nobody_looks_into_it || fail "its files in /proc belong to $(stat -c %U "/proc/$build/environ")"
  wait "$build"
}

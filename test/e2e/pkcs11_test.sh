# Keys in a hardware security module: SoftHSM's tokens of each test's own, a builder with two and a daemon with one.

. "$here/keys.sh"

module=/usr/lib/softhsm/libsofthsm2.so

# tokens: "kms" with the tenants' keys and "makers" with the builders'; $T/builder.json and $T/thaw.json use them.
tokens() {
  export SOFTHSM2_CONF=$T/softhsm2.conf
  mkdir "$T/tokens"
  printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' "$T" >"$SOFTHSM2_CONF"
  softhsm2-util --init-token --free --label kms --so-pin 0000 --pin 1234 >/dev/null
  softhsm2-util --init-token --free --label makers --so-pin 0000 --pin 567890 >/dev/null
  (umask 077; echo 1234 >"$T/kms.pin"; echo 567890 >"$T/makers.pin")
  write_config "$(printf '.tenant = "acme" | .keys.url = "pkcs11:token=kms?module-path=%s&pin-source=file:%s/kms.pin"' "$module" "$T")"
  jq --arg t "$T" '.keys.url += "&thaw-builder-token=makers&thaw-builder-pin-source=file:" + $t + "/makers.pin"' \
    "$T/thaw.json" >"$T/builder.json"
}

test_images_live_by_keys_in_a_token() {
  tokens
  builder build oci:"$IMAGES/nasty:latest" nasty:1
  expect_error 4 'not trusted' thaw verify nasty:1
  trust_the_builder
  start_daemon
  mkdir "$T/mnt"
  thaw mount nasty:1 "$T/mnt"
  same_tree "$IMAGES/nasty.txt" "$T/mnt"

  equal "$(builder keys rotate acme --json | jq -c '[.key, .made, .replaced]')" '["acme/2",true,1]' "the rotation"
  same_tree "$IMAGES/nasty.txt" "$T/mnt"
  builder keys retire acme/1
  equal "$(thaw keys list --envelopes --json | jq -c '[.keys[] | [.id, .state, .envelopes]]')" '[["acme/2","active",1]]'
  thaw umount "$T/mnt"
  wait_for 10 nothing_mounted || fail "the image lingers"
  thaw mount nasty:1 "$T/mnt"
  same_tree "$IMAGES/nasty.txt" "$T/mnt"
  thaw umount "$T/mnt"
  stop_daemon

  # Neither key nor pair can be had from the tokens, and a worker's configuration has no way to the builders'.
  equal "$(pkcs11-tool --module "$module" --token-label kms --login --pin 1234 -O 2>/dev/null | grep -c 'never extractable')" 1
  expect_error 4 "builders' keys" thaw build oci:"$IMAGES/nasty:latest" other:1
  # Nothing tells a PIN.
  ! grep -qE '(^|[^0-9])(1234|567890)([^0-9]|$)' "$T/thawd.log" || fail "a PIN is in the log"
}

test_what_is_wrong_with_a_token_is_told() {
  tokens
  small_image small small
  builder build oci:"$T/small" web:1
  trust_the_builder
  thaw verify web:1
  echo 4321 >"$T/kms.pin"
  expect_error 4 'PIN in .*kms.pin is wrong' thaw verify web:1
  chmod 644 "$T/kms.pin"
  expect_error 4 'chmod 600' thaw verify web:1
  chmod 600 "$T/kms.pin"
  rm "$T/kms.pin"
  expect_error 4 'kms.pin' thaw verify web:1
  echo 1234 >"$T/kms.pin"
  chmod 600 "$T/kms.pin"
  thaw verify web:1
  jq '.keys.url |= sub("libsofthsm2"; "libabsent")' "$T/thaw.json" >"$T/absent.json"
  expect_error 5 'libabsent.so does not load' thaw --config "$T/absent.json" verify web:1
  jq '.keys.url |= sub("token=kms"; "token=absent")' "$T/thaw.json" >"$T/absent.json"
  expect_error 5 '"absent": it is not there' thaw --config "$T/absent.json" verify web:1
  jq '.keys.url += "&pin-value=1234"' "$T/thaw.json" >"$T/absent.json"
  expect_error 2 'pin-source' thaw --config "$T/absent.json" verify web:1
}

take_tokens_away() { mv "$T/tokens" "$T/away"; }
bring_tokens_back() { mv "$T/away" "$T/tokens"; }
test_a_token_that_is_away_delays_new_mounts_and_nothing_else() {
  tokens
  a_service_that_is_away_delays_new_mounts 'PKCS#11' take_tokens_away bring_tokens_back
}

# Keys behind the AWS KMS API, with a stand-in for it (test/lib/keys/kms_stand_in.py) behind TLS. Nobody has tried Thaw
# with the real service.

. "$here/keys.sh"

kms=

# key_service: certificate, who may ask, and configurations: $T/builder.json and, for a worker that may only decrypt,
# $T/thaw.json.
key_service() {
  mkdir "$T/kms"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=kms -addext subjectAltName=IP:127.0.0.1 \
    -keyout "$T/kms/key.pem" -out "$T/kms/cert.pem" 2>/dev/null
  jq -n '{BUILDER: {secret: "b/secret+1"}, WORKER: {secret: "w/secret+2", token: "w/token=", allow: ["Decrypt"]}}' \
    >"$T/kms/credentials.json"
  printf '[builder]\naws_access_key_id = BUILDER\naws_secret_access_key = b/secret+1\n' >"$T/credentials"
  printf '[worker]\naws_access_key_id = WORKER\naws_secret_access_key = w/secret+2\naws_session_token = w/token=\n' >>"$T/credentials"
  start_kms 0
  write_config "$(printf '.tenant = "acme" | .keys.url = "aws-kms:thaw?region=eu-test-1&endpoint=https://%s&ca-file=%s&credentials=%s&profile=worker"' \
    "$address" "$T/kms/cert.pem" "$T/credentials")"
  jq --arg t "$T" '.keys.url |= (sub("profile=worker"; "profile=builder") + "&builder-keys=file://" + $t + "/builder-keys")' \
    "$T/thaw.json" >"$T/builder.json"
}

start_kms() {  # start_kms PORT
  /usr/bin/python3 "$here/../lib/keys/kms_stand_in.py" "$T/kms" --tls --port "$1" >"$T/kms.address" 2>"$T/kms.err" &
  kms=$!
  wait_for 10 test -s "$T/kms.address" || fail "the stand-in does not listen: $(cat "$T/kms.err")"
  address=$(cat "$T/kms.address")
}
stop_kms() { kill -9 "$kms"; wait "$kms" 2>/dev/null || true; }
end_kms() { [ -z "$kms" ] || { stop_kms; kms=; }; }

# asked TEXT: how many lines of the service's log begin like that.
asked() { grep -c "^$1" "$T/kms/log" || true; }

test_images_live_by_keys_in_the_service() {
  key_service
  builder build oci:"$IMAGES/nasty:latest" nasty:1
  trust_the_builder
  start_daemon
  mkdir "$T/mnt"
  thaw mount nasty:1 "$T/mnt"
  same_tree "$IMAGES/nasty.txt" "$T/mnt"

  equal "$(builder keys rotate acme --json | jq -c '[.key, .made, .replaced]')" '["acme/2",true,1]' "the rotation"
  same_tree "$IMAGES/nasty.txt" "$T/mnt"
  equal "$(builder keys list --envelopes --json | jq -c '[.keys[] | [.id, .state, .envelopes]]')" \
    '[["acme/1","opens-old",0],["acme/2","active",1]]' "keys"
  builder keys retire acme/1
  equal "$(builder keys list --json | jq -c '[.keys[] | [.id, .state]]')" '[["acme/2","active"]]' "keys that are left"
  equal "$(jq -c '[.keys[] | [.state, .days]] | sort' "$T/kms/state.json")" '[["Enabled",null],["PendingDeletion",30]]' \
    "keys in the service"
  thaw umount "$T/mnt"
  wait_for 10 nothing_mounted || fail "the image lingers"
  thaw mount nasty:1 "$T/mnt"
  same_tree "$IMAGES/nasty.txt" "$T/mnt"
  thaw umount "$T/mnt"
  stop_daemon

  # A worker's credentials decrypt, and nothing else; its configuration has no way to the builders' keys.
  equal "$(awk '$2 == "WORKER" {print $1, $3}' "$T/kms/log" | sort -u)" "Decrypt done" "what the worker asked for"
  expect_error 4 "builders' keys" thaw build oci:"$IMAGES/nasty:latest" other:1
  expect_error 4 'WORKER is not authorized to perform: kms:ListAliases' thaw keys list
  ! grep -qE 'secret\+|w/token' "$T/thawd.log" || fail "a secret is in the log"
  end_kms
}

restart_kms() { start_kms "${address##*:}"; }
test_a_key_service_that_is_killed_delays_new_mounts_and_nothing_else() {
  key_service
  a_service_that_is_away_delays_new_mounts 'AWS KMS' stop_kms restart_kms
  end_kms
}

envelope() { echo "$T/store/roots/1/envelopes/$(builder inspect --json "$1" | jq -r .manifest)"; }

test_what_goes_wrong_with_the_service_is_told() {
  key_service
  small_image web web
  small_image tool tool
  builder build oci:"$T/web" web:1
  builder build oci:"$T/tool" tool:1
  trust_the_builder
  thaw verify web:1

  # Throttled twice: tried again. For good: told so.
  echo '[{"operation": "Decrypt", "times": 2, "type": "ThrottlingException"}]' >"$T/kms/faults.json"
  thaw verify web:1
  equal "$(asked 'Decrypt WORKER ThrottlingException')" 2 "throttled requests"
  echo '[{"operation": "Decrypt", "times": 100000, "type": "ThrottlingException"}]' >"$T/kms/faults.json"
  expect_error 5 'web:1.*AWS KMS.*ThrottlingException' thaw verify web:1
  rm "$T/kms/faults.json"

  # Another image's wrapped key was wrapped in another context.
  cp -a "$T/store" "$T/store.good"
  splice "$(envelope web:1)" "$(envelope tool:1)"
  expect_error 6 'belongs to something else' thaw verify web:1
  equal "$(asked 'Decrypt WORKER InvalidCiphertextException')" 1 "refusals of the service itself"
  rm -r "$T/store"
  mv "$T/store.good" "$T/store"
  thaw verify web:1

  # Who asks, whom, and for whose keys.
  jq '.keys.url |= sub("profile=worker"; "profile=absent")' "$T/thaw.json" >"$T/other.json"
  expect_error 4 'no credentials for profile absent' thaw --config "$T/other.json" verify web:1
  jq '.keys.url |= sub("region=eu-test-1"; "region=eu-test-2")' "$T/thaw.json" >"$T/other.json"
  expect_error 4 'InvalidSignatureException' thaw --config "$T/other.json" verify web:1
  jq '.keys.url |= sub("aws-kms:thaw"; "aws-kms:other")' "$T/thaw.json" >"$T/other.json"
  expect_error 4 'does not know' thaw --config "$T/other.json" verify web:1
  jq '.keys.url |= sub("&ca-file=[^&]*"; "")' "$T/thaw.json" >"$T/other.json"
  expect_error 4 'certificate.*ca-file' thaw --config "$T/other.json" verify web:1
  jq '.keys.url |= sub("https:"; "http:") | .keys.url |= sub("127.0.0.1"; "10.0.0.1")' "$T/thaw.json" >"$T/other.json"
  expect_error 2 'https' thaw --config "$T/other.json" verify web:1
  jq '.keys.url += "&secret=s"' "$T/thaw.json" >"$T/other.json"
  expect_error 2 '"secret" is not known' thaw --config "$T/other.json" verify web:1
  thaw verify web:1
  end_kms
}

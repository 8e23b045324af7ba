# A store in an S3 bucket: a real Ceph object gateway, its faults and its restarts.

. "$here/s3.sh"

test_an_image_is_built_verified_and_read_from_a_bucket() {
  begin
  build_debian >"$T/first.json"
  jq -e '.new_chunks > 100 and .new_chunks == .chunks' "$T/first.json" || fail "first build: $(cat "$T/first.json")"
  build_debian >"$T/second.json"
  jq -e '.new_chunks == 0 and .new_bytes == 0 and .reused_chunks == .chunks' "$T/second.json" ||
    fail "second build: $(cat "$T/second.json")"
  equal "$(json_value .chunks thaw verify debian:1)" "$(jq .chunks "$T/first.json")" "chunks that thaw verify counts"
  equal "$(json_value '.images | length' thaw images)" 1 images

  # The same device as the one in a directory.
  equal "$(json_value .sha256 thaw export debian:1 "$T/s3.img")" \
    "$(THAW_CONFIG=$IMAGES/thaw.json json_value .sha256 thaw export debian:1 "$T/directory.img")" "exported devices"
  rm "$T"/*.img

  start_daemon
  thaw mount debian:1 "$T/mnt"
  same_tree "$IMAGES/debian.txt" "$T/mnt"
  jq -e '.tiers.origin.hits > 100 and .tiers.origin.errors == 0' <<<"$(thaw stats --json)" || fail "$(thaw stats --json)"
  thaw umount "$T/mnt"
  stop_daemon

  thaw rm debian:1
  expect_error 3 debian:1 thaw verify debian:1
  equal "$(json_value '.images | length' thaw images)" 0 "images after thaw rm"
}

take_chunks_away() {
  local key keys
  keys=$(listing roots | grep -o '<Key>[^<]*/chunks/[^<]*' | cut -c6-)
  [ "$(wc -l <<<"$keys")" -gt 50 ] || fail "few chunks are listed: $keys"
  for key in $keys; do s3_curl -X DELETE "$S3_ENDPOINT/images/$key"; done
}

test_a_builder_knows_what_a_bucket_has_and_is_not_misled_by_it() {
  begin
  thaw build "oci:$IMAGES/nasty:latest" nasty:1 --json | jq -e '.unasked_chunks == 0' >/dev/null
  thaw build "oci:$IMAGES/nasty:latest" other:1 --json >"$T/other.json"
  jq -e '.unasked_chunks > 0.9 * .chunks and .new_chunks == 0' "$T/other.json" >/dev/null || fail "$(cat "$T/other.json")"
  thaw verify other:1 >/dev/null

  take_chunks_away
  expect_error 6 "" thaw verify other:1
  thaw build "oci:$IMAGES/nasty:latest" third:1 --json >"$T/third.json"
  jq -e '.unasked_chunks == 0 and .new_chunks == .chunks' "$T/third.json" >/dev/null || fail "$(cat "$T/third.json")"
  thaw verify other:1 >/dev/null
}

test_errors_of_a_bucket_are_one_line_with_a_status() {
  begin
  AWS_SECRET_ACCESS_KEY=wrong expect_error 4 "images.*(403|SignatureDoesNotMatch).*check" thaw images
  AWS_SECRET_ACCESS_KEY=wrong expect_error 4 "images.*check" thaw build "oci:$IMAGES/nasty:latest" nasty:1
  (
    unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
    HOME=$T expect_error 4 "no credentials.*AWS_ACCESS_KEY_ID" thaw images
  )
  equal "$(json_value '.images | length' thaw images)" 0 "images of an empty bucket"
  use_bucket missing
  expect_error 1 "s3://missing.*does not exist" thaw build "oci:$IMAGES/nasty:latest" nasty:1
  expect_error 1 "s3://missing.*does not exist" thaw images
  S3_ENDPOINT=http://127.0.0.1:1 use_bucket images
  expect_error 5 "127.0.0.1:1 cannot be reached" thaw images
  S3_ENDPOINT=ftp://127.0.0.1 use_bucket images
  expect_error 2 "s3.endpoint" thaw images
  use_bucket "../x"
  expect_error 2 "store.url" thaw images
}

test_builders_that_meet_in_an_empty_bucket_agree() {
  begin
  local i builders=()
  # The builders' keys are made first: they are none of the bucket's business.
  thaw keys create default
  for i in 1 2 3 4; do
    thaw build "oci:$IMAGES/nasty:latest" "nasty:$((i % 2))" --json >"$T/$i.json" 2>"$T/$i.err" &
    builders+=($!)
  done
  for i in 1 2 3 4; do wait "${builders[$((i - 1))]}" || fail "builder $i: $(cat "$T/$i.err")"; done
  equal "$(listing roots%2F1%2Froot.json | grep -o '<Key>' | wc -l)" 1 roots
  equal "$(listing salts | grep -o '<Key>' | wc -l)" 1 "salts, of which only one is named"
  equal "$(jq -s 'map(.new_chunks) | add' "$T"/[1-4].json)" "$(jq .chunks "$T/1.json")" "chunks that all stored, and chunks"
  for i in 0 1; do thaw verify "nasty:$i" >/dev/null || fail "nasty:$i is not whole"; done
  equal "$(json_value '.images | length' thaw images)" 2 images
}

# Reads everything below the mount in the background; finish_reading compares it with the truth.
start_reading() { same_tree "$IMAGES/debian.txt" "$T/mnt" >"$T/reader.log" 2>&1 & reader=$!; }
finish_reading() { wait "$reader" || fail "reading failed: $(cat "$T/reader.log")"; }
origin_hits() { thaw stats --json | jq .tiers.origin.hits; }
origin_reads_more_than() { [ "$(origin_hits)" -gt "$1" ]; }

test_reading_waits_while_the_bucket_hangs() {
  begin
  build_debian >/dev/null
  start_daemon
  thaw mount debian:1 "$T/mnt"
  start_reading
  wait_for 20 origin_reads_more_than 100 || fail "nothing is read"
  kill -STOP "${rgw_pid[osd]}"
  sleep 8
  kill -0 "$reader" 2>/dev/null || fail "reading ended while the bucket hung: $(cat "$T/reader.log")"
  kill -CONT "${rgw_pid[osd]}"
  finish_reading
  same_tree "$IMAGES/debian.txt" "$T/mnt"
  thaw umount "$T/mnt"
  stop_daemon
}

test_a_restart_of_the_gateway_fails_no_read_and_no_build() {
  begin
  build_debian >/dev/null
  start_daemon
  thaw mount debian:1 "$T/mnt"
  start_reading
  wait_for 20 origin_reads_more_than 100 || fail "nothing is read"
  stop_gateway
  thaw build "oci:$IMAGES/nasty:latest" nasty:1 --json >"$T/nasty.json" 2>"$T/nasty.err" &
  local builder=$!
  sleep 2
  start_gateway
  wait "$builder" || fail "the build failed: $(cat "$T/nasty.err")"
  finish_reading
  jq -e '.tiers.origin.errors > 0' <<<"$(thaw stats --json)" || fail "the gateway was never missed"
  thaw verify nasty:1
  thaw umount "$T/mnt"
  stop_daemon
}

write_credentials() {  # write_credentials KEY SECRET
  printf '[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n' "$1" "$2" >"$T/credentials.new"
  mv "$T/credentials.new" "$T/credentials"
}

admin() { radosgw-admin -c "$T/rgw/ceph.conf" -n client.rgw "$@" >/dev/null; }
add_second_key() { admin key create --uid test --key-type s3 --access-key second --secret-key other; }
drop_first_key() { admin key rm --uid test --key-type s3 --access-key "$S3_KEY"; }

# nasty:1 is built, the daemon runs, and the keys stand in T/credentials.
begin_with_a_credentials_file() {
  begin
  unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
  export AWS_SHARED_CREDENTIALS_FILE=$T/credentials
  write_credentials "$S3_KEY" "$S3_SECRET"
  thaw build "oci:$IMAGES/nasty:latest" nasty:1 >/dev/null
  start_daemon
}

test_rotated_credentials_are_picked_up() {
  begin_with_a_credentials_file
  thaw mount nasty:1 "$T/mnt"
  add_second_key
  write_credentials second other
  drop_first_key
  same_tree "$IMAGES/nasty.txt" "$T/mnt"
  equal "$(jq .tiers.origin.errors <<<"$(thaw stats --json)")" 0 "errors of the origin"
  thaw umount "$T/mnt"
  stop_daemon
  grep -qE "$S3_SECRET|other" "$T/thawd.log" && fail "a secret is in the log" || true
}

test_a_reload_takes_rotated_credentials_before_they_are_refused() {
  begin_with_a_credentials_file
  equal "$(json_value '.applied | length' thaw reload)" 0 "what a reload without a change applies"
  add_second_key
  write_credentials second other
  equal "$(json_value '.applied | join(",")' thaw reload)" credentials "what a reload applies"
  drop_first_key
  # Nothing is left to be read again, should they be refused.
  rm "$T/credentials"
  thaw mount nasty:1 "$T/mnt"
  same_tree "$IMAGES/nasty.txt" "$T/mnt"
  thaw umount "$T/mnt"
  stop_daemon
}

test_a_bucket_over_tls_needs_a_certificate_that_is_trusted() {
  begin
  S3_ENDPOINT=$S3_TLS_ENDPOINT use_bucket images ".s3.ca_file = \"$S3_CA_FILE\""
  thaw build "oci:$IMAGES/nasty:latest" nasty:1 >/dev/null
  thaw verify nasty:1
  start_daemon
  thaw mount nasty:1 "$T/mnt"
  same_tree "$IMAGES/nasty.txt" "$T/mnt"
  thaw umount "$T/mnt"
  stop_daemon
  S3_ENDPOINT=$S3_TLS_ENDPOINT use_bucket images
  expect_error 4 "certificate that is not trusted" thaw verify nasty:1
  S3_ENDPOINT=${S3_TLS_ENDPOINT/127.0.0.1/localhost} use_bucket images ".s3.ca_file = \"$S3_CA_FILE\""
  expect_error 4 "certificate that is not trusted" thaw verify nasty:1
  use_bucket images ".s3 = {endpoint: \"$S3_TLS_ENDPOINT\", ca_file: \"$T/none\"}"
  expect_error 2 "CA file" thaw verify nasty:1
}

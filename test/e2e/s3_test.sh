# A store in an S3 bucket: a real Ceph object gateway, its faults and its restarts.

. "$here/rgw.sh"

end_of_s3_test() {
  local status=$?
  set +e
  stop_rgw
  (exit "$status")
  end_of_test
}
trap end_of_s3_test EXIT

use_bucket() {  # use_bucket BUCKET [JQ_PROGRAM]: a configuration whose store is there
  write_config ".store.url = \"s3://$1/stores/one\" | .s3 = {endpoint: \"$S3_ENDPOINT\"} | ${2:-.}"
  export AWS_ACCESS_KEY_ID=$S3_KEY AWS_SECRET_ACCESS_KEY=$S3_SECRET
  mkdir -p "$T/mnt"
}

begin() {
  start_rgw
  make_bucket images
  use_bucket images "${1:-.}"
}

build_debian() { thaw build "oci:$IMAGES/debian:latest" debian:1 --json; }
listing() { s3_curl "$S3_ENDPOINT/images?list-type=2&prefix=stores%2Fone%2F${1:-}"; }

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

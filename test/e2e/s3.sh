# A store in a bucket of a real Ceph object gateway, for the tests of a file. Sourced.

. "$here/rgw.sh"

at_end stop_rgw

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

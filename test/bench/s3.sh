# A real S3 server (test/e2e/rgw.sh) and a proxy in front of it that makes it far away (test/fault/proxy.sh).

# What these need.
T=$WORK
fail() { die "$*"; }
. "$here/../e2e/rgw.sh"
. "$here/../fault/proxy.sh"

start_s3() {
  start_rgw
  make_bucket images
  export AWS_ACCESS_KEY_ID=$S3_KEY AWS_SECRET_ACCESS_KEY=$S3_SECRET
}

take_s3_away() {
  stop_proxy
  stop_rgw
  rm -rf "$WORK/rgw"
}

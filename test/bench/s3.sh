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

# Server and proxy stand for other machines: they get what everything else leaves of the cores.
let_s3_stand_back() {
  local pid
  for pid in "${rgw_pid[@]}" "$proxy_pid"; do chrt --all-tasks --idle --pid 0 "$pid" >/dev/null; done
}

take_s3_away() {
  stop_proxy
  stop_rgw
  rm -rf "$WORK/rgw"
}

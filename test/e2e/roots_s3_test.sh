# Collection in a bucket of a real Ceph object gateway, by users who may do no more than they have to.

. "$here/s3.sh"

keys_below() {  # keys_below PREFIX: how many objects
  s3_curl "$S3_ENDPOINT/images?list-type=2&max-keys=1000&prefix=stores%2Fone%2F${1//\//%2F}" | grep -o '<Key>' | wc -l
}
end_root() { thaw roots retire "$1" && thaw roots expire "$1" && thaw roots delete "$1"; }

test_a_root_in_a_bucket_goes() {
  begin
  build_debian >/dev/null
  thaw build "oci:$IMAGES/nasty:latest" nasty:1 >/dev/null
  thaw rm nasty:1
  thaw roots create
  end_root 1
  equal "$(keys_below roots/1/)" 1 "objects that are left of root 1"
  thaw verify debian:1
  equal "$(json_value '.roots[0].bytes' thaw roots list)" "$(json_value .stored_bytes thaw inspect debian:1)" \
    "bytes of the store and of what is live"
  # Again is no error, and finds nothing to do.
  thaw roots delete 1
  expect 0 thaw gc
  grep -q "nothing to do" "$T/out" || fail "$(cat "$T/out")"
}

# More objects than a page of a list has: of a root that goes, all go; of one that stays, all are counted.
test_a_root_of_many_pages_in_a_bucket_goes() {
  begin
  build_debian >/dev/null
  local chunks
  chunks=$(json_value .chunks thaw inspect debian:1)
  put_empty_chunks 1 2500
  thaw gc
  equal "$(json_value '.roots[0].chunks' thaw roots list)" $((chunks + 2500)) "chunks of root 1"
  thaw roots create
  end_root 1
  equal "$(keys_below roots/1/)" 1 "objects that are left of root 1"
  thaw verify debian:1
}
put_empty_chunks() {  # put_empty_chunks ROOT COUNT: what no image names
  local id root=$1
  : >"$T/empty"
  for id in $(seq 1 "$2"); do
    printf 'url = "%s/images/stores/one/roots/%s/chunks/%02x/%02x%062x"\nupload-file = "%s/empty"\noutput = "/dev/null"\n' \
      "$S3_ENDPOINT" "$root" $((id % 256)) $((id % 256)) "$id" "$T"
  done >"$T/puts"
  s3_curl --config "$T/puts" || fail "not all was put"
}

# Of the image next to nothing was read before: all else comes from the new root, through the same worker.
test_a_mount_outlives_its_root_in_a_bucket() {
  local worker
  begin
  build_debian >/dev/null
  mkdir -p "$T/mnt"
  start_daemon
  worker=$(worker_pid)
  thaw mount debian:1 "$T/mnt" --no-prefetch >/dev/null
  head -c 100 "$T/mnt/etc/os-release" >/dev/null
  thaw rm debian:1
  thaw roots create
  end_root 1
  equal "$(keys_below roots/1/)" 1 "objects that are left of root 1"
  same_tree "$IMAGES/debian.txt" "$T/mnt"
  equal "$(json_value .read_errors thaw stats)" 0 "reads that failed"
  equal "$(worker_pid)" "$worker" "the worker"
  thaw umount "$T/mnt"
  stop_daemon
}

# as USER COMMAND...: with that user's keys.
as() {
  local user=$1
  shift
  AWS_ACCESS_KEY_ID=$user AWS_SECRET_ACCESS_KEY=secret-of-$user "$@"
}
make_user() {
  radosgw-admin -c "$T/rgw/ceph.conf" -n client.rgw user create --uid "$1" --display-name "$1" --access-key "$1" \
    --secret-key "secret-of-$1" >/dev/null
}
grant() {
  sed -e 's/BUCKET/images/g' -e 's/PREFIX/stores\/one/g' \
    -e 's/"\(WORKER\|BUILDER\|COLLECTOR\)"/"arn:aws:iam:::user\/\L\1"/g' \
    "$here/../../packaging/s3-policy/bucket-policy.json" >"$T/policy.json"
  jq -e . "$T/policy.json" >/dev/null
  curl -sS --fail --aws-sigv4 "aws:amz:us-east-1:s3" -u "$S3_KEY:$S3_SECRET" -X PUT --data-binary "@$T/policy.json" \
    -H "x-amz-content-sha256: $(sha256sum "$T/policy.json" | cut -d ' ' -f 1)" "$S3_ENDPOINT/images?policy=" ||
    fail "the policy is not taken"
}

test_each_may_do_what_he_has_to_and_no_more() {
  begin
  local user
  for user in worker builder collector; do make_user "$user"; done
  grant
  as builder thaw build "oci:$IMAGES/debian:latest" debian:1 >/dev/null
  as builder thaw build "oci:$IMAGES/nasty:latest" nasty:1 >/dev/null
  expect 4 as worker thaw build "oci:$IMAGES/sparse:latest" sparse:1
  expect 4 as worker thaw roots create
  export AWS_ACCESS_KEY_ID=worker AWS_SECRET_ACCESS_KEY=secret-of-worker
  start_daemon
  thaw mount debian:1 "$T/mnt"
  same_tree "$IMAGES/debian.txt" "$T/mnt"
  grep -i "lease" "$T/thawd.log" && fail "the worker could not write its lease"
  as builder thaw rm debian:1

  as collector thaw roots create
  as collector thaw roots retire 1
  as collector thaw roots expire 1
  expect 4 as worker thaw roots delete 1
  expect 4 as builder thaw roots delete 1
  as collector thaw roots delete 1
  equal "$(keys_below roots/1/)" 1 "objects that are left of root 1"
  kill -9 "$(worker_pid)"
  echo 3 >/proc/sys/vm/drop_caches
  same_tree "$IMAGES/debian.txt" "$T/mnt"
  thaw umount "$T/mnt"
  stop_daemon
  as collector thaw verify nasty:1
}

# Images some of which go while others are read and built; the collector is killed again and again.
test_a_collector_that_is_killed_again_and_again() {
  begin '.roots.expire_for = "0s"'
  local i kills=0 status=0 builder
  build_debian >/dev/null
  for i in 1 2 3 4; do
    variation "$i"
    thaw build "oci:$T/image$i:latest" "v$i:1" >/dev/null
  done
  start_daemon
  thaw mount debian:1 "$T/mnt"
  thaw rm v1:1
  thaw rm v2:1
  for i in 5 6 7; do variation "$i"; done
  (for i in 5 6 7; do thaw build "oci:$T/image$i:latest" "v$i:1" >/dev/null || exit 1; done) &
  builder=$!
  while :; do
    thaw gc >"$T/gc.out" 2>&1 &
    sleep "0.$((RANDOM % 6))$((RANDOM % 10))"
    if kill -9 $! 2>/dev/null; then kills=$((kills + 1)); fi
    status=0
    wait $! || status=$?
    [ "$status" != 0 ] || break
    [ "$status" = 137 ] || fail "gc: $(cat "$T/gc.out")"
    [ "$kills" -lt 200 ] || break
  done
  wait "$builder" || fail "a build beside the collector failed"
  thaw gc
  [ "$kills" -ge 3 ] || fail "the collector was killed only $kills times"
  for i in 3 4 5 6 7; do thaw verify "v$i:1" >/dev/null; done
  same_tree "$IMAGES/debian.txt" "$T/mnt"
  thaw umount "$T/mnt"
  stop_daemon
  expect 3 thaw verify v1:1
}

# variation N: an image of its own, most of which others have too.
variation() {
  mkdir -p "$T/layer"
  head -c 3000000 /dev/zero | openssl enc -aes-128-ctr -K "$(printf %032d "$1")" -iv "$(printf %032d 0)" >"$T/layer/own$1"
  head -c 2000000 /dev/zero | openssl enc -aes-128-ctr -K "$(printf %032d 99)" -iv "$(printf %032d 0)" >"$T/layer/common"
  tar -C "$T/layer" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$T/layer.tar" .
  umoci init --layout "$T/image$1"
  umoci new --image "$T/image$1:latest"
  umoci raw add-layer --image "$T/image$1:latest" "$T/layer.tar"
  rm -r "$T/layer" "$T/layer.tar"
}

# Many images. THAW_SCALE says how many, 24 unless set. For a thousand: THAW_SCALE=1000 E2E_LIMIT_S=7200 test/e2e/run '^scale'

. "$here/s3.sh"

scale=${THAW_SCALE:-24}
tenants=20

# Image N belongs to tenant N mod 20.
tenant_of() { echo "tenant-$(($1 % tenants))"; }
build_number() { thaw build "oci:$T/images/$1" "image-$1:1" --tenant "$(tenant_of "$1")" >/dev/null; }
remove_number() { thaw rm "image-$1:1" --tenant "$(tenant_of "$1")" >/dev/null; }

# How many names all tenants have.
names() {
  local number count=0
  for number in $(seq 0 $((tenants - 1))); do
    count=$((count + $(json_value '.images | length' thaw images --tenant "tenant-$number")))
  done
  echo "$count"
}

# builder FIRST LAST: builds these; every seventh is killed a moment after it began, and run again.
builder() {
  local number pid
  for number in $(seq "$1" "$2"); do
    if [ $((number % 7)) = 0 ]; then
      build_number "$number" &
      pid=$!
      sleep "0.0$((number % 10))5"
      pkill -KILL -P "$pid" thaw 2>/dev/null || true
      wait "$pid" || true
    fi
    build_number "$number" || return 1
  done
}

# four_builders FIRST LAST: at once.
four_builders() {
  local quarter=$((($2 - $1 + 4) / 4)) part from to builders=()
  for part in 0 1 2 3; do
    from=$(($1 + part * quarter))
    to=$((from + quarter - 1 < $2 ? from + quarter - 1 : $2))
    [ "$from" -le "$to" ] || continue
    builder "$from" "$to" &
    builders+=($!)
  done
  for part in "${builders[@]}"; do wait "$part" || fail "a builder failed"; done
}

test_four_builders_share_one_store() {
  write_config
  /usr/bin/python3 "$here/make_variations.py" "$T/images" 1 "$scale"
  # The first build makes the builder's keys.
  build_number 1
  four_builders 1 "$scale"
  equal "$(names)" "$scale" "names"
  # A build that was killed just before it wrote its name leaves an image without one.
  thaw verify --all >/dev/null
  local chunks number
  chunks=$(chunk_files | wc -l)
  # What all images share, and what each has of its own.
  echo "$scale images in $chunks chunks"
  [ "$chunks" -lt $((10 + 4 * scale)) ] || fail "$chunks chunks for $scale images"
  equal "$(chunk_files | xargs sha256sum | awk '{sub(/.*\//, "", $2); if ($1 != $2) print}' | wc -l)" 0 "chunks whose name is not their hash"
  # An image exports as it does from a store of its own.
  for number in $(seq 1 $((scale / 4)) "$scale"); do
    thaw export "image-$number:1" "$T/shared.img" --tenant "$(tenant_of "$number")" >"$T/shared.sum"
    (
      jq '.store.url += "-alone" | .keys.url += "-alone"' "$T/thaw.json" >"$T/alone.json"
      export THAW_CONFIG=$T/alone.json
      build_number "$number"
      thaw export "image-$number:1" "$T/alone.img" --tenant "$(tenant_of "$number")" >"$T/alone.sum"
    )
    equal "$(cat "$T/shared.sum")" "$(cat "$T/alone.sum")" "sums of image $number"
    rm "$T"/*.img
  done
}

# One tenant's key is rotated, and each rotation killed but the last, while images of his are read and built.
test_a_rotation_of_many_images() {
  local number killed=0 building reading rotation
  write_config '.mount.linger = "0s"'
  tenants=1
  /usr/bin/python3 "$here/make_variations.py" "$T/images" 1 $((scale + 4))
  build_number 1
  four_builders 1 "$scale"
  thaw images --tenant tenant-0 --json | jq -S '[.images[] | {name, tag, manifest}]' >"$T/before"
  start_daemon
  (set +e; number=0; until [ -e "$T/enough" ]; do number=$((number + 1)); build_number $((scale + 1 + number % 4)) || exit 1; done) &
  building=$!
  # Each mount opens its image anew, with whatever key wraps it by then.
  (until [ -e "$T/enough" ]; do
    for number in 1 2 3 4; do
      mkdir -p "$T/mnt/$number"
      thaw mount "image-$number:1" "$T/mnt/$number" --tenant tenant-0 >/dev/null && cmp "$T/mnt/$number/own/name" - <<<"image $number" &&
        thaw umount "$T/mnt/$number" || exit 1
    done
  done) &
  reading=$!
  while [ "$killed" -lt 12 ]; do
    thaw keys rotate tenant-0 >/dev/null 2>&1 &
    rotation=$!
    # Of a few images the first one would be through in half a second.
    sleep "0.$((RANDOM % (killed > 0 ? 10 : 1)))$((RANDOM % 10))"
    if kill -KILL "$rotation" 2>/dev/null; then killed=$((killed + 1)); fi
    if wait "$rotation" && [ "$killed" -gt 0 ]; then break; fi
  done
  thaw keys rotate tenant-0 --json >"$T/rotation.json"
  touch "$T/enough"
  wait "$building" || fail "a build under the rotation failed"
  wait "$reading" || fail "a mount under the rotation failed"
  # A build may have taken the old key just before.
  thaw keys rotate tenant-0 --json >"$T/rotation.json"
  thaw keys list --envelopes --json >"$T/keys.json"
  equal "$(jq '[.keys[] | select(.current == false) | .envelopes] | add // 0' "$T/keys.json")" 0 "envelopes under old keys"
  for number in $(jq -r '.keys[] | select(.current == false) | .id' "$T/keys.json"); do thaw keys retire "$number"; done
  thaw images --tenant tenant-0 --json | jq -S --slurpfile before "$T/before" \
    '[.images[] | {name, tag, manifest} | select(. as $one | $before[0] | any(.name == $one.name))]' >"$T/after"
  cmp "$T/before" "$T/after" || fail "manifests changed"
  echo "$scale images; $killed rotations were killed"
  thaw verify --all >/dev/null
  equal "$(json_value .read_errors thaw stats)" 0 "failed reads"
  stop_daemon
}

remove_leases() {
  local key
  listing leases%2F | grep -o '<Key>[^<]*' | while IFS='>' read -r _ key; do
    s3_curl -X DELETE "$S3_ENDPOINT/images/$key"
  done
}

# Half of the images go while some are read and as many are built; the collector is killed again and again.
test_half_of_them_go_while_others_are_read_and_built() {
  begin '.roots.expire_for = "0s" | .gc.begin_percent = 0'
  local few=$((scale / 20 + 2)) number kills=0 status building reading live
  /usr/bin/python3 "$here/make_variations.py" "$T/images" 1 $((scale + few))
  build_number 1
  four_builders 1 "$scale"
  start_daemon
  for number in $(seq "$few"); do
    mkdir "$T/mnt/$number"
    thaw mount "image-$number:1" "$T/mnt/$number" --tenant "$(tenant_of "$number")" >/dev/null
    (cd "$T/images/$number" && find . -type f | wc -l >/dev/null)
  done
  for number in $(seq 2 2 "$scale"); do remove_number "$number"; done
  four_builders $((scale + 1)) $((scale + few)) &
  building=$!
  (while [ ! -e "$T/enough" ]; do cat "$T"/mnt/*/own/data "$T"/mnt/*/usr/* >/dev/null || exit 1; echo 3 >/proc/sys/vm/drop_caches; sleep 0.2; done) &
  reading=$!
  while [ "$kills" -lt 100 ]; do
    thaw gc >"$T/gc.out" 2>&1 &
    sleep "0.$((RANDOM % 10))"
    if kill -KILL $! 2>/dev/null; then kills=$((kills + 1)); fi
    status=0
    wait $! || status=$?
    [ "$status" != 0 ] || break
    [ "$status" = 137 ] || fail "gc: $(cat "$T/gc.out")"
  done
  wait "$building" || fail "a build beside the collector failed"
  thaw gc
  touch "$T/enough"
  wait "$reading" || fail "a read beside the collector failed"
  [ "$scale" -lt 1000 ] || [ "$kills" = 100 ] || fail "the collector was through after $kills kills"
  for number in $(seq "$few"); do
    equal "$(cat "$T/mnt/$number/own/name")" "image $number"
    thaw umount "$T/mnt/$number"
  done
  equal "$(json_value .read_errors thaw stats)" 0 "failed reads"
  stop_daemon
  # What was mounted is let go now. What builds that were killed still hold would lapse in a day; then the store holds
  # what is named, and nothing else.
  remove_leases
  thaw gc
  live=$((scale - scale / 2 + few))
  equal "$(names)" "$live" "names"
  equal "$(json_value .images thaw verify --all)" "$live" "images"
  equal "$(json_value '[.roots[].bytes] | add' thaw roots list)" "$(json_value .bytes thaw verify --all)" "bytes of the store and of what is live"
}

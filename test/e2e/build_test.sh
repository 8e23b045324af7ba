# thaw build: what it stores, what it stores again, what it heals.

test_a_second_build_stores_nothing() {
  local chunks
  write_config
  thaw build "oci:$IMAGES/debian:latest" web:1 --json >"$T/first.json"
  jq -e '.new_chunks == .chunks and .reused_chunks == 0 and .chunks > 100 and .new_bytes > 0 and .new_store' "$T/first.json" ||
    fail "the first build says $(cat "$T/first.json")"
  thaw build "oci:$IMAGES/debian:latest" web:2 --json >"$T/second.json"
  chunks=$(jq .chunks "$T/first.json")
  jq -e --argjson n "$chunks" '.new_chunks == 0 and .new_bytes == 0 and .reused_chunks == $n and .chunks == $n and (.new_store | not)' \
    "$T/second.json" || fail "the second build says $(cat "$T/second.json")"
  equal "$(chunk_files | wc -l)" "$chunks" "chunk files and chunks"
}

test_what_it_prints_is_what_is_stored() {
  write_config
  thaw build "oci:$IMAGES/debian:latest" web:1 --json >"$T/build.json"
  equal "$(jq .new_bytes "$T/build.json")" "$(chunk_files | xargs stat -c %s | awk '{s += $1} END {print s}')" "bytes"
  equal "$(json_value .stored_bytes thaw inspect web:1)" "$(jq .new_bytes "$T/build.json")" "stored_bytes"
  equal "$(json_value .manifest thaw inspect web:1)" "$(jq -r .manifest "$T/build.json")" "manifest"
  equal "$(json_value '.images[0].name' thaw images)" "web:1" "image name"
  jq -e '.device_bytes > .content_bytes and .content_bytes > 100000000 and .seconds > 0' "$T/build.json" >/dev/null ||
    fail "sizes: $(cat "$T/build.json")"
}

test_killed_builds_leave_nothing_named_and_are_run_again() {
  local pid enough
  write_config
  for enough in 0 50 150; do
    thaw build "oci:$IMAGES/debian:latest" web:1 >/dev/null 2>&1 &
    pid=$!
    wait_for 60 chunks_or_gone "$enough" "$pid" || fail "no $enough chunks within 60 s"
    kill -9 "$pid"
    wait "$pid" 2>/dev/null || true
    expect_error 3 web:1 thaw inspect web:1
  done
  thaw build "oci:$IMAGES/debian:latest" web:1
  json_value .chunks thaw verify web:1 >/dev/null
  [ -z "$(find "$T/store" -name '*.tmp*' -o -name '.tmp*' | head -n 1)" ] ||
    echo "note: temporary files of killed builds: $(find "$T/store" -name '*tmp*' | wc -l)"
}
chunks_or_gone() {
  [ "$(find "$T/store" -path '*/chunks/*' -type f 2>/dev/null | wc -l)" -gt "$1" ] || ! kill -0 "$2" 2>/dev/null
}

test_the_same_image_is_known_by_its_digest() {
  local first layer
  write_config
  cp -a "$IMAGES/debian" "$T/image"
  first=$(json_value .manifest thaw build "oci:$T/image:latest" web:1)
  # Its layers are not read: they are not even there.
  layer=$(find "$T/image/blobs" -type f -size +1M)
  mv "$layer" "$T/layer"
  thaw build "oci:$T/image:latest" web:1 --json >"$T/again.json"
  jq -e --arg m "$first" '.unchanged and .manifest == $m and .new_chunks == 0 and .reused_chunks == .chunks' "$T/again.json" ||
    fail "the same image again says $(cat "$T/again.json")"
  thaw build "oci:$T/image:latest" web:1 | grep -q unchanged || fail "no word of it"
  # Whatever else would be stored than is there has to be made of them.
  expect 3 thaw build "oci:$T/image:latest" web:2
  expect 3 thaw build "oci:$T/image:latest" web:1 --isolation private
  expect 3 thaw build "oci:$T/image:latest" web:1 --verify-existing
  mv "$T/layer" "$layer"
  json_value .unchanged thaw build "oci:$T/image:latest" web:1 >/dev/null
  thaw roots create >/dev/null
  thaw build "oci:$T/image:latest" web:1 --json >"$T/again.json"
  jq -e '(.unchanged | not) and .new_chunks == .chunks' "$T/again.json" || fail "in a new root: $(cat "$T/again.json")"
  thaw verify web:1
  # Another key signs from now on: what the lost one signed is made anew, and then known.
  mv "$T/keys/builder/sign-1" "$T/lost"
  equal "$(json_value .unchanged thaw build "oci:$T/image:latest" web:1)" false "unchanged under another signing key"
  equal "$(json_value .unchanged thaw build "oci:$T/image:latest" web:1)" true
  # Once popular chunks were apart, one chunk does not tell with which salts others are.
  jq '.salts = {popular: 1}' "$T/thaw.json" >"$T/apart.json"
  thaw --config "$T/apart.json" build "oci:$T/image:latest" web:1 >/dev/null
  equal "$(json_value .unchanged thaw build "oci:$T/image:latest" web:1)" false "unchanged after salts were apart"
}

test_a_rebuild_heals_a_truncated_chunk() {
  local victim sum
  write_config
  # A store with this image alone: every chunk is one of its own.
  thaw build "oci:$IMAGES/debian:latest" debian:1
  victim=$(chunk_files | sort | sed -n 20p)
  sum=$(sha256sum <"$victim")
  truncate -s 100 "$victim"
  expect_error 6 "" thaw verify debian:1
  thaw build "oci:$IMAGES/debian:latest" debian:1 --json >"$T/build.json"
  equal "$(jq .new_chunks "$T/build.json")" 1 "new chunks"
  equal "$(sha256sum <"$victim")" "$sum" "the healed chunk"
  thaw verify debian:1
}

test_verify_existing_heals_a_flipped_bit() {
  local victim sum
  write_config
  # A store with this image alone: every chunk is one of its own.
  thaw build "oci:$IMAGES/debian:latest" debian:1
  victim=$(chunk_files | sort | sed -n 30p)
  sum=$(sha256sum <"$victim")
  flip_bit "$victim"
  expect 6 thaw verify debian:1 --json
  equal "$(jq '.bad | length' "$T/out")" 1 "bad chunks that verify lists"
  thaw build --verify-existing "oci:$IMAGES/debian:latest" debian:1
  equal "$(sha256sum <"$victim")" "$sum" "the healed chunk"
  thaw verify debian:1
}

# Of a line, the terminal shows what follows the last carriage return.
test_on_a_terminal_results_begin_a_line() {
  local command
  write_config
  copy_store
  for command in "build --verify-existing oci:$IMAGES/nasty new:1" "verify nasty:1" "export nasty:1 $T/device"; do
    script -qec "thaw $command" /dev/null </dev/null >"$T/out"
    grep -q '\[#' "$T/out" || fail "thaw $command shows no progress"
    tr '\r' '\n' <"$T/out" | grep -E '100 %|%.*[a-z]' && fail "thaw $command prints behind its progress bar"
  done
  true
}

test_what_inspect_prints_of_an_odd_source_is_one_line() {
  local source=$T/$'two\nlines\e[31m'
  write_config
  cp -a "$IMAGES/nasty" "$source"
  thaw build "oci:$source" odd:1 >/dev/null
  thaw inspect odd:1 >"$T/out"
  equal "$(wc -l <"$T/out")" 6 "lines that inspect prints"
  grep -qxF "  from      oci:$T/two?lines?[31m" "$T/out" || fail "from: $(cat -A "$T/out")"
  equal "$(json_value .reference thaw inspect odd:1)" "oci:$source" reference
}

test_rm_takes_the_name_away() {
  write_config
  copy_store
  thaw rm debian:1
  expect_error 3 debian:1 thaw inspect debian:1
  equal "$(json_value '.images | length' thaw images)" 1 "images left"
  thaw build "oci:$IMAGES/debian:latest" debian:1 --json >"$T/build.json"
  equal "$(jq .new_chunks "$T/build.json")" 0 "new chunks"
  thaw inspect debian:1
}

test_rm_by_digest_takes_no_other_image() {
  local digest
  write_config
  copy_store
  digest=$(json_value .manifest thaw inspect nasty:1)
  expect_error 6 "the name means $digest now" thaw rm "nasty:1@sha256:$(printf 'a%.0s' $(seq 64))"
  thaw verify nasty:1
  thaw rm "nasty:1@sha256:$digest"
  expect_error 3 'no such image' thaw inspect nasty:1
}

test_tenants_do_not_see_each_other() {
  write_config
  thaw build --tenant one "oci:$IMAGES/nasty:latest" web:1
  expect_error 3 web thaw inspect --tenant two web:1
  thaw build --tenant two "oci:$IMAGES/nasty:latest" web:1 --json >"$T/build.json"
  # Convergent: another tenant's image of the same bytes stores nothing but its manifest.
  equal "$(jq .new_chunks "$T/build.json")" 0 "new chunks of the second tenant"
}

test_memory_stays_below_its_limit() {
  local peak_kib
  write_config
  "$here/../peak_memory.py" "$T/build.peak" thaw build "oci:$IMAGES/debian:latest" web:1
  peak_kib=$(cat "$T/build.peak")
  [ "$peak_kib" -lt $((512 * 1024)) ] || fail "the build took $peak_kib KiB"
}

test_an_export_takes_no_devices_place_and_follows_links() {
  write_config
  copy_store
  mknod "$T/null" c 1 3
  mkfifo "$T/fifo"
  local target
  for target in null fifo; do
    expect_error 2 "not a regular file" thaw export nasty:1 "$T/$target"
  done
  [ -c "$T/null" ] && [ -p "$T/fifo" ] || fail "the export took somebody's place"
  ln -s real.img "$T/link.img"
  expect_error 3 "no/folder.*make the folder first" thaw export nasty:1 "$T/no/folder"
  expect_error 2 "$T: a directory.*oci:DIR" thaw build "docker-archive:$T" web:1
  expect_error 2 "leads nowhere" thaw export nasty:1 "$T/link.img"
  touch "$T/real.img"
  thaw export nasty:1 "$T/link.img" >/dev/null
  [ -L "$T/link.img" ] && [ -s "$T/real.img" ] || fail "the link was not followed"
}

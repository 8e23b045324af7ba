# Audits of a whole store: what is missing or damaged is named, and mended where a sound copy is left.

one_chunk() { chunk_files | sort | sed -n 1p; }

test_a_missing_chunk_is_named_with_its_remedy() {
  copy_store
  write_config
  expect 0 thaw store check
  equal "$(json_value .images thaw verify --all)" 2
  rm "$(one_chunk)"
  expect 6 thaw store check
  grep -q "build that image again" "$T/err" || fail "no remedy: $(cat "$T/err")"
  expect 6 thaw scrub
  expect 6 thaw verify --all --json
  equal "$(jq '.bad | length' "$T/out")" 1 "bad objects"
  thaw build "oci:$IMAGES/debian:latest" debian:1 >/dev/null
  thaw build "oci:$IMAGES/nasty:latest" nasty:1 >/dev/null
  expect 0 thaw store check
  expect 0 thaw verify --all
}

# Also while a worker, whose lease names no image, has it mounted.
test_damage_names_the_image_to_be_built_again() {
  write_config
  copy_store
  mkdir "$T/mnt"
  start_daemon
  thaw mount nasty:1 "$T/mnt"
  rm "$T"/store/roots/1/envelopes/*
  expect 6 thaw store check
  grep -q "needed by name default/nasty:1" "$T/out" || fail "it says $(cat "$T/out")"
  thaw umount "$T/mnt"
  stop_daemon
}

test_what_only_reads_takes_a_store_that_is_read_only() {
  write_config '.store.url = "file://'"$T"'/read-only"'
  copy_store
  mkdir "$T/read-only"
  mount --bind "$T/store" "$T/read-only"
  mount -o remount,ro,bind "$T/read-only"
  expect 0 thaw store check
  expect 0 thaw verify --all
  expect 0 thaw verify nasty:1
  expect 0 thaw roots list
  expect 0 thaw images --sharing
  umount "$T/read-only"
}

test_a_scrub_mends_from_another_root() {
  copy_store
  write_config
  local chunk
  thaw roots create
  thaw roots retire 1
  chunk=$(find "$T/store/roots/2/chunks" -type f | sort | sed -n 1p)
  flip_bit "$chunk"
  # A flipped bit is not seen by a listing.
  expect 0 thaw store check
  equal "$(json_value .repaired thaw scrub)" 1
  equal "$(json_value .repaired thaw scrub)" 0
  equal "$(sha256sum "$chunk" | cut -d ' ' -f 1)" "$(basename "$chunk")" "the chunk's hash and its name"
  # The same flip in the only copy.
  thaw roots expire 1
  thaw roots delete 1
  flip_bit "$chunk"
  expect 6 thaw scrub
}

test_a_scrub_mends_from_a_cache() {
  copy_store
  write_config ".memory.size = \"512MiB\" | .flash = {path: \"$T/flash\", size: \"512MiB\"}"
  local chunk
  start_daemon
  mkdir "$T/mnt"
  thaw mount nasty:1 "$T/mnt" >/dev/null
  find "$T/mnt" -type f -exec cat {} + >/dev/null
  chunk=$(thaw stats --json | jq -r .tiers.origin.hits)
  [ "$chunk" -gt 10 ] || fail "only $chunk chunks were fetched"
  rm -r "$T"/store/roots/1/chunks
  expect 6 thaw store check
  # debian:1 and a chunk or two of nasty:1 were never read here, and are lost until they are built again.
  expect 6 thaw scrub --json
  jq -e '.repaired > 10' "$T/out" || fail "nothing was mended: $(head -c 300 "$T/out")"
  thaw umount "$T/mnt"
  stop_daemon
  thaw build "oci:$IMAGES/nasty:latest" nasty:1 >/dev/null
  thaw build "oci:$IMAGES/debian:latest" debian:1 >/dev/null
  expect 0 thaw store check
  expect 0 thaw verify --all
}

test_a_store_says_what_it_can() {
  copy_store
  write_config
  equal "$(json_value .deletion thaw store check --capabilities)" true
  write_config '.store.consistency = "eventual"'
  thaw roots create
  expect_error 4 "eventual" thaw roots retire 1
  expect_error 4 "eventual" thaw gc
}

# Salts: inherited by a new root or made anew, refused when nobody said so; and apart by time, zone and popularity.

build_nasty() { thaw build oci:"$IMAGES/nasty:latest" "$@" --json; }
device_of() {
  json_value .sha256 thaw export "$1" "$T/device"
  rm -f "$T/device"
}
salt_of_root() { jq -r .salt "$T/store/roots/$1/root.json"; }
chunks_of_root() { (cd "$T/store/roots/$1/chunks" && find . -type f | sort); }

test_a_new_root_inherits_the_salt_unless_told_otherwise() {
  write_config
  build_nasty web:1 >"$T/1.json"
  cp -a "$T/state" "$T/other"
  thaw roots create
  equal "$(salt_of_root 2)" "$(salt_of_root 1)" "the inherited salt"
  build_nasty web:2 >"$T/2.json"
  equal "$(chunks_of_root 2)" "$(chunks_of_root 1)" "chunks under the inherited salt"
  thaw roots create --new-salt
  [ "$(salt_of_root 3)" != "$(salt_of_root 1)" ] || fail "--new-salt inherited the salt"
  [ -s "$T/store/salts/$(salt_of_root 3)" ] || fail "root 3 names a salt that is no object"
  # Who made it need not be told; another builder, who has seen the first one, must.
  build_nasty web:3 >"$T/3.json"
  equal "$(comm -12 <(chunks_of_root 3) <(chunks_of_root 1))" "" "chunks of both salts"
  equal "$(jq .new_chunks "$T/3.json")" "$(jq .chunks "$T/1.json")" "new chunks"
  equal "$(device_of web:3)" "$(device_of web:1)" "the device"
  thaw roots create
  equal "$(salt_of_root 4)" "$(salt_of_root 3)" "the salt after that"
  write_config '.state_dir += "/../other"'
  expect_error 4 'salt is not the one.*on purpose.*salts/' build_nasty web:4
  rm -r "$T/other/salts"
  build_nasty web:4 >/dev/null
}

test_salts_apart_by_zone_are_two_copies_of_one_device() {
  local chunks
  write_config
  build_nasty plain:1 >"$T/plain.json"
  chunks=$(jq .chunks "$T/plain.json")
  equal "$(jq -c '[.salt_period, .popular_chunks]' "$T/plain.json")" '[0,0]' "nothing apart"
  write_config '.salts.by_zone = "eu-1"'
  equal "$(build_nasty one:1 | jq .new_chunks)" "$chunks" "new chunks of a zone"
  equal "$(build_nasty one:2 | jq .new_chunks)" 0 "new chunks of the same zone"
  write_config '.salts.by_zone = "eu-2"'
  equal "$(build_nasty two:1 | jq .new_chunks)" "$chunks" "new chunks of another zone"
  equal "$(chunk_files | wc -l)" $((3 * chunks)) "chunks in the store"
  equal "$(device_of one:1)" "$(device_of plain:1)" "the device of a zone"
  equal "$(device_of two:1)" "$(device_of plain:1)" "the device of another zone"
  write_config
  thaw verify one:1
  thaw verify two:1
  write_config '.salts.by_zone = "'"$(printf 'z%.0s' {1..300})"'"'
  expect_error 2 'salts.by_zone' thaw images
}

test_salts_apart_by_time_share_within_a_period() {
  local chunks
  # Periods that no test meets the end of.
  write_config '.salts.by_time = "100000d"'
  build_nasty old:1 >"$T/old.json"
  chunks=$(jq .chunks "$T/old.json")
  equal "$(jq .salt_period "$T/old.json")" 0 "the period since 1970"
  equal "$(build_nasty old:2 | jq .new_chunks)" 0 "new chunks in the same period"
  # And periods of which each build has its own.
  write_config '.salts.by_time = "1ms"'
  build_nasty new:1 >"$T/new1.json"
  build_nasty new:1 >"$T/new2.json"
  equal "$(jq -s -c '[.[].new_chunks]' "$T/new1.json" "$T/new2.json")" "[$chunks,$chunks]" "new chunks"
  jq -s -e '.[0].salt_period < .[1].salt_period' "$T/new1.json" "$T/new2.json" >/dev/null || fail "the periods do not go on"
  equal "$(device_of new:1)" "$(device_of old:1)" "the device"
}

test_salts_apart_by_popularity_bound_what_one_bad_chunk_spoils() {
  local chunks name damaged=0 whole=0 chunk stored=0
  local names=(a b c d e f g h i j k l)
  write_config '.salts.popular = 1 | .salts.groups = 2'
  for name in "${names[@]}"; do
    build_nasty "$name:1" >"$T/$name.json"
    stored=$((stored + $(jq .new_chunks "$T/$name.json")))
  done
  chunks=$(jq .chunks "$T/a.json")
  equal "$(jq .popular_chunks "$T/a.json")" 0 "popular chunks of the first image"
  equal "$(jq .popular_chunks "$T/l.json")" "$chunks" "popular chunks of the last image"
  equal "$(chunk_files | wc -l)" "$stored" "chunks in the store"
  [ "$stored" -gt "$chunks" ] && [ "$stored" -le $((3 * chunks)) ] || fail "$stored chunks for images of $chunks"
  # Built again, or another version of it: nothing new.
  equal "$(build_nasty l:1 | jq .new_chunks)" 0 "new chunks of the same image"
  equal "$(build_nasty l:2 | jq .new_chunks)" 0 "new chunks of another version"
  equal "$(device_of l:1)" "$(device_of a:1)" "the device"
  # One bad copy of a chunk spoils the images of its salt.
  chunk=$(chunk_files | sort | sed -n 1p)
  flip_bit "$chunk"
  for name in "${names[@]}"; do
    if thaw verify "$name:1" >/dev/null 2>&1; then whole=$((whole + 1)); else damaged=$((damaged + 1)); fi
  done
  [ "$damaged" -gt 0 ] && [ "$whole" -gt 0 ] || fail "$damaged images are damaged, $whole are not"
}

# Damaged, cut, foreign or missing bytes, keys and names: an error that says so, and never other bytes.

begin() {
  write_config "${1:-.}"
  copy_store
  mkdir -p "$T/mnt"
  start_daemon
}

# Every file that can be read has the right bytes; at least one cannot.
read_all_against() {  # read_all_against WANTED.txt
  local good=0 bad=0 path wanted got
  while read -r path wanted; do
    if got=$(sha256sum "$T/mnt/$path" 2>/dev/null); then
      good=$((good + 1))
      equal "${got%% *}" "$wanted" "the bytes of $path"
    else
      bad=$((bad + 1))
    fi
  done <"$1"
  echo "$good read right, $bad failed"
  [ $bad -gt 0 ] || fail "no read failed: the damage was not met"
  [ $good -gt 0 ] || fail "no read succeeded"
}

# "path sum" of the large files of the Debian image, by way of an undamaged copy of the store.
list_wanted() {
  thaw mount debian:1 "$T/mnt"
  (cd "$T/mnt" && find usr/bin usr/lib -xdev -type f -size +200k | sort | head -n 150 | xargs sha256sum) |
    awk '{print $2, $1}' >"$T/wanted"
  thaw umount "$T/mnt"
  stop_daemon
}

damage_every() {  # damage_every NTH COMMAND...: runs the command on each n-th chunk file
  local nth=$1 file
  shift
  chunk_files | sort | awk -v n="$nth" 'NR % n == 0' | while read -r file; do "$@" "$file"; done
}
empty() { truncate -s 0 "$1"; }
cut() { truncate -s $(($(stat -c %s "$1") / 2)) "$1"; }

meet_damage() {  # meet_damage COMMAND
  begin '.mount.linger = "0s" | .read.deadline = "3s"'
  list_wanted
  start_daemon
  # The kernel knows all names and inodes by now, so that the damage is met by reads of data.
  thaw mount debian:1 "$T/mnt"
  find "$T/mnt" -ls >/dev/null
  damage_every 15 "$1"
  read_all_against "$T/wanted"
  grep -q 'error a read of image sha256:[0-9a-f]* at byte [0-9]* failed: ' "$T/thawd.log" || fail "no word in the log"
  thaw umount "$T/mnt"
  stop_daemon
}

test_flipped_bits_are_eio_and_never_other_bytes() { meet_damage flip_bit; }
test_truncated_chunks_are_eio() { meet_damage cut; }
test_empty_chunks_are_eio() { meet_damage empty; }
test_missing_chunks_are_eio() { meet_damage rm; }

test_verify_lists_every_bad_chunk() {
  write_config
  copy_store
  local victims
  victims=$(chunk_files | sort | awk 'NR % 40 == 0' | wc -l)
  damage_every 40 flip_bit
  local name bad=0
  for name in debian:1 nasty:1; do
    thaw verify "$name" --json >"$T/out" 2>"$T/err" || equal $? 6 "status of verify $name"
    bad=$((bad + $(jq '.bad | length' "$T/out")))
  done
  [ "$bad" -ge "$victims" ] || fail "$bad bad chunks found, $victims were damaged"
  expect_error 6 "debian:1: .*verify-existing" thaw export debian:1 "$T/device.img"
  [ ! -e "$T/device.img" ] || fail "a half export was left"
}

test_an_altered_manifest_is_refused() {
  begin
  local file size at digest
  digest=$(json_value .manifest thaw inspect debian:1 | sed 's/^sha256://')
  file=$(find "$T/store" -path '*/manifests/*' -name "*$digest*")
  cp -a "$file" "$T/manifest"
  size=$(stat -c %s "$file")
  for at in 0 5 40 100 $((size / 2)) $((size - 1)); do
    flip_bit "$file" "$at"
    expect_error 6 . thaw mount debian:1 "$T/mnt"
    cat "$T/manifest" >"$file"
  done
  for at in 0 1 50 $((size / 2)) $((size - 1)); do
    truncate -s "$at" "$file"
    expect_error 6 . thaw mount debian:1 "$T/mnt"
    cat "$T/manifest" >"$file"
  done
  thaw mount debian:1 "$T/mnt"
  thaw umount "$T/mnt"
  stop_daemon
}

test_altered_envelope_and_name_record_are_refused() {
  begin
  local file at size status
  for file in $(find "$T/store" -path '*/envelopes/*' -type f) "$T/store/tenants/default/images/debian/1"; do
    cp -a "$file" "$T/saved"
    size=$(stat -c %s "$file")
    for at in 10 $((size / 2)) $((size - 2)); do
      flip_bit "$file" "$at"
      status=0
      thaw mount debian:1 "$T/mnt" >"$T/out" 2>"$T/err" || status=$?
      # Either another image's envelope was hit, or the mount is refused as damaged or not to be trusted.
      if [ $status = 0 ]; then
        thaw umount "$T/mnt"
        [[ $file == */envelopes/* ]] || fail "an altered name record was accepted"
      else
        [[ $status =~ ^[46]$ ]] || fail "$file at $at gave status $status: $(cat "$T/err")"
        touch "$T/refused"
      fi
      cat "$T/saved" >"$file"
    done
  done
  [ -e "$T/refused" ] || fail "nothing was refused"
  stop_daemon
}

test_a_missing_or_wrong_key_is_refused() {
  begin
  mv "$T/keys" "$T/keys.away"
  expect_error 4 "key" thaw mount debian:1 "$T/mnt"
  rm -rf "$T/keys"
  thaw keys create default
  expect_error 4 "key|trust|sign" thaw mount debian:1 "$T/mnt"
  stop_daemon
}

test_an_untrusted_builder_is_refused() {
  begin ".trust.builders = [\"$(printf '%064d' 1)\"]"
  expect_error 4 "not trusted; add it to trust.builders" thaw mount debian:1 "$T/mnt"
  stop_daemon
}

test_unknown_names() {
  begin
  expect_error 3 "nothing:1" thaw mount nothing:1 "$T/mnt"
  expect_error 3 "nothing" thaw inspect nothing
  expect_error 3 "nothing" thaw verify nothing
  expect_error 3 "nothing" thaw rm nothing
  expect_error 3 "nothing" thaw export nothing "$T/x"
  expect_error 3 . thaw umount "$T/mnt"
  thaw mount nothing:1 "$T/mnt" --json >"$T/out" 2>/dev/null || true
  jq -e '.error.code == "not_found" and (.error.message | length > 10)' "$T/out" || fail "JSON error: $(cat "$T/out")"
  stop_daemon
}

test_configuration_errors() {
  write_config '.memory.sise = "1GiB"'
  expect_error 2 "memory.size" thaw config check
  expect_error 2 "memory.size" thawd --config "$THAW_CONFIG"
  write_config '.memory.size = "1MiB"'
  expect_error 2 "memory.size.*64" thawd --config "$THAW_CONFIG"
  echo '{"store": ' >"$THAW_CONFIG"
  expect_error 2 "$THAW_CONFIG" thaw images
  export THAW_CONFIG=$T/none.json
  expect_error 2 "none.json" thaw images
}

test_a_full_store_is_an_error_and_nothing_half_done() {
  write_config
  mkdir "$T/store"
  mount -t tmpfs -o size=40m tmpfs "$T/store"
  local status=0
  expect_error 1 "space|full" thaw build "oci:$IMAGES/debian:latest" web:1 || status=$?
  expect_error 3 web:1 thaw inspect web:1
  mount -o remount,size=400m "$T/store"
  thaw build "oci:$IMAGES/debian:latest" web:1
  thaw verify web:1
  umount "$T/store"
  return $status
}

test_an_unmount_that_cannot_be_recorded_is_said_and_made_up_for() {
  mkdir "$T/state" "$T/mnt"
  mount -t tmpfs -o size=4m none "$T/state"
  copy_store
  write_config
  start_daemon
  thaw mount debian:1 "$T/mnt"
  cp /dev/zero "$T/state/much" 2>/dev/null && fail "4 MiB hold everything"
  expect_error 1 ": unmounted, but a restart mounts it again.*No space.*state_dir" thaw umount "$T/mnt"
  ! mountpoint -q "$T/mnt" || fail "it is mounted still"
  sleep 2
  jq -e '.records | length == 1' "$T/state/mounts.json" >/dev/null || fail "there was room for it"
  rm "$T/state/much"
  wait_for 10 nothing_recorded || fail "still recorded: $(cat "$T/state/mounts.json")"
  equal "$(json_value '.mounts | length' thaw ps)" 0 mounts
  stop_daemon
  umount "$T/state"
}
nothing_recorded() { jq -e '.records == {}' "$T/state/mounts.json" >/dev/null; }

test_a_store_that_lost_its_description_is_not_taken_for_empty() {
  copy_store
  write_config
  local lost
  for lost in store.json roots; do
    mv "$T/store/$lost" "$T/away"
    expect_error 6 "missing; restore it" thaw build "oci:$IMAGES/debian:latest" web:1
    expect_error 6 "missing; restore it" thaw verify debian:1
    [ ! -e "$T/store/$lost" ] || fail "$lost was made anew"
    mv "$T/away" "$T/store/$lost"
  done
  thaw verify debian:1
}

test_a_keyring_that_is_away_is_not_taken_for_a_new_one() {
  copy_store
  write_config
  mv "$T/keys" "$T/away"
  expect_error 4 "not those of the store" thaw build "oci:$IMAGES/debian:latest" web:1
  [ ! -e "$T/keys" ] || fail "keys were made: $(find "$T/keys")"
  mv "$T/away" "$T/keys"
  thaw verify debian:1
}

test_a_full_spool_is_an_error() {
  mkdir "$T/spool"
  mount -t tmpfs -o size=20m tmpfs "$T/spool"
  write_config ".build.spool_dir = \"$T/spool\""
  expect_error 1 "$T/spool.*No space.*build.spool_dir" thaw build "oci:$IMAGES/debian:latest" web:1
  umount "$T/spool"
}

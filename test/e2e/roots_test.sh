# Roots, leases, collection: what is named or mounted stays, whatever happens to the root that it was in.

# The whole course of a root, into a new one.
end_root() {
  thaw roots create >/dev/null
  thaw roots retire "$1"
  thaw roots expire "$1"
  thaw roots delete "$1"
}

objects_of_root() { find "$T/store/roots/$1" -type f | wc -l; }
empty_caches() {
  kill -9 "$(worker_pid)"
  echo 3 >/proc/sys/vm/drop_caches
  wait_for 10 daemon_answers || fail "the worker did not come back"
}
# Mounts an image whose name is gone and whose lease has lapsed when its root expires.
mount_from_an_expired_root() {
  copy_store
  write_config
  start_daemon
  mkdir "$T/mnt"
  thaw mount "$1" "$T/mnt" >/dev/null
  thaw rm "$1"
  thaw roots create >/dev/null
  let_leases_lapse
  thaw roots retire 1
  thaw roots expire 1
}
alarms() { thaw roots list --json | jq -r --arg id "$1" '.roots[] | select(.id == $id) | .alarms | length'; }
has_alarm() { [ "$(alarms 1)" -gt 0 ]; }

test_what_is_named_goes_along_and_the_rest_goes() {
  copy_store
  write_config
  local before digest
  thaw build "oci:$IMAGES/nasty:latest" gone:1 >/dev/null
  thaw rm gone:1
  before=$(json_value .stored_bytes thaw inspect debian:1)
  digest=$(json_value .manifest thaw inspect debian:1)
  expect 4 thaw roots retire 1
  end_root 1
  equal "$(objects_of_root 1)" 1 "what is left of root 1"
  equal "$(json_value .root thaw inspect debian:1)" 2
  equal "$(json_value .manifest thaw inspect debian:1)" "$digest"
  equal "$(json_value .stored_bytes thaw inspect debian:1)" "$before"
  thaw verify debian:1
  thaw verify nasty:1
  expect_error 3 "no such image" thaw inspect gone:1
  equal "$(json_value '[.roots[] | .id + .state] | join(" ")' thaw roots list)" "2active 1deleted"
  expect_error 4 "only active one" thaw roots retire 2
  expect_error 3 "no root 7" thaw roots retire 7
  expect_error 2 "no share of the builds" thaw roots create --share 0%
}

test_a_mount_outlives_its_root() {
  copy_store
  write_config
  start_daemon
  mkdir "$T/mnt"
  thaw mount debian:1 "$T/mnt" >/dev/null
  head -c 100 "$T/mnt/etc/os-release" >/dev/null
  thaw rm debian:1
  end_root 1
  equal "$(objects_of_root 1)" 1 "what is left of root 1"
  empty_caches
  same_tree "$IMAGES/debian.txt" "$T/mnt"
  equal "$(json_value .read_errors thaw stats)" 0
  thaw umount "$T/mnt"
  stop_daemon
  # Nothing uses it any more.
  sleep 2
  end_root 2
  equal "$(thaw images --json | jq -r '.images[].name' | grep -c debian || true)" 0
  thaw verify nasty:1
}

# What a container says of all files of its image: once when it starts to, having waited for a line on its stdin.
sum_in_container() {
  thaw run debian:1 -- /bin/sh -c 'read go; find / -xdev -type f ! -path "/etc/*" -exec cat {} + | sha256sum'
}

test_a_container_outlives_its_root() {
  copy_store
  write_config
  start_daemon
  local container before
  before=$(echo go | sum_in_container)
  mkfifo "$T/go"
  sum_in_container <"$T/go" >"$T/sum" 2>"$T/run.err" &
  container=$!
  exec 9>"$T/go"
  mounted() { [ "$(json_value '.mounts | length' thaw ps)" = 1 ]; }
  wait_for 20 mounted || fail "no container: $(cat "$T/run.err")"
  thaw rm debian:1
  end_root 1
  equal "$(objects_of_root 1)" 1 "what is left of root 1"
  empty_caches
  echo go >&9
  exec 9>&-
  wait "$container" || fail "the container: $(cat "$T/run.err")"
  equal "$(cat "$T/sum")" "$before" "sums in the container"
  equal "$(json_value .read_errors thaw stats)" 0
  stop_daemon
}

# build_stopped_at SECONDS ROOT: a build that stands still from then on, while its root and its lease end.
build_stopped_at() {
  local status=0 builder
  thaw build "oci:$IMAGES/nasty:latest" late:1 >/dev/null 2>"$T/build.err" &
  builder=$!
  sleep "$1"
  kill -STOP "$builder" 2>/dev/null || true
  let_leases_lapse
  end_root "$2"
  kill -CONT "$builder" 2>/dev/null || true
  wait "$builder" || status=$?
  if [ "$status" = 0 ]; then
    complete=$((complete + 1))
    thaw verify late:1
    thaw rm late:1
    return
  fi
  failed=$((failed + 1))
  equal "$(grep -c "^thaw build: " "$T/build.err")" 1 "lines that say that the build failed"
  expect_error 3 "no such image" thaw verify late:1
}

test_a_builder_that_stood_still_while_its_root_went() {
  write_config
  # Something else that stays, so that each root is copied from; small, so that there are many.
  /usr/bin/python3 "$here/make_variations.py" "$T/images" 1 1
  thaw build "oci:$T/images/1" small:1 >/dev/null
  local root=0 complete=0 failed=0 start took
  start=$EPOCHREALTIME
  thaw build "oci:$IMAGES/nasty:latest" first:1 >/dev/null
  took=$(awk "BEGIN {print $EPOCHREALTIME - $start}")
  thaw rm first:1
  end_root 1
  for root in $(seq 2 13); do
    build_stopped_at "$(awk "BEGIN {print $took * ($root - 1) / 12}")" "$root"
  done
  echo "$complete builds were complete, $failed said that they failed"
  thaw build "oci:$IMAGES/nasty:latest" late:1 >/dev/null
  thaw verify --all >/dev/null
}

test_an_expired_root_in_use_raises_an_alarm() {
  mount_from_an_expired_root debian:1
  equal "$(json_value .root thaw inspect nasty:1)" 2
  # Reads alone do it: the worker asks for what it does not have.
  find "$T/mnt/usr/lib" -type f -exec cat {} + >/dev/null
  thaw reload >/dev/null
  wait_for 20 has_alarm || fail "no alarm: $(thaw roots list --json)"
  expect_error 4 "alarm" thaw roots delete 1
  expect_error 4 "alarm" thaw gc
  equal "$(json_value .collection.alarms thaw stats)" 1
  equal "$(json_value '.roots[] | select(.id == "1") | .state' thaw roots list)" expired
  expect 2 thaw roots clear-alarm 1
  thaw roots clear-alarm 1 --reason "its lease had lapsed"
  # By now the lease is there again, and so the image is copied before its root goes.
  thaw roots delete 1
  empty_caches
  same_tree "$IMAGES/debian.txt" "$T/mnt"
  thaw umount "$T/mnt"
  stop_daemon
}

# Reads past the daemon raise it as well; and what is only there is mended elsewhere before it goes.
test_an_expired_root_in_use_by_a_command_raises_one_and_its_sound_copies_are_used() {
  copy_store
  write_config
  local chunk
  thaw roots create >/dev/null
  thaw roots retire 1 >/dev/null
  thaw roots expire 1 >/dev/null
  chunk=$(find "$T/store/roots/2/chunks" -type f -printf '%P\n' | sort | sed -n 1p)
  rm "$T/store/roots/2/chunks/$chunk"
  for name in debian:1 nasty:1; do thaw verify "$name" >/dev/null 2>"$T/err"; done
  has_alarm || fail "no alarm: $(thaw roots list --json)"
  expect_error 4 "thaw verify" thaw roots delete 1
  thaw roots clear-alarm 1 --reason "looked into it"
  expect 3 thaw roots clear-alarm 1 --reason "again"
  expect_error 3 "no root 7" thaw roots clear-alarm 7 --reason "which"
  thaw export debian:1 "$T/device" >/dev/null
  thaw export nasty:1 "$T/device" >/dev/null
  has_alarm || fail "an export raised no alarm"
  thaw roots clear-alarm 1 --reason "looked into it"

  thaw roots delete 1 >/dev/null
  [ -s "$T/store/roots/2/chunks/$chunk" ] || fail "the last copy of $chunk is gone"
  thaw verify --all >/dev/null
  rm "$T/store/roots/2/chunks/$chunk"
  for name in debian:1 nasty:1; do thaw export "$name" "$T/device" >"$T/out" 2>&1 || echo $?; done >"$T/status"
  equal "$(sort -u "$T/status")" 6 "exit status of an export that lacks a chunk"
}

test_a_mount_that_reads_nothing_raises_it_too() {
  mount_from_an_expired_root nasty:1
  thaw reload >/dev/null
  wait_for 20 has_alarm || fail "no alarm: $(thaw roots list --json)"
  stop_daemon
}

test_a_warm_cache_hides_no_missing_chunk() {
  copy_store
  write_config '.memory.size = "512MiB"'
  start_daemon
  local file offset
  file=$(json_value .file thaw mount --file-only nasty:1 "")
  head -c $((1 << 20)) "$file" >/dev/null
  rm -r "$T"/store/roots/1/chunks
  fio --name=warm --filename="$file" --readonly --rw=randread --bs=4k --direct=1 --ioengine=libaio --iodepth=16 \
    --size=4k --loops=1 --number_ios=40000 --time_based --runtime=3 >/dev/null
  noticed() { [ "$(json_value .collection.hits_missing thaw stats)" -gt 0 ]; }
  wait_for 10 noticed || fail "nobody noticed: $(thaw stats --json | jq -c .collection)"
  stop_daemon
}

test_a_warm_chunk_is_looked_for_where_it_is_by_now() {
  copy_store
  write_config '.memory.size = "512MiB"'
  start_daemon
  local file
  file=$(json_value .file thaw mount --file-only nasty:1 "")
  head -c $((1 << 20)) "$file" >/dev/null
  # The worker is not told, and looks for new roots by itself every ten minutes only.
  end_root 1
  fio --name=warm --filename="$file" --readonly --rw=randread --bs=4k --direct=1 --ioengine=libaio --iodepth=16 \
    --size=4k --loops=1 --number_ios=40000 --time_based --runtime=3 >/dev/null
  checked() { [ "$(json_value .collection.hits_checked thaw stats)" -gt 0 ]; }
  wait_for 10 checked || fail "nobody checked: $(thaw stats --json | jq -c .collection)"
  equal "$(json_value .collection.hits_missing thaw stats)" 0 "chunks that nobody found"
  stop_daemon
}

test_collection_runs_by_itself() {
  copy_store
  write_config '.roots.expire_for = "0s"'
  thaw build "oci:$IMAGES/nasty:latest" gone:1 >/dev/null
  expect 0 thaw gc
  grep -q "nothing to do" "$T/out" || fail "gc of a store without garbage: $(cat "$T/out")"
  thaw rm gone:1
  equal "$(json_value '[.decisions[].action] | join(" ")' thaw gc --dry-run)" "create retire"
  equal "$(json_value '.decisions[1].objects > 100' thaw gc --dry-run)" true
  equal "$(json_value '[.steps[].action] | join(" ")' thaw gc)" "create retire expire delete"
  thaw verify debian:1
  write_config '.roots.expire_for = "7d"'
  thaw rm nasty:1
  equal "$(json_value '[.steps[].action] | join(" ")' thaw gc)" "create retire"
  equal "$(json_value '.waiting[0].wait_seconds > 600000' thaw gc)" true
  write_config '.gc.lease_lapse = "10m"'
  expect_error 2 "lease_lapse" thaw gc
}

test_a_count_is_kept_until_it_is_made_anew() {
  copy_store
  write_config
  local first
  equal "$(json_value '.roots[0].counted_at == null' thaw roots list)" true "counted before it was asked for"
  first=$(json_value '.roots[0].chunks' thaw roots list --count)
  random_image more 4
  equal "$(json_value '.roots[0].chunks' thaw roots list)" "$first" "the chunks of the kept count"
  [ "$(json_value '.roots[0].chunks' thaw roots list --count)" -ge $((first + 8)) ] || fail "the old count was told again"
  equal "$(json_value '.roots[0].counted_at > 0' thaw roots list)" true "when it was counted"
}

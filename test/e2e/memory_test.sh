# Memory is bounded as configured, whatever is read.

. "$here/s3.sh"

resident_peak() {  # resident_peak PID: bytes
  awk '/^VmHWM/ {print $2 * 1024}' "/proc/$1/status"
}

# The promise: memory.size + 64 MiB + 64 bytes a chunk of flash capacity + 80 bytes a stored chunk of each manifest.
promised() { echo $(((64 + 64) * 1024 * 1024 + 64 * $1 + 80 * $(json_value .chunks thaw inspect "$2"))); }  # promised FLASH_CHUNKS NAME

test_resident_memory_stays_within_its_budget_under_load() { stay_within_budget s3-fifo; }
test_resident_memory_stays_within_its_budget_with_lru_k() { stay_within_budget lru-k; }
stay_within_budget() {  # stay_within_budget EVICTION
  write_config '.memory = {size: "64MiB", eviction: "'"$1"'"} | .flash = {path: "'"$T"'/flash.log", size: "512MiB"}'
  copy_store
  mkdir -p "$T/mnt"
  start_daemon
  thaw mount debian:1 "$T/mnt" --json >"$T/mount.json"
  local budget round file
  file=$(jq -r .file "$T/mount.json")
  budget=$(promised 1024 debian:1)
  for round in 1 2; do
    find "$T/mnt" -xdev -type f -print0 | xargs -0 -n 50 -P 16 cat >/dev/null
    echo 3 >/proc/sys/vm/drop_caches
    # Past the page cache, many at once, over what is stored and what is not.
    seq 0 63 | xargs -P 64 -I{} dd if="$file" of=/dev/null bs=1M iflag=direct skip={}0 count=10 status=none
  done
  for pid in "$daemon" "$(worker_pid)"; do
    [ "$(resident_peak "$pid")" -le "$budget" ] ||
      fail "process $pid held $(resident_peak "$pid") bytes, more than $budget"
  done
  equal "$(json_value .read_errors thaw stats)" 0 "reads that failed"
  thaw umount "$T/mnt"
  stop_daemon
}

test_a_smaller_memory_is_one_at_once_and_stays_one_under_load() {
  write_config '.memory.size = "768MiB"'
  copy_store
  mkdir -p "$T/mnt"
  start_daemon
  thaw mount debian:1 "$T/mnt" --no-prefetch
  read_the_tree
  [ "$(json_value .memory_bytes thaw stats)" -gt $((150 * 1024 * 1024)) ] || fail "only $(json_value .memory_bytes thaw stats) bytes in memory"
  change_config '.memory.size = "64MiB"'
  thaw reload
  echo 5 >"/proc/$(worker_pid)/clear_refs"  # the peak begins anew
  read_the_tree
  [ "$(resident_peak "$(worker_pid)")" -le "$(promised 0 debian:1)" ] ||
    fail "after the reload it held $(resident_peak "$(worker_pid)") bytes, more than $(promised 0 debian:1)"
  thaw umount "$T/mnt"
  stop_daemon
}
read_the_tree() {
  echo 3 >/proc/sys/vm/drop_caches
  find "$T/mnt" -xdev -type f -print0 | shuf -z --random-source="$IMAGES/debian.txt" | xargs -0 -n 50 -P 8 cat >/dev/null
}

# read_all FILE LENGTH OFFSET...: LENGTH bytes at each OFFSET, O_DIRECT, all at the same time; each must be what the
# random file has there. T/extents says where that lies on the device.
read_all() {
  /usr/bin/python3 - "$T/random.bytes" "$T/extents" "$@" <<'PYTHON'
import mmap, os, sys, threading
truth, device, length = open(sys.argv[1], "rb"), os.open(sys.argv[3], os.O_RDONLY | os.O_DIRECT), int(sys.argv[4])
extents = [tuple(map(int, line.split())) for line in open(sys.argv[2])]
bad = []
def read(offset):
    places = [on_device + offset - at for on_device, at, size in extents if at <= offset and offset + length <= at + size]
    if not places: return  # in pieces
    buffer = mmap.mmap(-1, length)
    try:
        if os.preadv(device, [buffer], places[0]) != length: bad.append(f"{offset}: short")
        elif buffer[:] != os.pread(truth.fileno(), length, offset): bad.append(f"{offset}: wrong bytes")
    except OSError as error:
        bad.append(f"{offset}: {error}")
threads = [threading.Thread(target=read, args=(int(offset),)) for offset in sys.argv[5:]]
for thread in threads: thread.start()
for thread in threads: thread.join()
sys.exit("\n".join(bad) or 0)
PYTHON
}

hits() { thaw stats --json | jq ".tiers.$1.hits"; }
hit_at_least() { [ "$(hits "$1")" -ge "$2" ]; }  # hit_at_least TIER COUNT
flash_has() { [ "$(thaw stats --json | jq .flash.chunks)" -ge "$1" ]; }

# Every other chunk is on flash, and the store hangs: each read of 1 MiB has one half at once, and waits for the other.
test_reads_that_wait_for_a_store_that_hangs_hold_little_memory() {
  local mib=$((1024 * 1024)) file at reader before
  begin '.flash = {path: "'"$T"'/flash.log", size: "1GiB"} | .read = {ahead_chunks: 0, deadline: "120s"}'
  random_image random 384
  start_daemon
  file=$(json_value .file thaw mount random:1 "$T/mnt" --no-prefetch)
  filefrag -b4096 -v "$T/mnt/random" | awk '$1 ~ /^[0-9]+:$/ {gsub(/[.:]/, " "); printf "%.0f %.0f %.0f\n", $4 * 4096, $2 * 4096, $6 * 4096}' >"$T/extents"
  # A few at a time, or flash lets some of them pass.
  for at in $(seq 0 16 383); do
    read_all "$file" 4096 $(seq $((at * mib)) $mib $(((at + 15) * mib))) || fail "reads failed before the store hung"
    wait_for 20 flash_has $((at + 12)) || fail "not written: $(thaw stats --json | jq -c .flash)"
  done
  before=$(hits flash)
  kill -STOP "${rgw_pid[gateway]}"
  read_all "$file" $mib $(seq 0 $mib $((383 * mib))) 2>"$T/reader.log" &
  reader=$!
  wait_for 30 hit_at_least flash $((before + 300)) || fail "flash was asked for $(($(hits flash) - before)) chunks"
  kill -0 "$reader" 2>/dev/null || fail "the reads did not wait: $(tail -n 3 "$T/reader.log")"
  kill -CONT "${rgw_pid[gateway]}"
  wait "$reader" || fail "reads failed: $(tail -n 3 "$T/reader.log")"
  echo "the worker held $(resident_peak "$(worker_pid)") bytes of $(promised 2048 random:1)"
  [ "$(resident_peak "$(worker_pid)")" -le "$(promised 2048 random:1)" ] ||
    fail "the worker held $(resident_peak "$(worker_pid)") bytes, more than $(promised 2048 random:1)"
  thaw umount "$T/mnt"
  stop_daemon
}

test_requests_to_the_store_fit_into_half_of_the_memory() {
  write_config '.origin.in_flight = 4096'
  start_daemon
  equal "$(json_value .origin.cap thaw stats)" 64 "requests with 64 MiB"
  change_config '.memory.size = "128MiB"'
  thaw reload
  equal "$(json_value .origin.cap thaw stats)" 128 "requests with 128 MiB"
  change_config '.origin.in_flight = 32'
  thaw reload
  equal "$(json_value .origin.cap thaw stats)" 32 "requests that were asked for"
  stop_daemon
}

# flip_in_memory PID: changes one bit of each chunk in the process's memory.
flip_in_memory() {
  /usr/bin/python3 - "$1" $(chunk_files) <<'PYTHON'
import sys
page, block, flipped = 4096, 1 << 21, 0
begins = {open(chunk, "rb").read(page) for chunk in sys.argv[2:]}
with open(f"/proc/{sys.argv[1]}/maps") as maps, open(f"/proc/{sys.argv[1]}/mem", "r+b", buffering=0) as memory:
    for line in maps:
        first, end = (int(bound, 16) for bound in line.split()[0].split("-"))
        if line.split()[1] != "rw-p": continue
        for at in range(first, end, block):
            memory.seek(at)
            held = memory.read(min(block, end - at))
            for within in range(0, len(held), page):
                if held[within : within + page] not in begins: continue
                memory.seek(at + within)
                memory.write(bytes([held[within] ^ 1]))
                flipped += 1
print(flipped, "chunks have a flipped bit")
PYTHON
}

sum_of_tree() {
  echo 3 >/proc/sys/vm/drop_caches
  find "$T/mnt" -xdev -type f -print0 | sort -z | xargs -0 cat | sha256sum
}

test_bits_that_flip_in_memory_are_fetched_again_and_never_read() {
  local wanted worker
  write_config '.memory.size = "512MiB"'
  copy_store
  mkdir -p "$T/mnt"
  start_daemon
  thaw mount debian:1 "$T/mnt"
  worker=$(worker_pid)
  wanted=$(sum_of_tree)
  flip_in_memory "$worker"
  equal "$(sum_of_tree)" "$wanted" "the bytes of all files"
  [ "$(json_value .tiers.memory.errors thaw stats)" -gt 20 ] || fail "nothing that had changed was read"
  equal "$(json_value .read_errors thaw stats)" 0 "reads that failed"
  equal "$(worker_pid)" "$worker" "the worker"
  thaw umount "$T/mnt"
  stop_daemon
}

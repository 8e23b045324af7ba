# Memory is bounded as configured, whatever is read.

resident_peak() {  # resident_peak PID: bytes
  awk '/^VmHWM/ {print $2 * 1024}' "/proc/$1/status"
}

# The promise: memory.size + 64 MiB + 64 bytes a chunk of flash capacity + 80 bytes a stored chunk of each manifest.
test_resident_memory_stays_within_its_budget_under_load() {
  write_config '.memory.size = "64MiB" | .flash = {path: "'"$T"'/flash.log", size: "512MiB"}'
  copy_store
  mkdir -p "$T/mnt"
  start_daemon
  thaw mount debian:1 "$T/mnt" --json >"$T/mount.json"
  local budget round file
  file=$(jq -r .file "$T/mount.json")
  budget=$(((64 + 64) * 1024 * 1024 + 64 * 1024 + 80 * $(json_value .chunks thaw inspect debian:1)))
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

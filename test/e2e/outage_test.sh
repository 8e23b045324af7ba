# The store goes away past the deadline, and comes back.

# Reads that must fail with EIO while the store is away: data, a directory, an mmap.
fails_everywhere() {  # fails_everywhere ROOT
  ! cat "$1/usr/bin/perl" >/dev/null 2>"$T/err" || fail "data was read from $1 without a store"
  grep -q "Input/output error" "$T/err" || fail "not EIO: $(cat "$T/err")"
  ! ls -lR "$1/usr/share" >/dev/null 2>"$T/err" || fail "every directory of $1 was read without a store"
  /usr/bin/python3 - "$1/usr/bin/dpkg" <<'PYTHON' || fail "an mmap was read from $1 without a store"
import mmap, os, signal, sys
pid = os.fork()
if pid == 0:
    signal.signal(signal.SIGBUS, signal.SIG_DFL)
    with open(sys.argv[1], "rb") as file:
        view = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        sum(view[at] for at in range(0, len(view), 4096))
    os._exit(0)
status = os.waitpid(pid, 0)[1]
sys.exit(0 if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGBUS else 1)
PYTHON
}

test_eio_does_not_stick_on_the_mount_nor_on_an_overlay() {
  write_config '.read.deadline = "1s"'
  copy_store
  mkdir -p "$T/mnt" "$T/upper" "$T/work" "$T/merged"
  start_daemon
  thaw mount debian:1 "$T/mnt"
  mount -t overlay overlay -o "lowerdir=$T/mnt,upperdir=$T/upper,workdir=$T/work" "$T/merged"
  # The mmap must fail, not the lookup before it.
  stat "$T/mnt/usr/bin/dpkg" "$T/merged/usr/bin/dpkg" >/dev/null
  mv "$T/store" "$T/store.away"
  fails_everywhere "$T/mnt"
  fails_everywhere "$T/merged"
  mv "$T/store.away" "$T/store"
  wait_for 20 cat "$T/mnt/usr/bin/perl" >/dev/null || fail "the store is back, reads still fail"
  same_tree "$IMAGES/debian.txt" "$T/mnt"
  (cd "$T/merged" && find . -xdev -type f -print0 | xargs -0 cat) | wc -c >"$T/bytes" || fail "the overlay still fails"
  umount "$T/merged"
  thaw umount "$T/mnt"
  stop_daemon
}

test_reads_go_on_when_the_store_is_back_before_the_deadline() {
  write_config '.read.deadline = "30s"'
  copy_store
  mkdir -p "$T/mnt"
  start_daemon
  thaw mount debian:1 "$T/mnt"
  mv "$T/store" "$T/store.away"
  sha256sum "$T/mnt/usr/bin/perl" >"$T/sum" 2>"$T/err" &
  local reader=$!
  wait_for 5 grep -qiE "store|origin" "$T/thawd.log" || true
  mv "$T/store.away" "$T/store"
  wait "$reader" || fail "the read failed: $(cat "$T/err")"
  grep -q "^usr/bin/perl file .*" "$IMAGES/debian.txt"
  thaw umount "$T/mnt"
  stop_daemon
}

away_for() { thaw stats --json | jq '.store_away_s'; }

# One mount waits, as it was told; the other's reads fail at their deadline, of the same image.
test_a_mount_that_waits_for_the_store_waits_past_the_deadline() {
  local reader
  write_config '.read.deadline = "1s"'
  copy_store
  mkdir -p "$T/waits" "$T/fails"
  start_daemon
  thaw mount debian:1 "$T/waits" --outage=wait
  thaw mount debian:1 "$T/fails"
  stat "$T/waits/usr/bin/perl" "$T/fails/usr/bin/perl" >/dev/null
  mv "$T/store" "$T/store.away"
  sha256sum <"$T/waits/usr/bin/perl" >"$T/sum" 2>"$T/err" &
  reader=$!
  ! cat "$T/fails/usr/bin/perl" >/dev/null 2>"$T/fails.err" || fail "data was read without a store"
  sleep 3  # thrice the deadline
  kill -0 "$reader" 2>/dev/null || fail "the read did not wait: $(cat "$T/err")"
  [ "$(away_for)" -ge 1 ] || fail "the daemon does not tell that the store is away"
  mv "$T/store.away" "$T/store"
  wait "$reader" || fail "the read failed: $(cat "$T/err")"
  sha256sum <"$T/fails/usr/bin/perl" | cmp - "$T/sum"
  equal "$(away_for)" 0 "how long the store is away"
  thaw umount "$T/waits"
  thaw umount "$T/fails"
  stop_daemon
}

test_the_configuration_makes_all_mounts_wait() {
  local reader
  write_config '.read = {deadline: "1s", outage: "wait"}'
  copy_store
  mkdir -p "$T/mnt"
  start_daemon
  thaw mount debian:1 "$T/mnt"
  stat "$T/mnt/usr/bin/perl" >/dev/null
  mv "$T/store" "$T/store.away"
  sha256sum <"$T/mnt/usr/bin/perl" >"$T/sum" 2>"$T/err" &
  reader=$!
  sleep 3
  kill -0 "$reader" 2>/dev/null || fail "the read did not wait: $(cat "$T/err")"
  # A worker that comes new goes on waiting for what the old one was asked.
  kill -9 "$(worker_pid)"
  sleep 2
  kill -0 "$reader" 2>/dev/null || fail "the read did not outlive the worker: $(cat "$T/err")"
  mv "$T/store.away" "$T/store"
  wait "$reader" || fail "the read failed: $(cat "$T/err")"
  thaw umount "$T/mnt"
  stop_daemon
}

# Of two hundred at once, straight at the block file.
test_no_read_is_open_for_longer_than_its_deadline_and_a_second() {
  local file
  write_config '.read.deadline = "2s"'
  copy_store
  mkdir -p "$T/mnt"
  start_daemon
  file=$(json_value .file thaw mount debian:1 "$T/mnt" --no-prefetch)
  thaw inspect debian:1 --json | jq -r .device_bytes >"$T/bytes"
  mv "$T/store" "$T/store.away"
  /usr/bin/python3 - "$file" "$T/bytes" <<'PYTHON'
import errno, mmap, os, random, sys, threading, time
file, size = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECT), int(open(sys.argv[2]).read())
took = []
def read(offset):
    buffer, start = mmap.mmap(-1, 131072), time.monotonic()
    try:
        if any(buffer[:os.preadv(file, [buffer], offset)]):
            took.append((0, 0))  # it was in memory
    except OSError as error:
        took.append((time.monotonic() - start, error.errno))
threads = [threading.Thread(target=read, args=(random.randrange(size // 131072) * 131072,)) for _ in range(200)]
for thread in threads: thread.start()
for thread in threads: thread.join()
failed = [seconds for seconds, code in took if code]
print(f"{len(failed)} reads failed, the last after {max(failed):.2f} s", file=sys.stderr)
assert failed and all(code in (0, errno.EIO) for _, code in took), took
assert max(failed) <= 3 + 1, max(failed)  # a second for two hundred threads on a busy machine
PYTHON
  mv "$T/store.away" "$T/store"
  thaw umount "$T/mnt"
  stop_daemon
}

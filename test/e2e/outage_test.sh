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

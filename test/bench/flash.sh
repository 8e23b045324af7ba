# Random reads of whole chunks at the flash store's door, verification included (test/bench/flash_reads.cc), held
# against what fio reads from the same file with the same block size and depth.

flash_bytes=$((2 * 1024 * 1024 * 1024))
flash_depth=32

flash_fio() {  # flash_fio BYTES: reads a second
  fio --name=flash --filename="$WORK/flash" --readonly --rw=randread --bs=512k --direct=1 --ioengine=io_uring \
    --iodepth=$flash_depth --size="$1" --time_based --runtime=5 --ramp_time=1 --output-format=json |
    jq '.jobs[0].read.iops | floor'
}

bench_flash() {
  section "Flash" "Random reads of whole chunks, 512 KiB, O_DIRECT, $flash_depth in flight, from a flash log of 2 GiB of which every
region is written: at the store's door, each chunk hashed and its pages summed before the next read begins, and fio
(io_uring) on the same file. In turn, three times 5 s each; the middle of each."
  local bytes round ring=() threads=() fio=()
  bytes=$(flash_reads fill "$WORK/flash" $flash_bytes) || die "the flash log could not be filled"
  for round in 1 2 3; do
    fio+=("$(flash_fio "$bytes")")
    ring+=("$(flash_reads read "$WORK/flash" $flash_bytes $flash_depth 5 ring)")
    threads+=("$(flash_reads read "$WORK/flash" $flash_bytes $flash_depth 5 threads)")
  done
  rm "$WORK/flash"
  row "fio" "$(middle "${fio[@]}") reads/s (${fio[*]})"
  row "flash store on io_uring" "$(middle "${ring[@]}") reads/s (${ring[*]})"
  row "flash store on threads" "$(middle "${threads[@]}") reads/s (${threads[*]})"
  limit "flash: whole chunks at the store's door / fio" "$(calc "$(middle "${ring[@]}") / $(middle "${fio[@]}")")" ">=" 0.9
}

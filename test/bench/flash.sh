# Random reads of whole chunks at the flash store's door, verification included (test/bench/flash_reads.cc), held
# against what fio reads from the same file with the same block size and depth.

flash_bytes=$((2 * 1024 * 1024 * 1024))
flash_depth=32
flash_seconds=3

# flash_rate WHAT BYTES: reads a second; BYTES is what the log takes of the file.
flash_rate() {
  case $1 in
    fio)
      fio --name=flash --filename="$WORK/flash" --readonly --rw=randread --bs=512k --direct=1 --ioengine=io_uring \
        --iodepth=$flash_depth --size="$2" --time_based --runtime=$flash_seconds --ramp_time=1 --output-format=json |
        jq '.jobs[0].read.iops | floor'
      ;;
    *) flash_reads read "$WORK/flash" $flash_bytes $flash_depth $flash_seconds "$1" ;;
  esac
}

# The index of two million chunks, back from the footers of their regions; nine times in turn, the middle of each.
bench_flash_index() {
  local round chunks
  chunks=$(flash_index write "$WORK/index") || die "the flash log could not be made"
  for round in 1 2 3 4 5 6 7 8 9; do
    flash_index footers "$WORK/index" >>"$WORK/flash.footers"
    flash_index open "$WORK/index" ring >>"$WORK/flash.index"
  done
  rm "$WORK/index"
  row "footers of $chunks chunks, read one after another" "$(flash_middle footers) ms ($(sort -n "$WORK/flash.footers" | xargs))"
  row "index of them" "$(flash_middle index) ms ($(sort -n "$WORK/flash.index" | xargs))"
  limit "flash: index of 2 million chunks / a read of its footers" "$(calc "$(flash_middle index) / $(flash_middle footers)")" "<=" 2
}

bench_flash() {
  section "Flash" "Random reads of whole chunks, 512 KiB, O_DIRECT, $flash_depth in flight, from a flash log of 2 GiB of which every
region is written: at the store's door, each chunk hashed and its pages summed before the next read begins, and fio
(io_uring) on the same file. In turn, another one first each time, nine times $flash_seconds s each; the middle of each, since what
a virtual disk gives changes from second to second."
  local bytes round what order=(fio ring threads)
  bytes=$(flash_reads fill "$WORK/flash" $flash_bytes) || die "the flash log could not be filled"
  for round in 1 2 3 4 5 6 7 8 9; do
    for what in "${order[@]}"; do flash_rate "$what" "$bytes" >>"$WORK/flash.$what"; done
    order=("${order[@]:1}" "${order[0]}")
  done
  rm "$WORK/flash"
  row "fio" "$(flash_row fio)"
  row "flash store on io_uring" "$(flash_row ring)"
  row "flash store on threads" "$(flash_row threads)"
  row "SHA-256, all cores" "$(($(hash_mib) * 2)) chunks/s"
  limit "flash: whole chunks at the store's door / fio" "$(calc "$(flash_middle ring) / $(flash_middle fio)")" ">=" 0.9
  bench_flash_index
}

flash_middle() { sort -n "$WORK/flash.$1" | sed -n 5p; }
flash_row() { echo "$(flash_middle "$1") reads/s ($(sort -n "$WORK/flash.$1" | xargs))"; }

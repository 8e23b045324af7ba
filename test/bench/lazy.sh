# Start-up of a container on the numpy + scipy image, and the build of that image.

program='import numpy, scipy.linalg; print(scipy.linalg.det(numpy.eye(3)))'

# The bundle of umoci, set to run the program as `thaw run` does: no terminal, the host's network.
prepare_bundle() {
  jq --arg program "$program" '.process.args = ["python3", "-c", $program] | .process.terminal = false |
    .root.readonly = false | .linux.namespaces |= map(select(.type != "network" and .type != "cgroup"))' \
    "$1/config.json" >"$1/config.new"
  mv "$1/config.new" "$1/config.json"
}
run_bundle() { runc --root "$WORK/runc" run --bundle "$1" "bench-$RANDOM$RANDOM"; }

unpack_and_run() {
  umoci unpack --image "$WORK/scipy:latest" "$WORK/bundle"
  prepare_bundle "$WORK/bundle"
  run_bundle "$WORK/bundle"
}
run_lazily() { thaw run scipy:1 -- python3 -c "$program"; }

bench_lazy() {
  section "Lazy start" "\`python3 -c '$program'\` in the numpy + scipy image. The store lies on the same disk, the image's
and the store's files in the page cache; Thaw's caches are empty at its first run."
  image scipy python3-numpy,python3-scipy
  local unpack first second plain stored fetched
  place lazy
  seconds thaw build "oci:$WORK/scipy:latest" scipy:1 >/dev/null
  stored=$(thaw inspect scipy:1 --json | jq .stored_bytes)
  find "$WORK/scipy" "$WORK/lazy/store" -type f -exec cat {} + >/dev/null
  unpack=$(seconds unpack_and_run)
  start_daemon
  first=$(seconds run_lazily)
  fetched=$(thaw stats --json | jq .tiers.origin.bytes)
  second=$(median 5 run_lazily)
  plain=$(median 5 run_bundle "$WORK/bundle")
  stop_daemon
  rm -rf "$WORK/bundle"
  row "the image's stored bytes" "$(mib "$stored") MiB"
  row "fetched by the first run" "$(mib "$fetched") MiB"
  row "umoci unpack, then the program" "$unpack s"
  row "first run on the lazy mount" "$first s"
  row "second run on the lazy mount (median of 5)" "$second s"
  row "the same on the unpacked folder (median of 5)" "$plain s"
  limit "lazy: fetched / stored" "$(calc "$fetched / $stored")" "<=" 0.20
  limit "lazy: first run / unpack and run" "$(calc "$first / $unpack")" "<=" 0.125
  limit "lazy: second run / on the unpacked folder" "$(calc "$second / $plain")" "<=" 1.3
}

plain_way() {
  umoci unpack --image "$WORK/scipy:latest" "$WORK/plain"
  truncate -s 4G "$WORK/plain.img"
  mkfs.ext4 -q -F -d "$WORK/plain/rootfs" "$WORK/plain.img"
  sha256sum "$WORK/plain.img"
}

bench_build() {
  section "Build" "\`thaw build\` of the numpy + scipy image into an empty store, against the plain way to a hashed ext4:
\`umoci unpack\`, \`mkfs.ext4 -d\`, \`sha256sum\`. The image's files are in the page cache. Each twice, in turn; the better."
  image scipy python3-numpy,python3-scipy
  local round ours=999999 plain=999999 took
  find "$WORK/scipy" -type f -exec cat {} + >/dev/null
  for round in 1 2; do
    place "build-$round"
    took=$(seconds thaw build "oci:$WORK/scipy:latest" scipy:1)
    ours=$(calc "$took < $ours ? $took : $ours")
    took=$(seconds plain_way)
    plain=$(calc "$took < $plain ? $took : $plain")
    rm -rf "$WORK/plain" "$WORK/plain.img" "$WORK/build-$round"
  done
  row "thaw build" "$ours s"
  row "unpack, mkfs, sha256sum" "$plain s"
  limit "build: thaw / the plain way" "$(calc "$ours / $plain")" "<=" 0.5
}

# An image from a registry on this machine to chunks in a store, against the plain way to a hashed ext4. Sourced after s3.sh.

. "$here/../e2e/registry.sh"

take_registry_away() { stop_registries; }

pull_plainly() {
  skopeo --insecure-policy copy -q --src-tls-verify=false "docker://$REGISTRY/scipy:1" "oci:$WORK/pulled:latest"
  umoci unpack --image "$WORK/pulled:latest" "$WORK/plain"
  truncate -s 4G "$WORK/plain.img"
  mkfs.ext4 -q -F -d "$WORK/plain/rootfs" "$WORK/plain.img"
  sha256sum "$WORK/plain.img"
}

build_from_registry() {  # build_from_registry NAME
  /usr/bin/python3 "$here/../peak_memory.py" "$WORK/peak" thaw build --plain-http "docker://$REGISTRY/scipy:1" "$1"
}

bench_registry() {
  section "Build from a registry" "\`thaw build docker://…\` of the numpy + scipy image from a docker-registry on this machine into
an empty store, against \`skopeo copy\`, \`umoci unpack\`, \`mkfs.ext4 -d\`, \`sha256sum\`. Each twice, in turn; the better."
  image scipy python3-numpy,python3-scipy
  local round ours=999999 again=999999 known=999999 plain=999999 peak=0 took
  start_registry registry
  push "oci:$WORK/scipy:latest" scipy:1
  for round in 1 2; do
    place "registry-build-$round"
    took=$(seconds build_from_registry scipy:1)
    ours=$(calc "$took < $ours ? $took : $ours")
    peak=$(calc "$(cat "$WORK/peak") > $peak ? $(cat "$WORK/peak") : $peak" 0)
    took=$(seconds build_from_registry scipy:2)
    again=$(calc "$took < $again ? $took : $again")
    took=$(seconds build_from_registry scipy:1)
    known=$(calc "$took < $known ? $took : $known")
    took=$(seconds pull_plainly)
    plain=$(calc "$took < $plain ? $took : $plain")
    rm -rf "$WORK/pulled" "$WORK/plain" "$WORK/plain.img" "$WORK/registry-build-$round"
  done
  stop_registries
  row "thaw build" "$ours s"
  row "the same under another name, nothing new" "$again s"
  row "the same again, known by its digest" "$known s"
  row "pull, unpack, mkfs, sha256sum" "$plain s"
  row "peak memory" "$(calc "$peak / 1024" 0) MiB"
  limit "registry: thaw / the plain way" "$(calc "$ours / $plain")" "<=" 0.3
  limit "registry: again / first" "$(calc "$again / $ours")" "<=" 0.5
  limit "registry: peak memory / 512 MiB" "$(calc "$peak / 1024 / 512")" "<=" 1
}

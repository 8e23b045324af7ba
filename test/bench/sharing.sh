# Seven Debian images that share no layer: what they take in one store, against one store each.

store_bytes() { find "$1" -path '*/chunks/*' -type f -printf '%s\n' | awk '{s += $1} END {print s}'; }

bench_sharing() {
  section "Sharing" "Seven Debian images without a common layer (base, python3, nodejs, openjdk-17-jre-headless,
python3-numpy + python3-scipy, nginx, ruby), \`thaw build\` of each into one store and into an empty store of its own;
bytes of sealed chunks."
  local name alone=0 bytes together
  local -A packages=([base]="" [python]=python3 [node]=nodejs [java]=openjdk-17-jre-headless
                     [scipy]=python3-numpy,python3-scipy [nginx]=nginx [ruby]=ruby)
  for name in base python node java scipy nginx ruby; do
    image "$name" "${packages[$name]}"
    place "alone-$name"
    seconds thaw build "oci:$WORK/$name:latest" "$name:1" >/dev/null
    bytes=$(store_bytes "$WORK/alone-$name/store")
    alone=$((alone + bytes))
    row "$name alone" "$(mib "$bytes") MiB"
    rm -rf "$WORK/alone-$name"
    place together
    seconds thaw build "oci:$WORK/$name:latest" "$name:1" >/dev/null
    [ "$name" = scipy ] || rm -rf "${WORK:?}/$name"
  done
  together=$(store_bytes "$WORK/together/store")
  rm -rf "$WORK/together"
  row "sum of seven stores" "$(mib $alone) MiB"
  row "one store" "$(mib "$together") MiB"
  limit "sharing: one store / seven stores" "$(calc "$together / $alone")" "<=" 0.60
}

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
  limit "sharing: one store / seven stores" "$(calc "$together / $alone")" "<=" 0.56
}

# packages NAME: what is installed in the rootfs WORK/NAME.tar, with its version.
packages() { tar -xOf "$WORK/$1.tar" ./var/lib/dpkg/status | awk '/^Package:/ {p = $2} /^Version:/ {print p, $2}' | sort; }

# stored_by IMAGE NAME: bytes of chunks that building it adds to the store.
stored_by() {
  local before
  before=$(store_bytes "$WORK/changes/store")
  seconds thaw build "oci:$WORK/$1" "$2" >/dev/null
  echo $(($(store_bytes "$WORK/changes/store") - before))
}

# small_layer FILE BYTE: a layer of a hundred files of 2 KiB, one of which ends with this byte.
small_layer() {
  mkdir -p "$WORK/small/srv/app"
  for number in $(seq 100); do
    head -c 2047 /dev/zero | tr '\0' "$(printf '\\%o' $((number + 27)))" >"$WORK/small/srv/app/$number"
  done
  printf '%s' "$2" >>"$WORK/small/srv/app/50"
  tar -C "$WORK/small" --mtime=@1700000000 -cf "$1" srv
  rm -r "$WORK/small"
}

bench_changes() {
  section "What a change stores" "The numpy + scipy image in the store. Then a point release: the same packages, made from Debian's release
alone and then with its security updates. Then a last layer of a hundred files of 2 KiB, one of which changes."
  local changed stored upgraded byte
  printf 'Package: *\nPin: release l=Debian-Security\nPin-Priority: -1\n' >"$WORK/pin"
  # Taken away again, and its folder's time put back.
  rootfs scipy-old python3-numpy,python3-scipy --setup-hook="cp $WORK/pin \"\$1\"/etc/apt/preferences.d/pin" \
    --customize-hook='rm "$1"/etc/apt/preferences.d/pin'
  rootfs scipy python3-numpy,python3-scipy
  upgraded=$(comm -13 <(packages scipy-old) <(packages scipy) | wc -l)
  [ "$upgraded" -gt 0 ] || die "Debian has no security updates for these packages just now"
  changed=$(/usr/bin/python3 "$here/changed_bytes.py" "$WORK/scipy-old.tar" "$WORK/scipy.tar")
  image scipy-old ""
  rm -rf "$WORK/scipy"
  image scipy ""
  place changes
  seconds thaw build "oci:$WORK/scipy-old:latest" scipy:1 >/dev/null
  stored=$(stored_by scipy:latest scipy:2)
  row "packages upgraded" "$upgraded"
  row "bytes of files that changed" "$(mib "$changed") MiB"
  row "stored for them" "$(mib "$stored") MiB"
  limit "changes: stored for a point release / 2 x the changed files + 3 MiB" "$(calc "$stored / (2 * $changed + 3145728)")" "<=" 1
  for byte in a b; do
    small_layer "$WORK/small.tar" $byte
    umoci tag --image "$WORK/scipy:latest" $byte
    umoci raw add-layer --image "$WORK/scipy:$byte" "$WORK/small.tar"
    stored=$(stored_by scipy:$byte small:1)
  done
  row "stored for one file of 2 KiB" "$(mib "$stored") MiB"
  limit "changes: stored for one file of 2 KiB / 3 MiB" "$(calc "$stored / 3145728")" "<=" 1
  rm -rf "$WORK/changes" "$WORK/scipy-old" "$WORK"/small.tar
}

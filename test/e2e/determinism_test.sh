# The same image gives the same bytes, and they are the image's.

exported_sha() { json_value .sha256 thaw export "$1" "$T/device.img"; }

# A store, keys and working folder of its own, under another name, for a second builder.
use_other_place() {
  mkdir -p "$T/$1"
  write_config ".store.url = \"file://$T/$1/store\" | .keys.url = \"file://$T/$1/keys\" | .build.spool_dir = \"$T/$1\""
}

test_same_bytes_from_every_source() {
  local first source
  write_config
  copy_store
  first=$(exported_sha debian:1)
  equal "$first" "$(sha256sum "$T/device.img" | cut -d' ' -f1)" "the printed and the real SHA-256"
  skopeo --insecure-policy copy -q "oci:$IMAGES/debian:latest" "oci-archive:$T/debian-oci.tar:latest"
  skopeo --insecure-policy copy -q "oci:$IMAGES/debian:latest" "docker-archive:$T/debian-docker.tar:debian:latest"
  skopeo --insecure-policy copy -q --dest-compress-format zstd --dest-compress \
    "oci:$IMAGES/debian:latest" "oci:$T/debian-zstd:latest"
  cp -a "$IMAGES/debian" "$T/elsewhere"
  for source in "oci-archive:$T/debian-oci.tar" "docker-archive:$T/debian-docker.tar" "oci:$T/debian-zstd:latest" \
                "oci:$T/elsewhere"; do
    use_other_place "place-$((++places))"
    thaw build "$source" again:1
    equal "$(exported_sha again:1)" "$first" "the devices from oci: and from $source"
    rm -rf "$T/place-$places"
  done
}
places=0

test_filesystem_is_clean() {
  local name
  write_config
  copy_store
  thaw build "oci:$IMAGES/sparse" sparse:1
  for name in debian:1 nasty:1 sparse:1; do
    thaw export "$name" "$T/device.img"
    e2fsck -fn "$T/device.img" >"$T/e2fsck" 2>&1 || fail "e2fsck of $name: $(cat "$T/e2fsck")"
  done
}

mounted_tree_is() {  # mounted_tree_is NAME WANTED.txt
  mkdir -p "$T/mnt"
  thaw mount "$1" "$T/mnt"
  same_tree "$2" "$T/mnt"
  thaw umount "$T/mnt"
}

test_mounted_debian_is_what_umoci_unpacks() {
  write_config
  copy_store
  start_daemon
  mounted_tree_is debian:1 "$IMAGES/debian.txt"
  stop_daemon
}

test_mounted_nasty_image_is_what_umoci_unpacks() {
  write_config
  copy_store
  start_daemon
  mounted_tree_is nasty:1 "$IMAGES/nasty.txt"
  stop_daemon
}

test_sparse_file_of_5_gib_is_what_it_was() {
  write_config
  thaw build "oci:$IMAGES/sparse" sparse:1
  # 5 GiB of holes must cost nothing: the image holds 11 bytes that are not zero.
  [ "$(json_value .stored_bytes thaw inspect sparse:1)" -lt 2000000 ] || fail "holes are stored: $(cat "$T/out")"
  start_daemon
  mounted_tree_is sparse:1 "$IMAGES/sparse.txt"
  stop_daemon
}

# What images have in common, and who is told; what the store itself tells.

sharing_of() {  # sharing_of NAME FIELD ARGUMENTS...
  local name=$1 field=$2
  shift 2
  thaw images --sharing --json "$@" | jq ".images[] | select(.name == \"$name\") | .$field"
}

test_a_tenant_is_told_what_his_own_images_share() {
  write_config
  thaw build "oci:$IMAGES/nasty:latest" nasty:1 --json >"$T/first.json"
  equal "$(jq .shared_within_tenant.chunks "$T/first.json")" 0 "shared chunks of a first image"
  equal "$(sharing_of nasty:1 shared_chunks)" 0
  # The same for another tenant: all is there, and he is not told so by what is for him.
  thaw build "oci:$IMAGES/nasty:latest" nasty:1 --tenant other --json >"$T/other.json"
  jq -e '.new_chunks == 0 and .shared_within_tenant.chunks == 0' "$T/other.json" >/dev/null || fail "$(cat "$T/other.json")"
  equal "$(sharing_of nasty:1 shared_chunks --tenant other)" 0
  thaw build "oci:$IMAGES/nasty:latest" again:1 --json >"$T/again.json"
  jq -e '.shared_within_tenant.chunks == .chunks' "$T/again.json" >/dev/null || fail "$(cat "$T/again.json")"
  equal "$(sharing_of nasty:1 shared_chunks)" "$(jq .chunks "$T/again.json")"

  thaw images --sharing --all-tenants --json >"$T/all.json"
  jq -e '(.images | length) == 3 and .alone_bytes == 3 * .bytes and (.images | all(.shared_bytes == .bytes))' "$T/all.json" \
    >/dev/null || fail "$(cat "$T/all.json")"
  equal "$(jq .bytes "$T/all.json")" "$(json_value .bytes thaw verify --all)" "bytes of the store"
  expect_error 2 "sharing" thaw images --all-tenants
  rm -r "$T/keys/builder"
  expect_error 4 "builder's signing key" thaw images --sharing --all-tenants
  expect 0 thaw images --sharing
}

# Everything that is in the store, as one stream.
all_of_the_store() { find "$T/store" -type f -exec cat {} +; find "$T/store"; }
store_has() { all_of_the_store | grep -caF -- "$1" >/dev/null; }

# docs/security.md, "What the store reveals": nothing else of an image can be read in it.
test_a_store_shows_names_and_sizes_and_nothing_within() {
  write_config
  mkdir -p "$T/root/etc/secret-folder"
  echo "a-line-of-a-secret-file" >"$T/root/etc/secret-folder/secret-file"
  ln -s secret-link-target "$T/root/secret-link"
  tar -C "$T/root" -cf "$T/layer.tar" .
  umoci init --layout "$T/secret"
  umoci new --image "$T/secret:7"
  umoci raw add-layer --image "$T/secret:7" "$T/layer.tar"
  umoci config --image "$T/secret:7" --config.cmd secret-command --config.env SECRET_NAME=secret-value \
    --config.workingdir /secret-workdir
  thaw build "oci:$T/secret:7" shown-name:shown-tag --tenant shown-tenant
  thaw inspect shown-name:shown-tag --tenant shown-tenant | grep -q secret-command || fail "the image has no such command"
  local word file
  for word in shown-name shown-tag shown-tenant; do store_has "$word" || fail "$word is not in the store"; done
  for word in secret SECRET "$(jq -r '.manifests[0].digest' "$T/secret/index.json" | cut -d : -f 2)"; do
    ! store_has "$word" || fail "the store shows $word"
  done
  for file in $(chunk_files); do
    equal $(($(stat -c %s "$file") % 4096)) 0 "length of $file beyond pages"
  done
}

# Who knows a file and not the salt cannot tell whether it is stored: nothing of it has the same name or bytes.
test_stores_of_different_salts_have_no_chunk_in_common() {
  write_config
  thaw build "oci:$IMAGES/nasty:latest" nasty:1 >/dev/null
  local mine theirs
  mine=$(chunk_files | xargs -n 1 basename | sort)
  theirs=$(find "$IMAGES/store" -path '*/chunks/*' -type f -printf '%f\n' | sort)
  [ "$(wc -l <<<"$mine")" -gt 100 ] || fail "few chunks: $mine"
  equal "$(comm -12 <(echo "$mine") <(echo "$theirs") | wc -l)" 0 "chunks in both"
}

# Images that lie or attack: refused with one line, nothing half-done left behind.

refuse() {  # refuse STATUS TEXT KIND
  expect_error "$1" "$2" thaw build "oci:$IMAGES/hostile/$3" "bad:1"
  expect_error 3 bad:1 thaw inspect bad:1
  [ -z "$(find "$T/spool" -mindepth 1)" ] || fail "$3: the spool folder holds $(ls "$T/spool")"
}

begin() {
  mkdir -p "$T/spool"
  write_config ".build.spool_dir = \"$T/spool\" | .build.max_entries = 10000 | .build.max_path_depth = 1000 | .build.max_xattr_bytes_total = \"16MiB\" $1"
}

test_lying_images_are_refused_as_damaged() {
  begin ""
  local kind
  for kind in truncated-layer truncated-tar wrong-diff-id altered-blob wrong-blob-size; do refuse 6 . "$kind"; done
}

test_images_that_do_not_hold_together_are_refused() {
  begin ""
  local kind
  for kind in missing-blob more-layers-than-diff-ids link-to-nothing file-below-file not-a-layout no-such-platform; do
    expect_failure "$kind"
  done
}

test_a_climbing_path_stays_inside() {
  begin ""
  thaw build "oci:$IMAGES/hostile/climbing-path" climb:1 >"$T/out" 2>&1 || true
  [ -z "$(find "$T/.." / -maxdepth 1 -name escaped)" ] || fail "a layer wrote outside"
}

# Fails with one line, whichever status fits the case.
expect_failure() {
  local status=0
  thaw build "oci:$IMAGES/hostile/$1" bad:1 >"$T/out" 2>"$T/err" || status=$?
  case $status in 1 | 2 | 3 | 6) ;; *) fail "$1 gave status $status: $(cat "$T/err")" ;; esac
  equal "$(wc -l <"$T/err")" 1 "lines on stderr for $1"
  expect_error 3 bad:1 thaw inspect bad:1
}

test_bombs_meet_their_limits() {
  begin ""
  refuse 1 "max_expansion|expan" bomb-of-zeros
  refuse 1 "max_entries|entries" bomb-of-entries
  refuse 1 "max_path_depth|deep|depth" bomb-of-depth
  refuse 1 "max_xattr|attribute|xattr" bomb-of-attributes
}

test_limits_are_configurable() {
  begin "| .build.max_entries = 20000"
  thaw build "oci:$IMAGES/hostile/bomb-of-entries" fine:1
  begin "| .build.max_expansion_ratio = 100000"
  thaw build "oci:$IMAGES/hostile/bomb-of-zeros" fine:2
  begin "| .build.max_expanded_bytes = \"1GiB\" | .build.max_expansion_ratio = 100000"
  refuse 1 max_expanded_bytes bomb-of-zeros
}

test_wrong_usage() {
  begin ""
  expect_error 2 "oci:|source" thaw build "zip:$IMAGES/debian" bad:1
  expect_error 2 "name" thaw build "oci:$IMAGES/debian" "Bad Name"
  expect_error 2 . thaw build
  expect_error 2 . thaw frobnicate
  expect_error 3 "no-such" thaw build "oci:$T/no-such" bad:1
  expect_error 3 "no-such" thaw build "oci:$IMAGES/debian:no-such-ref" bad:1
  write_config ".build.spool_dir = \"$T/none\""
  expect_error 2 "$T/none: .*build.spool_dir" thaw build "oci:$IMAGES/debian" bad:1
}

# thaw run: a container on a lazy mount.

begin() {
  write_config
  copy_store
  start_daemon
}

no_container_left() {
  [ -z "$(runc --root "$T/run/runtime" list -q 2>/dev/null)" ] || return 1
  [ -z "$(find "$T/state/run" "$T/state/containers" -mindepth 1 -maxdepth 1 2>/dev/null)" ] || return 1
  [ "$(thaw ps --json | jq '.mounts | length')" = 0 ]
}

end() {
  wait_for 10 no_container_left || fail "left: $(find "$T/state" -maxdepth 2; thaw ps --json)"
  stop_daemon
}

# The container says "ready" into T/container.out.
wait_until_ready() {
  wait_for 20 grep -q ready "$T/container.out" || fail "the container did not start: $(cat "$T/container.out")"
}

test_status_and_stdio_pass_through() {
  begin
  equal "$(thaw run debian:1 -- /bin/echo one "two  three")" "one two  three" "what echo printed"
  equal "$(printf 'a\nb\n' | thaw run debian:1 -- cat)" $'a\nb' "what cat copied"
  expect 0 thaw run debian:1 -- sh -c 'echo to-stderr >&2'
  equal "$(cat "$T/out")" "" stdout
  equal "$(cat "$T/err")" to-stderr stderr
  expect 7 thaw run debian:1 -- sh -c 'exit 7'
  equal "$(thaw run debian:1 -- echo closed <&-)" closed "with stdin closed"
  thaw run debian:1 -- touch /tmp/x >&- 2>&- || fail "with stdout and stderr closed: status $?"
  equal "$(thaw run --rm debian:1 -- python3 -c 'print(6 * 7)')" 42 "what python printed"
  end
}

test_a_terminal_is_given_on_where_all_is_one() {
  begin
  script -qec "thaw run debian:1 -- tty" /dev/null </dev/null >"$T/tty"
  grep -q /dev/pts/ "$T/tty" || fail "no terminal: $(cat "$T/tty")"
  # Only what is printed, and each where it belongs.
  echo typed | script -qec "thaw run debian:1 -- sh -c 'echo out; echo err >&2; sleep 0.3' >$T/out 2>$T/err" /dev/null >/dev/null
  equal "$(cat "$T/out")" out stdout
  equal "$(cat "$T/err")" err stderr
  end
}

test_own_failures() {
  begin
  expect_error 127 "no-such-command" thaw run debian:1 -- no-such-command
  expect_error 126 "passwd" thaw run debian:1 -- /etc/passwd
  expect_error 125 "no-such-image" thaw run no-such-image:1 -- true
  expect_error 125 "thaw run --help" thaw run --no-such-option debian:1
  expect_error 125 "absolute path" thaw run -w relative debian:1 -- true
  expect_error 125 "NAME=VALUE" thaw run -e A debian:1 -- true
  end
  expect_error 125 "thawd|daemon" thaw run debian:1 -- true
}

test_a_state_dir_behind_a_link_is_as_good() {
  mkdir "$T/elsewhere"
  ln -s elsewhere "$T/linked"
  write_config ".state_dir = \"$T/linked\""
  copy_store
  start_daemon
  equal "$(thaw run debian:1 -- echo linked)" linked "what echo printed"
  stop_daemon
}

test_what_cannot_be_executed_is_said() {
  begin
  mkdir -p "$T/bin"
  printf '#!/bin/sh\r\n' >"$T/bin/dos"
  printf 'echo\n' >"$T/bin/text"
  printf '#!/bin/sh\n' >"$T/bin/roots"
  cp "$THAW_BIN/thaw" "$T/bin/foreign"
  printf '\x16' | dd of="$T/bin/foreign" bs=1 seek=18 conv=notrunc status=none  # s390
  chmod 755 "$T/bin"/*
  chmod 700 "$T/bin/roots"
  cp -a "$IMAGES/debian" "$T/layout"
  umoci insert --image "$T/layout:latest" "$T/bin" /opt/bin
  thaw build "oci:$T/layout:latest" odd:1
  expect_error 126 "carriage return" thaw run odd:1 -- /opt/bin/dos
  expect_error 126 "begins with #!" thaw run odd:1 -- /opt/bin/text
  expect_error 126 "another kind of machine" thaw run odd:1 -- /opt/bin/foreign
  thaw run odd:1 -- /opt/bin/roots
  ! thaw run -u nobody odd:1 -- /opt/bin/roots 2>/dev/null || fail "a user runs what only root may"
  end
}

test_what_a_runtime_cannot_be_given_is_refused() {
  begin
  expect_error 125 'is not UTF-8' thaw run debian:1 -- cat $'/caf\xe9'
  expect_error 125 'is not UTF-8' thaw run --env $'A=\xe9' debian:1 -- true
  expect_error 125 'is not UTF-8' thaw run --workdir $'/\xe9' debian:1 -- true
  end
}

test_the_images_own_config_counts() {
  begin
  equal "$(thaw run debian:1 -- sh -c 'echo $FROM_IMAGE')" yes "environment"
  equal "$(thaw run debian:1 -- pwd)" /usr/share "working directory"
  equal "$(thaw run -e FROM_IMAGE=no -e MORE=1 debian:1 -- sh -c 'echo $FROM_IMAGE$MORE')" no1 "--env"
  equal "$(thaw run -w /tmp debian:1 -- pwd)" /tmp "--workdir"
  equal "$(thaw run -u nobody debian:1 -- id -un)" nobody "--user"
  equal "$(thaw run -u 1234:5678 debian:1 -- sh -c 'id -u; id -g' | tr '\n' :)" 1234:5678: "--user of numbers"
  equal "$(echo 'echo from-the-default-command' | thaw run debian:1)" from-the-default-command "the image's Cmd"
  cp -a "$IMAGES/debian" "$T/entry"
  umoci config --image "$T/entry:latest" --config.entrypoint /bin/echo --config.entrypoint first --config.cmd second \
    --config.user nobody
  thaw build "oci:$T/entry:latest" entry:1
  equal "$(thaw run entry:1)" "first second" "entrypoint and cmd"
  equal "$(thaw run entry:1 -- third)" "first third" "entrypoint and arguments"
  equal "$(thaw run --entrypoint /usr/bin/id entry:1 -- -un)" nobody "--entrypoint and the image's user"
  equal "$(thaw run --entrypoint "" entry:1 -- echo third)" third "no entrypoint"
  end
}

test_writes_are_private_and_gone_afterwards() {
  begin
  equal "$(thaw run debian:1 -- sh -c 'echo changed >/etc/issue; rm /etc/debian_version; cat /etc/issue; ls /etc/debian_version 2>&1 | wc -l')" \
    $'changed\n1' "a container's own writes"
  thaw run debian:1 -- sh -c 'grep -v changed /etc/issue && cat /etc/debian_version' || fail "another container sees them"
  end
}

test_signals_reach_the_container() {
  begin
  local pid status=0
  thaw run debian:1 -- bash -c 'trap "echo got-term; exit 3" TERM; echo ready; while :; do sleep 0.1; done' \
    >"$T/container.out" 2>&1 &
  pid=$!
  wait_until_ready
  kill -TERM "$pid"
  wait "$pid" || status=$?
  equal "$status" 3 "status after SIGTERM"
  grep -q got-term "$T/container.out" || fail "the container did not see SIGTERM"
  end
}

# Starts `thaw run … sleep 60` in the background, sets client and container to its pids. A background job of a script
# ignores SIGINT; python gives it its default action back.
start_sleeper() {
  /usr/bin/python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])' thaw run debian:1 -- sleep 60 >"$T/container.out" 2>&1 &
  client=$!
  wait_for 20 sleeper_runs || fail "the container did not start: $(cat "$T/container.out")"
}
sleeper_runs() {
  local id
  id=$(runc --root "$T/run/runtime" list -f json 2>/dev/null | jq -re '.[]? | select(.status == "running") | .id') &&
    container=$(runc --root "$T/run/runtime" state "$id" | jq -re .pid) &&
    [[ "$(tr '\0' ' ' <"/proc/$container/cmdline")" == *"sleep 60 " ]]
}

ends_with() {  # ends_with STATUS WHAT
  local status=0
  wait "$client" || status=$?
  equal "$status" "$1" "status after $2"
}

test_signals_that_end_it_give_128_and_their_number() {
  begin
  local signal start
  for signal in INT TERM HUP; do
    start_sleeper
    start=$SECONDS
    kill "-$signal" "$client"
    ends_with $((128 + $(kill -l $signal))) "SIG$signal to thaw run"
    [ $((SECONDS - start)) -lt 30 ] || fail "the container slept to its end"
  done
  start_sleeper
  kill -KILL "$container"
  ends_with 137 "SIGKILL to the container"
  end
}

test_a_killed_client_leaves_nothing() {
  begin
  local pid
  thaw run debian:1 -- sh -c 'echo ready; sleep 59' >"$T/container.out" 2>&1 &
  pid=$!
  wait_until_ready
  kill -9 "$pid"
  wait "$pid" 2>/dev/null || true
  wait_for 10 nothing_is_left_of_it || fail "left: $(thaw ps) $(ls "$T/state/run") $(pgrep -f -a "$T/state/run")"
  end
}
nothing_is_left_of_it() { no_container_left && ! pgrep -f "sleep 5[9]" >/dev/null; }

test_a_killed_guard_harms_nobody() {
  begin
  local pid
  thaw run debian:1 -- sh -c 'echo ready; read line; exit 7' >"$T/container.out" 2>&1 < <(sleep 3) &
  pid=$!
  wait_until_ready
  pgrep -P "$pid" -x thaw | xargs kill -9
  local status=0
  wait "$pid" || status=$?
  equal "$status" 7 "exit status"
  [ -z "$(ls "$T/state/run")" ] || fail "left: $(ls "$T/state/run")"
  end
}

test_what_a_client_and_its_guard_left_the_next_one_sweeps() {
  begin
  local pid
  thaw run debian:1 -- sh -c 'echo ready; sleep 61' >"$T/container.out" 2>&1 &
  pid=$!
  wait_until_ready
  pgrep -P "$pid" -x thaw | xargs kill -9 "$pid"
  wait "$pid" 2>/dev/null || true
  [ -n "$(ls "$T/state/run")" ] || fail "nothing to sweep"
  thaw run debian:1 -- true
  [ -z "$(ls "$T/state/run")" ] || fail "left: $(ls "$T/state/run")"
  end
}

test_many_containers_at_once() {
  begin
  local number pids=() pid
  for number in $(seq 8); do
    thaw run debian:1 -- python3 -c "print($number * 11)" >"$T/out.$number" 2>&1 &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || fail "a container failed: $(cat "$T"/out.*)"; done
  for number in $(seq 8); do equal "$(cat "$T/out.$number")" $((number * 11)) "container $number"; done
  end
}

# Also where the root mount is private, so that the container's namespace is not told of the umount.
test_a_container_pins_no_other_image() {
  begin
  local device running
  mkdir -p "$T/nasty"
  thaw mount nasty:1 "$T/nasty" --json >"$T/mount.json"
  device=$(jq -r .device "$T/mount.json")
  thaw run debian:1 -- sh -c 'echo ready; sleep 60' >"$T/container.out" 2>&1 &
  running=$!
  wait_until_ready
  thaw umount "$T/nasty"
  wait_for 5 is_detached "$device" || fail "$device is still in use"
  kill -TERM "$running"
  wait "$running" || true
  end
}

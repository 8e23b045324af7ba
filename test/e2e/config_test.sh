# The configuration: what it is checked for, what is in effect, and what a reload changes while the daemon runs.

begin() {
  write_config "${1:-.}"
  copy_store
  mkdir -p "$T/mnt"
}

reload_says() {  # reload_says APPLIED NEEDS_RESTART, both JSON lists
  thaw reload --json >"$T/reload.json"
  jq -e --argjson a "$1" --argjson r "$2" '(.applied | sort) == ($a | sort) and (.needs_restart | sort) == ($r | sort)' \
    "$T/reload.json" || fail "reload said $(cat "$T/reload.json"), not $1 and $2"
}

in_effect() { json_value ".$1" thaw config show --daemon; }

test_every_problem_is_told_in_a_line_with_the_nearest_key() {
  write_config '.'
  cat >"$T/thaw.json" <<'JSON'
{
  "memmory": {"size": "1GiB"},
  "read": {"deadline": 5},
  "flash": {"size": "1MiB"}
}
JSON
  expect 2 thaw config check
  equal "$(wc -l <"$T/err")" 3 "lines of thaw config check"
  grep -q "thaw.json:2: unknown key \"memmory.size\"; did you mean \"memory.size\"?" "$T/err" || fail "$(cat "$T/err")"
  grep -q "thaw.json:3: \"read.deadline\"" "$T/err" || fail "$(cat "$T/err")"
  grep -q "thaw.json:4: \"flash.size\".*64MiB" "$T/err" || fail "$(cat "$T/err")"
  thaw config check --json >"$T/check.json" 2>/dev/null && fail "check --json ended with 0"
  jq -e '.ok == false and (.problems | length) == 3 and .error.code == "usage"' "$T/check.json" || fail "$(cat "$T/check.json")"
  # Everything else says the first one, in one line.
  expect_error 2 "thaw.json:.*2 more" thaw images
}

test_show_names_the_origin_of_each_value() {
  write_config '.'
  thaw config show >"$T/out"
  grep -qE "^memory.size +\"64MiB\" +$T/thaw.json:[0-9]+$" "$T/out" || fail "$(cat "$T/out")"
  grep -qE '^log.level +"info" +default$' "$T/out" || fail "$(cat "$T/out")"
  grep -q "$T/thaw.json, named by THAW_CONFIG" "$T/out" || fail "$(cat "$T/out")"
  equal "$(json_value .file_by thaw config show --config "$T/thaw.json")" --config "who named the file"
  equal "$(json_value '.origins["log.level"]' thaw config show)" default "origin of log.level"
  thaw config default >"$T/default.json"
  expect 0 thaw config check --config "$T/default.json"
  [ "$(grep -c '// ' "$T/default.json")" -gt 30 ] || fail "thaw config default explains nothing"
  expect_error 5 "daemon" thaw config show --daemon
}

flash_is_ready() { thaw stats --json | jq -e .flash.ready >/dev/null; }

test_a_reload_applies_and_names_what_changed() {
  begin ".flash = {path: \"$T/flash\", size: \"64MiB\"}"
  start_daemon
  wait_for 10 flash_is_ready || fail "flash is not ready: $(thaw stats)"
  change_config '.memory.size = "96MiB" | .flash.size = "80MiB" | .flash.admit = "second" | .flash.daily_rewrites = 2 |
    .read = {deadline: "20s", outage: "wait", ahead_chunks: 0} | .prefetch.replay = false | .origin.in_flight = 3 |
    .mount.linger = "3s" | .log.level = "debug" | .build.max_layers = 7 | .run.runtime = "runc" | .tenant = "other" |
    .trust.builders = ["'"$(printf 'a%.0s' $(seq 64))"'"]'
  reload_says '["memory.size","flash.size","flash.admit","flash.daily_rewrites","read.deadline","read.outage",
    "read.ahead_chunks","prefetch.replay","origin.in_flight","mount.linger","log.level","build.max_layers",
    "run.runtime","tenant","trust.builders"]' '[]'
  equal "$(in_effect memory.size)" 96MiB "memory.size in effect"
  equal "$(in_effect 'origins["memory.size"]' | cut -d: -f1)" reload "origin of memory.size"
  equal "$(stat -c %s "$T/flash")" $((80 * 1024 * 1024)) "size of the flash file"
  equal "$(jq .origin.cap <<<"$(thaw stats --json)")" 3 "cap of requests to the store"
  # Builders that sign nothing here: their images are all that may be mounted.
  expect_error 4 "trust" thaw mount debian:1 "$T/mnt" --tenant default
  # What is in effect outlives a worker, and the file that was read then is not asked.
  change_config '.memory.size = "128MiB"'
  kill -9 "$(worker_pid)"
  wait_for 10 daemon_answers || fail "no worker after the kill"
  equal "$(in_effect memory.size)" 96MiB "memory.size after the kill"
  equal "$(json_value '.differs | join(",")' thaw config show --daemon)" memory.size "keys that differ"
  thaw config show --daemon | grep -q '# the file says memory.size = "128MiB" now: thaw reload' || fail "$(thaw config show --daemon)"
  change_config '.trust.builders = [] | .tenant = "default"'
  reload_says '["memory.size","trust.builders","tenant"]' '[]'
  thaw mount debian:1 "$T/mnt"
  same_tree "$IMAGES/debian.txt" "$T/mnt"
  thaw umount "$T/mnt"
  stop_daemon
}

test_a_reload_names_what_needs_a_restart() {
  begin
  start_daemon
  change_config '.store.url = "file:///elsewhere" | .s3 = {endpoint: "http://127.0.0.1:1", region: "eu", path_style: false,
    ca_file: "/x"} | .state_dir = "/elsewhere" | .keys.url = "file:///elsewhere" | .flash.path = "/elsewhere/flash" |
    .metrics.listen = "127.0.0.1:1" | .zone = {nodes: ["127.0.0.1:1", "127.0.0.1:2"], data_shards: 1} | .log.level = "warn" |
    .gc.begin_percent = 7'
  thaw config show --daemon | grep '^# the file says' >"$T/hints"
  grep -q 'zone.nodes = .* now: restart thawd$' "$T/hints" || fail "a zone tier begins: $(cat "$T/hints")"
  grep -q 'log.level = "warn" now: thaw reload$' "$T/hints" || fail "of log.level: $(cat "$T/hints")"
  grep -q 'gc.begin_percent = 7 now: commands take it$' "$T/hints" || fail "of gc.begin_percent: $(cat "$T/hints")"
  reload_says '["log.level","gc.begin_percent"]' '["store.url","s3.endpoint","s3.region","s3.path_style","s3.ca_file","state_dir","keys.url",
    "flash.path","metrics.listen","zone.nodes","zone.data_shards"]'
  # Said again as long as it is so.
  reload_says '[]' "$(jq .needs_restart "$T/reload.json")"
  equal "$(in_effect store.url)" "file://$T/store" "the store in effect"
  stop_daemon
}

deadline_is_7s() { [ "$(in_effect read.deadline 2>/dev/null)" = 7s ]; }

test_a_file_that_is_wrong_changes_nothing() {
  begin
  start_daemon
  change_config '.read.deadline = "5s" | .memory.size = "1MiB"'
  expect_error 2 "memory.size" thaw reload
  kill -HUP "$daemon"
  wait_for 5 grep -q 'reload: .*memory.size' "$T/thawd.log" || fail "SIGHUP: $(tail -n 3 "$T/thawd.log")"
  change_config '.memory.size = "64MiB" | .read.deadline = "7s"'
  kill -HUP "$daemon"
  wait_for 5 deadline_is_7s || fail "read.deadline in effect: $(in_effect read.deadline)"
  stop_daemon
}

test_a_sighup_without_a_worker_reaches_the_next_one() {
  begin
  start_daemon
  change_config '.read.deadline = "7s"'
  local worker
  worker=$(worker_pid)
  kill -KILL "$worker"
  while readlink "/proc/$worker/exe" >/dev/null; do :; done
  kill -HUP "$daemon"
  wait_for 10 deadline_is_7s || fail "read.deadline in effect: $(in_effect read.deadline)"
  stop_daemon
}

test_an_empty_name_of_a_file_is_not_the_defaults() {
  expect_error 2 "--config: names no file" thaw --config '' images
  expect_error 2 "--config: names no file" thawd --config ''
}

test_what_no_store_no_tenant_and_no_collector_takes_is_told_by_the_check() {
  local wrong
  for wrong in '.store.url = "http://x"' '.store.url = "file://relative/x"' '.store.url = "s3://"' '.tenant = "A_b"' \
    '.gc.lease_lapse = "5m"' '.read.deadline = "0s"' '.state_dir = "/var/lib/a,b"'; do
    write_config "$wrong"
    expect_error 2 "$(sed -E 's/^\.([a-z_.]+) .*/\1/' <<<"$wrong")" thaw config check
    expect_error 2 "thaw.json" timeout 10 thawd --config "$THAW_CONFIG"
  done
}

test_what_could_not_be_printed_is_an_error() {
  write_config
  local status=0
  thaw config default >/dev/full 2>"$T/err" || status=$?
  equal "$status" 1 status
  grep -q "stdout.*[Nn]o space" "$T/err" || fail "it said $(cat "$T/err")"
  status=0
  thaw --help >/dev/full 2>"$T/err" || status=$?
  equal "$status" 1 "status of --help"
  expect_error 2 'no command "moutn"' thaw moutn debian:1 /x
  expect_error 2 "^thaw roots create: .*see 'thaw roots create --help'" thaw roots create --share
  # What would be of no effect is refused.
  expect_error 2 "^thaw verify: .*--tenant" thaw verify --all --tenant acme
  expect_error 2 "^thaw verify: .*--allow-rollback" thaw verify --all --allow-rollback
  expect_error 2 "^thaw images: .*--tenant" thaw images --sharing --all-tenants --tenant acme
}

test_each_command_has_examples_of_its_own() {
  local command
  for command in $(thaw --help | sed -n '/^Subcommands/,/^$/p' | awk 'NR > 1 && NF {print $1}'); do
    thaw "$command" --help | grep -v '^Usage' | grep -q "thaw $command" || fail "thaw $command --help has no example"
    if [ "$command" != build ] && thaw "$command" --help | grep -q "thaw build"; then
      fail "thaw $command --help has another command's"
    fi
  done
  expect_error 125 'behind --' thaw run debian:1 ls -l
}

test_a_configuration_may_lie_where_it_likes() {
  write_config
  mkdir "$T/"$'caf\xe9'
  mv "$T/thaw.json" "$T/"$'caf\xe9/thaw.json'
  export THAW_CONFIG=$T/$'caf\xe9/thaw.json'
  start_daemon
  thaw reload
  thaw config show --daemon >/dev/null
  stop_daemon
}

test_who_may_not_use_the_socket_is_told_so() {
  write_config
  start_daemon
  chmod 755 "$(dirname "$T")" "$T" "$T/run"
  chmod 644 "$THAW_CONFIG"
  expect_error 4 "run this as root" setpriv --reuid=65534 --regid=65534 --clear-groups thaw ps
  stop_daemon
}

# Of docs/operating.md: each key stands in the table of keys with its default, and in one row of the table of reloads,
# which is that of the restart for those of which the commented defaults say so.
test_the_documentation_has_each_key_as_it_is() {
  thaw config default >"$T/default.txt"
  thaw config default --json >"$T/default.json"
  /usr/bin/python3 - "$here/../../docs/operating.md" "$T" <<'PYTHON' >"$T/wrong"
import json, re, sys
def seconds(text):
    time = re.fullmatch(r"(\d+)([smhd])", text)
    return int(time[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[time[2]] if time else text
rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in open(sys.argv[1]) if line.startswith("|")]
keys, defaults = {}, json.load(open(sys.argv[2] + "/default.json"))
for row in rows:
    names, values = (re.findall(r"`([^`]*)`", cell) for cell in row[:2])
    if len(row) == 3: keys.update(zip(names, values or [None] * len(names)))
takes = {row[0]: re.findall(r"`([a-z_.…0-9]+)`", row[1]) for row in rows
         if len(row) == 2 and re.match("at once|for images|with (the next|a restart)", row[0])}
at_start, group = set(), ""
for line in open(sys.argv[2] + "/default.txt"):
    if opened := re.match(r'  "(\w+)": \{', line): group = opened[1] + "."
    elif line == "  },\n": group = ""
    elif line.strip().startswith("//"): restart = "(taken when thawd starts)" in line
    elif (named := re.match(r' +"(\w+)":', line)) and restart: at_start.add(group + named[1])
flat = {}
for name, value in defaults.items():
    flat.update({name + "." + k: v for k, v in value.items()} if isinstance(value, dict) else {name: value})
for key, value in flat.items():
    told = [row for row, names in takes.items() if key in names or key.split(".")[0] + ".…" in names]
    if len(told) != 1 or (told[0] == "with a restart") != (key in at_start): print(key, "is taken:", told)
    if key.startswith("build.") and key != "build.spool_dir": continue  # of these the document has names alone
    if key not in keys: print(key, "is not in the table of keys")
    elif isinstance(value, (str, int)) and value != "" and keys[key] is not None:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if seconds(keys[key].strip('"')) != seconds(text): print(key, "has the default", text, "and not", keys[key])
PYTHON
  [ ! -s "$T/wrong" ] || fail "$(cat "$T/wrong")"
}

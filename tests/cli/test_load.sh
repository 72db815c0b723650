#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Loading and unloading, and every verb when it is not loaded or not allowed.

. "${0%/*}/lib.sh"
unloaded

remedy='rescore is not loaded: run `rlimitctl load` as root'
for verb in list show resources events audit 'create web' 'destroy web' \
	'set web numproc=5' 'mode web observe' 'reset web' \
	'attach web --cgroup /' 'detach web --cgroup /' 'exec web true' 'kill web' ''; do
	# shellcheck disable=SC2086
	bad 1 "$remedy" $verb
done
bad 1 'rescore is not loaded: there is nothing to unload' unload
bad 1 'rescore is not loaded: there is nothing to unload' unload --force

run rlimitctl status
[ "$status" -eq 3 ] && [ ! -s "$tmp/err" ]
result $? "status of what is not loaded is 3"
says 'rescore is not loaded'
grep -q '^kernel BTF  *yes' "$tmp/out"
result $? "status lists features without being loaded"
run rlimitctl status --json
jq -e '.version == 1 and .loaded == false and (.features | length) > 3' \
	< "$tmp/out" > /dev/null && [ "$status" -eq 3 ]
result $? "the same as JSON"

# --- as a user ------------------------------------------------------------------

as_user()
{
	run su -s /bin/sh tenant -c "rlimitctl $1"
	one_line 1 "you are not root: run \`rlimitctl ${1%% *}\` as root"
	result $? "not root: rlimitctl $1"
}

verbs='load list show resources events audit create:web destroy:web
	set:web:numproc=5 mode:web:observe reset:web attach:web:--cgroup:/ detach:web:--cgroup:/
	exec:web:true kill:web status status:web'
for verb in $verbs; do
	as_user "$(echo "$verb" | tr : ' ')"
done
run su -s /bin/sh tenant -c 'rlimitctl help'
is "help is for everybody" "$status" 0

# --- options --------------------------------------------------------------------

for number in 0 65536 -1 12x 1K '' ' 5' 99999999999999999999 unlimited; do
	bad 1 "\"$number\"" load --containers "$number"
done
bad 1 '"0" is out of range' load --objects 0
bad 1 'at most' load --objects 99999999999
bad 1 '"0" is out of range' load --events 0
bad 1 'at most' load --events 4000000000
bad 1 'there is no controller "nope"; there are cpu,files,' load --only numproc,nope
bad 1 'there is no controller "rescore"' load --only rescore
bad 1 '/nonexistent' load --bpf-dir /nonexistent
mkdir "$tmp/empty"
bad 1 "$tmp/empty" load --bpf-dir "$tmp/empty"
echo rubbish > "$tmp/empty/rescore.bpf.o"
bad 1 'rescore.bpf.o' load --bpf-dir "$tmp/empty"

# --- kernels that lack something ---------------------------------------------------

without()
{
	text=$1
	shift
	run unshare -m sh -c "$*; exec rlimitctl load"
	one_line 1 "$text"
	result $? "load without: $text"
	run rlimitctl status
	is "nothing has been loaded" "$status" 3
}

without 'no BTF' 'mount -t tmpfs none /sys/kernel/btf'
without 'no cgroup v2' 'umount -l /sys/fs/cgroup'
run unshare -m sh -c 'mount -t tmpfs none /sys/kernel/btf;
	umount -l /sys/fs/cgroup; exec rlimitctl status'
is "status knows: 3" "$status" 3
grep -q '^kernel BTF  *no ' "$tmp/out" && grep -q '^cgroup v2  *no ' "$tmp/out"
result $? "status knows what is missing"

# --- loaded -----------------------------------------------------------------------

good load
[ ! -s "$tmp/out" ]
result $? "load is silent"
bad 1 'rescore is loaded already: see `rlimitctl status`' load
good status
grep -q '^rescore .* is loaded since ' "$tmp/out"
result $? "status says since when"
json '.version == 1 and .loaded and .containers == {"used": 0, "room": 4095}' \
	status --json
json '.resources | length > 0 and all(.on or (.why | length > 0))' status --json
json '.programs | length > 0 and all(.on or (.why | length > 0))' status --json
json '[.resources[] | select(.name == "numproc" or .name == "numfile").on] ==
	[true, true]' status --json
good status -v
says 'numfile__open'
json '.payers.room > 0 and .payers.overflow == 0 and .payers.lost == 0 and
	.payers.missed_frees == 0' status --json
good unload
run rlimitctl status
is "unloaded" "$status" 3

run rlimitctl load -v --containers 7 --objects 1000 --events 100 \
	--only numproc,files --bpf-dir /usr/lib/rescore
is "a load with every option" "$status" 0
json '.containers.room == 7 and .events.room == 128 and .payers.room >= 1000' \
	status --json
json '[.resources[].name] == ["numfile", "numpty", "numproc"]' status --json
bad 1 'unknown resource "numflock"' create web numflock=5
good create web
bad 1 'containers exist' unload
good unload --force
run rlimitctl status
is "unloaded by force" "$status" 3
good load --only numproc
json '.containers == []' show --json
good create web
good destroy web
good unload
[ ! -e /sys/fs/bpf/rescore ]
result $? "nothing stays pinned"

# --- upgrade, and single controllers ---------------------------------------------------

bad 1 'rescore is not loaded: there is nothing to upgrade' upgrade
good load --only numproc,files
good create web numfile=23
rlimitctl exec web sleep 1000 &
until_true has web 1
bad 2 'unknown option "--containers" of upgrade' upgrade --containers 5
bad 1 '/nonexistent' upgrade --bpf-dir /nonexistent
bad 1 'there is no controller "nope"' upgrade --only nope
bad 1 'keeps its size' load --only locks --containers 5
files=$(row web numfile held)
good upgrade
is "what is held stays" "$(row web numfile held) $(row web numfile limit)" "$files 23"
json '.rescore.generation == 2' status --json
good load --only locks
json '[.resources[] | select(.on).name] == ["numfile", "numpty", "numproc", "numflock"]' \
	status --json
bad 1 'controller "nope" is not loaded' unload nope
good unload files
json '[.resources[] | select(.on).name] == ["numproc", "numflock"]' status --json
json '.resources[] | select(.name == "numfile").why ==
	"its controller has been unloaded"' status --json
bad 1 'numfile' set web numfile=5
has web 1
result $? "the others go on"
good load --only files
is "bounds come back" "$(row web numfile limit)" 23
good unload numproc
is "nobody counts processes" "$(value '.containers[0].resources.numproc.state' show web)" off
good load --only numproc
is "those that run are counted" "$(row web numproc held)" 1
good kill web
wait
good destroy web
good unload

# --- programs that are attached only where it is worth it ------------------------------

attached()
{
	[ -e "/sys/fs/bpf/rescore/links/$1" ] && echo yes || echo no
}

born=othersockbuf__born__bound
good load --only sockets,files
if grep -q '(none)\|(voluntary)' /sys/kernel/debug/sched/preempt; then
	is "tasks are not preempted: the cheaper program" \
		"$(attached numfile__free__task) $(attached numfile__free__lsm)" 'yes no'
else
	is "tasks are preempted: the one that is never skipped" \
		"$(attached numfile__free__task) $(attached numfile__free__lsm)" 'no yes'
fi
good create web
good set web numothersock=50
is "what only keeps a bound waits for one" "$(attached $born)" no
good upgrade
is "an upgrade leaves it so" "$(attached $born)" no
mv /sys/fs/bpf/rescore/progs/$born /sys/fs/bpf/rescore/progs/gone
bad 1 "cannot attach $born" set web othersockbuf=1m
is "no bound that could not be kept" "$(row web othersockbuf limit)" null
mv /sys/fs/bpf/rescore/progs/gone /sys/fs/bpf/rescore/progs/$born
good set web othersockbuf=1m
is "a bound attaches it" "$(attached $born)" yes
good set web othersockbuf=2m
good upgrade
is "it is there after an upgrade" "$(attached $born)" yes
arrive=$(basename "$(echo /sys/fs/bpf/rescore/progs/dgramrcvbuf__arrive__bound_*)")
is "of another row nothing yet" "$(attached "$arrive")" no
good set web dgramrcvbuf=1m
is "which its own attaches" "$(attached "$arrive")" yes
good set web dgramrcvbuf=unlimited
good set web othersockbuf=unlimited
good upgrade
is "which leaves it out when no bound is left" \
	"$(attached $born) $(attached "$arrive")" 'no no'
good destroy web
good unload

# --- all slots -----------------------------------------------------------------------

good load --containers 2 --only numproc
good create a
good create b
bad 1 '"c": all 2 slots are taken' create c
good destroy a
good create c
good destroy b c
good unload
good load --containers 65535 --only numproc
good create 65535
json '.containers[0].slot == 65535' show 65535 --json
good create 65536
json '.containers[0].slot == 1' show 65536 --json
good exec 65535 true
good destroy 65535 65536

finish

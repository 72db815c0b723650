#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# exec and kill.

. "${0%/*}/lib.sh"
fresh

# exits STATUS ARGS...
exits()
{
	want=$1
	shift
	run rlimitctl "$@"
	is "rlimitctl $*" "$status" "$want"
}

exits 0 exec web true
exits 1 exec web false
exits 7 exec web -- sh -c 'exit 7'
exits 143 exec web -- sh -c 'kill -TERM $$'
good exec web -- echo -n --admin
is "the rest is the command's" "$(cat "$tmp/out")" --admin
good exec web echo --json
is "without --, too" "$(cat "$tmp/out")" --json
good exec --admin web -- echo -- x
is "only the first -- is ours" "$(cat "$tmp/out")" '-- x'
good exec web cat /proc/self/cgroup
says '0::/rescore/web'
run sh -c 'echo input | rlimitctl exec web cat'
is "it has our input" "$(cat "$tmp/out")" input
good exec web ls /proc/self/fd
is "it has our three descriptors, and the folder it lists" \
	"$(tr '\n' ' ' < "$tmp/out")" '0 1 2 3 '

run rlimitctl exec web /nosuch
one_line 127 '"/nosuch" could not be started in "web"'
result $? "what does not exist: 127"
run rlimitctl exec web nosuch
one_line 127 '"nosuch" could not be started in "web"'
result $? "what is not in PATH: 127"
run rlimitctl exec web /etc
one_line 126 '"/etc" could not be started in "web"'
result $? "what is no program: 126"
bad 1 'there is no container "wbe": did you mean "web"?' exec wbe true
bad 1 '"a/b" is no container name' exec a/b true

# --- full ---------------------------------------------------------------------------

rlimitctl exec web sleep 1000 &
until_true has web 1
good set web numproc=0 numfile=0
bad 1 'busy' destroy web
run rlimitctl exec web sh -c 'sleep 0 & wait $!'
[ "$status" -ne 0 ] && grep -qi "can't fork" "$tmp/err"
result $? "a full container can be entered, and refuses the rest"
good exec --admin web sh -c 'ls /etc > /dev/null && sleep 0 & wait $!'
good kill web
wait
until_true has web 0
result $? "a full container can be killed"
good destroy web

# --- kill ------------------------------------------------------------------------------

# caught SIGNAL-ARGS...: a process in web ends with what the signal made it say.
caught()
{
	rm -f "$tmp/caught"	# or the last one's "ready" would do
	rlimitctl exec web sh -c 'trap "echo usr1; exit" USR1
		trap "echo term; exit" TERM; echo ready
		while :; do usleep 10000; done' > "$tmp/caught" &
	until_true grep -q ready "$tmp/caught"
	good kill web "$@"
	wait
	tail -n 1 "$tmp/caught"
}

good create web
for args in '-s USR1' '--signal=SIGUSR1' '-s usr1' '-s 10'; do
	# shellcheck disable=SC2086
	is "kill $args" "$(caught $args | tail -n 1)" usr1
done
is "kill -s TERM" "$(caught -s TERM | tail -n 1)" term
is "kill" "$(caught | tail -n 1)" ready
good kill web
bad 1 'unknown signal "FROB"' kill web -s FROB
bad 1 'unknown signal "0"' kill web -s 0
bad 1 'unknown signal "-9"' kill web -s -9
bad 1 'unknown signal "65"' kill web -s 65
bad 1 'unknown signal ""' kill web -s ''
bad 1 'there is no container "nope"' kill nope

# Somebody has removed what it is.
until_true rmdir /sys/fs/cgroup/rescore/web
bad 1 '"web" has no cgroup any more: attach one, or destroy it' exec web true

finish

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# What is written: full disks, closed pipes, JSON of every reading verb.

. "${0%/*}/lib.sh"
fresh

reading='show list resources status audit help version help:show show:--json
	list:--json resources:--json status:--json audit:--json show:--all'
for verb in $reading; do
	words=$(echo "$verb" | tr : ' ')
	# shellcheck disable=SC2086
	rlimitctl $words > /dev/full 2> "$tmp/err"
	status=$?
	: > "$tmp/out"
	one_line 1 'the output could not be written: No space left on device'
	result $? "a full disk: rlimitctl $words"
	# shellcheck disable=SC2086
	sh -c "rlimitctl $words 2> $tmp/err | true"
	[ ! -s "$tmp/err" ]
	result $? "a closed pipe: rlimitctl $words"
	# The same with SIGPIPE ignored, as some callers leave it.
	sh -c "trap '' PIPE; rlimitctl $words 2> $tmp/err | true"
	[ ! -s "$tmp/err" ]
	result $? "a closed pipe, no signal: rlimitctl $words"
done

rlimitctl set web numproc=0
rlimitctl exec web sh -c ': &' 2> /dev/null
rlimitctl events > /dev/full 2> "$tmp/err"
status=$?
one_line 1 'the output could not be written'
result $? "a full disk: rlimitctl events"
rlimitctl events --follow > /dev/full 2> "$tmp/err"
status=$?
one_line 1 'the output could not be written'
result $? "a full disk: rlimitctl events --follow"

for verb in show list resources status audit 'events -n 1' 'show -q' \
	'audit -v' 'status -v'; do
	# shellcheck disable=SC2086
	json '.version == 1' $verb --json
done

# Not a terminal: never a colour.
TERM=xterm rlimitctl show > "$tmp/out"
! grep -q "$(printf '\033')" "$tmp/out"
result $? "no colours in a file"

# What changes something is silent.
for verb in 'create db' 'set db numproc=5' 'mode db observe' 'reset db' \
	'kill db' 'destroy db' 'unload --force'; do
	# shellcheck disable=SC2086
	good $verb
	[ ! -s "$tmp/out" ]
	result $? "silent: rlimitctl $verb"
done

finish

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# events, audit.

. "${0%/*}/lib.sh"
unloaded
fresh
good create db

# refuse NAME: one more event of numproc in this container.
refuse()
{
	rlimitctl set "$1" numproc=1
	rlimitctl exec "$1" sh -c ': &'
	until_true has "$1" 0
} > /dev/null 2>&1

good events
[ ! -s "$tmp/out" ]
result $? "no events yet"
good events --json
[ ! -s "$tmp/out" ]
result $? "no JSON either"

refuse web
good events
when='20[0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9]\.[0-9]*'
grep -q "^$when web numproc refused: held 1 + 1 > barrier 1 (EAGAIN), pid [0-9]* (.*)$" \
	"$tmp/out"
result $? "an event in one line"
json '.version == 1 and .seq == 1 and .kind == "refused" and .container == "web"
	and .resource == "numproc" and .held == 1 and .amount == 1 and
	.bound == "barrier" and .bound_value == 1 and .errno == "EAGAIN" and
	.suppressed == 0 and (.time | test("^20.*Z$"))' events --json
refuse db
good events --container db
is "only of db" "$(grep -c ' db numproc refused: ' "$tmp/out")/$(wc -l < "$tmp/out")" 1/1
good events --resource numproc
is "only of numproc" "$(wc -l < "$tmp/out")" 2
good events -r numfile
is "none of numfile" "$(wc -l < "$tmp/out")" 0
good events -n 1
is "only the newest" "$(grep -c ' db numproc ' "$tmp/out")/$(wc -l < "$tmp/out")" 1/1
good events -n 1 -c web
is "the newest of web" "$(grep -c ' web numproc ' "$tmp/out")/$(wc -l < "$tmp/out")" 1/1
good events -n 0
is "none" "$(wc -l < "$tmp/out")" 0
good events -n 4611686018427387904
is "as many as there are" "$(wc -l < "$tmp/out")" 2

bad 1 'there is no container "nope"' events --container nope
bad 1 'unknown resource "numprok": did you mean "numproc"?' events -r numprok
bad 1 '"x" is not a number' events -n x
bad 1 '"-1" is negative' events -n -1
bad 1 '"unlimited" is out of range' events -n unlimited

# --- mode observe --------------------------------------------------------------------

good mode db observe
refuse db
good events -n 1
grep -q ' db numproc observed: held 1 + 1 > barrier 1 (would be EAGAIN), ' "$tmp/out"
result $? "observed, not refused"

# --- a container that is gone, a name that fights back ---------------------------------

good create evil numproc=1
esc=$(printf '\033[31m')
# A script's process is called as its file is.
printf '#!/bin/sh\n: &\n' > "$tmp/$esc"
chmod +x "$tmp/$esc"
run rlimitctl exec evil "$tmp/$esc"
good events -n 1
grep -qF '(\x1b[31m)' "$tmp/out"
result $? "control characters are shown, not sent"
json '.comm == "\u001b[31m"' events -n 1 --json
until_true has evil 0
good destroy evil
good events -n 1
grep -q ' (slot [0-9]*) numproc refused' "$tmp/out"
result $? "the container is gone"
json '.container == null and .slot > 0 and .serial > 0' events -n 1 --json

# --- follow ---------------------------------------------------------------------------

# started ARGS...: events --follow ARGS in the background, into $tmp/followed.
started()
{
	rlimitctl events --follow "$@" > "$tmp/followed" 2> "$tmp/err" &
	pid=$!
	# It has read what was kept once it catches SIGINT and SIGTERM.
	until_true grep -q '^SigCgt:.*4002$' /proc/$pid/status
}

for signal in INT TERM; do
	# A shell's background jobs ignore SIGINT: rlimitctl has to ask for it.
	started -n 0
	refuse web
	until_true grep -q ' web numproc refused' "$tmp/followed"
	result $? "follow shows what happens"
	kill -s $signal $pid
	wait $pid
	status=$?
	[ $status -eq 0 ] && [ ! -s "$tmp/err" ] &&
		[ "$(wc -l < "$tmp/followed")" -eq 1 ]
	result $? "SIG$signal ends it with 0"
done
started -n 0 --json --container db
refuse web
refuse db
until_true grep -q '"container":"db"' "$tmp/followed"
result $? "follow as JSON, filtered"
jq -e '.version == 1' < "$tmp/followed" > /dev/null &&
	! grep -q '"web"' "$tmp/followed"
result $? "each line is a document"
kill $pid
wait $pid
started
[ "$(wc -l < "$tmp/followed")" -gt 2 ]
result $? "without -n it begins with those that are kept"
kill $pid
wait $pid

# The reader goes; nothing else happens that would be written.
mkfifo "$tmp/pipe"
rlimitctl events --follow -n 0 > "$tmp/pipe" 2> "$tmp/err" &
pid=$!
: < "$tmp/pipe"
gone() { ! kill -0 "$pid" 2> /dev/null; }
until_true gone
result $? "it ends when nobody reads any more"
wait $pid
[ ! -s "$tmp/err" ]
result $? "without a word"

# --- more than the ring holds ----------------------------------------------------------

# Each second a row reports at most ten: many rows of one event each fill it.
slots=$(seq 1 70)
for n in $slots; do
	rlimitctl create "c$n" numproc=0
	rlimitctl exec "c$n" sh -c ': &'
done > /dev/null 2>&1
good events
grep -q '^-- [0-9]* events lost: overwritten before they were read$' "$tmp/out"
result $? "events says how many were lost"
is "it shows as many as the ring holds" "$(grep -c refused "$tmp/out")" 64
run rlimitctl events --json
jq -es '.[0].lost > 0 and (.[1:] | length == 64)' < "$tmp/out" > /dev/null
result $? "as JSON, too"
for n in $slots; do
	rlimitctl destroy --force "c$n"
done

# --- suppressed -----------------------------------------------------------------------

# More than ten within one second.
good mode web observe
good set web numproc=1
good reset web
run rlimitctl exec web sh -c 'i=0; while [ $i -lt 40 ]; do (:) & i=$((i + 1)); done
	wait'
is "failcnt counts them all" "$(row web numproc failcnt)" 40
sleep 1
run rlimitctl exec web sh -c ': &'
json '.suppressed > 0' events -n 1 --json
# --- unloaded meanwhile ------------------------------------------------------------------

started -n 0
good unload --force
until_true gone
result $? "it ends when rescore is unloaded"
wait $pid
status=$?
one_line 1 'rescore has been unloaded'
result $? "and says so"

# --- audit -----------------------------------------------------------------------------

fresh
good audit
grep -q '^audit: [0-9]* rows compared, 0 differences$' "$tmp/out"
result $? "nothing to complain of"
good audit web
json '.version == 1 and .differences == 0 and .compared > 0 and .rows == []' \
	audit --json
rlimitctl exec web sleep 1000 &
until_true has web 1
good audit -v web
grep -q '^web numproc: held 1, found 1, right (' "$tmp/out"
result $? "audit -v shows what it found"
json '[.rows[] | select(.resource == "numproc")][0] | .held == 1 and .low == 1 and
	.high == 1 and .differs == false and .finding == null' audit -v --json
good kill web
wait
bad 1 'there is no container "nope"' audit nope

finish

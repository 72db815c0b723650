#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# watch as a service: logs, floods, restarts, what changes beneath it.

. "${0%/*}/lib.sh"
. "${0%/*}/watch.sh"
fresh
good action web numproc log

# The events that came before this have been seen when it returns.
marked()
{
	anew mark
	good action mark numproc log
	refuse mark
	until_true grep -q ' mark numproc refused' "$tmp/watch"
	result $? "events were followed"
}

# --- where it logs to -------------------------------------------------------------

busybox syslogd -n -O "$tmp/syslog" &
syslogd=$!
until_true test -S /dev/log
watching --syslog
refuse web
until_true grep -q 'daemon.warn rescore\[[0-9]*\]: .* web numproc refused' \
	"$tmp/syslog"
result $? "--syslog: to syslog, with its level"
is "and not on standard output" "$(cat "$tmp/watch")" ""
ended
kill $syslogd
wait $syslogd
rm -f /dev/log

# As systemd starts it: standard output is the journal's.
: > "$tmp/watch"
JOURNAL_STREAM=$(stat -c %d:%i "$tmp/watch")
export JOURNAL_STREAM
good create loud
good action loud numproc log,hook=nothing
watching
unset JOURNAL_STREAM
refuse loud
until_true grep -q '^<4>.* loud numproc refused' "$tmp/watch"
result $? "the journal is told the level of a refusal"
until_true grep -q "^<3>loud: cannot run $hooks/nothing: No such file" \
	"$tmp/watch"
result $? "and of a mistake"
ended
good destroy --force loud

# What the unit starts is there, and takes the options that it is given.
command=$(sed -n 's/^ExecStart=//p' /t/systemd/rescore-watch.service)
is "the unit's command" "$command" "/usr/sbin/rlimitctl watch"

# --- one at once ----------------------------------------------------------------------

watching
bad 1 'another `rlimitctl watch` runs' watch
ended

# --- a flood ---------------------------------------------------------------------------

# What else it does has to go on, and its memory stays as it is.
good create flood
good action flood numfile log
watching
marked
before=$(awk '/^VmRSS/ { print $2 }' "/proc/$watch/status")
rlimitctl set flood numfile=1
rlimitctl exec flood sh -c 'i=0
	while [ $i -lt 100000 ]; do true < /dev/null; i=$((i + 1)); done' \
	2> /dev/null
until_true test "$(row flood numfile failcnt)" -ge 100000
result $? "100000 refusals"
good action web numfile log
rlimitctl set web numfile=1
rlimitctl exec web sh -c 'true < /dev/null' > /dev/null 2>&1
until_true grep -q ' web numfile refused' "$tmp/watch"
result $? "another container's is logged after them"
is "theirs, once" "$(lines ' flood numfile refused')" 1
after=$(awk '/^VmRSS/ { print $2 }' "/proc/$watch/status")
[ "$after" -le $((before + 512)) ]
result $? "in the same memory: $before kB, then $after kB"
is "no hook was left, nor a zombie" \
	"$(cat "/proc/$watch/task/$watch/children")" ""
good set web numfile=unlimited
ended
good destroy --force flood

# More events than are kept (64 here) while it does not run: it says so.
good create many
watching
ended
for name in 1 2 3 4 5 6 7 8; do
	good create "m$name"
	# of each ten are kept in a second
	rlimitctl set "m$name" numfile=1
	rlimitctl exec "m$name" sh -c 'i=0
		while [ $i -lt 20 ]; do true < /dev/null; i=$((i + 1)); done' \
		2> /dev/null
done
watching
until_true grep -q '^[1-9][0-9]* events lost: too many at once' "$tmp/watch"
result $? "events that were lost are told"
is "in one line" "$(lines 'events lost')" 1
ended
for name in 1 2 3 4 5 6 7 8; do
	good destroy --force "m$name"
done

# --- a restart ---------------------------------------------------------------------------

good create again
good action again numproc log
watching
rlimitctl set again numproc=1
rlimitctl exec again sh -c ': & sleep 1000' 2> /dev/null &
until_true grep -q ' again numproc refused' "$tmp/watch"
result $? "a crossing"
kill -9 "$watch"
wait "$watch" 2> /dev/null
# the container is full still: it is the same crossing
rlimitctl exec again true > /dev/null 2>&1
good create late
good action late numproc log
refuse late
watching
until_true grep -q ' late numproc refused' "$tmp/watch"
result $? "what came while none ran is not lost"
is "a crossing that was told is not told again" \
	"$(lines ' again numproc refused')" 0
ended
rlimitctl kill again
watching
marked
is "nor is what was followed" "$(lines ' late numproc refused')" 0
ended

# A hook of the one before still counts as the container's one.
hook note << 'END'
#!/bin/sh
echo $$ >> /tmp/hook.pids
while [ ! -e /tmp/hook.end ]; do usleep 50000; done
END
good action late numproc hook=note
good action late numfile hook=note
good create early
good action early numproc hook=note
watching
refuse early
until_true test -s /tmp/hook.pids
kill -9 "$watch"
wait "$watch" 2> /dev/null
watching
good action early numfile hook=note
rlimitctl set early numfile=1
rlimitctl exec early sh -c 'true < /dev/null' > /dev/null 2>&1
until_true grep -q '^early: hook note left out: one still runs' "$tmp/watch"
result $? "one hook at once, whoever started it"
touch /tmp/hook.end
is "there was one" "$(wc -l < /tmp/hook.pids)" 1
hook=$(cat /tmp/hook.pids)
until_true test ! -e "/proc/$hook"
ended
rm -f /tmp/hook.*

# --- hooks that others could change ------------------------------------------------------

# refused_hook WHAT: the hook `note` is not run.
refused_hook()
{
	good create other
	good action other numproc hook=note
	watching
	refuse other
	until_true grep -q "^other: cannot run $hooks/note: not an executable that only root" \
		"$tmp/watch"
	result $? "not run: $1"
	is "...and it was not: $1" "$(ls /tmp/hook.ran 2> /dev/null)" ""
	ended
	good destroy --force other
}

mkdir -p /srv/theirs
printf '#!/bin/sh\ntouch /tmp/hook.ran\n' > /srv/theirs/note
chmod 755 /srv/theirs/note
rm -f "$hooks/note"
cp /srv/theirs/note "$hooks/note"
chown 1000 "$hooks/note"
refused_hook "another's file"
chown 0 "$hooks/note"
chmod 775 "$hooks/note"
refused_hook "a file that a group can write"
chmod 644 "$hooks/note"
refused_hook "a file that is no program"
chmod 755 "$hooks/note"
chmod 777 "$hooks"
refused_hook "in a folder that anybody can write"
chmod 755 "$hooks"
chown 1000 /etc/rescore
refused_hook "in a folder of another's folder"
chown 0 /etc/rescore
chown 1000 /srv/theirs
ln -sf /srv/theirs/note "$hooks/note"
refused_hook "a link into another's folder"
chown 0 /srv/theirs
good create other
good action other numproc hook=note
watching
refuse other
until_true test -e /tmp/hook.ran
result $? "a link to what only root can change is followed"
ended
rm -rf /tmp/hook.* "$hooks/note" /srv/theirs

# --- what changes beneath it --------------------------------------------------------------

good create below
good action below numproc log
watching
good upgrade
refuse below
until_true grep -q ' below numproc refused' "$tmp/watch"
result $? "it goes on through an upgrade"
good unload locks
good create under
good action under numproc log
refuse under
until_true grep -q ' under numproc refused' "$tmp/watch"
result $? "and when a controller is unloaded"
good unload --force
wait "$watch"
is "it ends when all is unloaded" $? 1
is "and says why" "$(cat "$tmp/watch.err")" \
	"rlimitctl: rescore has been unloaded: there will be no more events"
bad 1 'rescore is not loaded' watch
good load --containers 100 --events 64
good create web
good action web numproc log
watching
refuse web
until_true grep -q ' web numproc refused' "$tmp/watch"
result $? "loaded anew, it begins anew"
ended
finish

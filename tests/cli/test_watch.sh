#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# action, watch.

. "${0%/*}/lib.sh"
unloaded
fresh
good create db
. "${0%/*}/watch.sh"

# --- action ---------------------------------------------------------------------

good action web
is "no actions yet" "$(cat "$tmp/out")" ""
good action web numproc log,signal=SIGTERM,hook=note
good action web numfile refuse,log
good action web
is "actions of web" "$(sort "$tmp/out" | tr '\n' ';')" \
	"numfile refuse,log;numproc refuse,log,signal=TERM,hook=note;"
good action db
is "none of db" "$(cat "$tmp/out")" ""
good action web numfile refuse
good action web
is "refuse alone is no action" "$(cat "$tmp/out")" \
	"numproc refuse,log,signal=TERM,hook=note"
is "stored, with its version" \
	"$(jq -c '[.version, .actions.numproc]' "$store/web/actions.json")" \
	'[1,"refuse,log,signal=TERM,hook=note"]'
is "for root's eyes" "$(stat -c %a "$store/web/actions.json")" 600

before=$(cat "$store/web/actions.json")
bad 2 '"lgo" is none of refuse, log, signal=SIGNAL and hook=NAME' \
	action web numproc lgo
bad 2 '"" is none of refuse' action web numproc log,
bad 2 '"log" is there twice' action web numproc log,log
bad 2 '"signal=NOPE" has no signal' action web numproc signal=NOPE
bad 2 '"hook=../x" has no name of a file' action web numproc hook=../x
bad 2 '"hook=.x" has no name of a file' action web numproc hook=.x
bad 2 '"hook=b" is the second hook' action web numproc hook=a,hook=b
bad 2 'what is to happen is missing' action web numproc
bad 1 'unknown resource "numprok": did you mean "numproc"?' \
	action web numprok log
bad 1 'there is no container "nope"' action nope numproc log
is "nothing was changed" "$(cat "$store/web/actions.json")" "$before"

echo '{"version": 2, "actions": {}}' > "$store/web/actions.json"
bad 1 'are not of this version' action web
bad 1 'not of this version' action web numproc log
is "a later version's is kept" "$(jq .version "$store/web/actions.json")" 2
rm "$store/web/actions.json"

# --- log: once per crossing ------------------------------------------------------------

good action web numproc log
watching
refuse web
until_true grep -q ' web numproc refused: ' "$tmp/watch"
result $? "a refusal is logged"
refuse web
refuse web
refuse db
# events come in their order: when this one is there, the others were seen
good create mark
good action mark numproc log
refuse mark
until_true grep -q ' mark numproc ' "$tmp/watch"
is "once, not again so soon" "$(lines ' web numproc refused: ')" 1
is "what has no action is not logged" "$(lines ' db ')" 0
ended

# --- hooks --------------------------------------------------------------------------------

hook note << 'END'
#!/bin/sh
env | grep '^RESCORE_' | sort > /tmp/hook.$RESCORE_CONTAINER
cat /proc/self/cgroup > /tmp/hook.cgroup
ls /proc/self/fd | wc -l > /tmp/hook.fds
mv /tmp/hook.$RESCORE_CONTAINER /tmp/hook.done
END
anew web
good action web numproc hook=note
watching
refuse web
until_true test -e /tmp/hook.done
result $? "the hook ran"
is "it knows the facts" "$(grep -cE '^RESCORE_(CONTAINER=web|RESOURCE=numproc|KIND=refused|HELD=1|AMOUNT=1|BOUND=barrier|BOUND_VALUE=1|UNIT=count|PID=[0-9]+)$' /tmp/hook.done)" 9
grep -q rescore/web /tmp/hook.cgroup
is "it runs outside the container" $? 1
ended
rm -f /tmp/hook.*

# What a tenant calls itself is escaped.
cp "$(readlink -f /bin/busybox)" /tmp/busybox
mkdir -p /tmp/evil
printf '#!/bin/sh\n: &\n' > "/tmp/evil/$(printf 'a\033[1m\nB=c')"
chmod 755 /tmp/evil/*
anew web
good action web numproc log,hook=note
watching
rlimitctl set web numproc=1
rlimitctl exec web "/tmp/evil/$(printf 'a\033[1m\nB=c')" > /dev/null 2>&1
until_true test -e /tmp/hook.done
is "the command's name in the environment" \
	"$(grep '^RESCORE_COMM=' /tmp/hook.done)" \
	'RESCORE_COMM=a\x1b[1m\nB=c'
is "and no variable of its own" "$(grep -c '^B=c' /tmp/hook.done)" 0
grep -qF '(a\x1b[1m\nB=c)' "$tmp/watch"
result $? "and in the log"
ended
rm -rf /tmp/hook.* /tmp/evil /tmp/busybox

# One that hangs, and forks what would outlive it.
hook note << 'END'
#!/bin/sh
setsid sh -c 'echo $$ > /tmp/hook.child; exec sleep 1000' &
until [ -s /tmp/hook.child ]; do usleep 10000; done
exec sleep 1000
END
anew web
good action web numproc log,hook=note
good action web numfile hook=note
watching --timeout 8
refuse web
until_true test -s /tmp/hook.child
rlimitctl set web numfile=1
rlimitctl exec web sh -c 'true < /dev/null' > /dev/null 2>&1
until_true grep -q 'hook note left out: one still runs' "$tmp/watch"
result $? "one at once"
slow='^web: its hook was killed: too slow'
until_true grep -q "$slow" "$tmp/watch" ||
	until_true grep -q "$slow" "$tmp/watch"
result $? "a hook that hangs is killed"
kill -0 "$(cat /tmp/hook.child)" 2> /dev/null
is "and all that it forked" $? 1
ended
rm -f /tmp/hook.*

# --- hooks that are not root's, or not there -------------------------------------------------

good create shop
chmod 777 "$hooks/note"
good action shop numproc hook=note
watching
refuse shop
until_true grep -q "^shop: cannot run $hooks/note: not an executable that only root" \
	"$tmp/watch"
result $? "a hook that anybody can write is not run"
ended
rm "$hooks/note"
anew shop
good action shop numproc hook=note
watching
refuse shop
until_true grep -q "^shop: cannot run $hooks/note: No such file" "$tmp/watch"
result $? "nor one that is not there"
ended

# --- signal ------------------------------------------------------------------------------------

good action shop numfile signal=KILL
watching
good set shop numproc=unlimited numfile=1
run rlimitctl exec shop sh -c 'i=0
	while [ $i -lt 300000 ]; do true < /dev/null; i=$((i + 1)); done'
is "what was refused is killed" "$status" 137
ended

# --- a container of the same name ---------------------------------------------------------------

good action shop numproc log
good destroy --force shop
good create shop
good action shop
is "has no actions of the last one" "$(cat "$tmp/out")" ""

bad 1 '"0" is out of range' watch --timeout 0
bad 2 '"x"' watch x
finish

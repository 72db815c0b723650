#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Trees of limits: create --parent, move, list --tree, show, why.

. "${0%/*}/lib.sh"

fresh
good create reseller numproc=20 numfile=300:400
good create joe --parent reseller numproc=15
good create ann --parent reseller
good create joes-shop --parent joe numproc=17
[ -d "$own/reseller/joe/joes-shop" ]
result $? "cgroups nest as the limits do"

bad 1 'there is no container "nobody"' create tom --parent nobody
good create deep --parent joes-shop
bad 1 'more than 4 levels' create deeper --parent deep
bad 1 'more than 4 levels' move web --parent deep
good destroy deep

# --- what is held counts on every level -----------------------------------------------

rlimitctl exec joes-shop -- sleep 1000 &
pid=$!
until_true has joes-shop 1
is "held by itself" "$(row joes-shop numproc held)" 1
is "by the one above" "$(row joe numproc held)" 1
is "and by the one above that" "$(row reseller numproc held)" 1
is "not by its sibling" "$(row ann numproc held)" 0
json '.containers[0] | .name == "joes-shop" and .parent == "joe" and
	.resources.numproc.left == 14 and .resources.numproc.tight == "joe"' \
	show joes-shop --json
json '.containers[0].resources.numproc | .left == 14 and .tight == null' show joe --json
good show joes-shop
says 'joe leaves 14 of its 15'
good set ann numproc=50
good show ann
says 'reseller leaves 19 of its 20'

# --- list -------------------------------------------------------------------------------

good list --tree
is "each below its parent" "$(awk 'NR > 1 { print $2 }' "$tmp/out" | tr '\n' ' ')" \
	"web reseller joe joes-shop ann "
grep -q '^ *[0-9]*      joes-shop ' "$tmp/out"
result $? "indented by its level"
good list
is "by slot" "$(awk 'NR > 1 { print $2 }' "$tmp/out" | tr '\n' ' ')" \
	"web reseller joe ann joes-shop "
json '[.containers[] | select(.parent == "reseller") | .name] == ["joe", "ann"]' list --json

# --- why --------------------------------------------------------------------------------

good why $pid
is "every bound on every level" \
	"$(awk '$2 == "numproc" { print $1, $6 }' "$tmp/out" | tr '\n' ',')" \
	"joes-shop 16,joe 14,reseller 19,"
grep -q '^reseller  *numfile  *[1-9]' "$tmp/out"
result $? "of every resource"
json ".pid == $pid and .container == \"joes-shop\" and (.bounds | length) == 4 and
	(.bounds[0] | .container == \"joes-shop\" and .resource == \"numproc\" and
	.held == 1 and .barrier == 17 and .left == 16)" why $pid --json
good why 1
says 'process 1 is in no container'
json '.container == null and .bounds == []' why 1 --json
bad 1 '"init" is no process id' why init
bad 1 '"-5" is no process id' why -- -5
bad 1 'there is no process 4000000' why 4000000
bad 2 'why needs an argument' why

# --- move and destroy ------------------------------------------------------------------

bad 1 'only an empty container can be moved' move joe --parent ann
bad 1 'cannot be below itself' move reseller --parent joes-shop
bad 1 'cannot be below itself' move joe --parent joe
bad 1 'there is no container "nobody"' move joe --parent nobody
bad 2 'move needs the new parent' move joe
bad 1 '"reseller" has 2 containers below it' destroy --force reseller
kill $pid
wait
until_true has reseller 0
good move joes-shop --parent ann
json '.containers[0].parent == "ann"' show joes-shop --json
good move joes-shop --parent none
json '.containers[0].parent == null' show joes-shop --json
good destroy reseller joe ann joes-shop
[ ! -d "$own/reseller" ]
result $? "and nothing is left of them"

finish

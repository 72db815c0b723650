#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# set, show, mode, reset, resources.

. "${0%/*}/lib.sh"
fresh

bounds()
{
	is "$1" "$(row web "$2" barrier):$(row web "$2" limit)" "$3"
}

bounds "unlimited at first" numproc null:null
good set web numproc=20
bounds "one number sets both" numproc 20:20
good set web numproc=30:40 numfile=100
bounds "two numbers" numproc 30:40
bounds "two resources" numfile 100:100
good set web numproc=5:unlimited
bounds "half unlimited" numproc 5:null
good set web numproc=9223372036854775807
bounds "LONG_MAX is unlimited" numproc null:null
good set web numproc=4611686018427387904
bounds "the largest bound" numproc 4611686018427387904:4611686018427387904
good set web numproc=0
bounds "nothing at all" numproc 0:0
good set web numproc=unlimited
bounds "unlimited again" numproc null:null
good set web numproc=20:25

bad 1 'there is no container "wbe": did you mean "web"?' set wbe numproc=5
bad 1 '"a b" is no container name' set 'a b' numproc=5
bad 1 'unknown resource "numprok": did you mean "numproc"?' set web numprok=5
bad 1 'unknown resource "NUMPROC"' set web NUMPROC=5
bad 1 'unknown resource "frobnicate": see' set web frobnicate=5
bad 1 'unknown resource ""' set web =5
bad 1 '"numproc" sets nothing' set web numproc
bad 1 'numproc=: "" is not a number' set web numproc=
bad 1 '"5x" is not a number' set web numproc=5x
bad 1 '"x" is not a number' set web numproc=x
bad 1 '"5 " is not a number' set web 'numproc=5 '
bad 1 '" 5" is not a number' set web 'numproc= 5'
bad 1 '"5\n" is not a number' set web 'numproc=5
'
bad 1 '"1e3" is not a number' set web numproc=1e3
bad 1 '"0x10" is not a number' set web numproc=0x10
bad 1 '"+5" is not a number' set web numproc=+5
bad 1 '"-5" is negative' set web numproc=-5
bad 1 '"1.5" is not a whole number' set web numproc=1.5
bad 1 '"5K" has a suffix' set web numproc=5K
bad 1 '"5p" has a suffix' set web numfile=5p
bad 1 '"4611686018427387905" is too large' set web numproc=4611686018427387905
bad 1 '"9223372036854775808" is too large' set web numproc=9223372036854775808
bad 1 '"99999999999999999999999999" is too large' \
	set web numproc=99999999999999999999999999
bad 1 '"30:20": the barrier is above the limit' set web numproc=30:20
bad 1 '"unlimited:20": the barrier is above' set web numproc=unlimited:20
bad 1 '"12:" has no number after the colon' set web numproc=12:
bad 1 '":12" has no number before the colon' set web numproc=:12
bad 1 '"1:2:3" has more than one colon' set web numproc=1:2:3
bad 1 '"x" is not a number' set web numfile=50 numproc=x
bad 1 'set one resource twice' set web numfile=50 numfile=60
bad 2 'unknown option "-5"' set web -5

# --- memory, where a controller has it --------------------------------------------------

pages=$(value '[.resources[] | select(.unit == "pages" and .state == "on").name][0]' \
	resources)
if [ "$pages" != null ]; then
	good set web "$pages=1M:2.5M"
	bounds "bytes become pages" "$pages" 256:640
	good set web "$pages=16p:70000"
	bounds "pages stay pages" "$pages" 16:70000
	good set web "$pages=5k"
	bounds "rounded down" "$pages" 1:1
	bad 1 '"5KB" is not a number' set web "$pages=5KB"
	bad 1 '"99999999999T" is too large' set web "$pages=99999999999T"
	good set web "$pages=unlimited"
fi

# --- show ----------------------------------------------------------------------------------

good create db
good show db
golden show-idle.txt
good show web
golden show.txt
good
says 'RESOURCE'
good show --raw web
golden show.txt
good show -q
golden show-quiet.txt
good show --all db
is "all rows and two lines of heading" "$(wc -l < "$tmp/out")" \
	$(($(value '.resources | length' resources) + 2))
[ "$(wc -L < "$tmp/out")" -le 80 ]
result $? "no wider than 80 columns"
good show db web
grep -q '^db: 0 processes$' "$tmp/out" && grep -q '^web: 0' "$tmp/out"
result $? "two containers, in the order asked for"
json '.version == 1 and [.containers[].name] == ["web", "db"]' show --json
json '[.containers[].name] == ["db"]' show db --json
json '.containers[0].resources.numproc | .unit == "count" and .barrier == 20 and
	.limit == 25 and .mode == "enforce" and .state == "on"' show web --json
json '.containers[0].resources == {}' show web --json -q
bad 1 'there is no container "nope"' show nope
bad 1 'there is no container "nope"' show web nope
bad 1 'there is no container "nope"' show web nope --json
bad 1 '"a/b" is no container name' show a/b

# --- refusals, reset, mode -------------------------------------------------------------------

# Ten at once, of which the limit allows six beside the shell.
crowd='for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1000 & done; wait'
good set web numproc=7
run rlimitctl exec web sh -c "$crowd"
refused=$(row web numproc failcnt)
[ "$refused" -gt 0 ]
result $? "refused: $refused"
is "maxheld is the barrier" "$(row web numproc maxheld)" 7
good show -q
grep -q '^web: ' "$tmp/out" && ! grep -q '^db' "$tmp/out"
result $? "show -q shows what was refused, and nothing else"
good kill web
until_true has web 0
result $? "killed"
good reset web numproc --failcnt
is "failcnt is reset" "$(row web numproc failcnt)" 0
is "maxheld is not" "$(row web numproc maxheld)" 7
good reset web numproc --maxheld
until_true [ "$(row web numproc held)" = 0 ]
good reset web
is "maxheld is reset" "$(row web numproc maxheld)" 0

bad 1 '"watch" is no mode: say enforce or observe' mode web watch
bad 1 '"" is no mode' mode web ''
bad 1 'unknown resource "numprok"' mode web observe numproc numprok
bad 1 'there is no container "nope"' mode nope observe
bad 1 'unknown resource "numprok"' reset web numproc numprok
bad 1 'there is no container "nope"' reset nope

good mode web observe numproc
is "observe" "$(row web numproc mode)" observe
is "only this one" "$(row web numfile mode)" enforce
good show web
grep -q 'MODE$' "$tmp/out" && grep -q '^numproc .* observe$' "$tmp/out"
result $? "show says so"
rlimitctl exec web sh -c "$crowd" &
until_true has web 11
result $? "nothing is refused"
[ "$(row web numproc failcnt)" -ge 4 ]
result $? "but it is counted"
json '.containers[0].over == 1' list --json
good mode web enforce
is "enforce" "$(row web numproc mode)" enforce
is "what is held is not taken away" "$(value '.containers[0].processes' show web)" 11
good kill web
wait
good mode web observe
is "all resources" "$(value '[.containers[0].resources[] |
	select(.state == "on").mode] | unique | .[]' show web)" observe
good mode web enforce numproc numfile
is "two of them" "$(row web numproc mode) $(row web numfile mode)" \
	"enforce enforce"

# --- resources -------------------------------------------------------------------------------

good resources
grep -q '^numproc  *count  *EAGAIN  *numproc  *on$' "$tmp/out"
result $? "resources lists numproc"
[ "$(wc -L < "$tmp/out")" -le 80 ]
result $? "no wider than 80 columns"
json '.version == 1 and (.resources | map(select(.name == "numproc")) |
	.[0].errno == "EAGAIN" and .[0].unit == "count" and .[0].deniable and
	.[0].ubc_index == 6)' resources --json
json '.resources | all(.state == "on" or (.why | length > 0)) and
	([.[].id] == [range(length)]) and all(.help | length > 0)' resources --json
good --list-resources

finish

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# rstat list, fetch and graph on stores with known contents: are the pictures
# real, and is everything where it belongs? Needs no kernel and no rescore.
#
# shellcheck disable=SC2317	# ok calls the functions

set -u
here=$(dirname "$(readlink -f "$0")")
O=${O:-build}
rstat=$(readlink -f "$O/rstat")
make_stores=$O/san/tests/rstat/test_graph
make_fleet=$(readlink -f "$O/san/tests/rstat/test_outlook")
# shellcheck source=tests/rstat/tap.bash
. "$here/tap.bash"

# A Monday at midnight, as in scripted.h.
start=1763942400

# colour FILE RRGGBB: count, left, right, top, bottom; legend left out
colour() { python3 "$here/pixels.py" "$@"; }

# between LOW VALUE HIGH
between() { [ "$1" -le "$2" ] && [ "$2" -le "$3" ]; }

pdf() { [ "$(head -c 5 "$1")" = %PDF- ]; }
# size FILE: of a PNG, which is read to its end; plot and margins
size()
{
	local width height

	read -r width height < <(python3 "$here/pixels.py" "$1") &&
		between "$2" "$width" "$3" && between "$4" "$height" "$5"
}

"$make_stores" --make "$tmp" || { echo "Bail out! no stores"; exit 1; }
cd "$tmp" || exit 1
chmod -R a+rX .

# --- the format on disk --------------------------------------------------------

schema()
{
	local file

	for file in use peak cap; do
		echo "$file.rrd"
		rrdtool info "$1/$file.rrd" | grep -E '^(step|ds\[[^]]*\]\.(index|type|minimal_heartbeat|min|max)|rra\[[0-9]*\]\.(cf|rows|pdp_per_row|xff)) '
	done
}
check_schema()
{
	schema 'long/20/web-0042@17' | diff "$here/golden/schema.txt" -
}
ok 'the files are those of layout version 1' check_schema

# --- list and fetch ------------------------------------------------------------

check_list()
{
	"$rstat" list -d single --json | jq -e '.version == 1 and .step == 60
		and (.containers | length) == 1 and (.containers[0] |
		.name == "a:b@c" and .series == "1" and .last == 1763942460 and
		.resources[1] == {name: "numfile", unit: "count"})'
}
ok 'list --json' check_list

check_table()
{
	"$rstat" list -d long | grep -q '^web-0042  *17  *2025-11-24 00:01:00  2026-01-19 00:00:00 '
}
ok 'list' check_table

check_csv()
{
	"$rstat" fetch web numproc -d short --csv >csv &&
	same "$(head -n 1 csv)" 'time,held,peak,failures,barrier,limit' &&
	same "$(sed -n 2p csv)" "$((start + 1)),5,6,0,20,20" &&
	same "$(sed -n 17p csv)" "$((start + 16)),32,32,7,32,32" &&
	same "$(wc -l <csv)" 31
}
ok 'fetch --csv' check_csv

check_fetch_json()
{
	"$rstat" fetch a:b@c numproc -d single --json |
	jq -e '.version == 1 and .unit == "count" and .rows ==
		[{time: 1763942460, held: 1, peak: 1, failures: 0,
		  barrier: 2, limit: 3}]' &&
	"$rstat" fetch a:b@c numfile -d single --json |
	jq -e '.rows[0] | .held == 0 and .limit == null'
}
ok 'fetch --json: null is unlimited or unknown' check_fetch_json

check_range()
{
	same "$("$rstat" fetch web numproc -d short --csv --from $((start + 4)) \
		--to $((start + 9)) | cut -d, -f1 | tr '\n' ' ')" \
		"time $(seq -s ' ' $((start + 5)) $((start + 9))) " &&
	same "$("$rstat" fetch web numproc -d short --csv \
		--from '20251124 00:00' --to start+5s | wc -l)" 6 &&
	same "$("$rstat" fetch web numproc -d short --csv --from yesterday \
		--to start+1d)" "$("$rstat" fetch web numproc -d short --csv \
		--from '00:00 yesterday' --to '00:00 today')"
}
ok 'ranges, in seconds and in words' check_range

ok 'a day that is none' fails 1 "'noday': unparsable time: noday" \
	"$rstat" fetch web numproc -d short --from noday
ok 'a pipe that is closed early is quiet' \
	sh -c "\"$rstat\" fetch web-0042 numproc -d long | head -n 1; [ ! -s err ]"
ok 'a full disk is said' fails 1 'No space left' \
	sh -c "\"$rstat\" list -d long >/dev/full"
# more than stdio keeps: the write that fails is not the last
ok 'a full disk is said of much' fails 1 'No space left' \
	sh -c "\"$rstat\" fetch web-0042 numproc -d long >/dev/full"
ok 'a full disk is said of a picture' fails 1 'No space left' \
	sh -c "\"$rstat\" graph web-0042 numproc -d long -o - >/dev/full"

# --- pictures --------------------------------------------------------------------

draw() { "$rstat" graph "$@"; }

ok 'a PNG' draw web numproc -d short -o short.png
ok 'its size' size short.png 900 1050 400 500
# Color type 2: cairo's encoder, which librrd calls, would write 6.
ok 'our encoder made it' same "$(od -An -tu1 -j 25 -N 1 short.png)" '   2'

# The plot is 860 pixels wide and begins at some x0; a second has 28.7. The
# boxes of the legend, at the left below it, have the same colours.
check_short()
{
	local count left right top bottom x0 limit_top

	read -r count left right top bottom < <(colour short.png 9DC6EC)
	x0=$left limit_top=$top
	between 100000 "$count" 200000 && between 855 $((right - left)) 860 ||
		return
	# failures from second 8 to 20
	read -r count left right top bottom < <(colour short.png B83280)
	between 2500 "$count" 4000 && between 565 $((right - x0)) 575 &&
		[ "$top" -lt "$limit_top" ] || return
	# the limit is 20 for half of the time, then 32
	read -r count left right top bottom < <(colour short.png D64545)
	between 400 "$count" 1500 && between 850 $((right - x0)) 862 &&
		between 55 "$top" 70 && [ "$bottom" -gt 337 ]
}
ok 'its colours are where the script put them' check_short

check_gap()
{
	local count left right rest

	draw web-0042 numproc -d long --from $((start + 30 * 86400)) \
		--to $((start + 32 * 86400)) -o gap.png || return
	read -r count rest < <(colour gap.png E4E9EC)
	between 90000 "$count" 200000 || return
	# the right half
	read -r count left right rest < <(colour gap.png 9DC6EC)
	between 20000 "$count" 40000 && between 425 $((right - left)) 435
}
ok 'a day without samples is a grey veil, and no blue' check_gap

check_single()
{
	local count left right rest

	draw a:b@c numproc -d single -o one.png || return
	read -r count left right rest < <(colour one.png 9DC6EC)
	[ "$count" -gt 10000 ] && between 165 $((right - left)) 175
}
ok 'one sample is a bar' check_single
ok 'no value but 0' draw a:b@c numfile -d single -o zero.png
ok 'no sample at all' draw a:b@c numproc -d single --from $((start - 9000)) \
	--to $((start - 6000)) -o none.png
ok 'a year for two months of samples' draw web-0042 privvmpages -d long \
	--from $((start - 300 * 86400)) -o year.png

check_svg()
{
	draw web-0042 privvmpages -d long -o day.svg &&
	python3 - <<'END'
import xml.etree.ElementTree as tree
root = tree.parse('day.svg').getroot()
svg = '{http://www.w3.org/2000/svg}'
assert root.tag == svg + 'svg'
assert root.find(svg + 'title').text == 'web-0042 · privvmpages'
words = root.find(svg + 'desc').text
for word in ('held 5.', 'peak 6 GiB', 'barrier 6 GiB', 'limit 6.50 GiB'):
    assert word in words, words
text = open('day.svg').read()
assert len(text) > 20000 and text.count('<path') > 30
END
}
ok 'an SVG with its words' check_svg

check_escape()
{
	draw a:b@c numproc -d single -o colon.svg && grep -q 'a:b@c ·' colon.svg
}
ok 'a name with a colon' check_escape
ok 'a PDF' draw web numproc -d short -o x.PDF
ok 'is one' pdf x.PDF
ok 'a small one' draw web numproc -d short --width 400 --height 90 -o s.png
ok 'is small' size s.png 450 600 180 300
ok 'to a pipe' sh -c "\"$rstat\" graph web numproc -d short -o - | cmp - short.png"
ok 'without -o' sh -c "\"$rstat\" graph a:b@c numproc -d single &&
	cmp a%3Ab%40c-numproc.png one.png"
ok 'a device stays a device' sh -c "ln -s /dev/null null.png &&
	\"$rstat\" graph web numproc -d short -o null.png && [ -L null.png ]"

# --- what will be, themes, several at once ---------------------------------------------

ok 'a store with a future' "$make_fleet" --make "$tmp/fleet"

# The history takes two thirds, then come the band and the dashes.
check_forecast()
{
	local count left right rest

	draw web numproc -d fleet --forecast -o future.png || return
	# (its box in the legend is at the left)
	read -r count left right rest < <(colour future.png 7B4FB5)
	between 200 "$count" 1500 && between 905 "$right" 918 || return
	# blue up to there
	read -r count left right rest < <(colour future.png 9DC6EC)
	between 565 $((right - left)) 580
}
ok 'the forecast begins where the samples end' check_forecast
check_forecast_words()
{
	draw web numproc -d fleet --forecast -o future.svg &&
		[ "$(wc -c <future.svg)" -gt 20000 ]
}
ok 'in an SVG' check_forecast_words
ok 'a forecast of too little' draw a:b@c numproc -d single --forecast -o little.png
ok 'of a season' draw web-0042 privvmpages -d long --forecast -o season.png
ok 'of what is unlimited' draw free numproc -d fleet --forecast -o free.png
check_no_forecast()
{
	draw web numproc -d fleet -o now.png
	colour now.png 7B4FB5 | grep -q '^0 '
}
ok 'none if it is not asked for' check_no_forecast

check_dark()
{
	local count

	draw web numproc -d short --theme dark -o dark.png || return
	read -r count _ < <(colour dark.png 14191F)
	[ "$count" -gt 50000 ] || return
	read -r count _ < <(colour dark.png FFFFFF)
	[ "$count" -lt 10 ]
}
ok 'dark: no white' check_dark

check_compare()
{
	local c count

	draw web numproc -d fleet --compare leak,still -o three.png || return
	for c in 2B7BBA C05621 2F855A; do
		read -r count _ < <(colour three.png "$c")
		[ "$count" -gt 300 ] || { echo "$c: $count"; return 1; }
	done
}
ok 'three containers' check_compare
ok 'resources in percent' draw web --compare numproc,physpages,cpulimit -d fleet -o part.png
ok 'all of one' draw web --all -d fleet -o one.png
ok 'its size' size one.png 900 1000 300 400
ok 'all of all' draw --all -d fleet -o sheet.png
check_sheet()
{
	local count

	read -r count _ < <(colour sheet.png 9DC6EC)
	[ "$count" -gt 40000 ] &&
		read -r count _ < <(colour sheet.png D64545) && [ "$count" -gt 500 ]
}
ok 'with blue and red' check_sheet
ok 'dark' draw --all -d fleet --theme dark -o sheet-dark.png
ok 'as SVG' draw --all -d fleet -o sheet.svg
check_sheet_svg()
{
	python3 - <<'END'
import xml.etree.ElementTree as tree
root = tree.parse('sheet.svg').getroot()
svg = '{http://www.w3.org/2000/svg}'
assert root.find(svg + 'title').text == 'All containers'
assert '7 of 7 containers' in root.find(svg + 'desc').text
END
}
ok 'with its words' check_sheet_svg
ok 'as PDF' draw --all -d fleet -o sheet.pdf
ok 'which it is' pdf sheet.pdf
ok 'of one sample' draw --all -d single -o sheet-single.png

# --- surroundings ------------------------------------------------------------------

quiet_draw()
{
	"$@" "$rstat" graph web numproc -d short -o quiet.png 2>quiet.err &&
		[ ! -s quiet.err ] && [ -s quiet.png ]
}
ok 'no fonts' quiet_draw env FONTCONFIG_FILE=/nonexistent \
	FONTCONFIG_PATH=/nonexistent
ok 'no home, nothing writable' quiet_draw env -i
ok 'a time zone' quiet_draw env TZ=America/St_Johns LC_ALL=C.UTF-8

if [ "$(id -u)" -eq 0 ]; then
	chmod a+rx "$tmp"
	cp "$rstat" rstat && chmod a+rx rstat
	ok 'anybody may look' sh -c "setpriv --reuid=65534 --clear-groups \
		./rstat graph web numproc -d short -o - | cmp - short.png"
else
	echo "ok $((n += 1)) - anybody may look # SKIP not root"
fi

# --- refusals --------------------------------------------------------------------------

graph="$rstat graph"
# shellcheck disable=SC2086
{
ok 'no such container' fails 1 "'nope'" $graph nope numproc -d short -o n.png
ok 'no such resource' fails 1 "'nope'" $graph web nope -d short -o n.png
ok 'no such serial' fails 1 'serial 9' $graph web numproc -s 9 -d short -o n.png
ok 'no such store' fails 1 '/nowhere' $graph web numproc -d /nowhere -o n.png
ok 'no store' fails 1 'holds no samples' $graph web numproc -d /usr -o n.png
ok 'a strange time' fails 1 "'whenever'" $graph web numproc -d short \
	--from whenever -o n.png
ok 'a range backwards' fails 1 'is not before' $graph web numproc -d short \
	--from $((start + 9)) --to $((start + 3)) -o n.png
ok 'a strange format' fails 2 "'x.gif'" $graph web numproc -d short -o x.gif
ok 'nowhere to write' fails 1 '/nowhere/n.png' $graph web numproc -d short \
	-o /nowhere/n.png
ok 'too much' fails 2 "'more'" $graph web numproc more
ok 'too little' fails 2 'NAME RESOURCE' $graph web
ok 'nothing' fails 2 'NAME RESOURCE' $graph
ok 'a strange theme' fails 2 "'pink'" $graph web numproc --theme pink -d short
ok 'two ways at once' fails 2 'not both' $graph web --all --compare a -d short
ok 'all of a resource' fails 2 'leave out' $graph web numproc --all -d short
ok 'a forecast of many' fails 2 'one NAME RESOURCE' $graph web --all -f -d short
ok 'compared with too many' fails 1 "one to 7" $graph web numproc -d short \
	--compare a,b,c,d,e,f,g,h -o n.png
ok 'compared with nobody' fails 1 "'nobody'" $graph web numproc -d short \
	--compare nobody -o n.png
ok 'compared with nothing' fails 1 "','" $graph web numproc -d short \
	--compare , -o n.png
ok 'a strange option' fails 2 "'--bogus'" $graph web numproc --bogus
ok 'a strange verb' fails 2 "'grpah'" "$rstat" grpah
ok 'no verb' fails 2 'help' "$rstat"
}
check_kept()
{
	cp short.png kept.png
	! draw web nope -d short -o kept.png && cmp short.png kept.png &&
		! ls ./*.tmp
}
ok 'a failure leaves the old picture alone' check_kept

check_damaged()
{
	cp -r short damaged
	head -c 3000 short/fb/web@3/use.rrd >damaged/fb/web@3/use.rrd
	fails 1 'use.rrd' "$rstat" graph web numproc -d damaged -o n.png
}
ok 'a damaged file' check_damaged

# --- help ------------------------------------------------------------------------------

check_help()
{
	local verb option man

	"$rstat" help && "$rstat" --version | grep -Eq '^rstat [0-9]' || return
	for verb in $("$rstat" help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
		case $verb in
		help) continue ;;
		metrics|serve|token) man=$here/../../man/rstat-serve.1 ;;
		*) man=$here/../../man/rstat.1 ;;
		esac
		"$rstat" help "$verb" >text.1 || return
		"$rstat" "$verb" --help >text.2 && cmp text.1 text.2 || return
		grep -Eq "^\.(It|Nm rstat) Cm $verb" "$man" || { echo "$man: $verb"; return 1; }
		while read -r option; do
			grep -q "Fl Fl ${option#--}" "$man" ||
				{ echo "$man: $option"; return 1; }
		done < <(grep -o -- "--[a-z]*" text.1)
	done
}
ok 'every verb and option has help, and is in the manual' check_help

done_testing

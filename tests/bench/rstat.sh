#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# How fast rstat is, beside rrdtool and rrdcached in the same run, on this
# machine. Prints a table and keeps it: bench/results/rstat.json and
# docs/rstat-performance.md. Called by `make bench`, which builds first.
#
#   tests/bench/rstat.sh [FOLDER]    2 GB of files go there for a while

set -eu
cd "$(dirname "$0")/../.."

O=$(readlink -f "${O:-build}")
bench=$O/tests/bench/rstat
rstat=$O/rstat
raw=$O/rstat-bench.tsv
work=$(mktemp -d "${1:-$O}/rstat-bench.XXXXXX")
trap '[ ! -f "$work/pid" ] || kill "$(< "$work/pid")"; rm -rf "$work"' EXIT

now() { date +%s%N; }

# seconds NAME UNIT DIVISOR COMMAND...: the best of five
best()
{
	local name=$1 unit=$2 divisor=$3 start took best=0

	shift 3
	for _ in 1 2 3 4 5; do
		start=$(now)
		"$@" > /dev/null
		took=$(($(now) - start))
		[ $best -ne 0 ] && [ $took -ge $best ] || best=$took
	done
	printf '%s\t%s\t%s\n' "$name" \
		"$(awk "BEGIN { printf \"%.4g\", $best / $divisor }")" "$unit"
}

# graphs_by_rrdtool FORMAT
graphs_by_rrdtool()
{
	local i

	for i in 1 2 3 4 5 6 7 8 9 10; do
		(cd "$work/fleet/"*/container-00000@1 && rrdtool graph - --imgformat "$1" \
			--start 1763942400 --end 1767830400 \
			--width 860 --height 300 --slope-mode --title "$i" \
			DEF:a=use.rrd:resource01_held:AVERAGE \
			DEF:b=peak.rrd:resource01_peak:MAX \
			DEF:c=cap.rrd:resource01_bar:LAST \
			DEF:d=cap.rrd:resource01_lim:LAST \
			AREA:a#7CB3E6AA:held LINE1:b#4A6E8C:peak \
			LINE2:c#F2A73B:barrier LINE2:d#D64545:limit)
	done
}

graphs_by_rstat()
{
	local i

	for i in 1 2 3 4 5 6 7 8 9 10; do
		"$rstat" graph container-00000 resource01 -d "$work/fleet" \
			--from 1763942400 --to 1767830400 -o -
	done
}

sheet_by_rstat()
{
	"$rstat" graph container-00000 --all -d "$work/fleet" \
		--from 1763942400 --to 1767830400 -o -
}

{
	"$bench" sample
	"$bench" memory
	"$bench" export "$work/export" "$O/tests/bench/naive"
	mkdir "$work/cached"
	# it goes into the background when it listens
	rrdcached -l "unix:$work/s" -b "$work/cached" -p "$work/pid" \
		-w 36000 -f 72000 > "$work/log" 2>&1
	"$bench" cached "$work/cached" "$work/s"
	"$bench" fleet "$work/fleet" 10000
	"$bench" forecast "$work/fleet"
	best "forecast: the same, and the machine: rstat forecast" s 1e9 \
		"$rstat" forecast -d "$work/fleet"
	best "graph: rrdtool graph, a process for each" ms 1e7 graphs_by_rrdtool PNG
	best "graph: rrdtool graph of SVG" ms 1e7 graphs_by_rrdtool SVG
	best "graph: rstat graph, a process for each" ms 1e7 graphs_by_rstat
	best "graph: a sheet of 24, for each" ms 2.4e7 sheet_by_rstat
} > "$raw"

read -r load _ < /proc/loadavg

jq -R -n --arg load "$load" '{version: 1, load: $load, results: [inputs | split("\t") |
	{name: .[0], value: (.[1] | tonumber), unit: .[2]}]}' \
	"$raw" > bench/results/rstat.json

# of NAME: its value
value() { jq -r --arg n "$1" '.results[] | select(.name == $n) | .value' bench/results/rstat.json; }
# ratio NAME OTHER: how many times larger
ratio()
{
	awk "BEGIN { r = $(value "$1") / $(value "$2")
		printf r < 100 ? \"%.3g\" : \"%.0f\", r }"
}

table()
{
	jq -r '"| what | measured |", "|---|---:|",
		(.results[] | "| \(.name) | \(.value) \(.unit) |")' \
		bench/results/rstat.json
}

flush='export: rstat, a flush of 30 rounds'
five='export: rstat, a flush of 5 rounds'
drawer='graph: rstat, by the process that draws for serve'
{
	cat << TEXT
# How fast rstat is

$(nproc) CPUs, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), $(uname -sr), in one
run; made by \`make bench\`. Best of five or nine. Load average at the end: $load
(more than 2 says that others worked on the machine, and figures are too low).

$(table)

- **Sample**: reading the mapped table is $(ratio 'sample: 1,000,000 values by pread of kept-open files' 'sample: 10,000 x 100 values, mapped table') times as fast as reading as many
  values from files of the kernel that are kept open, and $(ratio 'sample: 1,000,000 values by open, read, close' 'sample: 10,000 x 100 values, mapped table') times as
  opening them. A round of the collector takes the peaks, too.
- **Export**: an update is one time stamp of one file with 24 or 48 values, in
  files of the store that hold a day and are in the page cache. A flush of 30
  rounds, by a process per CPU, stores $(ratio "$flush" 'export: rrdtool update, a process for each') times as many as
  \`rrdtool update\`, $(ratio "$flush" 'export: rrdtool -, pipelined') times as many as \`rrdtool -\` and $(ratio "$flush" 'export: rrd_update_r, one sample a call') times as many as a
  program that calls librrd for each. The collector flushes 5 rounds at a step of
  a minute, so that little is lost when it is killed: $(ratio "$five" 'export: rrdtool update, a process for each'), $(ratio "$five" 'export: rrdtool -, pipelined') and $(ratio "$five" 'export: rrd_update_r, one sample a call')
  times. What is left is librrd's: text to numbers and four archives for every
  value, 1,270 of 1,470 instructions; and mapping the file, 23 of 25 page faults.
- **rrdcached**: $(ratio "rrdcached: rstat's batches" 'rrdcached: one update, one answer') times as many updates as with an answer to each.
- **Graphs**: $(ratio 'graph: rrdtool graph of SVG' 'graph: the same as SVG, as the page has it') times as fast as the rrdtool command as SVG, which the page
  asks for; $(ratio 'graph: rrdtool graph, a process for each' "$drawer") times as PNG; $(ratio 'graph: rrdtool graph, a process for each' 'graph: a sheet of 24, for each') times on a sheet. The process that draws
  for \`serve\` has librrd and its fonts loaded, and ours shows more: refusals,
  the forecast, both axes. A single \`rstat graph\` starts a process as rrdtool
  does.
- **Forecasts** are made from the stored peaks of each day. The 10,000 containers'
  files are links to those of 20: as much is read and computed, but it is in the
  page cache.
TEXT
} > docs/rstat-performance.md
table

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# rstat top on a terminal of 80x24 (tmux), used with keys; and in a pipe.
#
# shellcheck disable=SC1003,SC2317

set -u
# shellcheck source=tests/rstat/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
terminal=0
tmux() { command tmux -S "$tmp/tmux$terminal" -f /dev/null "$@"; }
trap 'tmux kill-server 2>/dev/null; rm -rf "$tmp"' EXIT

# screen ARGUMENT...: rstat top in a new terminal
screen()
{
	tmux kill-server 2>/dev/null
	terminal=$((terminal + 1))	# the old one may not be gone yet
	tmux new-session -d -x 80 -y 24 \
		"env LC_ALL=${locale:-C.UTF-8} RSTAT_FAKE=$RSTAT_FAKE ${extra:-} \
		$rstat top $* 2>$tmp/top.log; echo \"ended with \$?\" >>$tmp/top.log; sleep 60" ||
		{ echo 'Bail out! no terminal'; exit 1; }
}
shown() { tmux capture-pane -p "$@"; }
export LC_ALL=C.UTF-8
has_now() { shown | grep -qE -- "$1"; }
shows() { until_true 20 has_now "$1" || { shown | head -n 12; false; }; }
keys() { tmux send-keys "$@"; }
rows() { shown | awk 'NR > 3 && NF > 2 && !/^q quit|^Enter:/ { print $1 }' | paste -sd ' '; }
order_now() { [ "$(rows)" = "$1" ]; }
order() { until_true 20 order_now "$1" || { rows; false; }; }

screen --delay 1
ok 'containers, worst first' order 'db web @sum<b>"\'
ok 'how it stands' shows '3 containers, 1 full, 1 near'
ok 'a row' shows '^db +numfile +█+ +100% +█* +100 +100 +- +79$'
wide() { ! shown | grep -nE '.{81}'; }
ok 'nothing is wider than the terminal' wide
ok 'the keys stand below' shows '^q quit .*p stop$'

keys /
ok '/ filters' shows 'filter: _'
keys we
ok 'as one types' order web
keys BSpace BSpace s u
ok 'corrected' order '@sum<b>"\'
keys Escape
ok 'Esc: all again' order 'db web @sum<b>"\'
keys / d b Enter
ok 'Enter keeps it' shows 'with "db"'
keys Escape
ok 'until Esc' order 'db web @sum<b>"\'

keys S
ok 'another order' shows 'by name'
ok 'is that' order '@sum<b>"\ db web'
keys s
ok 'and back' order 'db web @sum<b>"\'
keys Right
ok 'one resource' shows '^numproc, by trouble'
ok 'sorted by it' order 'web @sum<b>"\ db'
keys Left Left
ok 'off resources are left out' shows '^cpu, by trouble'
keys Right
ok 'after the last comes the worst of each' shows '^the worst of each'

keys Home Down Enter
ok 'one container' shows '^web, serial 1$'
ok 'all its resources' shows '^privvmpages +3.91M +89.8M +256M +256M +1%'
ok 'of a controller nobody has heard of' shows '^gadgettime +1.5s +2s +- +- +- '
keys Down
ok 'the next one' shows '^@sum<b>"., serial 3$'
keys Up
table '.containers[0].rows.numproc[0] = 17'
ok 'it looks again' shows '^numproc +17 +20 +20 +20 +85% '
# A rate is of the last look alone: so they go on until it is seen.
refused_again()
{
	table '.containers[0].rows.numproc[4] += 23'
	has_now "$1"
}
ok 'and sees refusals' until_true 20 refused_again '[1-9][0-9.]* refused/s'
ok 'of this row' until_true 20 refused_again '^numproc .* 85% +[1-9][0-9.]* '
keys Escape
ok 'back' shows '^CONTAINER'
table 'del(.containers[0])'
ok 'a container goes' order 'db @sum<b>"\'
mv "$RSTAT_FAKE" "$tmp/away"
ok 'not loaded' shows 'not loaded'
mv "$tmp/away" "$RSTAT_FAKE"
ok 'loaded again' order 'db @sum<b>"\'

tmux resize-window -x 50 -y 8
ok 'a small terminal' shows '^db +100% +100 +100'
tmux resize-window -x 7 -y 2
tmux resize-window -x 132 -y 40
ok 'a large one, after a tiny one' shows '^db {18} +numfile +█{10,}'
tmux resize-window -x 80 -y 24
keys '?'
ok '? lists the keys' shows '^PgUp, PgDn'
keys x
ok 'any key: back' shows '^CONTAINER'
keys p
ok 'p stops' shows ', stopped'
keys p + +
ok '+ looks less often' shows 'every 3 s'
table '[range(200)] as $n | .containers = [$n[] as $i | .containers[0] | .name = "c\($i)" | .serial = $i + 100]'
keys r
ok '200 containers' shows '200 containers'
keys End
ok 'End' shows '^c99 '
keys PPage PPage Home
ok 'PgUp, Home' shows '^c0 '

keys q
ok 'q quits' until_true 20 grep -q 'ended with 0' "$tmp/top.log"
ok 'and says nothing' same "$(cat "$tmp/top.log")" 'ended with 0'
screen
shows '^c0 ' >/dev/null
keys C-c
ok 'so does ^C' until_true 20 grep -q 'ended with 0' "$tmp/top.log"
ok 'the terminal is as before' shows '^ *$'

cp "$here/table.json" "$RSTAT_FAKE"
extra='NO_COLOR=1' screen
shows '^db' >/dev/null
colours() { shown -e | grep -cE $'\033\\[[0-9;]*3[0-7]m'; }
ok 'NO_COLOR' same "$(colours)" 0
screen
shows '^db' >/dev/null
coloured() { [ "$(colours)" -gt 1 ]; }
ok 'colours otherwise' coloured
locale=C screen
ok 'a terminal without UTF-8' shows '^db +numfile +####+ +100%'

ok 'in a pipe: one look' same "$("$rstat" top | grep -c '^db ')" 1
ok 'as many as asked for' same "$("$rstat" top -b -n 2 -d 1 | grep -c '^db ')" 2
ok 'no escape sequence there' same "$("$rstat" top | grep -c $'\033')" 0
ok 'no such order' fails 1 "--sort 'x'" "$rstat" top --sort x
ok 'not loaded, in a pipe' fails 1 'not loaded' env RSTAT_FAKE=/nonexistent "$rstat" top
done_testing

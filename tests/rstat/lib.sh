# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2317
#
# For the scripts beside this one: TAP, and the rstat whose table is a file.

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
O=${O:-build}
rstat=$(readlink -f "$O/san/fake-rstat")
export RSTAT_FAKE
# shellcheck source=tests/rstat/tap.bash
. "$here/tap.bash"
RSTAT_FAKE=$tmp/table.json

# until_true SECONDS COMMAND...
until_true()
{
	local end=$((SECONDS + $1))

	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
}

cp "$here/table.json" "$RSTAT_FAKE"
# table JQ-FILTER: change the table; what looks at it never sees half of one
table()
{
	jq "$1" "$RSTAT_FAKE" >"$tmp/table.new" && mv "$tmp/table.new" "$RSTAT_FAKE"
}

# --- a server --------------------------------------------------------------------

servers=()
# serve NAME ARGUMENT...: start one on a free port; sets $url
serve()
{
	local name=$1

	shift
	: >"$tmp/$name.out"
	"$rstat" serve --listen 127.0.0.1:0 "$@" \
		>"$tmp/$name.out" 2>"$tmp/$name.log" &
	servers+=($!)
	until_true 20 grep -q '^listening' "$tmp/$name.out" ||
		{ cat "$tmp/$name.log"; echo "Bail out! $name does not start"; exit 1; }
	url=$(sed -n 's|^listening on \(.*\)/$|\1|p' "$tmp/$name.out")
}

stop_servers()
{
	local pid

	for pid in "${servers[@]}"; do
		kill "$pid" 2>/dev/null
	done
	servers=()
}

# SPDX-License-Identifier: GPL-2.0
#
# What the tests that let stress-ng loose in container "web" share. $none: rows that
# come to 0 when it is dead; quiet, the container beside it, has one process.

if ! command -v stress-ng > /dev/null; then
	echo 'ok 1 # SKIP no stress-ng'
	echo '1..1'
	exit
fi

none=

# Rows of a container that rescore counts itself: the sum.
counted()
{
	value "[.containers[0].resources[] | select(.delegated | not) | $2] | add" \
		show "$1"
}

is_quiet()
{
	for row in numproc $none; do
		[ "$(row web "$row" held)" = 0 ] || return 1
	done
	rlimitctl audit
}

# The highest maxheld that a row may come to, for jq; a test has its own.
most()
{
	echo .limit
}

seconds=4	# of each mix

# mix ROW... -- STRESSOR...: each ROW was refused something, and kept.
mix()
{
	rows=
	while [ "$1" != -- ]; do
		rows="$rows $1"
		shift
	done
	shift
	good reset web --failcnt
	run rlimitctl exec web -- stress-ng "$@" --timeout $seconds \
		--oomable
	# shellcheck disable=SC2154	# of lib.sh
	grep -q 'dispatching hogs' "$tmp/out" "$tmp/err"
	result $? "stress-ng $*"
	until_true is_quiet
	result $? "nothing is left of stress-ng $*"
	run rlimitctl audit
	says ' 0 differences'
	for row in $rows; do
		json ".containers[0].resources.$row.failcnt > 0" show web --json
		json ".containers[0].resources.$row | .maxheld <= $(most "$row")" \
			show web --json
	done
	is "its neighbour is untouched by $1" "$(counted quiet .failcnt)" 0
	is "it still has its process" "$(row quiet numproc held)" 1
}

# Containers "web" and "quiet".
begin()
{
	fresh
	good create quiet
	rlimitctl exec quiet -- sleep 1000 &
	until_true has quiet 1
	cd /tmp || exit 1
}

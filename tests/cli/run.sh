#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Tests of the command line, in the VM. TAP; the last line counts.
#
#   run.sh [EXCEPT...]      all but those
#   run.sh --only NAME...   only these
#
# Of all, test_lockdown.sh comes last: what it does to the kernel cannot be undone.

cd "${0%/*}" || exit 1
log=$(mktemp)
bad=0

is_wanted()
{
	case " $names " in
	*" $1 "*) [ -n "$only" ] ;;
	*) [ -z "$only" ] ;;
	esac
}

only=
[ "${1-}" != --only ] || { only=yes; shift; }
names=$*
set --
for test in test_*.sh; do
	name=${test#test_}
	name=${name%.sh}
	[ "$name" != lockdown ] && is_wanted "$name" && set -- "$@" "$test"
done
! is_wanted lockdown || set -- "$@" test_lockdown.sh
for test in "$@"; do
	echo "# $test"
	since=$(cut -d. -f1 /proc/uptime)
	sh "./$test" > "$log" 2>&1 || bad=1
	cat "$log"
	echo "# $(($(cut -d. -f1 /proc/uptime) - since)) s: $test"
	# A script that dies has no plan: its tests are not all there.
	grep -q '^1\.\.' "$log" || { echo "not ok - $test did not end"; bad=1; }
	passed=$((${passed:-0} + $(grep -c '^ok' "$log")))
	failed=$((${failed:-0} + $(grep -c '^not ok' "$log")))
done
rm "$log"
echo "# command line: $passed passed, $failed failed"
exit $bad

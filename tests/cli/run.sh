#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# All tests of the command line, in the VM, but those named: run.sh [EXCEPT...].
# TAP; the last line counts.
# test_lockdown.sh comes last: what it does to the kernel cannot be undone.

cd "${0%/*}" || exit 1
log=$(mktemp)
bad=0

except=" $* lockdown "
set --
for test in test_*.sh; do
	name=${test#test_}
	case $except in
	*" ${name%.sh} "*) ;;
	*) set -- "$@" "$test" ;;
	esac
done
for test in "$@" test_lockdown.sh; do
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

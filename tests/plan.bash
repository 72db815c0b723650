# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash

# tap_ended PROGRAM STATUS LOG: what its end says that its TAP does not. A crash or a
# report of a sanitizer is a failure of its own: status 1 is both a sanitizer's and
# that of a failed test, the plan tells.
tap_ended()
{
	local program=$1 status=$2 log=$3

	if [ "$status" -gt 1 ]; then
		echo "not ok - $program ended with status $status"
	elif [ "1..$(grep -cE '^(not )?ok ' "$log")" != \
		"$(grep '^1\.\.' "$log")" ]; then
		echo "not ok - $program did not run all of its tests"
	fi
}

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# An audit beside processes that come and go all the time finds nothing wrong.

. "${0%/*}/lib.sh"
fresh
good create churn
for ms in 1 2 3; do
	rlimitctl exec churn -- sh -c "while :; do usleep ${ms}000; done" &
done
until_true has churn 6
for _ in 1 2 3 4; do
	good audit
done
good kill churn
until_true has churn 0
good audit
finish

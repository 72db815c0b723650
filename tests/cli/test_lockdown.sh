#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# A kernel that lets nobody read it: no BPF tracing. There is no way back.

. "${0%/*}/lib.sh"
unloaded

switch=/sys/kernel/security/lockdown
if [ ! -w $switch ] || ! echo confidentiality > $switch 2> /dev/null; then
	echo "ok 1 - load under lockdown # SKIP this kernel has no lockdown"
	echo "1..1"
	exit
fi
bad 1 '' load
run rlimitctl status
is "nothing has been loaded" "$status" 3
grep -q '^BPF tracing  *no ' "$tmp/out"
result $? "status knows what is missing"

finish

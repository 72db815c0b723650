#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Rows that the kernel counts: cpuunits, cpulimit, cpus, physpages and theirs.

. "${0%/*}/lib.sh"
fresh

file()
{
	is "$1 after it" "$(cat "$own/web/$1" 2> /dev/null)" "$2"
}

good set web cpuunits=3000 cpulimit=50% physpages=32M:64M
file cpu.weight 300
file cpu.max '50000 100000'
file memory.high 33554432
file memory.max 67108864
good set web cpulimit=50%:80%/20ms cpus=0-0
file cpu.max '10000 20000'
file cpu.max.burst 6000
file cpuset.cpus 0
good set web cpulimit=0 cpus=1
file cpu.max 'max 20000'
good set web cpulimit=70%/100ms vmguarpages=1M
file memory.low 1048576

bad 1 'cpulimit=%: "%" is not a number' set web cpulimit=%
bad 1 '"50%%" is not a number' set web cpulimit=50%%
bad 1 '"50 %" is not a number' set web 'cpulimit=50 %'
bad 1 '"-50%" is negative' set web cpulimit=-50%
bad 1 '"0.5%" is not a whole number' set web cpulimit=0.5%
bad 1 '"20" is no period' set web cpulimit=50%/20
bad 1 'the limit is at most 100%' set web cpulimit=50%:200%
bad 1 'cpuunits=7: a bound is 8 to 500000' set web cpuunits=7
bad 1 'cpuunits=500001: a bound is 8 to 500000' set web cpuunits=500001
bad 1 'cpuunits=unlimited: a bound is 8 to 500000' set web cpuunits=unlimited
bad 1 'cpus=0: a bound is 1 to' set web cpus=0
bad 1 'cpus: 99 CPUs' set web cpus=99
bad 1 'CPU 7 is not online' set web cpus=0,7
bad 1 '"0-x" is no list of CPUs' set web cpus=0-x
bad 1 '"3%" is not a number' set web cpuunits=3%
bad 1 'cpuunits=1: a bound' set web numproc=7 physpages=1M cpuunits=1
bad 1 'cpulimit' set web numproc=7 physpages=1M cpulimit=10%:90%
file memory.max 67108864
bad 1 'cpuunits=1: a bound' create other cpuunits=1

# What is shown: units, and no percentage where there is none.
good exec web -- sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done'
good show web
grep -q '^cpulimit .*70%  *70%  *-  ' "$tmp/out"
result $? "cpulimit has bounds in percent"
json '.containers[0].resources.cpulimit |
	.held > 1000000 and .held_unit == "ns" and .unit == "percent" and
	.maxheld_unit == "percent" and .delegated and .counted and
	(.figures | .user + .system > 1000000 and .throttled >= 0)' show web --json
json '.containers[0].resources.physpages.figures | .high >= 0 and .oom == 0' \
	show web --json
json '.containers[0].resources.numproc | .figures == null and (.delegated | not)' \
	show web --json
good audit web

# Another's hand.
echo 12345 > "$own/web/cpu.max"
run rlimitctl audit web
[ "$status" -eq 1 ] && grep -q 'cpulimit: bound: cpu.max is "12345 100000"' "$tmp/out"
result $? "audit finds a bound that was overwritten"
good set web cpulimit=70%
good audit web

# Open while it only observes.
good mode web observe
file memory.max max
file cpu.max 'max 100000'
file cpu.weight 300
good mode web enforce
file memory.max 67108864
file cpu.max '70000 100000'

# What others wrote is kept.
mkdir /sys/fs/cgroup/rescore-test3
echo 250 > /sys/fs/cgroup/rescore-test3/cpu.weight
good create kept --cgroup rescore-test3
is "a weight of others" "$(row kept cpuunits barrier)" 2500
good destroy kept
is "it stays" "$(cat /sys/fs/cgroup/rescore-test3/cpu.weight)" 250
rmdir /sys/fs/cgroup/rescore-test3

finish

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# CPU time among containers that stress-ng keeps busy, and changes meanwhile.

. "${0%/*}/lib.sh"

if ! command -v stress-ng > /dev/null; then
	echo 'ok 1 # SKIP no stress-ng'
	echo '1..1'
	exit
fi
fresh
good create db
good create idle

# Microseconds of CPU time that the container has used.
used()
{
	sed -n 's/^usage_usec //p' "$own/$1/cpu.stat"
}

# 100ths of seconds since boot
now()
{
	tr -d . < /proc/uptime | cut -d' ' -f1
}

# busy NAME: as many processes as there are CPUs, and one more; its pid is
# $pid.
busy()
{
	rlimitctl exec "$1" -- stress-ng --cpu $(($(nproc) + 1)) --timeout 300 \
		--quiet &
	pid=$!
	until_true has_used "$1" 200000
}

has_used()
{
	[ "$(used "$1")" -ge "$2" ]
}

# near NAME GOT WANT WITHIN
near()
{
	[ "$2" -ge $(($3 - $4)) ] && [ "$2" -le $(($3 + $4)) ]
	result $? "$1: $2, of $3 within $4"
}

# share SECONDS: percent of web's use in that of web and db together
share()
{
	one=$(used web) two=$(used db)
	sleep "$1"
	one=$(($(used web) - one)) two=$(($(used db) - two))
	echo $((one * 100 / (one + two)))
}

# percent NAME SECONDS: of one CPU
percent()
{
	from=$(used "$1") since=$(now)
	sleep "$2"
	echo $((($(used "$1") - from) / ($(now) - since) / 100))
}

good set web cpuunits=1000
good set db cpuunits=3000
busy web
web=$pid
busy db
db=$pid
near "1000 beside 3000 units" "$(share 10)" 25 5
good set web cpuunits=9000
sleep 1
near "a second after 9000 beside 3000" "$(share 5)" 75 5
is "an idle one uses nothing" "$(used idle)" 0
good kill db
wait "$db"

good set web cpulimit=50%
sleep 1
near "a second after a limit of 50 %" "$(percent web 10)" 50 3
good set web cpulimit=20%
sleep 1
near "a second after one of 20 %" "$(percent web 5)" 20 3
json '.containers[0].resources.cpulimit | .failcnt > 0 and
	.maxheld > 0' show web --json
good set web cpulimit=unlimited cpus=1
sleep 1
[ "$(percent web 5)" -le 103 ]
result $? "on one CPU it uses no more than that"
good kill web
wait "$web"
kernel=$(($(used web) / 1000))
held=$(($(row web cpulimit held) / 1000000))
near "held, in ms, is the kernel's figure" "$held" "$kernel" $((kernel / 100))

for bad in cpuunits=7 cpuunits=500001 cpuunits=x cpulimit=-5% cpulimit=50%x \
	cpulimit=5%% cpus=0 cpus=7777; do
	bad 1 "${bad#*=}" set web "$bad"
done

finish

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# rescore as it is installed on a host that systemd runs: our services, and the
# host's own ones under limits. Runs in the VM, where systemd is the first process.
# shellcheck disable=SC2317	# functions are called by until_true

cli=/t/cli
# shellcheck source=tests/cli/lib.sh
. $cli/lib.sh

units=/etc/systemd/system
kept=$units/tenant.service.d/50-rescore.conf

# --- our services -------------------------------------------------------------------

run systemctl enable rescore rescore-watch rstat rstat-serve
result "$status" "services are enabled"
run systemctl start multi-user.target
for unit in rescore rescore-watch rstat rstat-serve; do
	run systemctl status --no-pager $unit
	result "$status" "$unit is active"
done
page()
{
	busybox wget -q -O - http://127.0.0.1:9119/
}
until_true page
run page
says '<title>rstat</title>'

# --- services of the host under limits ----------------------------------------------

# tenant LINE...: a service of its own, that runs.
tenant()
{
	printf '%s\n' '[Unit]' StartLimitIntervalSec=0 '[Service]' 'ExecStart=/bin/sh -c \
		"sleep 1000 & sleep 1000 & wait"' "$@" > $units/tenant.service
	systemctl daemon-reload
	systemctl restart tenant
}
# holds N: the container has N processes.
holds()
{
	until_true has web "$1"
	result $? "web has $1 processes: $(row web numproc held)"
}

tenant Restart=always RestartSec=0
good create web numproc=20
good attach web --unit tenant
holds 3
run systemctl show --property=NeedDaemonReload --value tenant
is "systemd knows of it" "$(cat "$tmp/out")" no
good attach web --unit tenant.service
systemctl restart tenant
holds 3
# a service that dies is started anew, in a new cgroup
before=$(stat -c %i /sys/fs/cgroup/system.slice/tenant.service)
systemctl kill --kill-whom=all --signal=KILL tenant
renewed()
{
	after=$(stat -c %i /sys/fs/cgroup/system.slice/tenant.service) &&
		[ "$after" != "$before" ] && has web 3
}
until_true renewed
result $? "who crashes does not get away"
# Limits hold from the first process on.
good set web numproc=2
run systemctl restart tenant
until_true [ "$(row web numproc failcnt)" -gt 0 ]
result $? "the shell could not fork: $(row web numproc failcnt)"
good set web numproc=20

# Another's, until it is let go.
good create other
bad 1 'belongs to another container' attach other --unit tenant --runtime
bad 1 'rlimitctl detach web --unit tenant.service' attach other --unit tenant
systemctl stop tenant
holds 0
bad 1 'rlimitctl detach web --unit tenant.service' attach other --unit tenant
bad 1 'does not run' attach web --unit tenant --runtime
good detach web --unit tenant
[ ! -e $kept ] && [ ! -d ${kept%/*} ]
result $? "nothing of it is left"
bad 1 'is not attached' detach web --unit tenant
systemctl start tenant
holds 0
systemctl stop tenant
good attach web --unit tenant
systemctl start tenant
holds 3
good detach web --unit tenant
holds 0

# What only lasts until it stops.
good attach web --unit tenant --runtime
holds 3
[ ! -e $kept ]
result $? "--runtime leaves no file"
good detach web --unit tenant
holds 0
mkdir /sys/fs/cgroup/rescore-test-adopted
good create adopted --cgroup rescore-test-adopted
bad 1 '"adopted" is not stored' attach adopted --unit tenant
good destroy adopted
bad 2 '--runtime is for --unit' attach web --pid 1 --runtime
bad 1 'unit "nosuch.service" is not-found' attach web --unit nosuch
bad 1 'is no unit' attach web --unit 'a b'
bad 1 'is no service' attach web --unit system.slice
systemctl enable tenant > /dev/null 2>&1
ln -s $units/tenant.service $units/aka.service
systemctl daemon-reload
good attach web --unit aka
[ -e $kept ]
result $? "an alias stands for what it is"
holds 3

systemctl stop tenant
mv $units/tenant.service "$tmp"
systemctl daemon-reload
good detach web --unit tenant
[ ! -e $kept ]
result $? "nor does it stay when the service is removed"
bad 1 'unit "tenant.service" is not-found' attach web --unit tenant
mv "$tmp/tenant.service" $units
systemctl daemon-reload
good attach web --unit tenant
systemctl start tenant
holds 3
cp $units/tenant.service $units/many@.service
systemctl daemon-reload
good attach web --unit many@
systemctl start many@1 many@2
holds 9
good detach web --unit many@
good detach web --unit many@1
systemctl stop many@1 many@2
holds 3
bad 1 'No files found for nosuch@.service' attach web --unit nosuch@

# A tenant that names a cgroup like a service is not taken for it.
mkdir -p /sys/fs/cgroup/rescore-test/fake.service
bad 1 'not-found' attach web --unit fake

# --- boot, and unloading ------------------------------------------------------------

# with few controllers: it is quick
mkdir $units/rescore.service.d
printf '%s\n' '[Service]' 'ExecStart=' 'ExecStart=rlimitctl load --stored \
	--containers 100 --only numproc,cpu,memcg' > $units/rescore.service.d/few.conf
systemctl daemon-reload
run rlimitctl unload --force
result "$status" "unloaded"
run systemctl restart rescore
result "$status" "loaded again"
holds 3
is "with its limits" "$(row web numproc limit)" 20
rlimitctl unload --force
systemctl stop rescore
systemctl mask rescore > /dev/null 2>&1
run systemctl restart tenant
is "without rescore it does not start" "$status" 1
run journalctl --no-pager --unit tenant --lines 20
says 'rescore is not loaded'
systemctl unmask rescore > /dev/null 2>&1
systemctl reset-failed tenant
run systemctl start tenant
result "$status" "its start starts rescore"
holds 3
good destroy other
good detach web --unit tenant
good attach web --unit tenant
systemctl stop tenant
good destroy web
[ ! -e $kept ]
result $? "who destroys the container lets its services go"
run systemctl start tenant
result "$status" "which run without limits then"

# --- beside systemd -----------------------------------------------------------------

# It sets up controllers for its own units, not for ours, whenever it reloads.
good create web cpulimit=50% physpages=64M
rlimitctl exec web -- sleep 1000 &
holds 1
tenant CPUWeight=200 MemoryMax=32M TasksMax=10 DeviceAllow=/dev/null
systemctl stop tenant
rm $units/tenant.service
systemctl daemon-reload
is "a limit of processor time stays" "$(cat "$own"/web/cpu.max)" \
	"50000 100000"
is "one of memory, too" "$(row web physpages limit) $(cat "$own"/web/memory.max)" \
	"16384 67108864"
good kill web
holds 0
run rlimitctl audit
is "all is counted right" "$status" 0
run systemctl stop rescore
is "with containers it is not unloaded" "$(systemctl is-failed rescore)" failed
finish

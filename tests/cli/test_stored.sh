#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Stored containers: what is there after a reboot, and what starts them again.

. "${0%/*}/lib.sh"
. "${0%/*}/contain.sh"
fresh
good destroy web
make_root

# Nothing of the kernel's stays: neither maps nor cgroups nor processes nor /run.
reboot_it()
{
	rlimitctl unload --force
	echo 1 > $own/cgroup.kill
	for dir in "$own"/*/*/ "$own"/*/ "$own"; do
		[ ! -d "$dir" ] || until_true rmdir "$dir"
	done
	rm -rf /run/rescore
	# few controllers: quick
	[ "$1" = --only ] || set -- "$@" --only numproc,files,locks,cpu
	rlimitctl load --containers 100 --events 64 "$@"
}
state_is()
{
	json ".containers[] | select(.name == \"$1\") | .state == \"$2\"" \
		list --json
}

good create seller numproc=23
good create shop --rootfs "$root" --parent seller numproc=11:13 numfile=67 \
	cpulimit=50%/20ms
good mode shop observe numflock
state_is seller plain
state_is shop stopped
good start shop -- sleep 1000
state_is shop running
good freeze shop
state_is shop frozen
good thaw shop
run rlimitctl list
says 'SLOT  NAME    STATE    PROCESSES'
reboot_it > "$tmp/out" 2>&1
state_is shop stored
state_is seller stored
json '.containers[] | select(.name == "shop") | .slot == null' list --json
json '.containers[0].state == "stored" and .containers[0].init == null' \
	state shop --json
run rlimitctl list
is "a line for each" "$(tr -s ' ' < "$tmp/out" | grep -c ' stored - - - - -')" 2
bad 1 '"shop" is only stored: `rlimitctl start shop`' exec shop true
bad 1 '"shop" is stored' create shop
good start shop
state_is shop running
state_is seller plain
is "it runs what it ran" "$(rlimitctl exec shop -- cat /proc/2/comm)" sleep
is "with its limits" "$(row shop numproc barrier) $(row shop numproc limit) \
$(row shop numfile barrier) $(row shop cpulimit barrier)" "11 13 67 50"
is "in the kernel, too" "$(cat $own/seller/shop/cpu.max)" "10000 20000"
is "with its modes" "$(row shop numflock mode)" observe
is "below whom it was" \
	"$(value '.containers[] | select(.name == "shop") | .parent' list)" seller
is "whose limits are there" "$(row seller numproc barrier)" 23
good set shop numproc=7
good mode shop enforce
good audit
reboot_it > "$tmp/out" 2>&1
good restart shop
is "what was set since then counts" \
	"$(row shop numproc barrier) $(row shop numflock mode)" "7 enforce"
good destroy --force shop

# with limits only
reboot_it > "$tmp/out" 2>&1
bad 1 'no container "seler"' start seler
good start seller
state_is seller plain
fails 'has limits only' start seller
reboot_it --stored > "$tmp/out" 2>&1
state_is seller plain
is "load --stored brings limits back" "$(row seller numproc barrier)" 23
reboot_it > "$tmp/out" 2>&1
run rlimitctl destroy seller nosuch
one_line 1 'no container "nosuch"'
result $? "all or none"
state_is seller stored
good destroy seller
[ ! -e /var/lib/rescore/seller ]
result $? "a stored one is destroyed"

# what cannot be had is said
good create shop --rootfs "$root" numfile=67
reboot_it --only numproc > "$tmp/out" 2>&1
fails 'it has a bound for numfile, which is not loaded' start shop
state_is shop stored
reboot_it > "$tmp/out" 2>&1
jq '.version = 99' /var/lib/rescore/shop/limits.json > "$tmp/new"
cp "$tmp/new" /var/lib/rescore/shop/limits.json
bad 1 'has version 99' start shop
good destroy shop

# a cgroup of others is theirs to make
mkdir /sys/fs/cgroup/rescore-test
good create theirs --cgroup rescore-test numproc=5
[ ! -e /var/lib/rescore/theirs ]
result $? "one on another's cgroup is not stored"
good destroy theirs
# others count on all controllers
unloaded
finish

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Containers: users, roots, binds, /proc.

. "${0%/*}/lib.sh"
. "${0%/*}/contain.sh"
fresh
good destroy web
make_root
before=$(leftovers)

good create user --rootfs "$root" --userns 0:500000:65536 \
	--net veth:,10.77.0.2/24 --bind "$root/bin:/mnt:ro" \
	--tmpfs /scratch:64K
good start user -- sleep 1000
is "root inside" "$(in_it user id -u)" 0
is "nobody outside" "$(awk '/^Uid/ { print $2 }' \
	/proc/"$(value '.containers[0].init' state user)"/status)" 500000
in_it user touch /made
is "its files are its own" "$(in_it user stat -c %u /made)" 0
is "and root's on disk" "$(stat -c %u "$root/made")" 0
in_it user touch /mnt/x | grep -q 'Read-only'
result $? "a read-only bind"
in_it user sh -c 'dd if=/dev/zero of=/scratch/x bs=1K count=65' | \
	grep -q 'No space'
result $? "a tmpfs with its size"
in_it user ip -o addr show eth0 | grep -q 'inet 10.77.0.2/24'
result $? "its interface"
[ -e /sys/class/net/rescore1 ]
result $? "the host's end of it"
good stop user
until_true [ ! -e /sys/class/net/rescore1 ]
result $? "which is gone"
rm "$root/made"
good destroy user

good create over --overlay "$root" --upper tmpfs --proc minimal --net host
good start over -- sleep 1000
in_it over touch /made
[ ! -e "$root/made" ]
result $? "what it writes is above its lower"
is "proc minimal has processes only" \
	"$(in_it over sh -c 'cat /proc/1/comm; ls /proc/meminfo' 2>&1 |
	grep -c -e rescore-init -e 'No such')" 2
is "the host's network" "$(in_it over readlink /proc/self/ns/net)" \
	"$(readlink /proc/self/ns/net)"
good destroy --force over
good create over --overlay "$root"
good start over -- sleep 1000
in_it over touch /kept
good stop over
good start over
in_it over ls / | grep -q kept
result $? "changes stay from start to start"
good destroy --force over
[ ! -e /var/lib/rescore/over ]
result $? "and go with it"

# an overlay, whose layers' ids are mapped
mkdir -p "$root/low" "$root/up"
cp -a "$root/bin" "$root/low"
good create both --overlay "$root/low" --upper "$root/up" --userns auto
good start both -- sleep 1000
is "root in a mapped overlay" "$(in_it both stat -c %u /bin/busybox)" 0
in_it both touch /made
is "owns what it makes" "$(in_it both stat -c %u /made)" 0
is "which is root's on disk" \
	"$(stat -c %u "$root/up/upper/made")" 0
good stop both
good destroy both
rm -r "${root:?}/low" "$root/up"

# what the host mounts later
mkdir -p /tmp/slave/below /tmp/private/below
mount --bind /tmp/slave /tmp/slave
mount --make-shared /tmp/slave
mount --bind /tmp/private /tmp/private
mount --make-shared /tmp/private
mkdir -p "$root/slave" "$root/private"
good create binds --rootfs "$root" --bind /tmp/slave:/slave:slave \
	--bind /tmp/private:/private
good start binds -- sleep 1000
mount -t tmpfs tmpfs /tmp/slave/below
mount -t tmpfs tmpfs /tmp/private/below
: > /tmp/slave/below/seen
: > /tmp/private/below/seen
is "appears in a slave" "$(in_it binds ls /slave/below)" seen
is "and in no other bind" "$(in_it binds ls /private/below)" ''
in_it binds grep -q ' /slave .* shared:' /proc/self/mountinfo
is "nothing goes back: it is no peer" $? 1
umount /tmp/slave/below /tmp/private/below
is "and goes again" "$(in_it binds ls /slave/below)" ''
good destroy --force binds
umount /tmp/slave /tmp/private
rm -r "${root:?}/slave" "$root/private"

good create fuse --rootfs "$root" --proc lxcfs
fails 'lxcfs does not run' start fuse -- sleep 1000
good destroy fuse

is "nothing is left behind" "$(leftovers)" "$before"
finish

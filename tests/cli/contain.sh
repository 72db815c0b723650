# SPDX-License-Identifier: GPL-2.0
#
# What the tests of containment share: a root file system, and a list of all that a
# container could leave behind. Ids of $root can be mapped: those of a tmpfs can from
# Linux 6.3 on, those of ext4 longer.

root=/tmp/contain-root

make_root()
{
	mkdir -p $root /var/lib/rescore /run/rescore
	grep -q " $root " /proc/mounts || mount_root
	mkdir -p $root/bin $root/etc $root/root
	cp /bin/busybox $root/bin
	for applet in $(busybox --list); do
		[ -e "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"
	done
}

mount_root()
{
	case $(uname -r) in
	6.1.*)
		truncate -s 32M $root.img
		mke2fs -F $root.img > /dev/null 2>&1
		modprobe loop
		mount -t ext4 -o loop $root.img $root
		;;
	*) mount -t tmpfs -o mode=755 tmpfs $root ;;
	esac
}

# in_it NAME COMMAND...: its output in the container
in_it()
{
	name=$1
	shift
	rlimitctl exec "$name" -- "$@" 2>&1
}

# fails TEXT ARGS...: as bad, while what runs in a container changes the table
fails()
{
	text=$1
	shift
	run rlimitctl "$@"
	one_line 1 "$text"
	result $? "fails: rlimitctl $*"
}

# Mounts, cgroups, links, interfaces, stored files: what a run may not change.
leftovers()
{
	awk '{ print $5 }' /proc/self/mountinfo
	ls /sys/class/net /var/lib/rescore /run/rescore 2> /dev/null
	find /sys/fs/cgroup/rescore -mindepth 1 -type d
	# shellcheck disable=SC2012
	ls -d /proc/[0-9]*/ns/mnt | while read -r space; do
		readlink "$space" 2> /dev/null
	done | sort -u | wc -l
}

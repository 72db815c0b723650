# SPDX-License-Identifier: GPL-2.0
#
# What the tests of containment share: a root file system, and a list of all that a
# container could leave behind. Its $root is on a tmpfs, whose ids can be mapped from
# Linux 6.3 on: $idmap says so.

root=/tmp/contain-root

make_root()
{
	mkdir -p $root /var/lib/rescore /run/rescore
	mountpoint -q $root || mount -t tmpfs -o mode=755 tmpfs $root
	mkdir -p $root/bin $root/etc $root/root
	cp /bin/busybox $root/bin
	for applet in $(busybox --list); do
		[ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
	done
	# shellcheck disable=SC2034	# for who sources this
	idmap=yes
	# shellcheck disable=SC2034
	case $(uname -r) in
	6.1.*) idmap= ;;
	esac
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

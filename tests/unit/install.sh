#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What `make install` puts where: units that systemd understands, whose programs are
# there.

set -u
cd "$(dirname "$0")/../.." || exit 1
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
n=0 failed=0

# result STATUS NAME
result()
{
	n=$((n + 1))
	[ "$1" -eq 0 ] || { echo "not ok $n - $2"; failed=1; return; }
	echo "ok $n - $2"
}

units=$root/usr/lib/systemd/system

if ! make -s install O="${O:-build}" DESTDIR="$root" > "$root/log" 2>&1; then
	sed 's/^/# /' "$root/log"
	echo "not ok 1 - make install DESTDIR"
	exit 1
fi
result 0 "make install DESTDIR"
for file in sbin/rlimitctl bin/rstat lib/rescore/rescore.bpf.o \
	lib/rescore/siginfo.bpf.o lib/librescore.so share/man/man8/rlimitctl.8; do
	[ -e "$root/usr/$file" ]
	result $? "there is $file"
done
[ -d "$root/etc/rescore/hooks" ]
result $? "there is a place for hooks, and above it for tokens"

# Every unit is found, with what it needs, and what it starts can be started.
if type -P systemd-analyze > /dev/null; then
	cp -a /usr/lib/systemd/system/*.target "$units"
	mkdir -p "$root/bin"
	cp /bin/sh "$root/bin"
	for unit in packaging/systemd/*.service; do
		unit=${unit##*/}
		said=$(systemd-analyze verify --man=no --root="$root" "$unit" 2>&1)
		status=$?
		[ -z "$said" ] && [ $status -eq 0 ]
		result $? "systemd understands $unit"
		[ -z "$said" ] || echo "# ${said//$'\n'/$'\n# '}"
	done
	sed -i 's|^ExecStart=.*|ExecStart=/usr/sbin/nothing|' \
		"$units/rescore-watch.service"
	! systemd-analyze verify --man=no --root="$root" rescore-watch.service \
		> /dev/null 2>&1
	result $? "and would say that a program is not there"
else
	n=$((n + 1))
	echo "ok $n - # SKIP no systemd-analyze (package systemd)"
fi

# Elsewhere, units start what was installed there.
make -s install-units DESTDIR="$root/other" PREFIX=/opt/rescore > "$root/log" 2>&1
result $? "make install-units PREFIX"
grep -q '^ExecStart=/opt/rescore/sbin/rlimitctl watch$' \
	"$root/other/opt/rescore/lib/systemd/system/rescore-watch.service"
result $? "rescore-watch starts what is below PREFIX"
! grep -rn '/usr/s\?bin' "$root/other/opt/rescore/lib/systemd/system"
result $? "no unit starts another"

echo "1..$n"
exit $failed

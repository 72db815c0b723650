#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Version 1 of what is stored, as it once was (stored-1/), is still understood. If
# the format changes, stored-1 stays as it is, and stored-2 comes beside it.

. "${0%/*}/lib.sh"
. "${0%/*}/contain.sh"
fresh
good destroy web
make_root
mkdir -p $root/etc
echo host > /etc/rescore-test

as_it_was()
{
	is "its limits" "$(row shop numproc barrier) $(row shop numproc limit) $(
		row shop numfile limit) $(row shop physpages barrier) $(
		row shop physpages limit) $(row shop cpulimit barrier)" \
		"23 29 97 8192 16384 50"
	is "in the kernel, too" "$(cat $own/seller/shop/cpu.max \
		$own/seller/shop/memory.high | tr '\n' ' ')" \
		"10000 20000 33554432 "
	is "its mode" "$(row shop numflock mode)" observe
	is "what watch does" "$(rlimitctl action shop | tr -s ' ' |
		grep -c 'numproc refuse,log')" 1
	is "its parent" "$(value '.containers[] |
		select(.name == "shop") | .parent' list)" seller
	is "whose limit" "$(row seller numproc barrier)" 101
	is "its hostname" "$(hostname)" "$(in_it shop hostname)"
	# shellcheck disable=SC2016	# in the container
	is "its environment" "$(in_it shop sh -c 'echo $COLOUR $SHAPE')" \
		'blue round'
	is "its binds" "$(in_it shop cat /mnt/rescore-test)" host
	in_it shop touch /mnt/x | grep -q 'Read-only'
	result $? "one is read-only"
	is "its tmpfs" "$(in_it shop df -k /scratch |
		awk 'NR == 2 { print $2 }')" 64
	# NET_RAW (bit 13) more, KILL (5) less than the usual
	is "its capabilities" "$(in_it shop awk '/^CapEff/ { print $2 }' \
		/proc/self/status)" 00000000000025db
	is "its command" "$(in_it shop cat /proc/2/cmdline | tr '\0' ' ')" \
		'sleep 1000 '
}

# --- a start ------------------------------------------------------------------------

cp -r "$cli/stored-1/seller" "$cli/stored-1/shop" /var/lib/rescore
good start shop
as_it_was
good audit

# --- a checkpoint ---------------------------------------------------------------------

# CRIU's images are those of this kernel and these programs; and with them its names
# of the log, and of files in /proc that are covered.
places()
{
	jq -c 'paths(scalars) | select(.[0] != "resources" and
		.[0] != "mounts")' "$1" | sort
}
if which criu > /dev/null; then
	good checkpoint shop "$tmp/saved"
	is "what a checkpoint has is what it had" \
		"$(places "$tmp/saved/rescore.json")" \
		"$(places "$cli/stored-1/rescore.json")"
	# shellcheck disable=SC2016	# jq's
	jq --slurpfile here "$tmp/saved/rescore.json" '
		$here[0] as $here | [.mounts[].at] as $known |
		.log = $here.log |
		.mounts |= [.[] | select(.at | IN($here.mounts[].at))] +
			[$here.mounts[] | select(.at | IN($known[]) | not)]' \
		"$cli/stored-1/rescore.json" > "$tmp/old"
	cp "$tmp/old" "$tmp/saved/rescore.json"
	good destroy shop seller
	good create seller numproc=101
	good restore shop "$tmp/saved"
	as_it_was
	is "its counters" "$(row shop numfile maxheld) $(row shop numfile \
		failcnt) $(row shop numproc maxheld) $(row shop numproc failcnt)" \
		"61 5 11 3"
	good audit
else
	skip "a checkpoint" "no criu"
fi
rm /etc/rescore-test
good destroy --force shop seller
umount $root
finish

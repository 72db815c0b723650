#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Packet-filter entries, as nft and iptables make them; and a module that is missing.

. "${0%/*}/lib.sh"
unloaded
good load --containers 100 --events 64 --only iptent,numproc
good create web

held() { [ "$(row web numiptent held)" = "$1" ]; }
# held_is N: soon
held_is()
{
	until_true held "$1"
	is "held" "$(row web numiptent held)" "$1"
}

rlimitctl exec web -- unshare -n sleep 1000 &
in_a_network() { own_net=$(cat "$own/web/cgroup.procs") && [ -n "$own_net" ] &&
	[ "$(readlink "/proc/$own_net/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
until_true in_a_network
result $? "a process of the container has a network of its own"

# tenant COMMAND...: in the container and its network
tenant() { run rlimitctl exec web -- nsenter -t "$own_net" -n "$@"; }

# --- nft ------------------------------------------------------------------------

# 2 rules, 3 elements of the set, 3 of the set in the rule
cat > "$tmp/rules" << 'END'
flush ruleset
table inet filter {
	set blocked {
		type ipv4_addr
		elements = { 10.0.0.1, 10.0.0.2, 10.0.0.3 }
	}
	chain input {
		type filter hook input priority 0; policy accept;
		ip saddr @blocked drop
		tcp dport { 22, 80, 443 } accept
	}
}
END
good set web numiptent=8:16
tenant nft -f "$tmp/rules"
is "nft -f" "$status" 0
held_is 8
tenant nft add rule inet filter input drop
[ "$status" -ne 0 ]
result $? "no more than the barrier"
grep -q 'Cannot allocate memory' "$tmp/err"
result $? "which is no memory"
is "failcnt" "$(row web numiptent failcnt)" 1
tenant nft -f "$tmp/rules"
is "the same again, in the place of the old" "$status" 0
held_is 8
tenant nft delete element inet filter blocked '{ 10.0.0.2 }'
held_is 7
run nsenter -t "$own_net" -n nft add rule inet filter input counter
is "the administrator's rule" "$status" 0
held_is 7
good audit
tenant nft flush ruleset
is "nft flush ruleset" "$status" 0
held_is 0

# --- iptables ---------------------------------------------------------------------

for i in 1 2 3; do
	tenant iptables-nft -A INPUT -s 10.0.0.$i -j DROP
done
is "iptables" "$status" 0
held_is 3
tenant iptables-nft -D INPUT 1
held_is 2
cat > "$tmp/table" << 'END'
*filter
:INPUT ACCEPT [0:0]
-A INPUT -s 10.0.0.1 -j DROP
-A INPUT -s 10.0.0.2 -j DROP
-A INPUT -s 10.0.0.3 -j DROP
-A INPUT -s 10.0.0.4 -j DROP
-A INPUT -s 10.0.0.5 -j DROP
COMMIT
END
for i in 1 2; do
	tenant iptables-nft-restore "$tmp/table"
	is "iptables-restore" "$status" 0
	held_is 5
done
run grep numiptent /sys/fs/bpf/rescore/user_beancounters
says 'numiptent                       5'
tenant nft flush ruleset
held_is 0

# --- an upgrade between them ----------------------------------------------------------

good set web numiptent=8:16
cat > "$tmp/storm" << 'END'
while [ ! -e "$1/stop" ]; do
	nft -f "$1/rules" || : > "$1/refused"
	nft add rule inet filter input drop 2> /dev/null && : > "$1/passed"
done
: > "$1/ended"
END
rlimitctl exec web -- nsenter -t "$own_net" -n sh "$tmp/storm" "$tmp" \
	> "$tmp/storm.log" 2>&1 &
storms() { [ "$(row web numiptent failcnt)" -gt 1 ]; }
until_true storms
result $? "rules come and go"
good upgrade
good upgrade
touch "$tmp/stop"
until_true [ -e "$tmp/ended" ]
result $? "to the end"
[ ! -e "$tmp/passed" ]
result $? "nothing passed the barrier"
held_is 8
good audit

# --- iptables-legacy ----------------------------------------------------------------

tenant nft flush ruleset
held_is 0
good set web numiptent=16
modprobe -q -a ip_tables ip6_tables
mkdir -p /run		# for its lock
if tenant iptables-legacy -L && [ "$status" -eq 0 ]; then
	# the policies of three chains, and the end of the table
	held_is 4
	good set web numiptent=8
	for i in 1 2 3 4; do
		tenant iptables-legacy -A INPUT -s 10.0.0.$i -j DROP
		is "iptables-legacy -A" "$status" 0
	done
	held_is 8
	tenant iptables-legacy -A INPUT -j DROP
	[ "$status" -ne 0 ]
	result $? "no more than the barrier"
	held_is 8
	good audit
	tenant iptables-legacy -D INPUT 1
	held_is 7
	good set web numiptent=16
	tenant iptables-legacy-restore "$tmp/table"
	is "iptables-legacy-restore" "$status" 0
	held_is 9
	tenant ip6tables-legacy -A INPUT -s fd00::1 -j DROP
	is "ip6tables-legacy -A" "$status" 0
	held_is 14
	good audit
	run nsenter -t "$own_net" -n iptables-legacy -F
	is "the administrator's" "$status" 0
	held_is 5
	tenant ip6tables-legacy -F
	held_is 4
	good audit
else
	tests=$((tests + 1))
	echo "ok $tests - # SKIP this kernel has no ip_tables"
fi
good kill web
held_is 0

# --- the module ---------------------------------------------------------------------

run rmmod nf_tables
[ "$status" -ne 0 ]
result $? "the module stays while its rules are counted"
unloaded
# with what others have built on it
remove() { rmmod "$(cd /sys/module/nf_tables/holders && echo *)" 2> /dev/null
	rmmod nf_tables; }
# the kernel takes its time to let programs go, one after the other
until_true remove || until_true remove || until_true remove
result $? "and goes afterwards"
modprobe=$(cat /proc/sys/kernel/modprobe)
echo /nonexistent > /proc/sys/kernel/modprobe
good load --containers 100 --events 64 --only iptent,numproc
good create web
run rlimitctl status
says 'module nf_tables is not loaded'
bad 1 'module nf_tables is not loaded' set web numiptent=5
good set web numproc=50
echo "$modprobe" > /proc/sys/kernel/modprobe
modprobe nf_tables
good upgrade
good set web numiptent=5
rlimitctl exec web -- unshare -n nft -f "$tmp/rules" 2> /dev/null
is "it counts from then on" "$(row web numiptent failcnt)" 1
unloaded
good load --containers 100 --events 64 --only iptent
is "the module comes by itself" "$(value '.resources[0].state' resources)" on
unloaded
finish

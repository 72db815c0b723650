#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Containers on the host's network stack, held to their own addresses.

. "${0%/*}/lib.sh"
. "${0%/*}/contain.sh"
fresh
good destroy web
make_root
before=$(leftovers)

ip addr add 10.78.0.1/32 dev lo
ip addr add 10.78.0.2/32 dev lo
good create one --rootfs "$root" --net ip:10.78.0.1
good start one -- nc -l -p 7000 -e cat
# listens HEX: somebody does at that address and port, of IPv4 or mapped
listens() { cat /proc/net/tcp /proc/net/tcp6 | grep -q "$1 0000.* 0A"; }
until_true listens 01004E0A:1B58
result $? "0.0.0.0 became its own address"
is "which answers" "$(echo hi | nc -w 2 10.78.0.1 7000)" hi
json '.containers[0].state == "stopped"' state one --json
good start one -- sleep 1000
in_it one httpd -f -p 10.78.0.2:7001 | grep -qi 'not permitted'
result $? "another's address is refused"
httpd -f -p 127.0.0.1:7002 -h /etc &
server=$!
httpd -f -vv -p 10.78.0.2:7003 -h /etc 2> "$tmp/peers" &
other=$!
until_true listens 0100007F:1B5A
until_true listens 02004E0A:1B5B
in_it one wget -O - http://127.0.0.1:7002/ | grep -qi refused
result $? "the host's loopback is not reached"
in_it one wget -O - http://10.78.0.2:7003/ > /dev/null
until_true grep -q '10\.78\.0\.1' "$tmp/peers"
result $? "it comes from its own address"
kill $server $other
good destroy --force one

# --- IPv6 ----------------------------------------------------------------------------

ip addr add fd78::1/128 dev lo
ip addr add fd78::2/128 dev lo
good create six --rootfs "$root" --net ip:fd78::1,10.78.0.1
good start six -- httpd -f -p '[::]:7010' -h /etc
mine=000078FD000000000000000001000000
until_true listens $mine:1B62
result $? ":: became its own address"
echo page > "$root/etc/page"
is "which answers" "$(wget -q -O - 'http://[fd78::1]:7010/page')" page
wget -q -O - 'http://[::1]:7010/page' > "$tmp/out" 2>&1
is "and no other" $? 1
in_it six httpd -f -p '[fd78::2]:7011' | grep -qi 'not permitted'
result $? "another's address is refused"
in_it six httpd -f -p '[::ffff:10.78.0.2]:7011' | grep -qi 'not permitted'
result $? "as IPv4 on IPv6, too"
echo host > "$tmp/page"
httpd -f -p '[::1]:7012' -h "$tmp" &
server=$!
httpd -f -vv -p '[fd78::2]:7013' -h "$tmp" 2> "$tmp/peers" &
other=$!
httpd -f -vv -p 10.78.0.2:7014 -h "$tmp" 2> "$tmp/peers4" &
third=$!
until_true listens 00000000000000000000000001000000:1B64
until_true listens 000078FD000000000000000002000000:1B65
until_true listens 02004E0A:1B66
in_it six wget -O - 'http://[::1]:7012/page' | grep -qi refused
result $? "the host's loopback is not reached"
is "others are" "$(in_it six wget -q -O - 'http://[fd78::2]:7013/page')" host
until_true grep -q 'fd78::1\]' "$tmp/peers"
result $? "from its own address"
is "and as IPv4 on IPv6" \
	"$(in_it six wget -q -O - 'http://[::ffff:10.78.0.2]:7014/page')" host
until_true grep -q '10\.78\.0\.1:' "$tmp/peers4"
result $? "from its own, again"
kill $server $other $third
rm "$root/etc/page"
good destroy --force six
ip addr del fd78::1/128 dev lo
ip addr del fd78::2/128 dev lo
ip addr del 10.78.0.1/32 dev lo
ip addr del 10.78.0.2/32 dev lo

is "nothing is left behind" "$(leftovers)" "$before"
finish

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Sockets in every way that stress-ng knows, without bounds and with small ones: no
# row passes its own, a neighbour is not held up, and nothing is left.

. "${0%/*}/lib.sh"
. "${0%/*}/stress.sh"

buffers='tcpsndbuf tcprcvbuf othersockbuf dgramrcvbuf'
none="numtcpsock numothersock $buffers"

# A connection gets one packet more than its buffer has room for.
most()
{
	case $1 in
	*buf) echo '.limit * 1.25' ;;
	*) echo .limit ;;
	esac
}

# Rows that have what is meant to be held back, or the bounds prove nothing.
used()
{
	for row in "$@"; do
		json ".containers[0].resources.$row.maxheld > 0" show web --json
	done
}

seconds=2
all='--sock 2 --udp 1 --sockmany 1 --sockpair 1 --sockfd 1'

begin
ip link set lo up
mix -- --sock 2
used numtcpsock tcpsndbuf tcprcvbuf
mix -- --udp 2
used numothersock dgramrcvbuf
mix -- --sockmany 1
mix -- --sockpair 1
used othersockbuf
mix -- --sockfd 1
# shellcheck disable=SC2086	# words
mix -- $all
# sockpair wants more sockets than there is room to record payers of
is 'nothing else was refused' \
	"$(value '[.containers[0].resources | .numtcpsock, .tcpsndbuf, .tcprcvbuf,
		.othersockbuf, .dgramrcvbuf | .failcnt] | add' show web)" 0

good reset web --maxheld
good set web numtcpsock=23 numothersock=29 tcpsndbuf=512K tcprcvbuf=512K \
	othersockbuf=1M dgramrcvbuf=1K
mix tcpsndbuf -- --sock 4
mix tcpsndbuf -- --sock 1 --sock-domain ipv6 --sock-zerocopy
mix dgramrcvbuf -- --udp 2
mix dgramrcvbuf -- --udp 2 --udp-domain ipv6 --udp-gro
mix numtcpsock -- --sockmany 1
mix numothersock othersockbuf -- --sockpair 1
mix othersockbuf -- --sockfd 1
# shellcheck disable=SC2086
mix numothersock -- $all
for row in numtcpsock numothersock $buffers; do
	json ".containers[0].resources.$row | .maxheld <= $(most "$row")" \
		show web --json
done
finish

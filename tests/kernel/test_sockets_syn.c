// SPDX-License-Identifier: GPL-2.0
/*
 * The bound of numtcpsock: held never passes it, however many SYNs and ACKs arrive
 * at once, with SYN cookies and TCP Fast Open, too.
 */
#include <netinet/ip.h>

#include "listener.h"

/* --- the bound: SYNs ------------------------------------------------------------- */

/* Dropped before there is a socket; sent again, it gets in when there is room. */
TEST_F(tcp, syn_refused)
{
	long fd;

	listen_on(AF_INET, 100);
	set_bounds(self->a, numtcpsock, 1 + 7, 1 + 7);
	fd = puppet_do(self->q, net_connect_many, AF_INET, net_port, 7);
	EXPECT_TCP(1 + 7, 7);
	EXPECT_EQ(0, failcnt(self->a, numtcpsock));
	fd = puppet_do(self->q, net_connect_many, AF_INET, net_port, 5);
	EXPECT_EQ(PUPPET_FD + 7, fd);
	EXPECT_LE(5, failcnt(self->a, numtcpsock));
	EXPECT_EQ(0, puppet_do(self->q, net_connected, fd, 5, 0));
	EXPECT_TCP(1 + 7, 7 + 5);
	EXPECT_EQ(1 + 7, row(self->a, numtcpsock).maxheld);
	EXPECT_CLEAN_AUDIT(0);
	/* their SYNs come again after a second, then two */
	set_bounds(self->a, numtcpsock, 1 + 7 + 3, 1 + 7 + 3);
	EXPECT_TRUE(within(30000, held(self->a, numtcpsock) == 1 + 7 + 3));
	set_bounds(self->a, numtcpsock, 99, 99);
	EXPECT_TRUE(within(60000,
			   puppet_do(self->q, net_connected, fd, 5, 0) == 5));
	EXPECT_TCP(1 + 7 + 5, 7 + 5);
}

struct checksum_header {
	uint32_t from, to;
	uint8_t zero, protocol;
	uint16_t length;
};

static uint16_t checksum(const void *data, size_t size, uint32_t sum)
{
	const uint16_t *words = data;

	for (; size > 1; size -= 2)
		sum += *words++;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* @n SYNs, each from another address and port of 127/8. How many were sent. */
static long syn_flood(long port, long n, long b)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct checksum_header pseudo = { .protocol = IPPROTO_TCP };
	struct {
		struct iphdr ip;
		struct tcphdr tcp;
	} packet = {};
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	long sent;

	if (fd < 0)
		return -errno;
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	packet.ip.version = 4;
	packet.ip.ihl = sizeof(packet.ip) / 4;
	packet.ip.ttl = 64;
	packet.ip.protocol = IPPROTO_TCP;
	packet.ip.daddr = to.sin_addr.s_addr;
	packet.tcp.dest = htons(port);
	packet.tcp.doff = sizeof(packet.tcp) / 4;
	packet.tcp.syn = 1;
	packet.tcp.window = htons(65535);
	for (sent = 0; sent < n; sent++) {
		packet.ip.saddr = htonl(INADDR_LOOPBACK + 0x10000 + sent);
		packet.tcp.source = htons(1024 + sent % 60000);
		packet.tcp.seq = htonl(sent * 7919);
		pseudo.from = packet.ip.saddr;
		pseudo.to = packet.ip.daddr;
		pseudo.length = htons(sizeof(packet.tcp));
		packet.tcp.check = 0;
		packet.tcp.check =
			~checksum(&packet.tcp, sizeof(packet.tcp),
				  checksum(&pseudo, sizeof(pseudo), 0));
		if (sendto(fd, &packet, sizeof(packet), 0,
			   (struct sockaddr *)&to, sizeof(to)) < 0)
			break;
	}
	close(fd);
	return sent;
}

#define FLOOD 20000

/* Each of them is counted as refused; none becomes a request, or a socket. */
TEST_F(tcp, syn_flood)
{
	struct puppet *host = puppet_in(0);

	listen_on(AF_INET, 4096);
	set_bounds(self->a, numtcpsock, 1, 1);
	EXPECT_EQ(FLOOD, puppet_do(host, syn_flood, net_port, FLOOD, 0));
	EXPECT_TRUE(eventually(failcnt(self->a, numtcpsock) == FLOOD));
	EXPECT_EQ(FLOOD, failcnt(self->a, numtcpsock));
	EXPECT_EQ(1, row(self->a, numtcpsock).maxheld);
	EXPECT_TCP(1, 0);
	EXPECT_EQ(0, net_lines("tcp", 3 /* SYN_RECV */));
	EXPECT_CLEAN_AUDIT(0);
	/* and it listens still */
	set_bounds(self->a, numtcpsock, 9, 9);
	puppet_do(self->q, net_connect_many, AF_INET, net_port, 7);
	EXPECT_TCP(1 + 7, 7);
}

/* Half-open connections are not counted, whoever sends the SYNs. */
TEST_F(tcp, half_open)
{
	struct puppet *host = puppet_in(0);

	listen_on(AF_INET, 4096);
	set_bounds(self->a, numtcpsock, PRIME, PRIME);
	EXPECT_EQ(500, puppet_do(host, syn_flood, net_port, 500, 0));
	EXPECT_TCP(1, 0);
	EXPECT_EQ(0, failcnt(self->a, numtcpsock));
}

/* --- the bound: ACKs -------------------------------------------------------------- */

/* SYNs that found room, all of them, and data that comes when there is none. */
static long defer_accept(long fd, long b, long c)
{
	int seconds = 30;

	return result(setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds,
				 sizeof(seconds)));
}

static long send_byte(long first, long n, long b)
{
	long i;

	for (i = 0; i < n; i++)
		if (send(first + i, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1)
			return -errno;
	return n;
}

#define CROWD 64

TEST_F(tcp, acks_at_once)
{
	int64_t all = 1 + PRIME;
	long fd;
	int i;

	listen_on(AF_INET, 1000);
	set_bounds(self->a, numtcpsock, all, all);
	EXPECT_EQ(0, puppet_do(self->p, defer_accept, self->fd, 0, 0));
	fd = puppet_do(self->q, net_connect_many, AF_INET, net_port, CROWD);
	EXPECT_EQ(CROWD, puppet_do(self->q, net_connected, fd, CROWD, 0));
	/* connected, says the client; the listener has no socket yet */
	EXPECT_TCP(1, CROWD);
	EXPECT_EQ(0, failcnt(self->a, numtcpsock));
	EXPECT_EQ(CROWD, puppet_do(self->q, send_byte, fd, CROWD, 0));
	EXPECT_TCP(all, CROWD);
	EXPECT_EQ(all, row(self->a, numtcpsock).maxheld);
	EXPECT_LE(CROWD - PRIME, failcnt(self->a, numtcpsock));
	EXPECT_CLEAN_AUDIT(0);
	/* the rest get in when there is room: what they sent comes again */
	EXPECT_EQ(0, puppet_do(self->p, net_accept, self->fd, PRIME, 0));
	for (i = 0; i < PRIME; i++)
		puppet_close(self->p, self->fd + 1 + i);
	EXPECT_TRUE(within(30000, held(self->a, numtcpsock) == all));
	EXPECT_EQ(all, row(self->a, numtcpsock).maxheld);
	set_bounds(self->a, numtcpsock, 999, 999);
	EXPECT_TRUE(
		within(60000, held(self->a, numtcpsock) == 1 + CROWD - PRIME));
}

static long set_sysctl(long path, long value, long b)
{
	return write_file((const char *)path, (const char *)value);
}

/* With cookies the listener keeps no request at all. */
TEST_F(tcp, syn_cookies)
{
	EXPECT_EQ(0, puppet_do(self->p, net_unshare, 0, 0, 0));
	if (puppet_do(self->p, set_sysctl, "/proc/sys/net/ipv4/tcp_syncookies",
		      "2", 0))
		SKIP(return, "no SYN cookies here");
	listen_on(AF_INET, 100);
	set_bounds(self->a, numtcpsock, 1 + 2 * PRIME, 1 + 2 * PRIME);
	puppet_do(self->p, net_connect_many, AF_INET, net_port, PRIME);
	EXPECT_TCP(1 + 2 * PRIME, 0);
	EXPECT_EQ(PRIME,
		  puppet_do(self->p, net_connected, self->fd + 1, PRIME, 0));
	EXPECT_EQ(-ENOBUFS,
		  puppet_do(self->p, net_connect, AF_INET, net_port, 0));
	/* room for the client's end, none for the listener's */
	set_bounds(self->a, numtcpsock, 2 + 2 * PRIME, 2 + 2 * PRIME);
	EXPECT_EQ(self->fd + 1 + PRIME,
		  puppet_do(self->p, net_connect, AF_INET, net_port, 0));
	EXPECT_TCP(2 + 2 * PRIME, 0);
	EXPECT_EQ(0, puppet_do(self->p, net_connected, self->fd + 1 + PRIME, 1,
			       0));
	EXPECT_CLEAN_AUDIT(0);
	set_bounds(self->a, numtcpsock, 99, 99);
	EXPECT_TRUE(within(30000, held(self->a, numtcpsock) == 3 + 2 * PRIME));
}

/* TCP Fast Open: a SYN with data makes a socket at once. */
static long fast_listen(long fd, long b, long c)
{
	int queue = 100;

	return result(setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &queue,
				 sizeof(queue)));
}

static long fast_connect(long port, long n, long c)
{
	union address address;
	socklen_t size = loopback(&address, AF_INET, port);
	int fd;

	while (n--) {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (fd < 0)
			return -errno;
		if (sendto(fd, "x", 1, MSG_FASTOPEN, &address.any, size) < 0 &&
		    errno != EINPROGRESS)
			return -errno;
	}
	return 0;
}

TEST_F(tcp, fast_open)
{
	/* client and server, and without a cookie */
	const char *on = "1543";

	EXPECT_EQ(0, puppet_do(self->p, net_unshare, 0, 0, 0));
	ASSERT_EQ(0, puppet_do(self->p, set_sysctl,
			       "/proc/sys/net/ipv4/tcp_fastopen", on, 0));
	listen_on(AF_INET, 100);
	EXPECT_EQ(0, puppet_do(self->p, fast_listen, self->fd, 0, 0));
	set_bounds(self->a, numtcpsock, 1 + 2 * 7, 1 + 2 * 7);
	EXPECT_EQ(0, puppet_do(self->p, fast_connect, net_port, 7, 0));
	EXPECT_TCP(1 + 2 * 7, 0);
	EXPECT_EQ(0, failcnt(self->a, numtcpsock));
	set_bounds(self->a, numtcpsock, 2 + 2 * 7, 2 + 2 * 7);
	EXPECT_EQ(0, puppet_do(self->p, fast_connect, net_port, 1, 0));
	EXPECT_TCP(2 + 2 * 7, 0);
	EXPECT_LE(1, failcnt(self->a, numtcpsock));
	EXPECT_EQ(2 + 2 * 7, row(self->a, numtcpsock).maxheld);
	EXPECT_CLEAN_AUDIT(0);
}

RESCORE_TEST_MAIN(NULL)

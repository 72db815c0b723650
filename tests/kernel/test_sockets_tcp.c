// SPDX-License-Identifier: GPL-2.0
/*
 * numtcpsock of connections to a listener: its payer pays; held never passes
 * the bound, however many SYNs and ACKs arrive at once; what is no socket is not
 * counted.
 */
#include <netinet/ip.h>
#include <sys/resource.h>

#include "net.h"

FIXTURE(tcp)
{
	int a, b;
	struct puppet *p, *q;	/* listens; connects */
	long fd;		/* of p's listener */
};

FIXTURE_SETUP(tcp)
{
	world_begin(_metadata);
	find_sockets();
	ASSERT_LT(0, self->a = make("kt-a"));
	ASSERT_LT(0, self->b = make("kt-b"));
	self->p = puppet_in(self->a);
	self->q = puppet_in(self->b);
}

FIXTURE_TEARDOWN(tcp)
{
	end_puppets();
	world_end(_metadata);
}

#define EXPECT_TCP(in_a, in_b) do {			\
	EXPECT_HELD(in_a, self->a, numtcpsock);		\
	EXPECT_HELD(in_b, self->b, numtcpsock);		\
} while (0)

#define listen_on(family, backlog) \
	ASSERT_EQ(PUPPET_FD, self->fd = puppet_do(self->p, net_listen, family, \
						  0, backlog))

/* --- who pays --------------------------------------------------------------------- */

static void accepted(struct __test_metadata *_metadata,
		     FIXTURE_DATA(tcp) * self, int family)
{
	listen_on(family, 100);
	EXPECT_EQ(PUPPET_FD, puppet_do(self->q, net_connect_many, family,
				       net_port, PRIME));
	/* not accepted yet */
	EXPECT_TCP(1 + PRIME, PRIME);
	EXPECT_EQ(0, puppet_do(self->p, net_accept, self->fd, PRIME, 0));
	EXPECT_TCP(1 + PRIME, PRIME);
	EXPECT_CLEAN_AUDIT(0);
	puppet_do(self->p, close_from, PUPPET_FD, 0, 0);
	puppet_do(self->q, close_from, PUPPET_FD, 0, 0);
	EXPECT_TCP(0, 0);
}

TEST_F(tcp, accepted)
{
	accepted(_metadata, self, AF_INET);
}

TEST_F(tcp, accepted_ipv6)
{
	accepted(_metadata, self, AF_INET6);
}

/* Connections that nobody accepted go with their listener. */
TEST_F(tcp, not_accepted)
{
	listen_on(AF_INET, 100);
	puppet_do(self->q, net_connect_many, AF_INET, net_port, PRIME);
	EXPECT_TCP(1 + PRIME, PRIME);
	EXPECT_EQ(0, puppet_close(self->p, self->fd));
	EXPECT_TCP(0, PRIME);
}

/* Accepted in b through a listener of a: a pays. */
TEST_F(tcp, listener_passed_on)
{
	long fd;

	listen_on(AF_INET, 100);
	EXPECT_EQ(0, puppet_do(self->p, pass_fd, self->fd, 0, 0));
	EXPECT_EQ(PUPPET_FD, fd = puppet_do(self->q, take_fd, 0, 0, 0));
	puppet_end(self->p);
	EXPECT_EQ(fd + 1,
		  puppet_do(self->q, net_connect_many, AF_INET, net_port, 7));
	EXPECT_EQ(0, puppet_do(self->q, net_accept, fd, 7, 0));
	EXPECT_TCP(1 + 7, 7);
	EXPECT_CLEAN_AUDIT(0);
}

TEST_F(tcp, listener_of_host)
{
	struct puppet *host = puppet_in(0);

	EXPECT_EQ(PUPPET_FD, puppet_do(host, net_listen, AF_INET, 0, 100));
	puppet_do(self->q, net_connect_many, AF_INET, net_port, 7);
	EXPECT_EQ(0, puppet_do(host, net_accept, PUPPET_FD, 7, 0));
	EXPECT_TCP(0, 7);
}

/* In a network of its own, seen from outside only by its counts. */
TEST_F(tcp, own_namespace)
{
	EXPECT_EQ(0, puppet_do(self->p, net_unshare, 0, 0, 0));
	EXPECT_HELD(0, self->a, numothersock);
	listen_on(AF_INET, 100);
	EXPECT_EQ(PUPPET_FD + 1, puppet_do(self->p, net_connect_many, AF_INET,
					   net_port, PRIME));
	EXPECT_TCP(1 + 2 * PRIME, 0);
	EXPECT_CLEAN_AUDIT(0);
	puppet_end(self->p);
	EXPECT_TCP(0, 0);
}

/* --- what is no socket any more, and what still is one ------------------------------ */

static long fill_and_close(long fd, long b, long c)
{
	static char junk[65536];
	long sent = 0, n;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while ((n = send(fd, junk, sizeof(junk), MSG_NOSIGNAL)) > 0)
		sent += n;
	close(fd);
	return sent;
}

/* Closed with data to send: an orphan counts until its peer is gone. */
TEST_F(tcp, orphans)
{
	int i;

	listen_on(AF_INET, 100);
	EXPECT_EQ(PUPPET_FD,
		  puppet_do(self->q, net_connect_many, AF_INET, net_port, 5));
	EXPECT_EQ(0, puppet_do(self->p, net_accept, self->fd, 5, 0));
	for (i = 0; i < 5; i++)
		EXPECT_LT(0, puppet_do(self->p, fill_and_close,
				       self->fd + 1 + i, 0, 0));
	EXPECT_HELD(1, self->a, numfile);
	EXPECT_TCP(1 + 5, 5);
	EXPECT_CLEAN_AUDIT(0);
	/* they outlive every task of their container */
	puppet_end(self->p);
	EXPECT_HELD(0, self->a, numproc);
	EXPECT_TCP(5, 5);
	EXPECT_CLEAN_AUDIT(0);
	puppet_do(self->q, close_from, PUPPET_FD, 0, 0);
	EXPECT_TCP(0, 0);
}

/* Who closes first keeps the connection in TIME_WAIT: no socket. */
TEST_F(tcp, time_wait)
{
	struct puppet *host = puppet_in(0);
	int before = net_lines("tcp", ST_TIME_WAIT);

	EXPECT_EQ(PUPPET_FD, puppet_do(host, net_listen, AF_INET, 0, 100));
	puppet_do(self->q, net_connect_many, AF_INET, net_port, PRIME);
	EXPECT_EQ(0, puppet_do(host, net_accept, PUPPET_FD, PRIME, 0));
	EXPECT_TCP(0, PRIME);
	puppet_do(self->q, close_from, PUPPET_FD, 0, 0);
	/* FIN_WAIT2: the others have not closed yet; then it is no socket
	 * either, but what the kernel keeps instead of one for a minute
	 */
	puppet_do(host, close_from, PUPPET_FD, 0, 0);
	EXPECT_TCP(0, 0);
	EXPECT_TRUE(
		eventually(net_lines("tcp", ST_TIME_WAIT) >= before + PRIME));
	EXPECT_CLEAN_AUDIT(0);
}

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

/* --- MPTCP ------------------------------------------------------------------------- */

/*
 * The socket is one and each subflow one more; where the kernel does not let us
 * see it make a subflow (6.1), only those that a listener took in.
 */
TEST_F(tcp, mptcp_takes_plain_tcp)
{
	int64_t own;

	self->fd = puppet_do(self->p, net_listen, AF_INET, IPPROTO_MPTCP, 100);
	if (self->fd < 0)
		SKIP(return, "no MPTCP here");
	own = held(self->a, numtcpsock);
	EXPECT_TRUE(own == 1 || own == 2);
	/* plain TCP: the subflow itself is what accept() returns */
	puppet_do(self->q, net_connect_many, AF_INET, net_port, PRIME);
	EXPECT_TCP(own + PRIME, PRIME);
	EXPECT_EQ(0, puppet_do(self->p, net_accept, self->fd, PRIME, 0));
	EXPECT_TCP(own + PRIME, PRIME);
	EXPECT_CLEAN_AUDIT(0);
	set_bounds(self->a, numtcpsock, own + PRIME, own + PRIME);
	puppet_do(self->q, net_connect_many, AF_INET, net_port, 1);
	EXPECT_LE(1, failcnt(self->a, numtcpsock));
	EXPECT_TCP(own + PRIME, PRIME + 1);
	puppet_do(self->p, close_from, PUPPET_FD, 0, 0);
	EXPECT_HELD(0, self->a, numtcpsock);
}

TEST_F(tcp, mptcp_connections)
{
	int64_t own, theirs;
	int i;

	self->fd = puppet_do(self->p, net_listen, AF_INET, IPPROTO_MPTCP, 100);
	if (self->fd < 0)
		SKIP(return, "no MPTCP here");
	own = held(self->a, numtcpsock);
	for (i = 0; i < 7; i++)
		EXPECT_LT(0, puppet_do(self->q, net_connect, AF_INET, net_port,
				       IPPROTO_MPTCP));
	theirs = 7 * own;
	EXPECT_TCP(own + 7 * 2, theirs);
	EXPECT_EQ(0, puppet_do(self->p, net_accept, self->fd, 7, 0));
	EXPECT_TCP(own + 7 * 2, theirs);
	EXPECT_CLEAN_AUDIT(0);
	puppet_do(self->q, close_from, PUPPET_FD, 0, 0);
	puppet_do(self->p, close_from, PUPPET_FD, 0, 0);
	EXPECT_TRUE(within(60000, !held(self->a, numtcpsock) &&
					  !held(self->b, numtcpsock)));
}

/* --- a thousand, and a storm -------------------------------------------------------- */

#define ECHOES 1000

/* Accept @n connections and send back what each sends, until it closes. */
static long echo_server(long fd, long n, long b)
{
	struct pollfd *fds = calloc(n, sizeof(*fds));
	char data[512];
	long i, open = n, size;

	for (i = 0; i < n; i++) {
		fds[i].fd = accept(fd, NULL, NULL);
		fds[i].events = POLLIN;
		if (fds[i].fd < 0)
			return -errno;
	}
	while (open) {
		if (poll(fds, n, -1) < 0)
			return -errno;
		for (i = 0; i < n; i++) {
			if (!fds[i].revents)
				continue;
			size = read(fds[i].fd, data, sizeof(data));
			if (size > 0 && write(fds[i].fd, data, size) == size)
				continue;
			close(fds[i].fd);
			fds[i].fd = -1;
			open--;
		}
	}
	free(fds);
	return n;
}

/* How many of @n connections from @first on gave back what they were sent. */
static long echo_client(long first, long n, long rounds)
{
	char out[512], in[512];
	long i, r, good = 0;

	for (i = 0; i < n; i++)
		fcntl(first + i, F_SETFL, 0);
	for (r = 0; r < rounds; r++) {
		for (i = 0; i < n; i++) {
			memset(out, i + r, sizeof(out));
			if (write(first + i, out, sizeof(out)) < 0)
				return -errno;
		}
		for (i = 0; i < n; i++) {
			memset(out, i + r, sizeof(out));
			good += recv(first + i, in, sizeof(in), MSG_WAITALL) ==
					sizeof(in) &&
				!memcmp(in, out, sizeof(in));
		}
	}
	return good;
}

static long more_files(long a, long b, long c)
{
	struct rlimit files = { 4096, 4096 };

	return result(setrlimit(RLIMIT_NOFILE, &files));
}

TEST_F(tcp, echo)
{
	long fd;

	EXPECT_EQ(0, puppet_do(self->p, more_files, 0, 0, 0));
	EXPECT_EQ(0, puppet_do(self->q, more_files, 0, 0, 0));
	listen_on(AF_INET, 4096);
	set_bounds(self->a, numtcpsock, 1 + ECHOES, 1 + ECHOES);
	puppet_send_call(self->p, echo_server, self->fd, ECHOES, 0);
	fd = puppet_do(self->q, net_connect_many, AF_INET, net_port, ECHOES);
	EXPECT_EQ(PUPPET_FD, fd);
	EXPECT_EQ(3 * ECHOES, puppet_do(self->q, echo_client, fd, ECHOES, 3));
	EXPECT_TCP(1 + ECHOES, ECHOES);
	EXPECT_EQ(0, failcnt(self->a, numtcpsock));
	EXPECT_CLEAN_AUDIT(0);
	puppet_do(self->q, close_from, PUPPET_FD, 0, 0);
	EXPECT_EQ(ECHOES, puppet_answer(self->p));
	EXPECT_TCP(1, 0);
}

enum { STOP, ROUNDS };

/* Connect, talk a little, close; without waiting for who does not answer. */
static long connect_storm(long port, long b, long c)
{
	long fd, n = 0;

	while (!__atomic_load_n(&shm->number[STOP], __ATOMIC_RELAXED)) {
		fd = net_connect(AF_INET, port, 0);
		if (fd >= 0) {
			send(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
			close(fd);
			n++;
		}
		__atomic_fetch_add(&shm->number[ROUNDS], 1, __ATOMIC_RELAXED);
	}
	return n;
}

static long accept_storm(long listener, long b, long c)
{
	long fd, n = 0;

	fcntl(listener, F_SETFL, O_NONBLOCK);
	while (!__atomic_load_n(&shm->number[STOP], __ATOMIC_RELAXED)) {
		fd = accept(listener, NULL, NULL);
		if (fd >= 0) {
			close(fd);
			n++;
		}
	}
	return n;
}

TEST_F(tcp, storm)
{
	struct puppet *clients[4];
	int i;

	listen_on(AF_INET, 1000);
	shm->number[STOP] = shm->number[ROUNDS] = 0;
	set_bounds(self->a, numtcpsock, 1 + 7, 1 + 7);
	puppet_send_call(self->p, accept_storm, self->fd, 0, 0);
	for (i = 0; i < 4; i++) {
		clients[i] = puppet_in(i % 2 ? self->b : 0);
		puppet_send_call(clients[i], connect_storm, net_port, 0, 0);
	}
	EXPECT_TRUE(within(60000, shm->number[ROUNDS] > 2000));
	shm->number[STOP] = 1;
	for (i = 0; i < 4; i++)
		EXPECT_LT(0, puppet_answer(clients[i]));
	EXPECT_LT(0, puppet_answer(self->p));
	EXPECT_GE(1 + 7, row(self->a, numtcpsock).maxheld);
	puppet_do(self->p, close_from, PUPPET_FD, 0, 0);
	EXPECT_TCP(0, 0);
	EXPECT_CLEAN_AUDIT(0);
}

RESCORE_TEST_MAIN(NULL)

// SPDX-License-Identifier: GPL-2.0
/*
 * numtcpsock of connections to a listener: its payer pays; what is no socket is not
 * counted.
 */
#include <sys/resource.h>

#include "listener.h"

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
	/* those of earlier tests may end meanwhile */
	EXPECT_TRUE(eventually(net_lines("tcp", ST_TIME_WAIT) >= PRIME));
	EXPECT_CLEAN_AUDIT(0);
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

#define CLIENTS 4

enum { STOP, ROUNDS /* of each client */ };

/* Connect, talk a little, close; without waiting for who does not answer. */
static long connect_storm(long port, long client, long c)
{
	long fd, n = 0;

	while (!__atomic_load_n(&shm->number[STOP], __ATOMIC_RELAXED)) {
		fd = net_connect(AF_INET, port, 0);
		if (fd >= 0) {
			send(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
			close(fd);
			n++;
		}
		__atomic_fetch_add(&shm->number[ROUNDS + client], fd >= 0,
				   __ATOMIC_RELAXED);
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

/* Has each of them done @n? On a busy machine one may begin late. */
static bool have_connected(int64_t n)
{
	int i = 0;

	while (i < CLIENTS && shm->number[ROUNDS + i] >= n)
		i++;
	return i == CLIENTS;
}

TEST_F(tcp, storm)
{
	struct puppet *clients[CLIENTS];
	int i;

	listen_on(AF_INET, 1000);
	memset(shm->number, 0, sizeof(shm->number[0]) * (ROUNDS + CLIENTS));
	set_bounds(self->a, numtcpsock, 1 + 7, 1 + 7);
	puppet_send_call(self->p, accept_storm, self->fd, 0, 0);
	for (i = 0; i < CLIENTS; i++) {
		clients[i] = puppet_in(i % 2 ? self->b : 0);
		puppet_send_call(clients[i], connect_storm, net_port, i, 0);
	}
	EXPECT_TRUE(within(60000, have_connected(500)));
	shm->number[STOP] = 1;
	for (i = 0; i < CLIENTS; i++)
		EXPECT_LT(0, puppet_answer(clients[i]));
	EXPECT_LT(0, puppet_answer(self->p));
	EXPECT_GE(1 + 7, row(self->a, numtcpsock).maxheld);
	puppet_do(self->p, close_from, PUPPET_FD, 0, 0);
	EXPECT_TCP(0, 0);
	EXPECT_CLEAN_AUDIT(0);
}

RESCORE_TEST_MAIN(NULL)

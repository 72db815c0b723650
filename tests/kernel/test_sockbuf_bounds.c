// SPDX-License-Identifier: GPL-2.0
/*
 * Bounds of tcpsndbuf, tcprcvbuf, othersockbuf, dgramrcvbuf: they hold, a program
 * sees nothing but full buffers, and every transfer ends with the right bytes.
 */
#include "net.h"

static int tcpsndbuf, tcprcvbuf, othersockbuf, dgramrcvbuf;

#define MIB	(1 << 20)
#define BOUND	(1 * MIB)
#define TOP	(BOUND + BOUND / 4)	/* what held may come to */
#define STREAMS	12
#define BYTES	(3 * MIB)		/* of each */
#define OUT	PUPPET_FD
#define IN	(PUPPET_FD + 1)		/* behind the listener */

FIXTURE(bounds)
{
	int a, b;		/* receives, sends */
	struct puppet *p, *q;
};

FIXTURE_SETUP(bounds)
{
	world_begin(_metadata);
	find_sockets();
	tcpsndbuf = rescore_find_resource(rs, "tcpsndbuf");
	tcprcvbuf = rescore_find_resource(rs, "tcprcvbuf");
	othersockbuf = rescore_find_resource(rs, "othersockbuf");
	dgramrcvbuf = rescore_find_resource(rs, "dgramrcvbuf");
	ASSERT_LT(0, self->a = make("kt-a"));
	ASSERT_LT(0, self->b = make("kt-b"));
	self->p = puppet_in(self->a);
	self->q = puppet_in(self->b);
	memset(shm->number, 0, sizeof(shm->number));
	ASSERT_EQ(0, puppet_do(self->p, net_unshare, 0, 0, 0));
	ASSERT_EQ(0, puppet_do(self->p, net_set_mtu, 1500, 0, 0));
	ASSERT_EQ(0, puppet_do(self->q, net_join, self->p->pid, 0, 0));
}

FIXTURE_TEARDOWN(bounds)
{
	end_puppets();
	world_end(_metadata);
}

/* --- transfers ------------------------------------------------------------------------ */

enum {
	GO,		/* receivers begin */
	SENT,		/* bytes, of all */
	REFUSED,	/* EAGAIN right after poll() said that there is room */
	STALLED,	/* tcpsndbuf when nothing moved */
};

/* Byte @at of stream @stream. */
static inline unsigned char pattern(long stream, long at)
{
	return at * 7 + (at >> 8) * 13 + (at >> 16) * 31 + stream;
}

struct stream {
	long at;
	bool polled;
};

/* One step of a sender. 0, or -errno. */
static long send_some(int fd, long stream, struct stream *s, long bytes)
{
	unsigned char data[16384];
	long i, n = bytes - s->at;

	if (n > (long)sizeof(data))
		n = sizeof(data);
	for (i = 0; i < n; i++)
		data[i] = pattern(stream, s->at + i);
	n = send(fd, data, n, MSG_NOSIGNAL);
	if (n < 0 && errno == EAGAIN) {
		__atomic_fetch_add(&shm->number[REFUSED], s->polled,
				   __ATOMIC_RELAXED);
		return 0;
	}
	if (n < 0)
		return -errno;
	s->at += n;
	__atomic_fetch_add(&shm->number[SENT], n, __ATOMIC_RELAXED);
	return 0;
}

/* Send on @n sockets from @first on, never waiting but in poll(). 0 or -errno. */
static long bulk_send(long first, long n, long bytes)
{
	struct pollfd fds[STREAMS];
	struct stream streams[STREAMS] = {};
	long i, err, open = n;

	for (i = 0; i < n; i++) {
		fds[i].fd = first + i;
		fds[i].events = POLLOUT;
		fcntl(first + i, F_SETFL, O_NONBLOCK);
	}
	while (open) {
		if (poll(fds, n, -1) < 0)
			return -errno;
		for (i = 0; i < n; i++) {
			if (fds[i].fd < 0 || !fds[i].revents)
				continue;
			streams[i].polled = true;
			err = send_some(fds[i].fd, i, &streams[i], bytes);
			if (err)
				return err;
			if (streams[i].at == bytes) {
				shutdown(fds[i].fd, SHUT_WR);
				fds[i].fd = -1;
				open--;
			}
		}
	}
	return 0;
}

/* The same, each in a thread that waits in send(). */
struct sender {
	pthread_t thread;
	int fd;
	long stream, bytes, err;
};

static void *send_blocking(void *arg)
{
	struct sender *sender = arg;
	struct stream stream = {};

	while (!sender->err && stream.at < sender->bytes)
		sender->err = send_some(sender->fd, sender->stream, &stream,
					sender->bytes);
	shutdown(sender->fd, SHUT_WR);
	return NULL;
}

static long bulk_send_blocking(long first, long n, long bytes)
{
	struct sender senders[STREAMS];
	long i, err = 0;

	for (i = 0; i < n; i++) {
		fcntl(first + i, F_SETFL, 0);
		senders[i] = (struct sender){
			.fd = first + i,
			.stream = i,
			.bytes = bytes,
		};
		if (pthread_create(&senders[i].thread, NULL, send_blocking,
				   &senders[i]))
			return -EAGAIN;
	}
	for (i = 0; i < n; i++) {
		pthread_join(senders[i].thread, NULL);
		err = err ?: senders[i].err;
	}
	return err;
}

/* Wait for GO, then read all. How many streams were whole and right. */
static long bulk_receive(long first, long n, long bytes)
{
	struct pollfd fds[STREAMS];
	static unsigned char data[65536];
	long at[STREAMS] = {}, i, j, size, open = n, good = 0;
	bool wrong[STREAMS] = {};

	for (i = 0; i < n; i++) {
		fds[i].fd = first + i;
		fds[i].events = POLLIN;
	}
	while (!__atomic_load_n(&shm->number[GO], __ATOMIC_RELAXED))
		usleep(500);
	while (open) {
		if (poll(fds, n, -1) < 0)
			return -errno;
		for (i = 0; i < n; i++) {
			if (fds[i].fd < 0 || !fds[i].revents)
				continue;
			size = read(fds[i].fd, data, sizeof(data));
			for (j = 0; j < size; j++)
				wrong[i] |= data[j] != pattern(i, at[i] + j);
			if (size > 0) {
				at[i] += size;
				continue;
			}
			good += !size && at[i] == bytes && !wrong[i];
			fds[i].fd = -1;
			open--;
		}
	}
	return good;
}

/* Nothing is sent any more, for as long as a window probe takes. */
static bool has_stalled(void)
{
	int64_t before = -1, since = now_ms();

	return within(60000, ({
			      if (shm->number[SENT] != before) {
				      before = shm->number[SENT];
				      since = now_ms();
			      }
			      before > 0 && now_ms() - since > 700;
		      }));
}

static void connections(struct __test_metadata *_metadata,
			FIXTURE_DATA(bounds) * self, int family)
{
	long i;

	ASSERT_EQ(OUT, puppet_do(self->p, net_listen, family, 0, 100));
	/* one by one: which is accepted first is not certain otherwise */
	for (i = 0; i < STREAMS; i++) {
		ASSERT_EQ(OUT + i,
			  puppet_do(self->q, net_connect, family, net_port, 0));
		ASSERT_EQ(0, puppet_do(self->p, net_accept, OUT, 1, 0));
	}
}

/* @b sends to @a, who does not read at first. */
static void transfer(struct __test_metadata *_metadata,
		     FIXTURE_DATA(bounds) * self, puppet_fn sender)
{
	puppet_send_call(self->p, bulk_receive, IN, STREAMS, BYTES);
	puppet_send_call(self->q, sender, OUT, STREAMS, BYTES);
	EXPECT_TRUE(has_stalled());
	EXPECT_CLEAN_AUDIT(0);
	shm->number[STALLED] = held(self->b, tcpsndbuf);
	TH_LOG("stalled: tcpsndbuf %" PRId64 ", tcprcvbuf %" PRId64
	       " of %" PRId64 " bytes sent",
	       held(self->b, tcpsndbuf), held(self->a, tcprcvbuf),
	       shm->number[SENT]);
	__atomic_store_n(&shm->number[GO], 1, __ATOMIC_RELAXED);
	EXPECT_EQ(0, puppet_answer(self->q));
	EXPECT_EQ(STREAMS, puppet_answer(self->p));
	EXPECT_HELD(0, self->b, tcpsndbuf);
	EXPECT_HELD(0, self->a, tcprcvbuf);
	TH_LOG("maxheld: tcpsndbuf %" PRId64 ", tcprcvbuf %" PRId64 "; %" PRId64
	       " times EAGAIN after poll()",
	       row(self->b, tcpsndbuf).maxheld, row(self->a, tcprcvbuf).maxheld,
	       shm->number[REFUSED]);
}

/* --- TCP ------------------------------------------------------------------------------- */

/* Without bounds it is much more, or the bounds prove nothing. */
TEST_F(bounds, none)
{
	connections(_metadata, self, AF_INET);
	transfer(_metadata, self, bulk_send);
	EXPECT_LT(2 * BOUND, row(self->b, tcpsndbuf).maxheld +
				     row(self->a, tcprcvbuf).maxheld);
	EXPECT_EQ(0, failcnt(self->b, tcpsndbuf));
	EXPECT_EQ(0, failcnt(self->a, tcprcvbuf));
}

TEST_F(bounds, tcpsndbuf)
{
	set_bounds(self->b, tcpsndbuf, BOUND, BOUND);
	connections(_metadata, self, AF_INET);
	transfer(_metadata, self, bulk_send);
	EXPECT_GE(TOP, row(self->b, tcpsndbuf).maxheld);
	EXPECT_LT(0, failcnt(self->b, tcpsndbuf));
	/* poll() and send() agree: no busy loop */
	EXPECT_GE(STREAMS * 100, shm->number[REFUSED]);
}

TEST_F(bounds, tcpsndbuf_blocking)
{
	set_bounds(self->b, tcpsndbuf, BOUND, BOUND);
	connections(_metadata, self, AF_INET);
	transfer(_metadata, self, bulk_send_blocking);
	EXPECT_GE(TOP, shm->number[STALLED]);
	EXPECT_GE(TOP, row(self->b, tcpsndbuf).maxheld);
	EXPECT_EQ(0, shm->number[REFUSED]);
}

TEST_F(bounds, tcpsndbuf_ipv6)
{
	set_bounds(self->b, tcpsndbuf, BOUND, BOUND);
	connections(_metadata, self, AF_INET6);
	transfer(_metadata, self, bulk_send);
	EXPECT_GE(TOP, row(self->b, tcpsndbuf).maxheld);
}

TEST_F(bounds, tcprcvbuf)
{
	set_bounds(self->a, tcprcvbuf, BOUND, BOUND);
	connections(_metadata, self, AF_INET);
	transfer(_metadata, self, bulk_send);
	EXPECT_GE(TOP, row(self->a, tcprcvbuf).maxheld);
}

TEST_F(bounds, tcprcvbuf_ipv6)
{
	set_bounds(self->a, tcprcvbuf, BOUND, BOUND);
	connections(_metadata, self, AF_INET6);
	transfer(_metadata, self, bulk_send);
	EXPECT_GE(TOP, row(self->a, tcprcvbuf).maxheld);
}

/* Both, and both ends of each connection in one container. */
TEST_F(bounds, both)
{
	EXPECT_EQ(0, move_to(self->q->pid, self->a));
	self->b = self->a;
	set_bounds(self->a, tcprcvbuf, BOUND, BOUND);
	set_bounds(self->a, tcpsndbuf, BOUND, BOUND);
	connections(_metadata, self, AF_INET);
	transfer(_metadata, self, bulk_send);
	EXPECT_GE(TOP, row(self->a, tcprcvbuf).maxheld);
	EXPECT_GE(TOP, row(self->a, tcpsndbuf).maxheld);
}

/* A bound that leaves each connection next to nothing: slow, and right. */
TEST_F(bounds, tiny)
{
	set_bounds(self->b, tcpsndbuf, 16384, 16384);
	set_bounds(self->a, tcprcvbuf, 16384, 16384);
	connections(_metadata, self, AF_INET);
	transfer(_metadata, self, bulk_send);
	EXPECT_LT(0, failcnt(self->b, tcpsndbuf));
}

static long greedy(long first, long n, long b)
{
	static const int options[] = { SO_SNDBUF, SO_SNDBUFFORCE, SO_RCVBUF,
				       SO_RCVBUFFORCE };
	int bytes = 16 * MIB;
	long i;
	size_t j;

	for (i = 0; i < n; i++)
		for (j = 0; j < ARRAY_SIZE(options); j++)
			if (setsockopt(first + i, SOL_SOCKET, options[j],
				       &bytes, sizeof(bytes)))
				return -errno;
	return 0;
}

/* What a program asks for does not undo it. */
TEST_F(bounds, setsockopt)
{
	set_bounds(self->b, tcpsndbuf, BOUND, BOUND);
	set_bounds(self->a, tcprcvbuf, BOUND, BOUND);
	connections(_metadata, self, AF_INET);
	EXPECT_EQ(0, puppet_do(self->p, greedy, IN, STREAMS, 0));
	EXPECT_EQ(0, puppet_do(self->q, greedy, OUT, STREAMS, 0));
	transfer(_metadata, self, bulk_send);
	EXPECT_GE(TOP, row(self->b, tcpsndbuf).maxheld);
	EXPECT_GE(TOP, row(self->a, tcprcvbuf).maxheld);
}

#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK	72
#endif

/*
 * What a program that knows the kernel tries: the kernel takes a size below 0 for
 * the largest there may be, and looks at the first four bytes of an option of any
 * length, of which BPF programs see a page; without its lock bits it tunes buffers
 * by itself.
 */
static long cunning(long first, long n, long b)
{
	static const int options[] = { SO_SNDBUF, SO_SNDBUFFORCE, SO_RCVBUF,
				       SO_RCVBUFFORCE };
	static int bytes[3 * 4096 / sizeof(int)] = { 16 * MIB };
	int negative = -1, unlock = 0;
	long i;
	size_t j;

	for (i = first; i < first + n; i++) {
		for (j = 0; j < ARRAY_SIZE(options); j++)
			if (setsockopt(i, SOL_SOCKET, options[j], bytes,
				       sizeof(bytes)))
				return -errno;
		if (setsockopt(i, SOL_SOCKET, SO_SNDBUF, &negative,
			       sizeof(negative)) ||
		    setsockopt(i, SOL_SOCKET, SO_RCVBUF, &negative,
			       sizeof(negative)) ||
		    setsockopt(i, SOL_SOCKET, SO_BUF_LOCK, &unlock,
			       sizeof(unlock)))
			return -errno;
	}
	return 0;
}

TEST_F(bounds, setsockopt_cunning)
{
	set_bounds(self->b, tcpsndbuf, BOUND, BOUND);
	set_bounds(self->a, tcprcvbuf, BOUND, BOUND);
	connections(_metadata, self, AF_INET);
	EXPECT_EQ(0, puppet_do(self->p, cunning, IN, STREAMS, 0));
	EXPECT_EQ(0, puppet_do(self->q, cunning, OUT, STREAMS, 0));
	transfer(_metadata, self, bulk_send);
	EXPECT_GE(TOP, row(self->b, tcpsndbuf).maxheld);
	EXPECT_GE(TOP, row(self->a, tcprcvbuf).maxheld);
}

/* Buffers that a program wants small stay small. */
static long modest(long first, long n, long bytes)
{
	int value = bytes;
	long i;

	for (i = 0; i < n; i++)
		if (setsockopt(first + i, SOL_SOCKET, SO_SNDBUF, &value,
			       sizeof(value)))
			return -errno;
	return 0;
}

TEST_F(bounds, setsockopt_small)
{
	set_bounds(self->b, tcpsndbuf, BOUND, BOUND);
	connections(_metadata, self, AF_INET);
	EXPECT_EQ(0, puppet_do(self->q, modest, OUT, STREAMS, 8192));
	transfer(_metadata, self, bulk_send);
	/* twice the wish, and a segment more */
	EXPECT_GE(STREAMS * (16384 + 4096 + 16384),
		  row(self->b, tcpsndbuf).maxheld);
}

TEST_F(bounds, observe)
{
	EXPECT_EQ(0, rescore_set_mode(rs, self->b, tcpsndbuf, true));
	set_bounds(self->b, tcpsndbuf, BOUND / 16, BOUND / 16);
	connections(_metadata, self, AF_INET);
	EXPECT_EQ(0, rescore_set_mode(rs, self->a, tcprcvbuf, true));
	set_bounds(self->a, tcprcvbuf, BOUND / 16, BOUND / 16);
	transfer(_metadata, self, bulk_send);
	EXPECT_LT(BOUND / 2, row(self->b, tcpsndbuf).maxheld);
	EXPECT_LT(BOUND / 2, row(self->a, tcprcvbuf).maxheld);
	/* each of them would have been held up, and not each time it sent */
	EXPECT_LE(STREAMS / 2, failcnt(self->b, tcpsndbuf));
	EXPECT_GE(STREAMS * 200, failcnt(self->b, tcpsndbuf));
	EXPECT_LE(STREAMS / 2, failcnt(self->a, tcprcvbuf));
	EXPECT_GE(STREAMS * 200, failcnt(self->a, tcprcvbuf));
}

/* Receivers, and senders, that are older than their bounds. */
TEST_F(bounds, older)
{
	connections(_metadata, self, AF_INET);
	set_bounds(self->b, tcpsndbuf, BOUND, BOUND);
	set_bounds(self->a, tcprcvbuf, BOUND, BOUND);
	transfer(_metadata, self, bulk_send);
	EXPECT_GE(TOP, row(self->b, tcpsndbuf).maxheld);
	EXPECT_GE(TOP, row(self->a, tcprcvbuf).maxheld);
}

/* In mode observe they are not; and are, when that ends. */
TEST_F(bounds, older_observed)
{
	EXPECT_EQ(0, rescore_set_mode(rs, self->a, tcprcvbuf, true));
	set_bounds(self->a, tcprcvbuf, BOUND, BOUND);
	connections(_metadata, self, AF_INET);
	EXPECT_EQ(0, rescore_set_mode(rs, self->a, tcprcvbuf, false));
	transfer(_metadata, self, bulk_send);
	EXPECT_GE(TOP, row(self->a, tcprcvbuf).maxheld);
}

/* Set while the connections are full, and lifted again while they are. */
TEST_F(bounds, set_late)
{
	connections(_metadata, self, AF_INET);
	puppet_send_call(self->p, bulk_receive, IN, STREAMS, BYTES);
	puppet_send_call(self->q, bulk_send, OUT, STREAMS, BYTES);
	EXPECT_TRUE(has_stalled());
	set_bounds(self->b, tcpsndbuf, BOUND / 2, BOUND / 2);
	set_bounds(self->a, tcprcvbuf, BOUND / 2, BOUND / 2);
	__atomic_store_n(&shm->number[GO], 1, __ATOMIC_RELAXED);
	EXPECT_EQ(0, puppet_answer(self->q));
	EXPECT_EQ(STREAMS, puppet_answer(self->p));
	set_bounds(self->b, tcpsndbuf, RESCORE_UNLIMITED, RESCORE_UNLIMITED);
	set_bounds(self->a, tcprcvbuf, RESCORE_UNLIMITED, RESCORE_UNLIMITED);
	EXPECT_HELD(0, self->b, tcpsndbuf);
	EXPECT_HELD(0, self->a, tcprcvbuf);
}

/* A container at its bounds is in nobody else's way. */
TEST_F(bounds, neighbour)
{
	int other, i;
	struct puppet *r, *s;
	int64_t full;

	set_bounds(self->b, tcpsndbuf, BOUND, BOUND);
	connections(_metadata, self, AF_INET);
	puppet_send_call(self->q, bulk_send, OUT, STREAMS, BYTES);
	EXPECT_TRUE(has_stalled());
	full = held(self->b, tcpsndbuf);
	EXPECT_LT(BOUND / 8, full);

	ASSERT_LT(0, other = make("kt-c"));
	r = puppet_in(other);
	s = puppet_in(other);
	EXPECT_EQ(0, puppet_do(r, net_join, self->p->pid, 0, 0));
	EXPECT_EQ(0, puppet_do(s, net_join, self->p->pid, 0, 0));
	EXPECT_EQ(OUT, puppet_do(r, net_listen, AF_INET, 0, 100));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(OUT + i,
			  puppet_do(s, net_connect, AF_INET, net_port, 0));
		EXPECT_EQ(0, puppet_do(r, net_accept, OUT, 1, 0));
	}
	__atomic_store_n(&shm->number[GO], 1, __ATOMIC_RELAXED);
	puppet_send_call(r, bulk_receive, IN, 3, BYTES);
	EXPECT_EQ(0, puppet_do(s, bulk_send, OUT, 3, BYTES));
	EXPECT_EQ(3, puppet_answer(r));
	EXPECT_EQ(0, failcnt(other, tcpsndbuf));
	EXPECT_EQ(0, failcnt(other, tcprcvbuf));
	/* who stood still stands still, and goes on when its peers read */
	EXPECT_EQ(full, held(self->b, tcpsndbuf));
	EXPECT_EQ(STREAMS,
		  puppet_do(self->p, bulk_receive, IN, STREAMS, BYTES));
	EXPECT_EQ(0, puppet_answer(self->q));
}

/* The bound of a level above is everybody's below it. */
TEST_F(bounds, tree)
{
	int top, child;

	ASSERT_LT(0, top = make("kt-top"));
	ASSERT_LT(0, child = make_below("kt-child", NULL, top));
	puppet_end(self->q);
	self->b = child;
	self->q = puppet_in(child);
	ASSERT_EQ(0, puppet_do(self->q, net_join, self->p->pid, 0, 0));
	set_bounds(top, tcpsndbuf, BOUND, BOUND);
	connections(_metadata, self, AF_INET);
	transfer(_metadata, self, bulk_send);
	EXPECT_GE(TOP, row(top, tcpsndbuf).maxheld);
	EXPECT_EQ(row(child, tcpsndbuf).maxheld, row(top, tcpsndbuf).maxheld);
}

/* Read what there is. How often there was some. */
static long drain(long first, long n, long b)
{
	static char junk[65536];
	long i, got = 0;

	for (i = 0; i < n; i++)
		while (recv(first + i, junk, sizeof(junk), MSG_DONTWAIT) > 0)
			got++;
	return got;
}

/* --- AF_UNIX ------------------------------------------------------------------------- */

/* Where the kernel runs no BPF LSM programs there is no place to bound these. */
static bool is_bounded_at_birth(void)
{
	const struct rescore_hook *hook;
	unsigned int i;

	for (i = 0; i < rescore_nr_hooks(rs); i++) {
		hook = rescore_hook(rs, i);
		if (!strcmp(hook->name, "othersockbuf__born__opt"))
			return hook->state == RESCORE_ON;
	}
	return false;
}

static long unix_pairs(long type, long n, long b)
{
	int pair[2];

	while (n--)
		if (socketpair(AF_UNIX, type, 0, pair))
			return -errno;
	return 0;
}

#define UNIX_OUT	100
#define UNIX_IN		200

/* Ends of a pair follow each other: put all senders first. */
static long sort_pairs(long first, long n, long b)
{
	long i;

	for (i = 0; i < n; i++)
		if (dup2(first + 2 * i, UNIX_OUT + i) < 0 ||
		    dup2(first + 2 * i + 1, UNIX_IN + i) < 0)
			return -errno;
	return result(syscall(SYS_close_range, first, UNIX_OUT - 1, 0));
}

static long unix_transfer(long n, long bytes, long b)
{
	pid_t pid = fork();
	int status = -1;
	long good;

	if (!pid)
		_exit(-bulk_send(UNIX_OUT, n, bytes));
	good = bulk_receive(UNIX_IN, n, bytes);
	waitpid(pid, &status, 0);
	return status ? -EIO : good;
}

enum { UNIX_BORN, UNIX_GREEDY, UNIX_CUNNING, UNIX_OLDER };

static void unix_streams(struct __test_metadata *_metadata,
			 FIXTURE_DATA(bounds) * self, int how)
{
	if (how != UNIX_OLDER && !is_bounded_at_birth())
		SKIP(return, "no BPF LSM here");
	if (how != UNIX_OLDER)
		set_bounds(self->a, othersockbuf, BOUND, BOUND);
	EXPECT_EQ(0, puppet_do(self->p, unix_pairs, SOCK_STREAM, STREAMS, 0));
	EXPECT_EQ(0, puppet_do(self->p, sort_pairs, OUT, STREAMS, 0));
	if (how == UNIX_OLDER)
		set_bounds(self->a, othersockbuf, BOUND, BOUND);
	if (how == UNIX_CUNNING)
		EXPECT_EQ(0, puppet_do(self->p, cunning, UNIX_OUT, STREAMS, 0));
	if (how == UNIX_GREEDY)
		EXPECT_EQ(0, puppet_do(self->p, greedy, UNIX_OUT, STREAMS, 0));
	puppet_send_call(self->p, unix_transfer, STREAMS, BYTES, 0);
	EXPECT_TRUE(has_stalled());
	EXPECT_LT(BOUND / 8, held(self->a, othersockbuf));
	EXPECT_CLEAN_AUDIT(0);
	__atomic_store_n(&shm->number[GO], 1, __ATOMIC_RELAXED);
	EXPECT_EQ(STREAMS, puppet_answer(self->p));
	EXPECT_GE(TOP, row(self->a, othersockbuf).maxheld);
	EXPECT_LT(0, failcnt(self->a, othersockbuf));
	TH_LOG("maxheld %" PRId64, row(self->a, othersockbuf).maxheld);
}

TEST_F(bounds, unix_streams)
{
	unix_streams(_metadata, self, UNIX_BORN);
}

TEST_F(bounds, unix_setsockopt)
{
	unix_streams(_metadata, self, UNIX_GREEDY);
}

TEST_F(bounds, unix_setsockopt_cunning)
{
	unix_streams(_metadata, self, UNIX_CUNNING);
}

TEST_F(bounds, unix_older)
{
	unix_streams(_metadata, self, UNIX_OLDER);
}

static long unix_stall(long n, long bytes, long b)
{
	static char junk[16384];
	long i, sum = 0, ret;

	for (i = 0; i < n; i++)
		while ((ret = send(UNIX_OUT + i, junk, sizeof(junk),
				   MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
			sum += ret;
	return sum;
}

/* Full when the bound is set: none sends more. Lifted: they get their buffers back. */
TEST_F(bounds, unix_set_late)
{
	long before, after;

	EXPECT_EQ(0, puppet_do(self->p, unix_pairs, SOCK_STREAM, STREAMS, 0));
	EXPECT_EQ(0, puppet_do(self->p, sort_pairs, OUT, STREAMS, 0));
	before = puppet_do(self->p, unix_stall, STREAMS, 0, 0);
	EXPECT_LT(BOUND, before);
	set_bounds(self->a, othersockbuf, BOUND / 2, BOUND / 2);
	EXPECT_LE(STREAMS, failcnt(self->a, othersockbuf));
	EXPECT_EQ(0, puppet_do(self->p, unix_stall, STREAMS, 0, 0));
	EXPECT_LT(0, puppet_do(self->p, drain, UNIX_IN, STREAMS, 0));
	EXPECT_HELD(0, self->a, othersockbuf);
	/* each has what it held, as its buffer: set once more, and less */
	set_bounds(self->a, othersockbuf, BOUND / 2, BOUND / 2);
	after = puppet_do(self->p, unix_stall, STREAMS, 0, 0);
	EXPECT_GE(BOUND / 2 + BOUND / 4, held(self->a, othersockbuf));
	set_bounds(self->a, othersockbuf, RESCORE_UNLIMITED, RESCORE_UNLIMITED);
	EXPECT_LT(before / 4 * 3,
		  after + puppet_do(self->p, unix_stall, STREAMS, 0, 0));
}

/* Would have been held up: counted, and not. */
TEST_F(bounds, unix_observe)
{
	EXPECT_EQ(0, rescore_set_mode(rs, self->a, othersockbuf, true));
	set_bounds(self->a, othersockbuf, BOUND / 16, BOUND / 16);
	EXPECT_EQ(0, puppet_do(self->p, unix_pairs, SOCK_STREAM, STREAMS, 0));
	EXPECT_EQ(0, puppet_do(self->p, sort_pairs, OUT, STREAMS, 0));
	EXPECT_LT(BOUND, puppet_do(self->p, unix_stall, STREAMS, 0, 0));
	EXPECT_EQ(STREAMS, failcnt(self->a, othersockbuf));
}

/* --- UDP ------------------------------------------------------------------------------ */

static long udp_sockets(long n, long b, long c)
{
	union address address;
	socklen_t size = loopback(&address, AF_INET, 0);
	int fd, i;

	for (i = 0; i < n; i++) {
		fd = socket(AF_INET, SOCK_DGRAM, 0);
		address.in.sin_port = 0;
		if (fd < 0 || bind(fd, &address.any, size) ||
		    getsockname(fd, &address.any, &size))
			return -errno;
		shm->number[10 + i] = ntohs(address.in.sin_port);
	}
	return 0;
}

/* @n datagrams to each of @ports sockets. How many were sent. */
static long udp_flood(long ports, long n, long bytes)
{
	static char junk[65536];
	union address address;
	socklen_t size = loopback(&address, AF_INET, 0);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	long i, j, sent = 0;

	for (i = 0; i < n; i++)
		for (j = 0; j < ports; j++) {
			address.in.sin_port = htons(shm->number[10 + j]);
			sent += sendto(fd, junk, bytes, 0, &address.any,
				       size) == bytes;
		}
	close(fd);
	return sent;
}

#define RECEIVERS	7
#define UDP_BOUND	100000

TEST_F(bounds, dgramrcvbuf)
{
	struct puppet *more[2] = { puppet_in(0), puppet_in(self->b) };
	long sent, got;
	int i;

	set_bounds(self->a, dgramrcvbuf, UDP_BOUND, UDP_BOUND);
	EXPECT_EQ(0, puppet_do(self->p, udp_sockets, RECEIVERS, 0, 0));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, puppet_do(more[i], net_join, self->p->pid, 0, 0));
		puppet_send_call(more[i], udp_flood, RECEIVERS, 500, 1000);
	}
	/* from several CPUs at once */
	sent = puppet_answer(more[0]) + puppet_answer(more[1]);
	EXPECT_EQ(2 * RECEIVERS * 500, sent);
	EXPECT_TRUE(eventually(held(self->a, dgramrcvbuf) > UDP_BOUND - 4096));
	EXPECT_GE(UDP_BOUND + 4096, row(self->a, dgramrcvbuf).maxheld);
	EXPECT_CLEAN_AUDIT(0);
	got = puppet_do(self->p, drain, OUT, RECEIVERS, 0);
	EXPECT_LT(10, got);
	/* each that is missing was refused, and is told to have been */
	EXPECT_EQ(sent - got, failcnt(self->a, dgramrcvbuf));
	/* it takes more, when there is room */
	EXPECT_EQ(7, puppet_do(more[0], udp_flood, 1, 7, 1000));
	EXPECT_EQ(7, puppet_do(self->p, drain, OUT, 1, 0));
	EXPECT_HELD(0, self->a, dgramrcvbuf);
}

TEST_F(bounds, dgramrcvbuf_observe)
{
	EXPECT_EQ(0, rescore_set_mode(rs, self->a, dgramrcvbuf, true));
	set_bounds(self->a, dgramrcvbuf, 10000, 10000);
	EXPECT_EQ(0, puppet_do(self->p, udp_sockets, 1, 0, 0));
	EXPECT_EQ(PRIME, puppet_do(self->q, udp_flood, 1, PRIME, 1000));
	/* all that did not fit would have been dropped */
	EXPECT_LT(PRIME / 2, failcnt(self->a, dgramrcvbuf));
	EXPECT_GT(PRIME, failcnt(self->a, dgramrcvbuf));
	EXPECT_EQ(PRIME, puppet_do(self->p, drain, OUT, 1, 0));
}

RESCORE_TEST_MAIN(NULL)

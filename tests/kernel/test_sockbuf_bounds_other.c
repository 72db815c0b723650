// SPDX-License-Identifier: GPL-2.0
/* Bounds of othersockbuf and dgramrcvbuf. */
#include <linux/filter.h>

#include "transfer.h"

/* --- AF_UNIX ------------------------------------------------------------------------- */

/* Where the kernel runs no BPF LSM programs there is no place to bound these. */
static bool is_bounded_at_birth(void)
{
	const struct rescore_hook *hook;
	unsigned int i;

	for (i = 0; i < rescore_nr_hooks(rs); i++) {
		hook = rescore_hook(rs, i);
		if (!strcmp(hook->name, "othersockbuf__born__bound"))
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
#define ALL		(1 << 30)

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

/*
 * Datagrams: none is larger than what may be sent. A bound that leaves each less
 * than the least holds back as many as there are, and breaks none.
 */
TEST_F(bounds, unix_datagrams)
{
	long sent, got = 0;

	if (!is_bounded_at_birth())
		SKIP(return, "no BPF LSM here");
	set_bounds(self->a, othersockbuf, BOUND, BOUND);
	EXPECT_EQ(0, puppet_do(self->p, unix_pairs, SOCK_DGRAM, STREAMS, 0));
	EXPECT_EQ(0, puppet_do(self->p, sort_pairs, OUT, STREAMS, 0));
	/* as large as the least takes; it would be EMSGSIZE */
	EXPECT_LT(0, puppet_do(self->p, fill, UNIX_OUT, STREAMS, 32768));
	EXPECT_LT(0, puppet_do(self->p, drain, UNIX_IN, STREAMS, ALL));
	EXPECT_HELD(0, self->a, othersockbuf);
	/* poll() waits for room, and there is some again and again */
	sent = puppet_do(self->p, fill, UNIX_OUT, STREAMS, 1000);
	EXPECT_EQ(0, puppet_do(self->p, fill, UNIX_OUT, STREAMS, 1000));
	EXPECT_LT(0, held(self->a, othersockbuf));
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_TRUE(within(30000, ({
				   got += puppet_do(self->p, drain, UNIX_IN,
						    STREAMS, 3000);
				   if (sent < BYTES)
					   sent += puppet_do(self->p, fill,
							     UNIX_OUT, STREAMS,
							     1000);
				   got == sent;
			   })));
	EXPECT_LE(BYTES, got);
	EXPECT_GE(TOP, row(self->a, othersockbuf).maxheld);
	EXPECT_LE(STREAMS, failcnt(self->a, othersockbuf));
	EXPECT_HELD(0, self->a, othersockbuf);
}

/* Full when the bound is set: none sends more. Lifted: they get their buffers back. */
TEST_F(bounds, unix_set_late)
{
	long before, after;

	EXPECT_EQ(0, puppet_do(self->p, unix_pairs, SOCK_STREAM, STREAMS, 0));
	EXPECT_EQ(0, puppet_do(self->p, sort_pairs, OUT, STREAMS, 0));
	before = puppet_do(self->p, fill, UNIX_OUT, STREAMS, 16384);
	EXPECT_LT(BOUND, before);
	set_bounds(self->a, othersockbuf, BOUND / 2, BOUND / 2);
	EXPECT_LE(STREAMS, failcnt(self->a, othersockbuf));
	EXPECT_EQ(0, puppet_do(self->p, fill, UNIX_OUT, STREAMS, 16384));
	EXPECT_LT(0, puppet_do(self->p, drain, UNIX_IN, STREAMS, ALL));
	EXPECT_HELD(0, self->a, othersockbuf);
	/* each has what it held, as its buffer: set once more, and less */
	set_bounds(self->a, othersockbuf, BOUND / 2, BOUND / 2);
	after = puppet_do(self->p, fill, UNIX_OUT, STREAMS, 16384);
	EXPECT_GE(BOUND / 2 + BOUND / 4, held(self->a, othersockbuf));
	set_bounds(self->a, othersockbuf, RESCORE_UNLIMITED, RESCORE_UNLIMITED);
	EXPECT_LT(before / 4 * 3,
		  after + puppet_do(self->p, fill, UNIX_OUT, STREAMS, 16384));
}

/* Would have been held up: counted, and not. */
TEST_F(bounds, unix_observe)
{
	EXPECT_EQ(0, rescore_set_mode(rs, self->a, othersockbuf, true));
	set_bounds(self->a, othersockbuf, BOUND / 16, BOUND / 16);
	EXPECT_EQ(0, puppet_do(self->p, unix_pairs, SOCK_STREAM, STREAMS, 0));
	EXPECT_EQ(0, puppet_do(self->p, sort_pairs, OUT, STREAMS, 0));
	EXPECT_LT(BOUND, puppet_do(self->p, fill, UNIX_OUT, STREAMS, 16384));
	EXPECT_EQ(STREAMS, failcnt(self->a, othersockbuf));
}

/* The send buffer that a new socket of @p gets; -errno. */
static long new_sndbuf(long a, long b, long c)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), value = 0;
	socklen_t size = sizeof(value);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, &size))
		return -errno;
	return value;
}

/*
 * What sockets are granted is kept for each level. A container that is moved in the
 * tree has none, and leaves nothing behind.
 */
TEST_F(bounds, grants_in_tree)
{
	int top[2], child, i;

	if (!is_bounded_at_birth())
		SKIP(return, "no BPF LSM here");
	ASSERT_LT(0, top[0] = make("kt-top0"));
	ASSERT_LT(0, top[1] = make("kt-top1"));
	ASSERT_LT(0, child = make_below("kt-child", NULL, top[0]));
	puppet_end(self->p);
	for (i = 0; i < 4; i++) {
		set_bounds(top[i % 2], othersockbuf, 1 << 19, 1 << 19);
		self->p = puppet_in(child);
		/* an eighth of all; then of what that leaves; and once more */
		EXPECT_EQ(65536, puppet_do(self->p, new_sndbuf, 0, 0, 0));
		EXPECT_EQ(57344, puppet_do(self->p, new_sndbuf, 0, 0, 0));
		EXPECT_EQ(-EBUSY, rescore_set_parent(rs, child, top[!(i % 2)]));
		/* set again: what they hold, and a share */
		set_bounds(top[i % 2], othersockbuf, 1 << 18, 1 << 18);
		puppet_end(self->p);
		EXPECT_HELD(0, child, numothersock);
		EXPECT_TRUE(eventually(
			!rescore_set_parent(rs, child, top[!(i % 2)])));
		self->p = puppet_in(top[i % 2]);
		EXPECT_EQ(32768, puppet_do(self->p, new_sndbuf, 0, 0, 0));
		puppet_end(self->p);
		EXPECT_HELD(0, top[i % 2], numothersock);
		set_bounds(top[i % 2], othersockbuf, RESCORE_UNLIMITED,
			   RESCORE_UNLIMITED);
	}
	self->p = puppet_in(self->a);
}

/* --- UDP ------------------------------------------------------------------------------ */

#define PORTS	10	/* numbers of ports, in shm->number, from here on */

static long udp_sockets(long n, long b, long c)
{
	long i, fd;

	for (i = 0; i < n; i++) {
		fd = udp_bind(AF_INET, 0, 0);
		if (fd < 0)
			return fd;
		shm->number[PORTS + i] = net_port;
	}
	return 0;
}

#define RECEIVERS	7
#define SIZE		1000

/* @n datagrams to each of @ports sockets, in turn. How many were sent. */
static long udp_flood(long ports, long n, long b)
{
	long fds[RECEIVERS], i, sent = 0;

	for (i = 0; i < ports; i++)
		fds[i] = udp_connect(AF_INET, shm->number[PORTS + i], 0);
	while (n--)
		for (i = 0; i < ports; i++)
			sent += send_many(fds[i], 1, SIZE);
	for (i = 0; i < ports; i++)
		close(fds[i]);
	return sent;
}

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
		puppet_send_call(more[i], udp_flood, RECEIVERS, 500, 0);
	}
	/* from several CPUs at once */
	sent = puppet_answer(more[0]) + puppet_answer(more[1]);
	EXPECT_EQ(2 * RECEIVERS * 500, sent);
	EXPECT_TRUE(eventually(held(self->a, dgramrcvbuf) > UDP_BOUND - 4096));
	EXPECT_GE(UDP_BOUND + 4096, row(self->a, dgramrcvbuf).maxheld);
	EXPECT_CLEAN_AUDIT(0);
	got = puppet_do(self->p, drain, OUT, RECEIVERS, ALL) / SIZE;
	EXPECT_LT(10, got);
	/* each that is missing was refused, and is told to have been */
	EXPECT_EQ(sent - got, failcnt(self->a, dgramrcvbuf));
	/* it takes more, when there is room */
	EXPECT_EQ(7, puppet_do(more[0], udp_flood, 1, 7, 0));
	EXPECT_EQ(7 * SIZE, puppet_do(self->p, drain, OUT, 1, ALL));
	EXPECT_HELD(0, self->a, dgramrcvbuf);
}

/* Whose filter takes nothing. 0 or -errno. */
static long filter_all(long fd, long b, long c)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog program = { .len = 1, .filter = &nothing };

	return result(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
				 sizeof(program)));
}

/* What a socket's own filter drops found room, but takes none. */
TEST_F(bounds, dgramrcvbuf_filtered)
{
	set_bounds(self->a, dgramrcvbuf, UDP_BOUND, UDP_BOUND);
	EXPECT_EQ(0, puppet_do(self->p, udp_sockets, RECEIVERS, 0, 0));
	EXPECT_EQ(0, puppet_do(self->p, filter_all, OUT, 0, 0));
	EXPECT_EQ(500, puppet_do(self->q, udp_flood, 1, 500, 0));
	EXPECT_HELD(0, self->a, dgramrcvbuf);
	EXPECT_EQ(0, failcnt(self->a, dgramrcvbuf));
	EXPECT_CLEAN_AUDIT(0);
	/* beside the others, that are full */
	EXPECT_EQ(RECEIVERS * 100,
		  puppet_do(self->q, udp_flood, RECEIVERS, 100, 0));
	EXPECT_LT(UDP_BOUND - 4096, held(self->a, dgramrcvbuf));
	EXPECT_LT(0, puppet_do(self->p, drain, OUT, RECEIVERS, ALL));
	EXPECT_HELD(0, self->a, dgramrcvbuf);
}

TEST_F(bounds, dgramrcvbuf_observe)
{
	EXPECT_EQ(0, rescore_set_mode(rs, self->a, dgramrcvbuf, true));
	set_bounds(self->a, dgramrcvbuf, 10000, 10000);
	EXPECT_EQ(0, puppet_do(self->p, udp_sockets, 1, 0, 0));
	EXPECT_EQ(PRIME, puppet_do(self->q, udp_flood, 1, PRIME, 0));
	/* all that did not fit would have been dropped */
	EXPECT_LT(PRIME / 2, failcnt(self->a, dgramrcvbuf));
	EXPECT_GT(PRIME, failcnt(self->a, dgramrcvbuf));
	EXPECT_EQ(PRIME * SIZE, puppet_do(self->p, drain, OUT, 1, ALL));
}

RESCORE_TEST_MAIN(NULL)

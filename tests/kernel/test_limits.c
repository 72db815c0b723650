// SPDX-License-Identifier: GPL-2.0
/*
 * The one counting rule, through real resources: severities, exact bounds on
 * any number of CPUs, failcnt, watermarks, observe mode, changes of limits.
 */
#include "puppet.h"
#include "sampler.h"

#define RACERS	6

FIXTURE(limits)
{
	int slot;
};

FIXTURE_SETUP(limits)
{
	world_begin(_metadata);
	ASSERT_LT(0, self->slot = make("kt-a"));
}

FIXTURE_TEARDOWN(limits)
{
	end_puppets();
	world_end(_metadata);
}

/* --- one more object of each resource ---------------------------------------- */

static long one_file(long a, long b, long c)
{
	return result(open("/dev/null", O_RDONLY));
}

static long one_pty(long a, long b, long c)
{
	return result(open("/dev/ptmx", O_RDWR | O_NOCTTY));
}

static long close_it(long fd, long b, long c)
{
	return result(close(fd));
}

/* Byte n of a file, without merging with its neighbours. */
static long one_lock(long a, long b, long c)
{
	static int fd, n;
	struct flock lock = {
		.l_type = F_WRLCK,
		.l_start = 2 * n,
		.l_len = 1,
	};

	if (!fd)
		fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	if (fcntl(fd, F_SETLK, &lock))
		return -errno;
	return fd << 16 | n++;
}

static long unlock_it(long which, long b, long c)
{
	struct flock lock = {
		.l_type = F_UNLCK,
		.l_start = 2 * (which & 0xffff),
		.l_len = 1,
	};

	return result(fcntl(which >> 16, F_SETLK, &lock));
}

FIXTURE(exact)
{
	int slot;
	int id;
	struct puppet *p;
};

FIXTURE_VARIANT(exact)
{
	const char *name;
	int err;
	puppet_fn more;
	puppet_fn less;
};

FIXTURE_VARIANT_ADD(exact, numproc){
	.name = "numproc",
	.err = EAGAIN,
	.more = fork_idle,
	.less = kill_and_reap,
};

FIXTURE_VARIANT_ADD(exact, numfile){
	.name = "numfile",
	.err = ENFILE,
	.more = one_file,
	.less = close_it,
};

FIXTURE_VARIANT_ADD(exact, numpty){
	.name = "numpty",
	.err = ENOSPC,
	.more = one_pty,
	.less = close_it,
};

FIXTURE_VARIANT_ADD(exact, numflock){
	.name = "numflock",
	.err = ENOLCK,
	.more = one_lock,
	.less = unlock_it,
};

FIXTURE_SETUP(exact)
{
	world_begin(_metadata);
	ASSERT_LT(0, self->slot = make("kt-a"));
	ASSERT_LE(0, self->id = rescore_find_resource(rs, variant->name));
	self->p = puppet_in(self->slot);
}

FIXTURE_TEARDOWN(exact)
{
	end_puppets();
	world_end(_metadata);
}

#define MORE() puppet_do(self->p, variant->more, 0, 0, 0)
#define LESS(which) puppet_do(self->p, variant->less, which, 0, 0)

/* Exactly the barrier is allowed, one more is refused, one back lets one in. */
TEST_F(exact, barrier)
{
	int64_t before = held(self->slot, self->id);
	int64_t bound = before + PRIME;
	struct rescore_line line;
	long last = 0;
	int i;

	set_bounds(self->slot, self->id, bound, 2 * bound);
	for (i = 0; i < PRIME; i++) {
		EXPECT_LE(0, last = MORE());
		EXPECT_EQ(before + i + 1, held(self->slot, self->id));
	}
	EXPECT_EQ(0, failcnt(self->slot, self->id));
	for (i = 0; i < 7; i++)
		EXPECT_EQ(-variant->err, MORE());
	line = row(self->slot, self->id);
	EXPECT_EQ(bound, line.held);
	EXPECT_EQ(bound, line.maxheld);
	EXPECT_EQ(bound, line.peak);
	EXPECT_EQ(7, line.failcnt);
	EXPECT_CLEAN_AUDIT(self->slot);

	EXPECT_LE(0, LESS(last));
	EXPECT_HELD(bound - 1, self->slot, self->id);
	EXPECT_LE(0, MORE());
	EXPECT_EQ(-variant->err, MORE());
	EXPECT_EQ(8, failcnt(self->slot, self->id));
}

/* A barrier of 0 refuses everything; 1 lets one at a time in, again and again. */
TEST_F(exact, zero_and_one)
{
	int64_t before = held(self->slot, self->id);
	long one;
	int i;

	set_bounds(self->slot, self->id, 0, RESCORE_UNLIMITED);
	EXPECT_EQ(-variant->err, MORE());
	EXPECT_EQ(before, held(self->slot, self->id));
	set_bounds(self->slot, self->id, before + 1, before + 1);
	for (i = 0; i < PRIME; i++) {
		EXPECT_LE(0, one = MORE());
		EXPECT_EQ(-variant->err, MORE());
		EXPECT_LE(0, LESS(one));
		EXPECT_HELD(before, self->slot, self->id);
	}
	EXPECT_EQ(PRIME + 1, failcnt(self->slot, self->id));
	EXPECT_EQ(before + 1, row(self->slot, self->id).maxheld);
}

/* Observe counts in failcnt what it would have refused, and refuses nothing. */
TEST_F(exact, observe)
{
	int64_t before = held(self->slot, self->id);
	int i;

	set_bounds(self->slot, self->id, before + 3, before + 3);
	ASSERT_EQ(0, rescore_set_mode(rs, self->slot, self->id, true));
	for (i = 0; i < PRIME; i++)
		EXPECT_LE(0, MORE());
	EXPECT_EQ(before + PRIME, held(self->slot, self->id));
	EXPECT_EQ(before + PRIME, row(self->slot, self->id).maxheld);
	EXPECT_EQ(PRIME - 3, failcnt(self->slot, self->id));

	/* live back to enforce, and to observe again */
	ASSERT_EQ(0, rescore_set_mode(rs, self->slot, -1, false));
	EXPECT_EQ(-variant->err, MORE());
	EXPECT_EQ(PRIME - 2, failcnt(self->slot, self->id));
	EXPECT_EQ(before + PRIME, held(self->slot, self->id));
	ASSERT_EQ(0, rescore_set_mode(rs, self->slot, -1, true));
	EXPECT_LE(0, MORE());
}

/* A limit below held is accepted; nothing is let in until held has drained. */
TEST_F(exact, lowered)
{
	int64_t before = held(self->slot, self->id);
	long object[7];
	int i;

	for (i = 0; i < 7; i++)
		EXPECT_LE(0, object[i] = MORE());
	set_bounds(self->slot, self->id, before + 3, before + 3);
	EXPECT_EQ(before + 7, held(self->slot, self->id));
	for (i = 6; i >= 3; i--) {
		EXPECT_EQ(-variant->err, MORE());
		EXPECT_LE(0, LESS(object[i]));
		EXPECT_HELD(before + i, self->slot, self->id);
	}
	EXPECT_EQ(-variant->err, MORE());
	EXPECT_LE(0, LESS(object[2]));
	EXPECT_HELD(before + 2, self->slot, self->id);
	EXPECT_LE(0, MORE());
	EXPECT_EQ(-variant->err, MORE());
	EXPECT_EQ(6, failcnt(self->slot, self->id));
}

/* --- severities ------------------------------------------------------------------ */

/* A move into a full container is FORCE: counted above every bound, not failed. */
TEST_F(limits, force)
{
	struct puppet *p;

	set_bounds(self->slot, numproc, 0, 0);
	p = puppet_in(self->slot);
	EXPECT_EQ(1, held(self->slot, numproc));
	EXPECT_EQ(0, failcnt(self->slot, numproc));
	EXPECT_EQ(-EAGAIN, puppet_do(p, fork_idle, 0, 0, 0));
	EXPECT_EQ(1, failcnt(self->slot, numproc));
}

static long unlock_middle(long fd, long start, long b)
{
	struct flock lock = {
		.l_type = F_UNLCK,
		.l_start = start,
		.l_len = 1,
	};

	return result(fcntl(fd, F_SETLK, &lock));
}

static long lock_range(long fd, long start, long length)
{
	struct flock lock = {
		.l_type = F_WRLCK,
		.l_start = start,
		.l_len = length,
	};

	return result(fcntl(fd, F_SETLK, &lock));
}

/* An unlock that splits is SOFT: refused above the limit, not the barrier. */
TEST_F(limits, soft)
{
	struct puppet *p = puppet_in(self->slot);
	long fd = puppet_open(p, "/tmp/kt-soft", O_CREAT | O_RDWR);

	unlink("/tmp/kt-soft");
	set_bounds(self->slot, numflock, 1, 3);
	EXPECT_EQ(0, puppet_do(p, lock_range, fd, 0, 100));
	EXPECT_EQ(-ENOLCK, puppet_do(p, lock_range, fd, 200, 1));
	EXPECT_EQ(0, puppet_do(p, unlock_middle, fd, 10, 0));
	EXPECT_EQ(0, puppet_do(p, unlock_middle, fd, 20, 0));
	EXPECT_EQ(3, held(self->slot, numflock));
	EXPECT_EQ(1, failcnt(self->slot, numflock));
	EXPECT_EQ(-ENOLCK, puppet_do(p, unlock_middle, fd, 30, 0));
	EXPECT_EQ(3, held(self->slot, numflock));
	EXPECT_EQ(2, failcnt(self->slot, numflock));
	EXPECT_CLEAN_AUDIT(self->slot);
}

/* --- many CPUs at the bound --------------------------------------------------------- */

static long race(long more, long b, long c)
{
	long n = 0;

	pthread_barrier_wait(&shm->barrier);
	while (((puppet_fn)more)(0, 0, 0) >= 0)
		n++;
	return n;
}

/* Processes that race to the barrier get exactly what it allows together. */
TEST_F(exact, race_to_barrier)
{
	struct puppet *racer[RACERS] = { self->p };
	int64_t bound = 211;	/* a prime */
	struct sampler sampler;
	long n = 0;
	int i;

	for (i = 1; i < RACERS; i++)
		racer[i] = puppet_in(self->slot);
	set_bounds(self->slot, self->id, bound, 2 * bound);
	n = held(self->slot, self->id);
	sampler_start(&sampler, self->slot, self->id);
	barrier_for(RACERS);
	for (i = 0; i < RACERS; i++)
		puppet_send_call(racer[i], race, variant->more, 0, 0);
	for (i = 0; i < RACERS; i++)
		n += puppet_answer(racer[i]);
	sampler_stop(&sampler);
	EXPECT_EQ(bound, n);
	EXPECT_EQ(bound, held(self->slot, self->id));
	EXPECT_EQ(bound, row(self->slot, self->id).maxheld);
	EXPECT_GE(bound, sampler.highest);
	EXPECT_EQ(RACERS, failcnt(self->slot, self->id));
	EXPECT_CLEAN_AUDIT(self->slot);
}

/* Make one and give it back, @n times. Returns how often it was refused. */
static long churn(long more, long less, long n)
{
	long one, refused = 0;

	pthread_barrier_wait(&shm->barrier);
	while (n--) {
		one = ((puppet_fn)more)(0, 0, 0);
		if (one < 0)
			refused++;
		else
			((puppet_fn)less)(one, 0, 0);
	}
	return refused;
}

/*
 * Coming and going at the bound, held never passes it, not for an instant; and
 * every refusal that the callers saw is in failcnt, and no other.
 */
TEST_F(exact, churn_at_barrier)
{
	struct puppet *racer[RACERS] = { self->p };
	bool slow = variant->more == fork_idle;
	struct sampler sampler;
	int64_t bound;
	long refused = 0;
	int i;

	for (i = 1; i < RACERS; i++)
		racer[i] = puppet_in(self->slot);
	bound = held(self->slot, self->id) + 3;
	set_bounds(self->slot, self->id, bound, 2 * bound);
	sampler_start(&sampler, self->slot, self->id);
	barrier_for(RACERS);
	for (i = 0; i < RACERS; i++)
		puppet_send_call(racer[i], churn, variant->more, variant->less,
				 slow ? 101 : 1009);
	for (i = 0; i < RACERS; i++)
		refused += puppet_answer(racer[i]);
	sampler_stop(&sampler);
	EXPECT_GE(bound, sampler.highest);
	EXPECT_LE(0, sampler.lowest);
	EXPECT_LT(1000, sampler.samples);
	EXPECT_GE(bound, row(self->slot, self->id).maxheld);
	EXPECT_EQ(refused, failcnt(self->slot, self->id));
	EXPECT_HELD(bound - 3, self->slot, self->id);
}

/* Room for all of them: nobody is refused because others come and go. */
TEST_F(exact, churn_below_barrier)
{
	struct puppet *racer[RACERS] = { self->p };
	bool slow = variant->more == fork_idle;
	int64_t bound;
	int i;

	for (i = 1; i < RACERS; i++)
		racer[i] = puppet_in(self->slot);
	bound = held(self->slot, self->id) + RACERS;
	set_bounds(self->slot, self->id, bound, bound);
	barrier_for(RACERS);
	for (i = 0; i < RACERS; i++)
		puppet_send_call(racer[i], churn, variant->more, variant->less,
				 slow ? 101 : 1009);
	for (i = 0; i < RACERS; i++)
		EXPECT_EQ(0, puppet_answer(racer[i]));
	EXPECT_EQ(0, failcnt(self->slot, self->id));
	EXPECT_GE(bound, row(self->slot, self->id).maxheld);
}

/* --- watermarks and setting ----------------------------------------------------------- */

/* maxheld is the true peak, and starts over from held when it is reset. */
TEST_F(limits, reset)
{
	struct puppet *p = puppet_in(self->slot);
	struct rescore_line line;

	set_bounds(self->slot, numfile, PRIME, PRIME);
	EXPECT_EQ(PRIME, puppet_do(p, open_many, "/dev/null", 100, O_RDONLY));
	EXPECT_EQ(0, puppet_do(p, close_from, PUPPET_FD + 5, 0, 0));
	EXPECT_HELD(5, self->slot, numfile);
	line = row(self->slot, numfile);
	EXPECT_EQ(PRIME, line.maxheld);
	EXPECT_EQ(1, line.failcnt);

	EXPECT_EQ(0, rescore_reset(rs, self->slot, numfile,
				   RESCORE_RESET_FAILCNT));
	line = row(self->slot, numfile);
	EXPECT_EQ(PRIME, line.maxheld);
	EXPECT_EQ(0, line.failcnt);
	EXPECT_EQ(0, rescore_reset(rs, self->slot, -1, RESCORE_RESET_MAXHELD));
	line = row(self->slot, numfile);
	EXPECT_EQ(5, line.maxheld);
	EXPECT_EQ(PRIME, line.peak);
	EXPECT_EQ(1, row(self->slot, numproc).maxheld);

	EXPECT_EQ(2, puppet_do(p, open_many, "/dev/null", 2, O_RDONLY));
	EXPECT_EQ(7, row(self->slot, numfile).maxheld);
}

/* take_peak returns the highest held since it was last called. */
TEST_F(limits, take_peak)
{
	struct puppet *p = puppet_in(self->slot);
	struct rescore *reader;
	int64_t peak = -1;

	EXPECT_EQ(PRIME, puppet_do(p, open_many, "/dev/null", PRIME, O_RDONLY));
	EXPECT_EQ(0, puppet_do(p, close_from, PUPPET_FD + 3, 0, 0));
	EXPECT_HELD(3, self->slot, numfile);
	EXPECT_EQ(0, rescore_take_peak(rs, self->slot, numfile, &peak));
	EXPECT_EQ(PRIME, peak);
	EXPECT_EQ(0, rescore_take_peak(rs, self->slot, numfile, &peak));
	EXPECT_EQ(3, peak);
	EXPECT_EQ(4, puppet_do(p, open_many, "/dev/null", 4, O_RDONLY));
	EXPECT_EQ(0, puppet_do(p, close_from, PUPPET_FD, 0, 0));
	EXPECT_HELD(0, self->slot, numfile);
	EXPECT_EQ(0, rescore_take_peak(rs, self->slot, numfile, &peak));
	EXPECT_EQ(7, peak);
	EXPECT_EQ(PRIME, row(self->slot, numfile).maxheld);

	ASSERT_EQ(0, rescore_open(&reader, true));
	EXPECT_EQ(-EROFS,
		  rescore_take_peak(reader, self->slot, numfile, &peak));
	rescore_close(reader);
}

/* One bad bound of several, and none of them is set. */
TEST_F(limits, set_all_or_nothing)
{
	struct rescore_bounds bounds[] = {
		{ numproc, 11, 13 },
		{ numfile, 17, 19 },
		{ numflock, 0, 0 },
	};
	const struct {
		struct rescore_bounds bounds;
		int err;
	} bad[] = {
		{ { numflock, 3, 2 }, -EINVAL },
		{ { numflock, -1, 2 }, -EINVAL },
		{ { numflock, 1, -2 }, -EINVAL },
		{ { numflock, 0, RESCORE_BOUND_MAX + 1 }, -EINVAL },
		{ { numflock, RESCORE_UNLIMITED, RESCORE_BOUND_MAX }, -EINVAL },
		{ { 999, 1, 1 }, -ENOENT },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		bounds[2] = bad[i].bounds;
		EXPECT_EQ(bad[i].err, rescore_set(rs, self->slot, bounds, 3));
		EXPECT_EQ(RESCORE_UNLIMITED, row(self->slot, numproc).barrier);
		EXPECT_EQ(RESCORE_UNLIMITED, row(self->slot, numfile).limit);
	}
	bounds[2] = (struct rescore_bounds){ numflock, RESCORE_BOUND_MAX,
					     RESCORE_UNLIMITED };
	EXPECT_EQ(-ENOENT, rescore_set(rs, 999, bounds, 3));
	EXPECT_EQ(0, rescore_set(rs, self->slot, bounds, 3));
	EXPECT_EQ(11, row(self->slot, numproc).barrier);
	EXPECT_EQ(13, row(self->slot, numproc).limit);
	EXPECT_EQ(17, row(self->slot, numfile).barrier);
	EXPECT_EQ(19, row(self->slot, numfile).limit);
	EXPECT_EQ(RESCORE_BOUND_MAX, row(self->slot, numflock).barrier);
	EXPECT_EQ(RESCORE_UNLIMITED, row(self->slot, numflock).limit);
}

/* Containers do not see each other: the limits of one are not another's. */
TEST_F(limits, separate)
{
	int other = make("kt-b");
	struct puppet *p = puppet_in(self->slot), *q = puppet_in(other);

	set_bounds(self->slot, numfile, 3, 3);
	set_bounds(other, numfile, 5, 5);
	EXPECT_EQ(3, puppet_do(p, open_many, "/dev/null", 100, O_RDONLY));
	EXPECT_EQ(5, puppet_do(q, open_many, "/dev/null", 100, O_RDONLY));
	EXPECT_EQ(3, held(self->slot, numfile));
	EXPECT_EQ(5, held(other, numfile));
	EXPECT_EQ(1, failcnt(self->slot, numfile));
	EXPECT_EQ(1, failcnt(other, numfile));
}

/* The host is slot 0, which nothing counts and nothing limits. */
TEST_F(limits, host)
{
	EXPECT_EQ(-ENOENT, try_bounds(0, numfile, 0, 0));
	EXPECT_EQ(0, rescore_container_of(rs, 0));
	EXPECT_EQ(-ENOENT, rescore_reset(rs, 0, -1, RESCORE_RESET_MAXHELD));
	EXPECT_EQ(-ENOENT, rescore_set_mode(rs, 0, -1, true));
}

RESCORE_TEST_MAIN(NULL)

// SPDX-License-Identifier: GPL-2.0
/*
 * numflock: flock, POSIX and OFD record locks, leases.
 */
#include <sys/file.h>

#include "puppet.h"

#define LOCKED "/tmp/kt-locked"

#ifndef F_OFD_SETLK
#define F_OFD_SETLK 37
#endif

FIXTURE(locks)
{
	int slot;
	struct puppet *p;
	int fd;
};

FIXTURE_SETUP(locks)
{
	world_begin(_metadata);
	self->slot = make("kt-locks");
	ASSERT_LT(0, self->slot);
	self->p = puppet_in(self->slot);
	self->fd = puppet_open(self->p, LOCKED, O_RDWR | O_CREAT);
	ASSERT_EQ(PUPPET_FD, self->fd);
}

FIXTURE_TEARDOWN(locks)
{
	end_puppets();
	world_end(_metadata);
	unlink(LOCKED);
}

/* --- what puppets do --------------------------------------------------------- */

/* cmd in the low half of @what, type in the high one. */
#define SETLK(cmd, type) ((long)(cmd) | (long)(type) << 32)
#define RANGE(start, len) ((long)(start) | (long)(len) << 32)

static long setlk(long fd, long what, long range)
{
	struct flock lock = {
		.l_type = what >> 32,
		.l_whence = SEEK_SET,
		.l_start = (int)range,
		.l_len = range >> 32,
	};

	return result(fcntl(fd, (int)what, &lock));
}

static long lock_posix(struct puppet *p, int fd, int type, int start, int len)
{
	return puppet_do(p, setlk, fd, SETLK(F_SETLK, type), RANGE(start, len));
}

static long lock_ofd(struct puppet *p, int fd, int type, int start, int len)
{
	return puppet_do(p, setlk, fd, SETLK(F_OFD_SETLK, type),
			 RANGE(start, len));
}

static long lock_flock(struct puppet *p, int fd, int how)
{
	return puppet_sys(p, SYS_flock, fd, how, 0, 0);
}

/* Lock @n bytes that do not touch, from @from on. Returns how many it got. */
static long lock_bytes(long fd, long n, long from)
{
	long i;

	for (i = 0; i < n; i++)
		if (setlk(fd, SETLK(F_SETLK, F_WRLCK), RANGE(from + 2 * i, 1)))
			break;
	return i;
}

/* The locks on @path that /proc/locks shows, waiting ones too. */
static int in_proc_locks(const char *path)
{
	char line[256], inode[32];
	struct stat st;
	FILE *file;
	int n = 0;

	if (stat(path, &st))
		return -errno;
	snprintf(inode, sizeof(inode), ":%lu ", (unsigned long)st.st_ino);
	file = fopen("/proc/locks", "r");
	while (file && fgets(line, sizeof(line), file))
		n += !!strstr(line, inode);
	if (file)
		fclose(file);
	return n;
}

#define EXPECT_LOCKS(n)							\
	do {								\
		EXPECT_HELD(n, self->slot, numflock);			\
		EXPECT_EQ(n, in_proc_locks(LOCKED));			\
	} while (0)

/* --- flock --------------------------------------------------------------------- */

/* One flock is one, whatever it changes to; unlocking and closing give it back. */
TEST_F(locks, flock)
{
	EXPECT_EQ(0, lock_flock(self->p, self->fd, LOCK_SH));
	EXPECT_LOCKS(1);
	EXPECT_EQ(0, lock_flock(self->p, self->fd, LOCK_EX));
	EXPECT_LOCKS(1);
	EXPECT_EQ(0, lock_flock(self->p, self->fd, LOCK_SH));
	EXPECT_LOCKS(1);
	EXPECT_EQ(0, lock_flock(self->p, self->fd, LOCK_UN));
	EXPECT_LOCKS(0);
	EXPECT_EQ(0, lock_flock(self->p, self->fd, LOCK_UN));
	EXPECT_EQ(0, lock_flock(self->p, self->fd, LOCK_EX));
	EXPECT_EQ(0, puppet_close(self->p, self->fd));
	EXPECT_LOCKS(0);
}

/* A flock that a conflict refuses leaves nothing. */
TEST_F(locks, flock_conflict)
{
	struct puppet *other = puppet_in(self->slot);
	int fd = puppet_open(other, LOCKED, O_RDWR);

	EXPECT_EQ(0, lock_flock(self->p, self->fd, LOCK_EX));
	EXPECT_EQ(-EAGAIN, lock_flock(other, fd, LOCK_EX | LOCK_NB));
	EXPECT_LOCKS(1);
}

static long hold_open(long a, long b, long c)
{
	return fork_idle(a, b, c);
}

/* A child shares its parent's flock: it goes with the last of the two. */
TEST_F(locks, flock_over_fork)
{
	long child;

	EXPECT_EQ(0, lock_flock(self->p, self->fd, LOCK_EX));
	child = puppet_do(self->p, hold_open, 0, 0, 0);
	ASSERT_LT(0, child);
	EXPECT_LOCKS(1);
	EXPECT_EQ(0, puppet_close(self->p, self->fd));
	EXPECT_LOCKS(1);
	EXPECT_EQ(child, puppet_do(self->p, kill_and_reap, child, 0, 0));
	EXPECT_LOCKS(0);
}

/* --- record locks ---------------------------------------------------------------- */

/* Every merge, split and absorption: the row is what /proc/locks says. */
TEST_F(locks, posix_ranges)
{
	EXPECT_EQ(0, lock_posix(self->p, self->fd, F_WRLCK, 0, 100));
	EXPECT_LOCKS(1);
	/* an unlock in the middle cuts it in two */
	EXPECT_EQ(0, lock_posix(self->p, self->fd, F_UNLCK, 40, 10));
	EXPECT_LOCKS(2);
	/* filling the gap makes it one again */
	EXPECT_EQ(0, lock_posix(self->p, self->fd, F_WRLCK, 40, 10));
	EXPECT_LOCKS(1);
	/* another type in the middle: three */
	EXPECT_EQ(0, lock_posix(self->p, self->fd, F_RDLCK, 40, 10));
	EXPECT_LOCKS(3);
	/* the same range again changes nothing */
	EXPECT_EQ(0, lock_posix(self->p, self->fd, F_RDLCK, 40, 10));
	EXPECT_LOCKS(3);
	/* one that covers all absorbs all */
	EXPECT_EQ(0, lock_posix(self->p, self->fd, F_WRLCK, 0, 200));
	EXPECT_LOCKS(1);
	EXPECT_EQ(0, lock_posix(self->p, self->fd, F_UNLCK, 0, 50));
	EXPECT_LOCKS(1);
	EXPECT_EQ(0, lock_posix(self->p, self->fd, F_UNLCK, 0, 0));
	EXPECT_LOCKS(0);
}

/* Many locks: counted one by one, and gone with the close of any descriptor. */
TEST_F(locks, posix_many)
{
	EXPECT_EQ(PRIME, puppet_do(self->p, lock_bytes, self->fd, PRIME, 0));
	EXPECT_LOCKS(PRIME);
	EXPECT_EQ(0, puppet_close(self->p, self->fd));
	EXPECT_LOCKS(0);
}

/* The locks of a process that is killed go with it. */
TEST_F(locks, killed)
{
	EXPECT_EQ(200, puppet_do(self->p, lock_bytes, self->fd, 200, 0));
	EXPECT_LOCKS(200);
	puppet_end(self->p);
	EXPECT_LOCKS(0);
}

/* A child does not inherit record locks, and its exit frees none. */
TEST_F(locks, posix_over_fork)
{
	long child;

	EXPECT_EQ(0, lock_posix(self->p, self->fd, F_WRLCK, 0, 10));
	child = puppet_do(self->p, fork_idle, 0, 0, 0);
	EXPECT_LOCKS(1);
	EXPECT_EQ(child, puppet_do(self->p, kill_and_reap, child, 0, 0));
	EXPECT_LOCKS(1);
}

/* Locks of an open file description: by two descriptions of one process. */
TEST_F(locks, ofd)
{
	int other = puppet_open(self->p, LOCKED, O_RDWR);

	EXPECT_EQ(0, lock_ofd(self->p, self->fd, F_WRLCK, 0, 100));
	EXPECT_EQ(0, lock_ofd(self->p, other, F_WRLCK, 100, 100));
	EXPECT_LOCKS(2);
	EXPECT_EQ(-EAGAIN, lock_ofd(self->p, other, F_WRLCK, 50, 10));
	EXPECT_LOCKS(2);
	EXPECT_EQ(0, lock_ofd(self->p, self->fd, F_UNLCK, 40, 10));
	EXPECT_LOCKS(3);
	EXPECT_EQ(0, puppet_close(self->p, self->fd));
	EXPECT_LOCKS(1);
}

/* --- leases ------------------------------------------------------------------------ */

static long lease(struct puppet *p, int fd, int type)
{
	return puppet_sys(p, SYS_fcntl, fd, F_SETLEASE, type, 0);
}

/* A lease is one, changes its type in place, and goes with unlock or close. */
TEST_F(locks, lease)
{
	EXPECT_EQ(0, lease(self->p, self->fd, F_WRLCK));
	EXPECT_LOCKS(1);
	EXPECT_EQ(0, lease(self->p, self->fd, F_WRLCK));
	EXPECT_LOCKS(1);
	EXPECT_EQ(0, lease(self->p, self->fd, F_UNLCK));
	EXPECT_LOCKS(0);
	EXPECT_EQ(0, lease(self->p, self->fd, F_WRLCK));
	EXPECT_EQ(0, puppet_close(self->p, self->fd));
	EXPECT_LOCKS(0);
}

/* A lease that another's open breaks is uncharged when its holder gives way. */
TEST_F(locks, lease_broken)
{
	struct puppet *other = puppet_in(0);

	EXPECT_EQ(0, puppet_sys(self->p, SYS_fcntl, self->fd, F_SETSIG, SIGUSR1,
				0));
	EXPECT_EQ(0, lease(self->p, self->fd, F_WRLCK));
	EXPECT_LOCKS(1);
	puppet_send_sys(other, SYS_openat, AT_FDCWD, LOCKED, O_RDWR, 0);
	EXPECT_EQ(0, lease(self->p, self->fd, F_UNLCK));
	EXPECT_LE(0, puppet_answer(other));
	EXPECT_LOCKS(0);
}

/* --- bounds -------------------------------------------------------------------------- */

/* Exactly the barrier is allowed; one more is ENOLCK for every kind of lock. */
TEST_F(locks, barrier)
{
	int other = puppet_open(self->p, LOCKED, O_RDWR);

	set_bounds(self->slot, numflock, PRIME, PRIME);
	EXPECT_EQ(PRIME, puppet_do(self->p, lock_bytes, self->fd, 100, 0));
	EXPECT_LOCKS(PRIME);
	EXPECT_EQ(1, failcnt(self->slot, numflock));
	EXPECT_EQ(-ENOLCK, lock_posix(self->p, self->fd, F_WRLCK, 999, 1));
	EXPECT_EQ(-ENOLCK, lock_ofd(self->p, other, F_WRLCK, 999, 1));
	EXPECT_EQ(-ENOLCK, lock_flock(self->p, other, LOCK_SH));
	EXPECT_EQ(4, failcnt(self->slot, numflock));
	EXPECT_LOCKS(PRIME);
	/* giving one back makes room for one */
	EXPECT_EQ(0, lock_posix(self->p, self->fd, F_UNLCK, 0, 1));
	EXPECT_LOCKS(PRIME - 1);
	EXPECT_EQ(0, lock_flock(self->p, other, LOCK_SH));
	EXPECT_EQ(PRIME, row(self->slot, numflock).maxheld);
}

/* A lease over the barrier is refused as well. */
TEST_F(locks, lease_barrier)
{
	set_bounds(self->slot, numflock, 0, 0);
	EXPECT_EQ(-ENOLCK, lease(self->p, self->fd, F_WRLCK));
	EXPECT_LOCKS(0);
	EXPECT_EQ(1, failcnt(self->slot, numflock));
}

/* A cut is checked against the limit: allowed above the barrier, refused there. */
TEST_F(locks, split_bounds)
{
	set_bounds(self->slot, numflock, 1, 2);
	EXPECT_EQ(0, lock_posix(self->p, self->fd, F_WRLCK, 0, 100));
	EXPECT_EQ(-ENOLCK, lock_posix(self->p, self->fd, F_WRLCK, 200, 1));
	EXPECT_EQ(0, lock_posix(self->p, self->fd, F_UNLCK, 40, 10));
	EXPECT_LOCKS(2);
	EXPECT_EQ(-ENOLCK, lock_posix(self->p, self->fd, F_UNLCK, 10, 10));
	EXPECT_EQ(-ENOLCK, lock_posix(self->p, self->fd, F_UNLCK, 60, 1));
	EXPECT_LOCKS(2);
	/* what cuts nothing always succeeds */
	EXPECT_EQ(0, lock_posix(self->p, self->fd, F_UNLCK, 0, 10));
	EXPECT_EQ(0, lock_posix(self->p, self->fd, F_UNLCK, 90, 50));
	EXPECT_LOCKS(2);
	EXPECT_EQ(0, lock_posix(self->p, self->fd, F_UNLCK, 0, 0));
	EXPECT_LOCKS(0);
}

/* Another type in the middle needs two: one of them over the limit refuses it. */
TEST_F(locks, split_by_type)
{
	set_bounds(self->slot, numflock, 2, 2);
	EXPECT_EQ(0, lock_posix(self->p, self->fd, F_WRLCK, 0, 100));
	EXPECT_EQ(-ENOLCK, lock_posix(self->p, self->fd, F_RDLCK, 40, 10));
	EXPECT_LOCKS(1);
	set_bounds(self->slot, numflock, 2, 3);
	EXPECT_EQ(0, lock_posix(self->p, self->fd, F_RDLCK, 40, 10));
	EXPECT_LOCKS(3);
}

/* A byte of one's own is given back at the limit, whoever else stands around. */
TEST_F(locks, unlock_at_limit)
{
	struct puppet *other = puppet_in(self->slot);
	int fd = puppet_open(other, LOCKED, O_RDWR);
	int i;

	set_bounds(self->slot, numflock, PRIME, PRIME);
	EXPECT_EQ(0, lock_posix(other, fd, F_WRLCK, 1000, 1000));
	EXPECT_EQ(PRIME - 1, puppet_do(self->p, lock_bytes, self->fd, 100, 0));
	for (i = 0; i < PRIME - 1; i++)
		EXPECT_EQ(0, lock_posix(self->p, self->fd, F_UNLCK, 2 * i, 1));
	EXPECT_LOCKS(1);
}

/* SEEK_CUR and SEEK_END mean the same range to the check as to the kernel. */
static long setlk_from(long fd, long type, long whence)
{
	struct flock lock = {
		.l_type = type,
		.l_whence = whence,
		.l_start = -5,
		.l_len = 2,
	};

	return result(fcntl(fd, F_SETLK, &lock));
}

TEST_F(locks, split_whence)
{
	EXPECT_EQ(0, puppet_sys(self->p, SYS_ftruncate, self->fd, 50, 0, 0));
	EXPECT_EQ(20,
		  puppet_sys(self->p, SYS_lseek, self->fd, 20, SEEK_SET, 0));
	set_bounds(self->slot, numflock, 1, 1);
	EXPECT_EQ(0, lock_posix(self->p, self->fd, F_WRLCK, 0, 100));
	EXPECT_EQ(-ENOLCK,
		  puppet_do(self->p, setlk_from, self->fd, F_UNLCK, SEEK_CUR));
	EXPECT_EQ(-ENOLCK,
		  puppet_do(self->p, setlk_from, self->fd, F_UNLCK, SEEK_END));
	EXPECT_LOCKS(1);
	/* from the end of file on the lock is cut short, not in two */
	EXPECT_EQ(0, lock_posix(self->p, self->fd, F_UNLCK, 45, 0));
	EXPECT_LOCKS(1);
}

/* mode observe refuses nothing and counts what it would have. */
TEST_F(locks, observe)
{
	set_bounds(self->slot, numflock, 2, 2);
	ASSERT_EQ(0, rescore_set_mode(rs, self->slot, numflock, true));
	EXPECT_EQ(PRIME, puppet_do(self->p, lock_bytes, self->fd, PRIME, 0));
	EXPECT_LOCKS(PRIME);
	EXPECT_EQ(PRIME - 2, failcnt(self->slot, numflock));
}

/* --- waiting -------------------------------------------------------------------------- */

/* A request that waits counts one; interrupted, it is gone. */
TEST_F(locks, waiting)
{
	struct puppet *other = puppet_in(self->slot);
	int fd = puppet_open(other, LOCKED, O_RDWR);

	EXPECT_EQ(0, lock_posix(self->p, self->fd, F_WRLCK, 0, 10));
	puppet_send_call(other, setlk, fd, SETLK(F_SETLKW, F_WRLCK),
			 RANGE(0, 10));
	EXPECT_LOCKS(2);
	EXPECT_TRUE(eventually(in_proc_locks(LOCKED) == 2));
	kill(other->pid, SIGUSR1);
	EXPECT_EQ(-EINTR, puppet_answer(other));
	EXPECT_LOCKS(1);

	/* and one that gets it goes on counting one */
	puppet_send_call(other, setlk, fd, SETLK(F_SETLKW, F_WRLCK),
			 RANGE(0, 10));
	EXPECT_TRUE(eventually(in_proc_locks(LOCKED) == 2));
	EXPECT_EQ(0, lock_posix(self->p, self->fd, F_UNLCK, 0, 0));
	EXPECT_EQ(0, puppet_answer(other));
	EXPECT_LOCKS(1);
}

/* A waiter that is killed leaves nothing. */
TEST_F(locks, waiter_killed)
{
	struct puppet *other = puppet_in(self->slot);
	int fd = puppet_open(other, LOCKED, O_RDWR);

	EXPECT_EQ(0, lock_flock(self->p, self->fd, LOCK_EX));
	puppet_send_sys(other, SYS_flock, fd, LOCK_EX, 0, 0);
	EXPECT_HELD(2, self->slot, numflock);
	puppet_end(other);
	EXPECT_LOCKS(1);
}

/* Waiters do not come past the barrier when they are granted. */
TEST_F(locks, waiters_at_barrier)
{
	struct puppet *other = puppet_in(self->slot);
	struct puppet *third = puppet_in(self->slot);
	int fd = puppet_open(other, LOCKED, O_RDWR);
	int fd3 = puppet_open(third, LOCKED, O_RDWR);

	set_bounds(self->slot, numflock, 2, 2);
	EXPECT_EQ(0, lock_flock(self->p, self->fd, LOCK_EX));
	puppet_send_sys(other, SYS_flock, fd, LOCK_SH, 0, 0);
	EXPECT_HELD(2, self->slot, numflock);
	EXPECT_EQ(-ENOLCK, lock_flock(third, fd3, LOCK_SH));
	EXPECT_EQ(0, lock_flock(self->p, self->fd, LOCK_UN));
	EXPECT_EQ(0, puppet_answer(other));
	EXPECT_LOCKS(1);
	EXPECT_EQ(2, row(self->slot, numflock).maxheld);
}

/* --- payer and races -------------------------------------------------------------------- */

/* Who took the lock pays, also after it was moved away. */
TEST_F(locks, payer)
{
	int other = make("kt-locks-b");

	ASSERT_LT(0, other);
	EXPECT_EQ(0, lock_posix(self->p, self->fd, F_WRLCK, 0, 10));
	EXPECT_EQ(0, move_to(self->p->pid, other));
	EXPECT_LOCKS(1);
	EXPECT_EQ(0, lock_posix(self->p, self->fd, F_WRLCK, 100, 10));
	EXPECT_HELD(1, self->slot, numflock);
	EXPECT_HELD(1, other, numflock);
	/* merging leaves one of the two, paid by one of the two */
	EXPECT_EQ(0, lock_posix(self->p, self->fd, F_WRLCK, 0, 200));
	EXPECT_TRUE(eventually(
		held(self->slot, numflock) + held(other, numflock) == 1));
	EXPECT_EQ(0, lock_posix(self->p, self->fd, F_UNLCK, 0, 0));
	EXPECT_HELD(0, self->slot, numflock);
	EXPECT_HELD(0, other, numflock);
}

/*
 * Lock and unlock single bytes of one's own region: more than the bound, so that
 * there are refusals however the racers take turns. Returns the most it held.
 */
static long race(long fd, long region, long rounds)
{
	long i, n, most = 0;

	for (i = 0; i < rounds; i++) {
		n = lock_bytes(fd, 13, region * 1000);
		if (n > most)
			most = n;
		setlk(fd, SETLK(F_SETLK, F_UNLCK), RANGE(region * 1000, 1000));
	}
	return most;
}

#define RACERS 4

/* Processes that race at the bound never pass it together. */
TEST_F(locks, race_at_barrier)
{
	struct puppet *racer[RACERS];
	int i, fd[RACERS];

	set_bounds(self->slot, numflock, 11, 11);
	for (i = 0; i < RACERS; i++) {
		racer[i] = puppet_in(self->slot);
		fd[i] = puppet_open(racer[i], LOCKED, O_RDWR);
	}
	for (i = 0; i < RACERS; i++)
		puppet_send_call(racer[i], race, fd[i], i, 100);
	for (i = 0; i < RACERS; i++)
		EXPECT_LE(0, puppet_answer(racer[i]));
	EXPECT_EQ(11, row(self->slot, numflock).maxheld);
	EXPECT_LT(0, failcnt(self->slot, numflock));
	EXPECT_LOCKS(0);
}

/* Random requests of one process on one file, refusals included. */
static long random_locks(long fd, long n, long seed)
{
	static const int types[] = { F_RDLCK, F_WRLCK, F_UNLCK };
	unsigned int state = seed;

	while (n--) {
		int type = types[rand_r(&state) % 3];
		int start = rand_r(&state) % 64, len = rand_r(&state) % 20;

		setlk(fd, SETLK(F_SETLK, type), RANGE(start, len));
	}
	return 0;
}

/* In a storm of them the row stays what /proc/locks says, and in its bounds. */
TEST_F(locks, random)
{
	int i;

	set_bounds(self->slot, numflock, 9, 13);
	for (i = 0; i < 200; i++) {
		EXPECT_EQ(0, puppet_do(self->p, random_locks, self->fd, 10, i));
		ASSERT_EQ(in_proc_locks(LOCKED), held(self->slot, numflock))
		TH_LOG("after step %d", i);
	}
	EXPECT_GE(13, row(self->slot, numflock).maxheld);
	EXPECT_LT(0, failcnt(self->slot, numflock));
}

RESCORE_TEST_MAIN(NULL)

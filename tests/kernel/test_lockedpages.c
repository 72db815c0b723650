// SPDX-License-Identifier: GPL-2.0
/* lockedpages against VmLck, and what can refuse. */
#include <sys/resource.h>
#include <sys/shm.h>

#include "tenant.h"

FIXTURE(locked)
{
	int a;
	struct puppet *p;
	long at;		/* of 100 pages */
};

static bool is_address(long ret)
{
	return ret > 0 || ret < -4095;
}

static long rlimit(long bytes, long b, long c)
{
	struct rlimit limit = { bytes, bytes };

	return result(setrlimit(RLIMIT_MEMLOCK, &limit));
}

static long lock(long address, long pages, long c)
{
	return result(mlock((void *)address, pages * PAGE));
}

static long lock2(long address, long pages, long c)
{
	return result(mlock2((void *)address, pages * PAGE, MLOCK_ONFAULT));
}

static long unlock(long address, long pages, long c)
{
	return result(munlock((void *)address, pages * PAGE));
}

static long lock_all(long flags, long b, long c)
{
	return result(flags ? mlockall(flags) : munlockall());
}

FIXTURE_SETUP(locked)
{
	world_begin(_metadata);
	find_memory_rows();
	self->a = make("kt-locked");
	ASSERT_LT(0, self->a);
	self->p = tenant_in(self->a);
	ASSERT_EQ(0, puppet_do(self->p, rlimit, 4095, 0, 0));
	self->at = puppet_do(self->p, map, 100, RW, PRIVATE);
	ASSERT_TRUE(is_address(self->at));
}

FIXTURE_TEARDOWN(locked)
{
	end_puppets();
	world_end(_metadata);
}

#define EXPECT_LOCKED(n) \
	EXPECT_EQ(n, held(self->a, lockedpages)); \
	EXPECT_EQ(n, true_locked(self->a))

TEST_F(locked, counted)
{
	long address;

	EXPECT_EQ(0, puppet_do(self->p, lock, self->at, PRIME, 0));
	EXPECT_LOCKED(PRIME);
	EXPECT_EQ(0, puppet_do(self->p, lock2, self->at + 50 * PAGE, 7, 0));
	EXPECT_LOCKED(PRIME + 7);
	EXPECT_EQ(0, puppet_do(self->p, unlock, self->at, 20, 0));
	EXPECT_LOCKED(10);
	EXPECT_EQ(0, puppet_do(self->p, unmap, self->at + 50 * PAGE, 5, 0));
	EXPECT_LOCKED(5);
	address = puppet_do(self->p, map, PRIME, RW, PRIVATE | MAP_LOCKED);
	ASSERT_TRUE(is_address(address));
	EXPECT_LOCKED(PRIME + 5);
	address = puppet_do(self->p, resize, address, PRIME, PRIME + 4);
	ASSERT_TRUE(is_address(address));
	EXPECT_LOCKED(PRIME + 9);
	EXPECT_EQ(0, puppet_do(self->p, lock_all, MCL_CURRENT, 0, 0));
	EXPECT_EQ(true_locked(self->a), held(self->a, lockedpages));
	EXPECT_LT(PRIME + 100, held(self->a, lockedpages));
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_EQ(0, puppet_do(self->p, lock_all, 0, 0, 0));
	EXPECT_LOCKED(0);
	EXPECT_EQ(0, puppet_do(self->p, lock, self->at, PRIME, 0));
	/* a child inherits none */
	ASSERT_LT(0, puppet_do(self->p, fork_idle, 0, 0, 0));
	EXPECT_LOCKED(PRIME);
	puppet_end(self->p);
	EXPECT_HELD(0, self->a, lockedpages);
}

/* Above RLIMIT_MEMLOCK the bound is exact. */
TEST_F(locked, refused)
{
	set_bounds(self->a, lockedpages, PRIME, PRIME);
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, lock, self->at, PRIME + 1, 0));
	EXPECT_LOCKED(0);
	EXPECT_LE(1, failcnt(self->a, lockedpages));
	EXPECT_EQ(0, puppet_do(self->p, lock, self->at, PRIME - 2, 0));
	EXPECT_LOCKED(PRIME - 2);
	EXPECT_EQ(-ENOMEM,
		  puppet_do(self->p, lock2, self->at + 50 * PAGE, 3, 0));
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, lock_all, MCL_CURRENT, 0, 0));
	EXPECT_EQ(-EAGAIN,
		  puppet_do(self->p, map, 3, RW, PRIVATE | MAP_LOCKED));
	EXPECT_LOCKED(PRIME - 2);
	EXPECT_TRUE(is_address(
		puppet_do(self->p, map, 2, RW, PRIVATE | MAP_LOCKED)));
	EXPECT_LOCKED(PRIME);
	EXPECT_EQ(0, puppet_do(self->p, unlock, self->at, 5, 0));
	EXPECT_EQ(0, puppet_do(self->p, lock, self->at + 50 * PAGE, 5, 0));
	EXPECT_LOCKED(PRIME);
	EXPECT_EQ(PRIME, row(self->a, lockedpages).maxheld);
}

/* Below it mlock is reported, not refused; mmap is refused all the same. */
TEST_F(locked, below_the_rlimit)
{
	uint64_t failed;

	ASSERT_EQ(0, puppet_do(self->p, rlimit, 1L << 30, 0, 0));
	set_bounds(self->a, lockedpages, PRIME, PRIME);
	EXPECT_EQ(-EAGAIN,
		  puppet_do(self->p, map, PRIME + 1, RW, PRIVATE | MAP_LOCKED));
	EXPECT_LOCKED(0);
	failed = failcnt(self->a, lockedpages);
	EXPECT_EQ(1, failed);
	EXPECT_EQ(0, puppet_do(self->p, lock, self->at, PRIME, 0));
	EXPECT_EQ(failed, failcnt(self->a, lockedpages));
	EXPECT_EQ(0, puppet_do(self->p, lock, self->at + 50 * PAGE, 1, 0));
	EXPECT_LOCKED(PRIME + 1);
	EXPECT_EQ(failed + 1, failcnt(self->a, lockedpages));
	EXPECT_EQ(0, puppet_do(self->p, lock_all, MCL_FUTURE, 0, 0));
	EXPECT_EQ(-EAGAIN, puppet_do(self->p, map, 1, RW, PRIVATE));
	EXPECT_EQ(0, puppet_do(self->p, lock_all, 0, 0, 0));
	EXPECT_LOCKED(0);
}

/* Nobody inside raises RLIMIT_MEMLOCK out of the way. */
TEST_F(locked, rlimit)
{
	EXPECT_EQ(0, puppet_do(self->p, rlimit, 8192, 0, 0));
	set_bounds(self->a, lockedpages, PRIME, PRIME);
	EXPECT_EQ(-EPERM, puppet_do(self->p, rlimit, 8193, 0, 0));
	EXPECT_EQ(0, puppet_do(self->p, rlimit, 8192, 0, 0));
	EXPECT_EQ(0, puppet_do(self->p, rlimit, 4095, 0, 0));
	set_bounds(self->a, lockedpages, RESCORE_UNLIMITED, RESCORE_UNLIMITED);
	EXPECT_EQ(0, puppet_do(self->p, rlimit, 1L << 30, 0, 0));
}

/* --- SHM_LOCK ---------------------------------------------------------------------- */

static long segment(long pages, long b, long c)
{
	return result(shmget(IPC_PRIVATE, pages * PAGE, IPC_CREAT | 0600));
}

static long control(long id, long cmd, long c)
{
	return result(shmctl(id, cmd, NULL));
}

static bool is_locked(int id)
{
	struct shmid_ds ds;

	return !shmctl(id, IPC_STAT, &ds) && ds.shm_perm.mode & SHM_LOCKED;
}

TEST_F(locked, segment)
{
	int b = make("kt-locked-b"), rlimit_too;
	struct puppet *q;
	long id;

	ASSERT_LT(0, b);
	q = tenant_in(b);
	id = puppet_do(self->p, segment, PRIME, 0, 0);
	ASSERT_LE(0, id);
	EXPECT_EQ(0, held(self->a, lockedpages));
	EXPECT_EQ(0, puppet_do(self->p, control, id, SHM_LOCK, 0));
	EXPECT_EQ(PRIME, held(self->a, lockedpages));
	EXPECT_CLEAN_AUDIT(0);
	/* it is locked: nobody pays twice */
	EXPECT_EQ(0, puppet_do(self->p, control, id, SHM_LOCK, 0));
	EXPECT_EQ(0, puppet_do(q, control, id, SHM_LOCK, 0));
	EXPECT_EQ(PRIME, held(self->a, lockedpages));
	EXPECT_EQ(0, held(b, lockedpages));
	EXPECT_EQ(0, puppet_do(q, control, id, SHM_UNLOCK, 0));
	EXPECT_EQ(0, held(self->a, lockedpages));
	/* refused whatever the rlimit is */
	for (rlimit_too = 1; rlimit_too >= 0; rlimit_too--) {
		set_bounds(b, lockedpages, RESCORE_UNLIMITED,
			   RESCORE_UNLIMITED);
		EXPECT_EQ(0, puppet_do(q, rlimit, rlimit_too ? 4095 : 1L << 30,
				       0, 0));
		set_bounds(b, lockedpages, PRIME - 1, PRIME - 1);
		EXPECT_EQ(-ENOMEM, puppet_do(q, control, id, SHM_LOCK, 0));
		EXPECT_FALSE(is_locked(id));
	}
	EXPECT_EQ(2, failcnt(b, lockedpages));
	EXPECT_EQ(0, held(b, lockedpages));
	set_bounds(b, lockedpages, PRIME, PRIME);
	EXPECT_EQ(0, puppet_do(q, control, id, SHM_LOCK, 0));
	EXPECT_TRUE(is_locked(id));
	EXPECT_EQ(PRIME, held(b, lockedpages));
	/* it outlives whom it is charged for, and goes with the segment */
	puppet_end(q);
	EXPECT_EQ(PRIME, held(b, lockedpages));
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_EQ(0, shmctl(id, IPC_RMID, NULL));
	EXPECT_HELD(0, b, lockedpages);
}

/* --- what grows by itself --------------------------------------------------------- */

/* A mapping of @pages with a gap below it, locked and filled. */
static long grows_down(long pages, long b, long c)
{
	char *gap = mmap(NULL, 1024 * PAGE, PROT_NONE, PRIVATE, -1, 0), *at;

	if (gap == MAP_FAILED)
		return -errno;
	at = gap + 900 * PAGE;
	munmap(gap, 1024 * PAGE);
	return result(
		(long)mmap(at, pages * PAGE, RW,
			   PRIVATE | MAP_FIXED | MAP_GROWSDOWN | MAP_LOCKED, -1,
			   0));
}

static long touch(long address, long b, long c)
{
	*(volatile char *)address = 1;
	return 0;
}

static long attach(long id, long b, long c)
{
	return result((long)shmat(id, NULL, 0));
}

/* A locked mapping does not grow past the bound, private or shared. */
TEST_F(locked, mremap)
{
	static const long flags[] = { PRIVATE, MAP_SHARED | MAP_ANONYMOUS,
				      PRIVATE | MAP_NORESERVE };
	long address;
	int i;

	set_bounds(self->a, lockedpages, PRIME, PRIME);
	for (i = 0; i < 3; i++) {
		address = puppet_do(self->p, map, PRIME - 1, RW,
				    flags[i] | MAP_LOCKED);
		ASSERT_TRUE(is_address(address));
		EXPECT_FALSE(is_address(puppet_do(self->p, resize, address,
						  PRIME - 1, PRIME + 1)));
		EXPECT_LOCKED(PRIME - 1);
		address = puppet_do(self->p, resize, address, PRIME - 1, PRIME);
		ASSERT_TRUE(is_address(address));
		EXPECT_LOCKED(PRIME);
		EXPECT_EQ(0, puppet_do(self->p, unmap, address, PRIME, 0));
		EXPECT_LOCKED(0);
	}
	EXPECT_EQ(3, failcnt(self->a, lockedpages));
	EXPECT_EQ(PRIME, row(self->a, lockedpages).maxheld);
}

/* ...nor does a stack; the rlimit does not matter. */
TEST_F(locked, stack)
{
	long address;

	set_bounds(self->a, lockedpages, PRIME, PRIME);
	address = puppet_do(self->p, grows_down, 5, 0, 0);
	ASSERT_TRUE(is_address(address));
	EXPECT_LOCKED(5);
	EXPECT_EQ(0, puppet_do(self->p, touch, address - 18 * PAGE, 0, 0));
	EXPECT_LOCKED(PRIME);
	EXPECT_EQ(0, failcnt(self->a, lockedpages));
	EXPECT_EQ(-ENOTCONN,
		  puppet_do(self->p, touch, address - 19 * PAGE, 0, 0));
	EXPECT_EQ(PRIME, row(self->a, lockedpages).maxheld);
	EXPECT_LE(1, failcnt(self->a, lockedpages));
	EXPECT_HELD(0, self->a, lockedpages);
}

/* Nor what is locked by MCL_FUTURE: the heap, and segments that are attached. */
TEST_F(locked, future)
{
	int64_t now;
	long id;

	id = puppet_do(self->p, segment, PRIME, 0, 0);
	ASSERT_LE(0, id);
	EXPECT_EQ(0, puppet_do(self->p, brk_by, 1, 0, 0));
	EXPECT_EQ(0,
		  puppet_do(self->p, lock_all, MCL_CURRENT | MCL_FUTURE, 0, 0));
	now = held(self->a, lockedpages);
	EXPECT_LOCKED(now);
	set_bounds(self->a, lockedpages, now + PRIME - 1, now + PRIME - 1);
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, brk_by, PRIME, 0, 0));
	EXPECT_LOCKED(now);
	EXPECT_EQ(1, failcnt(self->a, lockedpages));
	EXPECT_FALSE(is_address(puppet_do(self->p, attach, id, 0, 0)));
	EXPECT_LOCKED(now);
	set_bounds(self->a, lockedpages, now + PRIME, now + PRIME);
	EXPECT_TRUE(is_address(puppet_do(self->p, attach, id, 0, 0)));
	EXPECT_LOCKED(now + PRIME);
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, brk_by, 1, 0, 0));
	EXPECT_LOCKED(now + PRIME);
	EXPECT_EQ(0, shmctl(id, IPC_RMID, NULL));
}

RESCORE_TEST_MAIN(NULL)

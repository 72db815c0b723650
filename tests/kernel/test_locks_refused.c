// SPDX-License-Identifier: GPL-2.0
/*
 * numflock: requests that the kernel finds to be none, after they were charged.
 */
#include <sys/file.h>

#include "puppet.h"

#define LOCKED "/tmp/kt-refused"

FIXTURE(refused)
{
	int slot;
	struct puppet *p;
	int fd;
};

FIXTURE_SETUP(refused)
{
	world_begin(_metadata);
	self->slot = make("kt-refused");
	ASSERT_LT(0, self->slot);
	self->p = puppet_in(self->slot);
	self->fd = puppet_open(self->p, LOCKED, O_RDWR | O_CREAT);
	ASSERT_EQ(PUPPET_FD, self->fd);
}

FIXTURE_TEARDOWN(refused)
{
	end_puppets();
	world_end(_metadata);
	unlink(LOCKED);
}

/* Of a lock of the bytes 10 to 99, and none of them is one in the end. */
static const struct {
	struct flock lock;
	int error;
} bad[] = {
	{ { F_RDLCK, SEEK_SET, 50, INT64_MAX, 0 }, EOVERFLOW },
	{ { F_UNLCK, SEEK_SET, 50, INT64_MAX, 0 }, EOVERFLOW },
	{ { F_RDLCK, SEEK_SET, 50, -60, 0 }, EINVAL },
	{ { F_UNLCK, SEEK_CUR, INT64_MAX, 10, 0 }, EOVERFLOW },
	{ { F_RDLCK, 7, 50, 10, 0 }, EINVAL },
	{ { F_UNLCK, 7, 50, 10, 0 }, EINVAL },
	{ { 7, SEEK_SET, 50, 10, 0 }, EINVAL },
};

static long lock_part(long fd, long start, long length)
{
	struct flock lock = { F_WRLCK, SEEK_SET, start, length, 0 };

	return result(fcntl(fd, F_SETLK, &lock));
}

static long lock_badly(long fd, long which, long unused)
{
	struct flock lock = bad[which].lock;

	lseek(fd, 1, SEEK_SET);
	return result(fcntl(fd, F_SETLK, &lock));
}

/* What is no range or no type costs nothing, where a good one would split a lock. */
TEST_F(refused, no_range)
{
	size_t i;

	EXPECT_EQ(0, puppet_do(self->p, lock_part, self->fd, 10, 90));
	set_bounds(self->slot, numflock, 10, 10);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-bad[i].error,
			  puppet_do(self->p, lock_badly, self->fd, i, 0));
		EXPECT_HELD(1, self->slot, numflock)
		{
			TH_LOG("after request %zu", i);
		}
	}
	EXPECT_EQ(0, failcnt(self->slot, numflock));
}

/* The same where a split would be refused: the next request does not suffer. */
TEST_F(refused, no_range_at_limit)
{
	size_t i;

	EXPECT_EQ(0, puppet_do(self->p, lock_part, self->fd, 10, 90));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		set_bounds(self->slot, numflock, 1, 1);
		EXPECT_GT(0, puppet_do(self->p, lock_badly, self->fd, i, 0));
		set_bounds(self->slot, numflock, 10, 10);
		EXPECT_EQ(0, puppet_sys(self->p, SYS_flock, self->fd, LOCK_SH,
					0, 0))
		{
			TH_LOG("after request %zu", i);
		}
		EXPECT_EQ(0, puppet_sys(self->p, SYS_flock, self->fd, LOCK_UN,
					0, 0));
		EXPECT_HELD(1, self->slot, numflock);
	}
}

RESCORE_TEST_MAIN(NULL)

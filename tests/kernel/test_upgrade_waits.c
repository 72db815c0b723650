// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that are under way while programs are attached to their function, or
 * detached. The kernel leaves out what would run at their end, and a request for a
 * lock may wait for hours.
 */
#include <sys/file.h>

#include "puppet.h"

#define LOCKED	"/tmp/kt-upgrade-waits"

/* What becomes of a request. Each is for ten bytes of its own, but FLOCK. */
enum { GRANTED, MERGED, INTERRUPTED, KILLED, FLOCK, CONVERTED, REQUESTS };

FIXTURE(waits)
{
	int slot;
	struct puppet *holder, *waiter[REQUESTS];
};

/* Descriptor of the file, the same in all. */
#define FD	PUPPET_FD

/* Two more for flock(), whose locks are of a whole file. */
static const char *const files[] = { LOCKED, LOCKED "-flock",
				     LOCKED "-converted" };

static long open_files(long a, long b, long c)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(files); i++)
		if (open(files[i], O_RDWR | O_CREAT, 0600) != FD + (int)i)
			return -errno;
	return 0;
}

/* @n bytes from @start on; waits for them. */
static long range(long type, long start, long n)
{
	struct flock flock = {
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = start,
		.l_len = n,
	};

	return fcntl(FD, F_SETLKW, &flock) ? -errno : 0;
}

static long whole(long file, long how, long c)
{
	return flock(FD + file, how) ? -errno : 0;
}

FIXTURE_SETUP(waits)
{
	int i;

	world_begin(_metadata);
	ASSERT_LT(0, self->slot = make("kt-waits"));
	self->holder = puppet_in(self->slot);
	ASSERT_EQ(0, puppet_do(self->holder, open_files, 0, 0, 0));
	for (i = 0; i < REQUESTS; i++) {
		self->waiter[i] = puppet_in(self->slot);
		ASSERT_EQ(0, puppet_do(self->waiter[i], open_files, 0, 0, 0));
	}
}

FIXTURE_TEARDOWN(waits)
{
	unsigned int i;

	end_puppets();
	world_end(_metadata);
	for (i = 0; i < ARRAY_SIZE(files); i++)
		unlink(files[i]);
}

/* Requests that wait, as the kernel shows them. */
static int requests(void)
{
	FILE *file = fopen("/proc/locks", "r");
	char line[256];
	int n = 0;

	while (file && fgets(line, sizeof(line), file))
		n += strstr(line, "->") != NULL;
	if (file)
		fclose(file);
	return n;
}

static void expect_locks(struct __test_metadata *_metadata, int slot, int n)
{
	EXPECT_HELD(n, slot, numflock);
	EXPECT_CLEAN_AUDIT(slot);
}

#define EXPECT_LOCKS(n)	expect_locks(_metadata, self->slot, n)

/* The holder gives back what @kind waits for. */
static long give(struct puppet *holder, int kind)
{
	return puppet_do(holder, range, F_UNLCK, 10 * kind, 10);
}

static void begin_waiting(struct __test_metadata *_metadata,
			  FIXTURE_DATA(waits) * self)
{
	struct puppet **waiter = self->waiter;
	int kind;

	for (kind = GRANTED; kind <= KILLED; kind++)
		EXPECT_EQ(0, puppet_do(self->holder, range, F_WRLCK, 10 * kind,
				       kind == MERGED ? 5 : 10));
	EXPECT_EQ(0, puppet_do(self->holder, whole, 1, LOCK_EX, 0));
	EXPECT_EQ(0, puppet_do(self->holder, whole, 2, LOCK_SH, 0));
	EXPECT_EQ(0, puppet_do(waiter[CONVERTED], whole, 2, LOCK_SH, 0));
	/* one that the next is to become part of */
	EXPECT_EQ(0, puppet_do(waiter[MERGED], range, F_WRLCK, 10 * MERGED + 5,
			       5));
	/* the holder's first two ranges are one lock */
	EXPECT_LOCKS(2 + 2 + 2);
	for (kind = GRANTED; kind <= KILLED; kind++)
		puppet_send_call(waiter[kind], range, F_WRLCK, 10 * kind,
				 kind == MERGED ? 5 : 10);
	puppet_send_call(waiter[FLOCK], whole, 1, LOCK_EX, 0);
	puppet_send_call(waiter[CONVERTED], whole, 2, LOCK_EX, 0);
	EXPECT_TRUE(eventually(requests() == REQUESTS));
	/* whoever converts a lock gives up the old one first */
	EXPECT_LOCKS(2 + 2 + 2 + REQUESTS - 1);
}

/* Requests that wait over an upgrade are counted until they are done, however. */
TEST_F_TIMEOUT(waits, locks, 300)
{
	struct puppet **waiter = self->waiter;
	int held = 2 + 2 + 2 + REQUESTS - 1;

	begin_waiting(_metadata, self);
	ASSERT_EQ(0, rescore_upgrade(NULL))
	{
		TH_LOG("%s", rescore_strerror());
	}
	rescore_close(rs);
	ASSERT_EQ(0, rescore_open(&rs, false));
	EXPECT_EQ(REQUESTS, requests());
	EXPECT_LOCKS(held);

	kill(waiter[INTERRUPTED]->pid, SIGUSR1);
	EXPECT_EQ(-EINTR, puppet_answer(waiter[INTERRUPTED]));
	EXPECT_LOCKS(--held);
	puppet_end(waiter[KILLED]);
	EXPECT_LOCKS(--held);
	kill(waiter[FLOCK]->pid, SIGUSR1);
	EXPECT_EQ(-EINTR, puppet_answer(waiter[FLOCK]));
	EXPECT_LOCKS(--held);

	/* the holder's own goes, the request becomes a lock, or a part of one */
	EXPECT_EQ(0, puppet_do(self->holder, range, F_UNLCK, 10 * MERGED, 5));
	EXPECT_EQ(0, puppet_answer(waiter[MERGED]));
	EXPECT_LOCKS(--held);
	EXPECT_EQ(0, give(self->holder, GRANTED));
	EXPECT_EQ(0, puppet_answer(waiter[GRANTED]));
	EXPECT_LOCKS(--held);
	EXPECT_EQ(0, puppet_do(self->holder, whole, 2, LOCK_UN, 0));
	EXPECT_EQ(0, puppet_answer(waiter[CONVERTED]));
	EXPECT_LOCKS(--held);
}

static const struct rescore_load_opts load_opts = {
	.only = "files,locks,numproc",
};

RESCORE_TEST_MAIN(&load_opts)

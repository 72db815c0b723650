// SPDX-License-Identifier: GPL-2.0
/*
 * Loaded with room for a few objects only: one whose payer cannot be recorded
 * is refused, never free, and everything can be given back.
 */
#include "inside.h"
#include "puppet.h"

FIXTURE(payers)
{
	int slot;
	struct puppet *p;
	uint64_t cursor;
	long room;		/* objects that fit, if they hash evenly */
};

FIXTURE_SETUP(payers)
{
	world_begin(_metadata);
	ASSERT_LT(0, self->slot = make("kt-a"));
	self->p = puppet_in(self->slot);
	self->cursor = rescore_meta(rs)->event_head;
	/* the buckets, and as many more as there are buckets */
	self->room = (RESCORE_BUCKET_ENTRIES + 1)
		     << rescore_meta(rs)->payers_bits;
	ASSERT_GT(100, self->room);
}

FIXTURE_TEARDOWN(payers)
{
	end_puppets();
	/* objects were lost on purpose: refused, and reported */
	shm->payers_lost = rescore_meta(rs)->payers_lost;
	world_end(_metadata);
	EXPECT_EQ(0, access(RESCORE_PIN_DIR "/payers", F_OK));
}

/* The first NO_PAYER event of @id since the test began; its kind, or 0. */
static int find_event(uint64_t cursor, int id, struct rescore_event *event)
{
	while (rescore_next_event(rs, &cursor, event, NULL))
		if (event->resource == id)
			return event->kind;
	return 0;
}

/*
 * Make up to a thousand. The first that is refused leaves its errno in number[0]
 * and ends it: the next object may hash to a bucket that has room.
 */
static long files_until(long a, long b, long c)
{
	long n;

	for (n = 0; n < 1000; n++)
		if (open("/dev/null", O_RDONLY) < 0)
			break;
	shm->number[0] = errno;
	return n;
}

static long tasks_until(long a, long b, long c)
{
	long n;

	for (n = 0; n < 1000; n++)
		if (fork_idle(0, 0, 0) < 0)
			break;
	shm->number[0] = errno;
	return n;
}

/* Files: as many as fit are open, each one counted; then ENFILE. */
TEST_F(payers, files)
{
	const struct rescore_meta *meta = rescore_meta(rs);
	struct rescore_event event;
	long n, again;

	n = puppet_do(self->p, files_until, 0, 0, 0);
	EXPECT_EQ(ENFILE, shm->number[0]);
	EXPECT_LT(self->room / 3, n);
	EXPECT_GT(self->room, n);
	EXPECT_EQ(n, held(self->slot, numfile));
	EXPECT_EQ(1, failcnt(self->slot, numfile));
	EXPECT_EQ(shm->payers_lost + 1, meta->payers_lost);
	EXPECT_LT(0, meta->payers_overflow);
	EXPECT_CLEAN_AUDIT(self->slot);

	ASSERT_EQ(RESCORE_EV_NO_PAYER,
		  find_event(self->cursor, numfile, &event));
	EXPECT_EQ(self->slot, event.slot);
	EXPECT_EQ(n, event.held);
	EXPECT_EQ(RESCORE_UNLIMITED, event.bound);
	EXPECT_EQ(self->p->pid, event.pid);

	EXPECT_EQ(0, puppet_do(self->p, close_from, PUPPET_FD, 0, 0));
	EXPECT_HELD(0, self->slot, numfile);
	EXPECT_TRUE(eventually(meta->payers_overflow == 0));
	again = puppet_do(self->p, files_until, 0, 0, 0);
	EXPECT_LT(self->room / 3, again);
	EXPECT_EQ(again, held(self->slot, numfile));
}

/* Tasks: the same, with EAGAIN. */
TEST_F(payers, tasks)
{
	struct rescore_event event;
	long n;

	n = puppet_do(self->p, tasks_until, 0, 0, 0);
	EXPECT_EQ(EAGAIN, shm->number[0]);
	EXPECT_LT(self->room / 3, n);
	EXPECT_GT(self->room, n);
	EXPECT_EQ(n + 1, held(self->slot, numproc));
	EXPECT_CLEAN_AUDIT(self->slot);
	EXPECT_EQ(RESCORE_EV_NO_PAYER,
		  find_event(self->cursor, numproc, &event));
	EXPECT_LT(0, rescore_kill(rs, self->slot, SIGKILL));
	EXPECT_TRUE(eventually(({
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		held(self->slot, numproc) == 0;
	})));
	EXPECT_EQ(0, rescore_meta(rs)->payers_overflow);
}

/* A lock that was granted is counted, or it was not granted. */
TEST_F(payers, locks)
{
	struct flock *lock = (struct flock *)shm->scratch;
	long fd, i, n = 0;

	fd = puppet_open(self->p, "/tmp/kt-locks", O_CREAT | O_RDWR);
	unlink("/tmp/kt-locks");
	for (i = 0; i < 5 * self->room; i++) {
		*lock = (struct flock){
			.l_type = F_WRLCK,
			.l_start = 2 * i,
			.l_len = 1,
		};
		n += puppet_sys(self->p, SYS_fcntl, fd, F_SETLK, lock, 0) == 0;
	}
	EXPECT_LT(self->room / 3, n);
	EXPECT_GT(self->room, n);
	EXPECT_EQ(n, held(self->slot, numflock));
	EXPECT_CLEAN_AUDIT(self->slot);
	puppet_close(self->p, fd);
	EXPECT_HELD(0, self->slot, numflock);
}

/* A pty that was opened is counted, or it was not opened. */
TEST_F(payers, ptys)
{
	long i, n = 0;

	for (i = 0; i < 5 * self->room; i++)
		n += puppet_open(self->p, "/dev/ptmx", O_RDWR | O_NOCTTY) >= 0;
	/* each is a file as well */
	EXPECT_LT(self->room / 6, n);
	EXPECT_GT(self->room / 2, n);
	EXPECT_EQ(n, held(self->slot, numpty));
	EXPECT_EQ(n, held(self->slot, numfile));
	EXPECT_CLEAN_AUDIT(self->slot);
}

static void fill(struct __test_metadata *_metadata, struct puppet *p, long room)
{
	EXPECT_LT(room / 3,
		  puppet_do(p, open_many, "/dev/null", 1000, O_RDONLY));
	EXPECT_LT(puppet_do(p, open_many, "/dev/null", 1000, O_RDONLY), room);
}

/* A move cannot be refused: there is room to spare, and it is counted. */
TEST_F(payers, move)
{
	struct puppet *p[PRIME];
	int i;

	fill(_metadata, self->p, self->room);
	for (i = 0; i < PRIME; i++) {
		p[i] = puppet_in(self->slot);
		EXPECT_EQ(self->slot, rescore_container_of(rs, p[i]->pid));
		EXPECT_EQ(2 + i, held(self->slot, numproc));
	}
	EXPECT_CLEAN_AUDIT(self->slot);
}

/* Nor is the administrator refused. */
TEST_F(payers, enter)
{
	if (access(BUSYBOX, X_OK))
		SKIP(return, "no " BUSYBOX);
	fill(_metadata, self->p, self->room);
	EXPECT_EQ(7, run_inside(self->slot, false, "exit 7"));
	EXPECT_EQ(3, run_inside(self->slot, true,
				"x=$(echo 2 | cat); exit $((x + 1))"));
	EXPECT_EQ(0, rescore_meta(rs)->admins);
	EXPECT_HELD(1, self->slot, numproc);
}

/* With a full table one can still be killed, and what holds it goes. */
TEST_F(payers, kill)
{
	fill(_metadata, self->p, self->room);
	EXPECT_EQ(1, rescore_kill(rs, self->slot, SIGKILL));
	end_puppets();
	EXPECT_HELD(0, self->slot, numfile);
	EXPECT_EQ(0, rescore_meta(rs)->payers_overflow);
}

static const struct rescore_load_opts load_opts = {
	.objects = 8,
	.only = "files,locks,numproc",
};

RESCORE_TEST_MAIN(&load_opts)

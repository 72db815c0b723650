// SPDX-License-Identifier: GPL-2.0
/* kmemsize: above its barrier the rows that count things take no more. */
#include "delegated.h"

FIXTURE(kmem)
{
	int id;
};

FIXTURE_SETUP(kmem)
{
	world_begin(_metadata);
	self->id = id_of("kmemsize");
}

FIXTURE_TEARDOWN(kmem)
{
	end_puppets();
	world_end(_metadata);
}

/* Children that do nothing, until one is refused. Number[0]: how many. */
static long fork_many(long most, long b, long c)
{
	long ret = 0;

	for (shm->number[0] = 0; shm->number[0] < most; shm->number[0]++) {
		ret = fork_idle(0, 0, 0);
		if (ret < 0)
			break;
	}
	return ret < 0 ? ret : 0;
}

/*
 * Above the barrier of kmemsize nothing is made any more that takes kernel memory,
 * and each call says what it always says when there is no room.
 */
TEST_F(kmem, gate)
{
	int a = make("kt-a"), b = make("kt-b");
	struct puppet *p, *neighbour;
	struct rescore_line line;
	int64_t barrier, kernel;

	ASSERT_LT(0, a);
	ASSERT_LT(0, b);
	p = puppet_in(a);
	neighbour = puppet_in(b);
	EXPECT_EQ(PUPPET_FD, puppet_open(p, "/dev/null", O_RDONLY));
	barrier = reading(a, self->id).held + (1 << 20);
	set_bounds(a, self->id, barrier, RESCORE_UNLIMITED);

	EXPECT_EQ(-EAGAIN, puppet_do(p, fork_many, 1000, 0, 0));
	/* not memory.stat, which may be some 100 pages behind */
	kernel = reading(a, self->id).held;
	EXPECT_LT(2, shm->number[0]);
	/* a fork takes a few dozen pages; what CPUs hoard is a few more */
	EXPECT_LE(barrier - 32 * PAGE, kernel);
	EXPECT_GE(barrier + 64 * PAGE, kernel);
	EXPECT_EQ(1, row(a, self->id).failcnt);
	EXPECT_EQ(0, failcnt(a, numproc));

	/* what the refused fork had is given back later: well below that */
	set_bounds(a, self->id, barrier - (1 << 19), RESCORE_UNLIMITED);
	EXPECT_EQ(-ENFILE, puppet_open(p, "/dev/null", O_RDONLY));
	EXPECT_EQ(2, row(a, self->id).failcnt);
	EXPECT_EQ(0, failcnt(a, numfile));
	EXPECT_EQ(PUPPET_FD, puppet_open(neighbour, "/dev/null", O_RDONLY));

	EXPECT_EQ(0, rescore_set_mode(rs, a, self->id, true));
	EXPECT_EQ(PUPPET_FD + 1, puppet_open(p, "/dev/null", O_RDONLY));
	EXPECT_EQ(3, row(a, self->id).failcnt);
	EXPECT_EQ(0, rescore_set_mode(rs, a, self->id, false));
	EXPECT_EQ(-ENFILE, puppet_open(p, "/dev/null", O_RDONLY));
	set_bounds(a, self->id, RESCORE_UNLIMITED, RESCORE_UNLIMITED);
	EXPECT_EQ(PUPPET_FD + 2, puppet_open(p, "/dev/null", O_RDONLY));
	line = row(a, numfile);
	EXPECT_EQ(3, line.held);
	EXPECT_EQ(0, line.flags & RESCORE_GATED);
}

/* A page of memory in each of @n tables of pages. */
static long touch_apart(long n, long b, long c)
{
	const size_t apart = 2 << 20;
	char *memory = mmap(NULL, n * apart, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	long i;

	if (memory == MAP_FAILED)
		return -errno;
	/* else each may be a huge page, and all of them the guest's memory */
	if (madvise(memory, n * apart, MADV_NOHUGEPAGE) && errno != EINVAL)
		return -errno;
	for (i = 0; i < n; i++)
		memory[i * apart] = 1;
	return 0;
}

/* What is not asked about passes the barrier: the rest hears of it soon. */
TEST_F(kmem, gate_soon)
{
	int a = make("kt-a");
	struct puppet *p;

	ASSERT_LT(0, a);
	p = puppet_in(a);
	set_bounds(a, self->id, reading(a, self->id).held + (1 << 20),
		   RESCORE_UNLIMITED);
	EXPECT_EQ(PUPPET_FD, puppet_open(p, "/dev/null", O_RDONLY));
	EXPECT_EQ(0, puppet_do(p, touch_apart, 512, 0, 0));
	EXPECT_TRUE(
		eventually(puppet_open(p, "/dev/null", O_RDONLY) == -ENFILE));
	EXPECT_LT(0, row(a, self->id).failcnt);
}

/* A barrier that was far a moment ago, and now is below what is held. */
TEST_F(kmem, gate_at_once)
{
	int a = make("kt-a"), i;
	struct puppet *p;
	int64_t held;

	ASSERT_LT(0, a);
	p = puppet_in(a);
	held = reading(a, self->id).held;
	for (i = 0; i < 20; i++) {
		set_bounds(a, self->id, held + (1 << 30), RESCORE_UNLIMITED);
		EXPECT_EQ(PUPPET_FD + i, puppet_open(p, "/dev/null", O_RDONLY));
		set_bounds(a, self->id, held / 2, RESCORE_UNLIMITED);
		EXPECT_EQ(-ENFILE, puppet_open(p, "/dev/null", O_RDONLY));
	}
	EXPECT_EQ(20, row(a, self->id).failcnt);
}

/* A hostile root in it makes cgroups of its own and goes there: still shut. */
TEST_F(kmem, gate_nested)
{
	int a = make("kt-a");
	struct puppet *p;
	char deep[PATH_MAX + 32];
	int i;

	ASSERT_LT(0, a);
	p = puppet_in(a);
	snprintf(deep, sizeof(deep), "%s", path_of(a));
	for (i = 0; i < 7; i++) {
		strcat(deep, "/d");
		ASSERT_EQ(0, mkdir(deep, 0755));
	}
	ASSERT_EQ(0, move_to_path(p->pid, deep));
	set_bounds(a, self->id, reading(a, self->id).held + (1 << 20),
		   RESCORE_UNLIMITED);
	EXPECT_EQ(-EAGAIN, puppet_do(p, fork_many, 1000, 0, 0));
	EXPECT_LT(0, row(a, self->id).failcnt);
	EXPECT_GT(200, shm->number[0]);
	end_puppets();
	rescore_kill(rs, a, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	for (i = 0; i < 7; i++) {
		EXPECT_TRUE(eventually(!rmdir(deep)));
		*strrchr(deep, '/') = '\0';
	}
}

/* The barrier of a container holds those below it, however they came there. */
TEST_F(kmem, gate_of_the_parent)
{
	int a = make("kt-a"), other, b, low;
	struct puppet *p, *q;

	ASSERT_LT(0, a);
	b = make_below("kt-b", NULL, a);
	ASSERT_LT(0, b);
	ASSERT_LT(0, low = make_below("kt-low", NULL, b));
	ASSERT_LT(0, other = make("kt-other"));
	p = puppet_in(low);
	q = puppet_in(other);
	EXPECT_EQ(PUPPET_FD, puppet_open(p, "/dev/null", O_RDONLY));
	set_bounds(a, self->id, 4096, RESCORE_UNLIMITED);
	EXPECT_EQ(-ENFILE, puppet_open(p, "/dev/null", O_RDONLY));
	EXPECT_EQ(-EAGAIN, puppet_do(p, fork_idle, 0, 0, 0));
	EXPECT_EQ(2, row(a, self->id).failcnt);
	EXPECT_EQ(0, row(b, self->id).failcnt);
	EXPECT_EQ(0, row(low, self->id).failcnt);
	EXPECT_EQ(PUPPET_FD, puppet_open(q, "/dev/null", O_RDONLY));
	/* one that is made now, and one that comes */
	puppet_end(q);
	EXPECT_TRUE(eventually(!rescore_set_parent(rs, other, b)))
	TH_LOG("%s", rescore_strerror());
	EXPECT_NE(0, row(other, numfile).flags & RESCORE_GATED);
	EXPECT_EQ(0, rescore_set_parent(rs, other, 0));
	EXPECT_EQ(0, row(other, numfile).flags & RESCORE_GATED);
	/* observed above, refused below, and the other way round */
	EXPECT_EQ(0, rescore_set_mode(rs, a, self->id, true));
	EXPECT_EQ(PUPPET_FD + 1, puppet_open(p, "/dev/null", O_RDONLY));
	EXPECT_EQ(3, row(a, self->id).failcnt);
	set_bounds(a, self->id, RESCORE_UNLIMITED, RESCORE_UNLIMITED);
	EXPECT_EQ(0, row(low, numfile).flags & RESCORE_GATED);
	EXPECT_EQ(PUPPET_FD + 2, puppet_open(p, "/dev/null", O_RDONLY));
	EXPECT_EQ(3, row(a, self->id).failcnt);
}

RESCORE_TEST_MAIN(NULL)

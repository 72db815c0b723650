// SPDX-License-Identifier: GPL-2.0
/*
 * physpages, swappages, kmemsize, dcachesize and the guarantees: what is set
 * stands in the kernel's files, what is read is what the kernel's files say.
 */
#include "delegated.h"

#define TOLERANCE	64	/* pages: the kernel's own batches */

FIXTURE(memcg)
{
	int phys, swap, kmem, dcache, vmguar, oomguar;
};

FIXTURE_SETUP(memcg)
{
	world_begin(_metadata);
	self->phys = id_of("physpages");
	self->swap = id_of("swappages");
	self->kmem = id_of("kmemsize");
	self->dcache = id_of("dcachesize");
	self->vmguar = id_of("vmguarpages");
	self->oomguar = id_of("oomguarpages");
}

FIXTURE_TEARDOWN(memcg)
{
	end_puppets();
	world_end(_metadata);
	forget_group("kt-group");
	forget_group("kt-other");
}

/* --- what is set ---------------------------------------------------------------- */

TEST_F(memcg, knobs)
{
	int a = make("kt-a");

	ASSERT_LT(0, a);
	EXPECT_STREQ("max", knob(a, "memory.max"));
	SET(a, self->phys, "23M:29M");
	EXPECT_STREQ("24117248", knob(a, "memory.high"));
	EXPECT_STREQ("30408704", knob(a, "memory.max"));
	SET(a, self->phys, "0:31M");	/* VSwap: no barrier */
	EXPECT_STREQ("max", knob(a, "memory.high"));
	EXPECT_STREQ("32505856", knob(a, "memory.max"));
	SET(a, self->swap, "2M");
	EXPECT_STREQ("2097152", knob(a, "memory.swap.max"));
	SET(a, self->swap, "0");
	EXPECT_STREQ("0", knob(a, "memory.swap.max"));
	SET(a, self->vmguar, "1M:unlimited");
	EXPECT_STREQ("1048576", knob(a, "memory.low"));
	SET(a, self->oomguar, "3M");
	EXPECT_STREQ("3145728", knob(a, "memory.min"));
	SET(a, self->phys, "unlimited");
	EXPECT_STREQ("max", knob(a, "memory.high"));
	EXPECT_STREQ("max", knob(a, "memory.max"));
	/* larger than any counter of the kernel's */
	set_bounds(a, self->phys, RESCORE_BOUND_MAX, RESCORE_BOUND_MAX);
	EXPECT_STREQ("max", knob(a, "memory.max"));
}

/* Map @pages that nobody may touch yet, and unmap them unless to be @kept. */
static long map_much(long pages, long kept, long c)
{
	void *at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return -errno;
	return kept ? 0 : munmap(at, pages * PAGE);
}

/*
 * While held is below the guarantee the kernel's check of overcommitment refuses
 * nothing in modes 0 and 1, whatever others have asked for.
 */
TEST_F(memcg, guarantee)
{
	static const char *const modes[] = { "0", "1" };
	long ram = sysconf(_SC_PHYS_PAGES), i;
	int a = make("kt-a"), b = make("kt-b");
	struct puppet *p, *greedy;

	ASSERT_LT(0, a);
	ASSERT_LT(0, b);
	p = puppet_in(a);
	greedy = puppet_in(b);
	SET(a, self->vmguar, "200M");
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, puppet_do(greedy, map_much, ram * 3 / 4, 1, 0));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, write_file("/proc/sys/vm/overcommit_memory",
					modes[i]));
		EXPECT_EQ(0, puppet_do(p, map_much, (200 << 20) / PAGE, 0, 0));
	}
	EXPECT_EQ(0, write_file("/proc/sys/vm/overcommit_memory", "0"));
}

/* One bound that cannot be written, and no other one is. */
TEST_F(memcg, all_or_nothing)
{
	int a = make("kt-a"), cpulimit = id_of("cpulimit");
	struct rescore_bounds bounds[] = {
		{ numproc, PRIME, PRIME },
		{ self->phys, 1000, 2000 },
		{ cpulimit, 10, 1000 },	/* a burst of 99 times the quota */
	};
	struct rescore_line before[3], after;
	unsigned int i;

	ASSERT_LT(0, a);
	SET(a, self->phys, "23M:29M");
	for (i = 0; i < 3; i++)
		before[i] = row(a, bounds[i].id);
	EXPECT_EQ(-EINVAL, rescore_set(rs, a, bounds, 3));
	EXPECT_NE(NULL, strstr(rescore_strerror(), "cpulimit"));
	for (i = 0; i < 3; i++) {
		after = row(a, bounds[i].id);
		EXPECT_EQ(before[i].barrier, after.barrier);
		EXPECT_EQ(before[i].limit, after.limit);
	}
	EXPECT_STREQ("24117248", knob(a, "memory.high"));
	EXPECT_STREQ("30408704", knob(a, "memory.max"));
}

/* --- what is read ------------------------------------------------------------------ */

/* Is @held what @file says, before or after the reading? */
static bool agrees(int64_t held, int64_t a, int64_t b)
{
	int64_t low = a < b ? a : b, high = a < b ? b : a;
	int64_t slack = high / 100 > TOLERANCE ? high / 100 : TOLERANCE;

	return held >= low - slack && held <= high + slack;
}

#define EXPECT_AGREES(slot, id, size, file, key)			\
do {									\
	int64_t __a = number_of(slot, file, key) / PAGE;		\
	int64_t __held = reading(slot, id).held * (size) / PAGE;	\
	int64_t __b = number_of(slot, file, key) / PAGE;		\
									\
	EXPECT_LE(0, __a);						\
	EXPECT_TRUE(agrees(__held, __a, __b))				\
		TH_LOG("%s %s: held %lld, file %lld and %lld pages",	\
		       file, key ? (const char *)(key) : "",		\
		       (long long)__held, (long long)__a,		\
		       (long long)__b);					\
} while (0)

TEST_F(memcg, agreement)
{
	int a = make("kt-a"), i;
	struct puppet *p;

	ASSERT_LT(0, a);
	p = puppet_in(a);
	for (i = 0; i < 5; i++) {
		EXPECT_EQ(0, puppet_do(p, take_memory, 1009, 0, 0));
		EXPECT_AGREES(a, self->phys, PAGE, "memory.current", NULL);
		EXPECT_AGREES(a, self->swap, PAGE, "memory.swap.current", NULL);
		EXPECT_AGREES(a, self->kmem, 1, "memory.stat", "kernel");
		EXPECT_AGREES(a, self->dcache, 1, "memory.stat",
			      "slab_reclaimable");
		EXPECT_AGREES(a, self->oomguar, PAGE, "memory.stat", "anon");
	}
	EXPECT_LE(5 * 1009, row(a, self->phys).held);
	EXPECT_LE(5 * 1009, row(a, self->oomguar).held);
	EXPECT_LE(row(a, self->phys).held, row(a, self->phys).maxheld);
}

/* Memory is there no longer; the peak is the kernel's, which nobody sampled. */
TEST_F(memcg, peak)
{
	int a = make("kt-a");
	struct puppet *p;

	ASSERT_LT(0, a);
	p = puppet_in(a);
	EXPECT_EQ(0, puppet_do(p, take_in_child, 5003, 0, 0));
	EXPECT_LE(5003, reading(a, self->phys).maxheld);
	EXPECT_GT(5003, row(a, self->phys).held);
	if (number_of(a, "memory.peak", NULL) >= 0)
		EXPECT_EQ(number_of(a, "memory.peak", NULL) / PAGE,
			  row(a, self->phys).maxheld);
	EXPECT_EQ(0, rescore_reset(rs, a, self->phys, RESCORE_RESET_MAXHELD));
	EXPECT_EQ(row(a, self->phys).held, row(a, self->phys).maxheld);
	/* an old peak does not come back, a higher one counts */
	EXPECT_GT(5003, reading(a, self->phys).maxheld);
	EXPECT_EQ(0, puppet_do(p, take_in_child, 7001, 0, 0));
	EXPECT_LE(7001, reading(a, self->phys).maxheld);
}

/* What is below a root is in it, once. */
TEST_F(memcg, nested)
{
	int a = make("kt-a");
	struct puppet *p;

	ASSERT_LT(0, a);
	p = puppet_in(a);
	ASSERT_EQ(0, mkdir(text("%s/sub", path_of(a)), 0755));
	EXPECT_EQ(0, move_to_path(p->pid, text("%s/sub", path_of(a))));
	EXPECT_EQ(0, puppet_do(p, take_memory, 3001, 0, 0));
	EXPECT_AGREES(a, self->phys, PAGE, "memory.current", NULL);
	EXPECT_LE(3001, row(a, self->phys).held);
	EXPECT_GT(2 * 3001, row(a, self->phys).held);
	puppet_end(p);
	EXPECT_TRUE(eventually(!rmdir(text("%s/sub", path_of(a)))));
}

/* Several roots are added up; one that is gone is not. */
TEST_F(memcg, roots)
{
	const char *other = own_group("kt-other");
	int a = make_at("kt-a", own_group("kt-group"));
	struct puppet *p, *q;
	int64_t one, two;

	ASSERT_LT(0, a);
	p = puppet_in(a);
	EXPECT_EQ(0, puppet_do(p, take_memory, 2003, 0, 0));
	one = reading(a, self->phys).held;
	EXPECT_LE(2003, one);
	q = puppet_in(0);
	EXPECT_EQ(0, move_to_path(q->pid, other));
	EXPECT_EQ(0, puppet_do(q, take_memory, 4001, 0, 0));
	EXPECT_EQ(0, rescore_attach(rs, a, other));
	two = reading(a, self->phys).held;
	EXPECT_LE(2003 + 4001, two);
	EXPECT_GT(2003 + 4001 + 2003, two);
	puppet_end(q);
	EXPECT_TRUE(eventually(!rmdir(other)));
	EXPECT_GT(2003 + 4001, reading(a, self->phys).held);
	EXPECT_LE(2003, row(a, self->phys).held);
}

/* A container all of whose cgroups are gone holds nothing. */
TEST_F(memcg, gone)
{
	const char *group = own_group("kt-group");
	int a = make_at("kt-a", group);
	struct puppet *p;

	ASSERT_LT(0, a);
	p = puppet_in(a);
	EXPECT_EQ(0, puppet_do(p, take_memory, 2003, 0, 0));
	EXPECT_LE(2003, reading(a, self->phys).held);
	puppet_end(p);
	EXPECT_TRUE(eventually(!rmdir(group)));
	EXPECT_EQ(0, reading(a, self->phys).held);
}

/* A handle that may change nothing can read. */
TEST_F(memcg, read_only)
{
	int a = make("kt-a");
	struct rescore_line line;
	struct rescore *reader;
	struct puppet *p;

	ASSERT_LT(0, a);
	p = puppet_in(a);
	EXPECT_EQ(0, puppet_do(p, take_memory, 2003, 0, 0));
	ASSERT_EQ(0, rescore_open(&reader, true));
	EXPECT_EQ(0, rescore_refresh(reader));
	EXPECT_EQ(0, rescore_read(reader, a, self->phys, &line));
	EXPECT_LE(2003, line.held);
	rescore_close(reader);
}

/* --- at the limit -------------------------------------------------------------------- */

/* Who wants too much is killed; neither its neighbour nor the host is. */
TEST_F(memcg, greedy)
{
	int a = make("kt-a"), b = make("kt-b"), i;
	struct puppet *p, *neighbour;
	struct rescore_line line;
	long status;

	ASSERT_LT(0, a);
	ASSERT_LT(0, b);
	SET(a, self->phys, "0:16M");
	SET(a, self->swap, "0");
	p = puppet_in(a);
	neighbour = puppet_in(b);
	EXPECT_EQ(0, puppet_do(neighbour, take_memory, 1009, 0, 0));
	for (i = 1; i <= 3; i++) {
		status = puppet_do(p, take_in_child, 16384, 0, 0);
		EXPECT_TRUE(WIFSIGNALED(status));
		EXPECT_EQ(SIGKILL, WTERMSIG(status));
		line = reading(a, self->phys);
		EXPECT_GE(4096, line.held);
		EXPECT_GE(4096, line.maxheld);
		EXPECT_LT(0, line.failcnt);
		EXPECT_EQ(number_of(a, "memory.events", "max"), line.failcnt);
		EXPECT_EQ(i, row(a, self->oomguar).failcnt);
		EXPECT_EQ(number_of(a, "memory.events", "oom_kill"),
			  figure_of(a, "oom_kill"));
		EXPECT_EQ(number_of(a, "memory.events", "oom"),
			  figure_of(a, "oom"));
	}
	EXPECT_EQ(0, row(b, self->oomguar).failcnt);
	EXPECT_EQ(0, puppet_do(neighbour, take_memory, 1009, 0, 0));

	EXPECT_EQ(0, rescore_reset(rs, a, -1, RESCORE_RESET_FAILCNT));
	EXPECT_EQ(0, reading(a, self->phys).failcnt);
	EXPECT_EQ(0, row(a, self->oomguar).failcnt);
	(void)puppet_do(p, take_in_child, 16384, 0, 0);
	EXPECT_LT(0, reading(a, self->phys).failcnt);
	EXPECT_EQ(1, row(a, self->oomguar).failcnt);
}

/* In observe mode the knob stands open; back in enforce it is as it was set. */
TEST_F(memcg, observe)
{
	int a = make("kt-a");
	struct puppet *p;

	ASSERT_LT(0, a);
	SET(a, self->phys, "0:16M");
	SET(a, self->oomguar, "1M");
	EXPECT_EQ(0, rescore_set_mode(rs, a, -1, true));
	EXPECT_STREQ("max", knob(a, "memory.max"));
	EXPECT_STREQ("1048576", knob(a, "memory.min"));
	p = puppet_in(a);
	EXPECT_EQ(0, puppet_do(p, take_in_child, 8192, 0, 0));
	SET(a, self->phys, "0:32M");
	EXPECT_STREQ("max", knob(a, "memory.max"));
	EXPECT_EQ(0, rescore_set_mode(rs, a, self->phys, false));
	EXPECT_STREQ("33554432", knob(a, "memory.max"));
}

/* --- containers in containers --------------------------------------------------- */

/*
 * A container in a container's cgroup: nothing is put on for it alone, so that
 * one can still go into the upper one; and its rows say that nobody counts.
 */
TEST_F(memcg, below_another)
{
	int a = make("kt-a"), b;
	struct puppet *p;

	ASSERT_LT(0, a);
	b = rescore_create_below(rs, "kt-b", NULL, a);
	ASSERT_LT(0, b);
	p = puppet_in(a);
	EXPECT_EQ(0, puppet_do(p, take_memory, 101, 0, 0));
	EXPECT_LE(101, reading(a, self->phys).held);
	EXPECT_EQ(0, row(a, self->phys).flags & RESCORE_UNCOUNTED);
	EXPECT_NE(0, row(b, self->phys).flags & RESCORE_UNCOUNTED);
	EXPECT_EQ(-EBUSY, set_text(b, self->phys, "23M"));
	puppet_end(p);
	SET(b, self->phys, "23M");
	EXPECT_EQ(0, reading(b, self->phys).flags & RESCORE_UNCOUNTED);
	/* what is in it is in the upper one too */
	p = puppet_in(b);
	EXPECT_EQ(0, puppet_do(p, take_memory, 2003, 0, 0));
	EXPECT_LE(2003, reading(a, self->phys).held);
	EXPECT_LE(2003, row(b, self->phys).held);
	puppet_end(p);
	EXPECT_EQ(0, rescore_destroy(rs, b, false));
}

/* --- what others wrote ------------------------------------------------------------------ */

TEST_F(memcg, kept)
{
	const char *group = own_group("kt-group");
	int a;

	ASSERT_EQ(0, write_file(text("%s/memory.max", group), "30408704"));
	ASSERT_EQ(0, write_file(text("%s/memory.low", group), "1048576"));
	a = make_at("kt-a", group);
	ASSERT_LT(0, a);
	EXPECT_EQ(30408704 / PAGE, row(a, self->phys).limit);
	EXPECT_EQ(0, row(a, self->phys).barrier);
	EXPECT_EQ(256, row(a, self->vmguar).barrier);
	EXPECT_EQ(RESCORE_UNLIMITED, row(a, self->swap).limit);
	EXPECT_STREQ("30408704", knob(a, "memory.max"));
	/* ...and stay when the container goes */
	EXPECT_EQ(0, rescore_destroy(rs, a, false));
	EXPECT_STREQ("30408704", knob_at(group, "memory.max"));

	/* what was set here goes with it */
	a = make_at("kt-a", group);
	ASSERT_LT(0, a);
	SET(a, self->phys, "23M");
	EXPECT_EQ(0, rescore_destroy(rs, a, false));
	EXPECT_STREQ("max", knob_at(group, "memory.max"));
	EXPECT_STREQ("max", knob_at(group, "memory.high"));
	EXPECT_STREQ("1048576", knob_at(group, "memory.low"));
}

/* Failures of before are no failures of the container. */
TEST_F(memcg, history)
{
	const char *group = own_group("kt-group");
	struct puppet *p = puppet_in(0);
	int a;

	ASSERT_EQ(0, write_file(text("%s/memory.max", group), "16777216"));
	ASSERT_EQ(0, move_to_path(p->pid, group));
	(void)puppet_do(p, take_in_child, 16384, 0, 0);
	a = make_at("kt-a", group);
	ASSERT_LT(0, a);
	EXPECT_EQ(1, number_of(a, "memory.events", "oom_kill"));
	EXPECT_EQ(0, reading(a, self->phys).failcnt);
	EXPECT_EQ(0, row(a, self->oomguar).failcnt);
	(void)puppet_do(p, take_in_child, 16384, 0, 0);
	EXPECT_EQ(1, reading(a, self->oomguar).failcnt);
}

/* Who changes a file afterwards is found out. */
TEST_F(memcg, audit_of_bounds)
{
	int a = make("kt-a");

	ASSERT_LT(0, a);
	SET(a, self->phys, "23M:29M");
	SET(a, id_of("cpulimit"), "50%:60%");
	SET(a, id_of("cpus"), "1");
	EXPECT_CLEAN_AUDIT(a);
	ASSERT_EQ(0, write_file(text("%s/memory.max", path_of(a)), "max"));
	ASSERT_EQ(0, write_file(text("%s/cpuset.cpus", path_of(a)), "0-1"));
	EXPECT_EQ(2, audit(a));
	SET(a, self->phys, "23M:29M");
	SET(a, id_of("cpus"), "1");
	EXPECT_CLEAN_AUDIT(a);
}

/* A second root gets what the container has, unless it has its own. */
TEST_F(memcg, second_root)
{
	const char *other = own_group("kt-other");
	int a = make("kt-a");

	ASSERT_LT(0, a);
	SET(a, self->phys, "23M");
	SET(a, self->swap, "2M");
	ASSERT_EQ(0, write_file(text("%s/memory.swap.max", other), "4096"));
	EXPECT_EQ(0, rescore_attach(rs, a, other));
	EXPECT_STREQ("24117248", knob_at(other, "memory.max"));
	EXPECT_STREQ("4096", knob_at(other, "memory.swap.max"));
	SET(a, self->phys, "29M");
	EXPECT_STREQ("30408704", knob_at(other, "memory.max"));
	EXPECT_STREQ("30408704", knob(a, "memory.max"));
	EXPECT_EQ(1, audit(a));
	SET(a, self->swap, "3M");
	EXPECT_STREQ("3145728", knob_at(other, "memory.swap.max"));
	EXPECT_CLEAN_AUDIT(a);
}

/* --- cgroup controllers ------------------------------------------------------------------- */

/* Not on yet: put on, from the top. Impossible: said, and how to go about it. */
TEST_F(memcg, enable)
{
	const char *group = own_group("kt-group");
	struct puppet *p = puppet_in(0);
	int a;

	ASSERT_EQ(0, mkdir(text("%s/sub", group), 0755));
	EXPECT_STREQ("", knob_at(group, "cgroup.subtree_control"));
	/* its parent has a process: no controller can go through there */
	ASSERT_EQ(0, move_to_path(p->pid, group));
	a = make_at("kt-a", text("%s/sub", group));
	ASSERT_LT(0, a);
	EXPECT_EQ(-EBUSY, set_text(a, self->phys, "23M"));
	EXPECT_NE(NULL, strstr(rescore_strerror(), "kt-group"))
	TH_LOG("%s", rescore_strerror());
	EXPECT_NE(NULL, strstr(rescore_strerror(), "move them"));
	EXPECT_EQ(RESCORE_UNLIMITED, row(a, self->phys).limit);
	EXPECT_EQ(0, reading(a, self->phys).held);

	puppet_end(p);
	SET(a, self->phys, "23M");
	EXPECT_STREQ("24117248", knob(a, "memory.max"));
	EXPECT_EQ(0, rescore_destroy(rs, a, false));
	EXPECT_EQ(0, rmdir(text("%s/sub", group)));
}

RESCORE_TEST_MAIN(NULL)

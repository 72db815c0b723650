// SPDX-License-Identifier: GPL-2.0
/*
 * cpuunits, cpulimit, cpus: what is set stands in the kernel's files, what is
 * read is what they say, and the scheduler does what it was told. Shares are
 * ratios of CPU time used, caps are CPU time used per period: neither depends
 * on how fast or how evenly this machine runs.
 */
#include "delegated.h"

#define SEC_NS		1000000000LL
#define SPIN_MS		60000	/* the longest wait for CPU time to be used */

#define OTHERS "/sys/fs/cgroup/kt-others"

FIXTURE(cpu)
{
	int units, limit, cpus;
};

FIXTURE_SETUP(cpu)
{
	world_begin(_metadata);
	self->units = id_of("cpuunits");
	self->limit = id_of("cpulimit");
	self->cpus = id_of("cpus");
}

FIXTURE_TEARDOWN(cpu)
{
	end_puppets();
	world_end(_metadata);
	forget_group("kt-group");
}

/* --- in a puppet ------------------------------------------------------------- */

static void *spin(void *arg)
{
	for (;;)
		__asm__ volatile("" ::: "memory");
	return NULL;
}

/* @n children that compute until they are killed; their group is the puppet's. */
static long fork_spinners(long n, long b, long c)
{
	pid_t pid;

	setpgid(0, 0);
	while (n--) {
		pid = fork();
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			spin(NULL);
		}
		if (pid < 0)
			return -errno;
	}
	return 0;
}

static long cpu_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Use @ms of CPU time. */
static long burn(long ms, long b, long c)
{
	long end = cpu_ms() + ms + 1;

	while (cpu_ms() < end)
		;
	return 0;
}

/* Forks that fail, without end. */
static long fork_bomb(long a, long b, long c)
{
	pid_t pid;

	for (;;) {
		pid = fork();
		if (!pid)
			for (;;)
				fork();
	}
	return 0;
}

static long count_affinity(long a, long b, long c)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return -errno;
	return CPU_COUNT(&set);
}

/* --- outside -------------------------------------------------------------------- */

static int64_t used_us(int slot)
{
	return number_of(slot, "cpu.stat", "usage_usec");
}

/* Did @slot use @ms of CPU time from now on? */
static bool uses(int slot, int64_t ms)
{
	int64_t from = used_us(slot);

	return within(SPIN_MS, used_us(slot) - from >= ms * 1000);
}

/* Stop what runs in @slot, so that its figures stand still. */
static void freeze(int slot, bool frozen)
{
	const char *events = "cgroup.events";

	write_file(text("%s/cgroup.freeze", path_of(slot)), frozen ? "1" : "0");
	(void)eventually(number_of(slot, events, "frozen") == frozen);
}

#define EXPECT_NEAR(want, slack, is)					\
do {									\
	int64_t __want = (want), __slack = (slack), __is = (is);	\
									\
	EXPECT_LE(__want - __slack, __is);				\
	EXPECT_GE(__want + __slack, __is);				\
} while (0)

/* --- what is set ------------------------------------------------------------------ */

TEST_F(cpu, knobs)
{
	static const struct {
		const char *units, *weight;
	} weights[] = {
		{ "8", "1" },	    { "14", "1" },    { "15", "2" },
		{ "999", "100" },   { "1000", "100" }, { "1005", "101" },
		{ "3000", "300" }, { "100000", "10000" }, { "500000", "10000" },
	};
	int a = make("kt-a");
	unsigned int i;

	ASSERT_LT(0, a);
	EXPECT_EQ(1000, row(a, self->units).barrier);
	for (i = 0; i < ARRAY_SIZE(weights); i++) {
		SET(a, self->units, weights[i].units);
		EXPECT_STREQ(weights[i].weight, knob(a, "cpu.weight"));
	}
	SET(a, self->limit, "50%");
	EXPECT_STREQ("50000 100000", knob(a, "cpu.max"));
	SET(a, self->limit, "250%:300%/20ms");
	EXPECT_STREQ("50000 20000", knob(a, "cpu.max"));
	EXPECT_STREQ("10000", knob(a, "cpu.max.burst"));
	SET(a, self->limit, "20%");	/* below the old burst; the period stays */
	EXPECT_STREQ("4000 20000", knob(a, "cpu.max"));
	EXPECT_STREQ("0", knob(a, "cpu.max.burst"));
	SET(a, self->limit, "0");
	EXPECT_STREQ("max 20000", knob(a, "cpu.max"));
	EXPECT_EQ(RESCORE_UNLIMITED, row(a, self->limit).barrier);
	SET(a, self->cpus, "1-1");
	EXPECT_STREQ("1", knob(a, "cpuset.cpus"));
	EXPECT_EQ(1, row(a, self->cpus).barrier);
	EXPECT_EQ(1, reading(a, self->cpus).held);
	SET(a, self->cpus, "2");
	EXPECT_STREQ("0-1", knob(a, "cpuset.cpus"));
	SET(a, self->cpus, "unlimited");
	EXPECT_STREQ("", knob(a, "cpuset.cpus"));
	EXPECT_EQ(0, reading(a, self->cpus).held);
}

TEST_F(cpu, refused_settings)
{
	static const struct {
		const char *row, *setting, *why;
	} bad[] = {
		{ "cpuunits", "7", "8 to 500000" },
		{ "cpuunits", "500001", "8 to 500000" },
		{ "cpuunits", "unlimited", "8 to 500000" },
		{ "cpulimit", "50%:101%", "at most 100%" },
		{ "cpulimit", "5%/1ms", "1000 us" },
		{ "cpulimit", "50%/20", "no period" },
		{ "cpulimit", "50%/2s", "no period" },
		{ "cpulimit", "50%x", "not a number" },
		{ "cpulimit", "%", "not a number" },
		{ "cpulimit", "1e9%", "not a number" },
		{ "cpulimit", "9999999999%", "too much" },
		{ "cpus", "0", "1 to" },
		{ "cpus", "9", "online" },
		{ "cpus", "0-9", "not online" },
		{ "cpus", "7,0", "not online" },
		{ "cpus", "1-0", "no list" },
		{ "cpus", "0,", "no list" },
		{ "cpus", "0-x", "no list" },
		{ "cpus", "99999-99999", "no list" },
	};
	int a = make("kt-a");
	unsigned int i;

	ASSERT_LT(0, a);
	SET(a, self->units, "3000");
	SET(a, self->limit, "70%");
	SET(a, self->cpus, "0-0");
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_GT(0, set_text(a, id_of(bad[i].row), bad[i].setting))
		TH_LOG("%s=%s", bad[i].row, bad[i].setting);
		EXPECT_NE(NULL, strstr(rescore_strerror(), bad[i].why))
		TH_LOG("%s=%s: %s", bad[i].row, bad[i].setting,
		       rescore_strerror());
		EXPECT_STREQ("300", knob(a, "cpu.weight"));
		EXPECT_STREQ("70000 100000", knob(a, "cpu.max"));
		EXPECT_STREQ("0", knob(a, "cpuset.cpus"));
	}
}

TEST_F(cpu, kept)
{
	const char *group = own_group("kt-group");
	int a;

	ASSERT_EQ(0, write_file(text("%s/cpu.weight", group), "250"));
	ASSERT_EQ(0, write_file(text("%s/cpu.max", group), "30000 50000"));
	ASSERT_EQ(0, write_file(text("%s/cpu.max.burst", group), "10000"));
	ASSERT_EQ(0, write_file(text("%s/cpuset.cpus", group), "0-1"));
	a = make_at("kt-a", group);
	ASSERT_LT(0, a);
	EXPECT_EQ(2500, row(a, self->units).barrier);
	EXPECT_EQ(60, row(a, self->limit).barrier);
	EXPECT_EQ(80, row(a, self->limit).limit);
	EXPECT_EQ(2, row(a, self->cpus).barrier);
	EXPECT_STREQ("30000 50000", knob(a, "cpu.max"));
	SET(a, self->limit, "40%");
	EXPECT_STREQ("20000 50000", knob(a, "cpu.max"));
	EXPECT_STREQ("250", knob(a, "cpu.weight"));
}

/* --- what is read --------------------------------------------------------------------- */

enum { TICK_US = 4000 };	/* Debian's CONFIG_HZ is 250 */

TEST_F(cpu, agreement)
{
	int a = make("kt-a"), b = make("kt-idle"), i;
	struct puppet *p;
	int64_t held;

	ASSERT_LT(0, a);
	ASSERT_LT(0, b);
	p = puppet_in(a);
	for (i = 1; i <= 5; i++) {
		EXPECT_EQ(0, puppet_do(p, burn, 101, 0, 0));
		freeze(a, true);
		held = reading(a, self->limit).held;
		EXPECT_LE(i * 101 * 1000000, held);
		EXPECT_NEAR(used_us(a), used_us(a) / 100, held / 1000);
		EXPECT_EQ(held, figure_of(a, "user") + figure_of(a, "system"));
		/* split by ticks, the last of which may come between the two */
		EXPECT_NEAR(number_of(a, "cpu.stat", "user_usec"),
			    used_us(a) / 50 + TICK_US,
			    figure_of(a, "user") / 1000);
		freeze(a, false);
	}
	EXPECT_EQ(0, reading(b, self->limit).held);
	EXPECT_EQ(0, row(b, self->units).held);
	EXPECT_EQ(0, row(b, self->limit).maxheld);
}

/* The highest use in percent is that of a window of a second or more. */
TEST_F(cpu, rate)
{
	int a = make("kt-a");
	struct puppet *p;

	ASSERT_LT(0, a);
	SET(a, self->cpus, "1");
	p = puppet_in(a);
	EXPECT_EQ(0, puppet_do(p, fork_spinners, 2, 0, 0));
	EXPECT_TRUE(within(SPIN_MS, reading(a, self->limit).maxheld > 0));
	/* of one CPU, which a busy host may hold back */
	EXPECT_GE(103, row(a, self->limit).maxheld);
	EXPECT_EQ(row(a, self->limit).maxheld, row(a, self->limit).peak);
	freeze(a, true);
	EXPECT_EQ(0, rescore_reset(rs, a, self->limit, RESCORE_RESET_MAXHELD));
	EXPECT_EQ(0, row(a, self->limit).maxheld);
}

static int64_t waited_ns(pid_t pid)
{
	FILE *file = fopen(text("/proc/%d/schedstat", pid), "re");
	long long run, wait = -1;

	if (file && fscanf(file, "%lld %lld", &run, &wait) != 2)
		wait = -1;
	if (file)
		fclose(file);
	return wait;
}

/* Waiting time is what the kernel says of each task, also when those are gone. */
TEST_F(cpu, waiting)
{
	int a = make("kt-a"), b = make("kt-b"), i;
	int64_t before[2], sum = 0, moved;
	struct puppet *p[2];

	ASSERT_LT(0, a);
	ASSERT_LT(0, b);
	SET(a, self->cpus, "0-0");
	for (i = 0; i < 2; i++) {
		p[i] = puppet_in(0);
		EXPECT_EQ(0, puppet_do(p[i], burn, 1, 0, 0));
		before[i] = waited_ns(p[i]->pid);
		EXPECT_EQ(0, move_to(p[i]->pid, a));
	}
	for (i = 0; i < 2; i++)
		puppet_send_call(p[i], burn, 100000, 0, 0);
	EXPECT_TRUE(uses(a, 500));
	freeze(a, true);
	for (i = 0; i < 2; i++)
		sum += waited_ns(p[i]->pid) - before[i];
	EXPECT_LT(SEC_NS / 10, sum);
	/* a little while of a move is between the two looks */
	EXPECT_NEAR(sum, SEC_NS / 50, reading(a, self->units).held);
	EXPECT_EQ(0, row(b, self->units).held);

	/* a moved task's past stays where it was */
	EXPECT_EQ(0, move_to(p[1]->pid, b));
	moved = waited_ns(p[1]->pid);
	EXPECT_NEAR(sum, SEC_NS / 20, reading(a, self->units).held);
	EXPECT_TRUE(eventually(uses(b, 100)));
	puppet_end(p[1]);
	EXPECT_GE(moved, row(b, self->units).held);
	/* ...and so does that of one that is gone */
	puppet_end(p[0]);
	EXPECT_NEAR(sum, SEC_NS / 20, reading(a, self->units).held);
}

/* --- what the scheduler does ---------------------------------------------------------------- */

/* Use of @slot per period, in percent, while it uses @ms of CPU time. */
static int64_t use_in_periods(int slot, int64_t ms)
{
	int64_t periods = number_of(slot, "cpu.stat", "nr_periods");
	int64_t used = used_us(slot);

	(void)uses(slot, ms);
	used = used_us(slot) - used;
	periods = number_of(slot, "cpu.stat", "nr_periods") - periods;
	return periods ? used / (periods * 1000) : -1;
}

/*
 * 50 % of a CPU, measured in periods, and every throttled one is counted. It is
 * never more; that it is no less takes a host that lets us run, so that one time
 * of several is enough.
 */
TEST_F(cpu, cap)
{
	int64_t percent, best = 0, throttled;
	int a = make("kt-a"), i;
	struct puppet *p;

	ASSERT_LT(0, a);
	SET(a, self->limit, "50%");
	p = puppet_in(a);
	EXPECT_EQ(0, puppet_do(p, fork_spinners, 2, 0, 0));
	ASSERT_TRUE(uses(a, 200));
	for (i = 0; i < 8 && best < 47; i++) {
		percent = use_in_periods(a, 2000);
		EXPECT_GE(53, percent);
		if (percent > best)
			best = percent;
	}
	EXPECT_LE(47, best);
	freeze(a, true);
	EXPECT_EQ(number_of(a, "cpu.stat", "nr_throttled"),
		  (int64_t)reading(a, self->limit).failcnt);
	EXPECT_LT(10, row(a, self->limit).failcnt);
	EXPECT_NEAR(number_of(a, "cpu.stat", "throttled_usec"), 1,
		    figure_of(a, "throttled") / 1000);
	freeze(a, false);

	/* off at once: no period is throttled any more */
	SET(a, self->limit, "unlimited");
	throttled = number_of(a, "cpu.stat", "nr_throttled");
	EXPECT_TRUE(uses(a, 500));
	EXPECT_EQ(throttled, number_of(a, "cpu.stat", "nr_throttled"));
}

/* Both on one busy CPU: the share of @a in percent, over @ms of its CPU time. */
static int64_t share_of(int a, int b, int64_t ms)
{
	int64_t from_a = used_us(a), from_b = used_us(b), used_a, used_b;

	(void)within(SPIN_MS,
		     used_us(a) + used_us(b) - from_a - from_b >= ms * 1000);
	used_a = used_us(a) - from_a;
	used_b = used_us(b) - from_b;
	return used_a * 100 / (used_a + used_b);
}

TEST_F(cpu, shares)
{
	int a = make("kt-a"), b = make("kt-b");
	struct puppet *p, *q;

	ASSERT_LT(0, a);
	ASSERT_LT(0, b);
	p = puppet_in(a);
	q = puppet_in(b);
	SET(a, self->units, "1000");
	SET(b, self->units, "3000");
	SET(a, self->cpus, "1-1");
	SET(b, self->cpus, "1-1");
	/* the number of tasks does not matter */
	EXPECT_EQ(0, puppet_do(p, fork_spinners, 3, 0, 0));
	EXPECT_EQ(0, puppet_do(q, fork_spinners, 1, 0, 0));
	(void)share_of(a, b, 500);
	EXPECT_NEAR(25, 5, share_of(a, b, 10000));
	/* live: the next shares are the new ones */
	SET(a, self->units, "9000");
	EXPECT_NEAR(75, 6, share_of(a, b, 5000));
}

/* A number of CPUs holds whatever the number of tasks. */
TEST_F(cpu, confined)
{
	int a = make("kt-a");
	struct puppet *p;
	int64_t used, start;

	ASSERT_LT(0, a);
	p = puppet_in(a);
	EXPECT_LE(2, puppet_do(p, count_affinity, 0, 0, 0));
	SET(a, self->cpus, "1");
	EXPECT_EQ(1, puppet_do(p, count_affinity, 0, 0, 0));
	EXPECT_EQ(1, reading(a, self->cpus).held);
	EXPECT_EQ(0, puppet_do(p, fork_spinners, 4, 0, 0));
	start = now_ms();
	used = used_us(a);
	EXPECT_TRUE(uses(a, 1000));
	used = used_us(a) - used;
	EXPECT_GE((now_ms() - start) * 1030 + 50000, used);
	SET(a, self->cpus, "2");
	EXPECT_EQ(2, puppet_do(p, count_affinity, 0, 0, 0));
}

static bool has_weight(int slot)
{
	return !access(text("%s/cpu.weight", path_of(slot)), F_OK);
}

/* Who sets nothing has a share among the others all the same; in no one else's cgroup. */
TEST_F(cpu, share_at_creation)
{
	int a, b, other;

	write_file("/sys/fs/cgroup/rescore/cgroup.subtree_control", "-cpu");
	a = make("kt-a");
	ASSERT_LT(0, a);
	b = rescore_create_below(rs, "kt-b", NULL, a);
	ASSERT_LT(0, b);
	EXPECT_TRUE(has_weight(a));
	/* nor where the kernel would let nobody be put into what is above it */
	EXPECT_FALSE(has_weight(b));

	ASSERT_EQ(0, mkdir(OTHERS, 0755));
	ASSERT_EQ(0, mkdir(OTHERS "/one", 0755));
	other = rescore_create(rs, "kt-other", OTHERS "/one");
	EXPECT_LT(0, other);
	EXPECT_FALSE(has_weight(other));
	EXPECT_EQ(0, rescore_destroy(rs, other, false));
	EXPECT_EQ(0, rescore_destroy(rs, b, false));
	rmdir(OTHERS "/one");
	rmdir(OTHERS);
}

/* One tenant's fork bomb, at its limit, does not take its neighbour's share. */
TEST_F(cpu, beside_a_bomb)
{
	int a = make("kt-bomb"), b = make("kt-b"), i;
	struct puppet *bombs[3], *p;

	ASSERT_LT(0, a);
	ASSERT_LT(0, b);
	set_bounds(a, numproc, PRIME, PRIME);
	SET(a, self->cpus, "1-1");
	SET(b, self->cpus, "1-1");
	/* all at first: who is moved into what is full is forced */
	for (i = 0; i < 3; i++)
		bombs[i] = puppet_in(a);
	for (i = 0; i < 3; i++)
		puppet_send_call(bombs[i], fork_bomb, 0, 0, 0);
	p = puppet_in(b);
	EXPECT_EQ(0, puppet_do(p, fork_spinners, 1, 0, 0));
	EXPECT_TRUE(within(SPIN_MS, failcnt(a, numproc) > 100));
	EXPECT_LE(45, share_of(b, a, 4000));
	EXPECT_GE(PRIME, row(a, numproc).maxheld);
}

RESCORE_TEST_MAIN(NULL)

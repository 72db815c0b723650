// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that charge siblings and their child in one tree: no level passes its
 * bound, nothing is lost, and a tenant that its parent refuses is in nobody
 * else's way.
 */
#include <sched.h>

#include "threads.h"

#define TOP	1	/* over LEFT and RIGHT; LOW is below LEFT */
#define LEFT	2
#define RIGHT	3
#define LOW	4
#define NR	6

static struct {
	__u64 refused[THREADS_MAX];
	bool passed;
} seen;

static void begin(__s64 top, __s64 left)
{
	static const unsigned int parents[] = { 0, 0, TOP, TOP, LEFT };
	struct rescore_line *line;
	unsigned int slot;

	fixture((struct sizes){ .slots = 5, .events = 4 });
	for (slot = TOP; slot <= LOW; slot++) {
		line = rescore_line(slot, 0);
		line->parent = parents[slot];
		set_bounds(line, RESCORE_UNLIMITED, RESCORE_UNLIMITED);
	}
	set_bounds(rescore_line(TOP, 0), top, top);
	set_bounds(rescore_line(LEFT, 0), left, left);
	memset(&seen, 0, sizeof(seen));
	nr_busy = NR;
}

static void sample(void)
{
	__s64 top, left;

	while (others_busy()) {
		top = held_of(rescore_line(TOP, 0));
		left = held_of(rescore_line(LEFT, 0));
		if (top > 23 || top < 0 || left > 17 || left < 0)
			__atomic_store_n(&seen.passed, true, __ATOMIC_RELAXED);
		sched_yield();
	}
}

static void charge_all(unsigned int thread)
{
	static const unsigned int slots[] = { LEFT, RIGHT, LOW };
	unsigned int slot = slots[thread % 3], round;
	uint64_t random = thread + 1;
	__s64 n;

	if (thread == NR) {
		sample();
		return;
	}
	for (round = 0; time_left(round); round++) {
		n = 1 + tap_random(&random) % 7;
		if (rescore_try_charge(slot, 0, n, RESCORE_HARD))
			seen.refused[thread]++;
		else
			rescore_uncharge(slot, 0, n);
	}
	thread_is_done();
}

static void test_all(void)
{
	__u64 refused = 0, failcnt = 0;
	unsigned int i;
	bool right = true;

	begin(23, 17);
	run_threads(NR + 1, charge_all);
	for (i = 0; i < NR; i++)
		refused += seen.refused[i];
	for (i = TOP; i <= LOW; i++) {
		failcnt += rescore_line(i, 0)->failcnt;
		right &= !rescore_line(i, 0)->held &&
			 !rescore_line(i, 0)->underflow;
	}
	tap_ok(!seen.passed, "no level's held passes its bound");
	tap_ok(right, "all levels are at 0 when all is given back");
	tap_is_int(failcnt, refused, "each refusal is counted on one level");
	/* LEFT's may be above TOP's: with what another held, until TOP refused */
	right = rescore_line(TOP, 0)->maxheld <= 23 &&
		rescore_line(LEFT, 0)->maxheld <= 17;
	tap_ok(right, "no mark is above its bound");
}

/* LEFT asks for more than TOP ever has; the others for just what there is. */
static void greedy_tenant(unsigned int thread)
{
	unsigned int round;

	for (round = 0; time_left(round); round++) {
		if (rescore_try_charge(thread ? RIGHT : LEFT, 0,
				       thread ? 1 : NR, RESCORE_HARD))
			seen.refused[thread]++;
		else
			rescore_uncharge(thread ? RIGHT : LEFT, 0,
					 thread ? 1 : NR);
	}
}

static void test_greedy(void)
{
	__u64 refused = 0;
	unsigned int i;

	begin(NR, RESCORE_UNLIMITED);
	rescore_force_charge(RIGHT, 0, 1);	/* so LEFT never fits */
	run_threads(NR, greedy_tenant);
	for (i = 1; i < NR; i++)
		refused += seen.refused[i];
	tap_is_int(refused, 0, "a tenant is not refused because another was");
	tap_ok(rescore_line(TOP, 0)->failcnt == seen.refused[0] &&
		       rescore_line(LEFT, 0)->maxheld == 0,
	       "the greedy one is, and never held it");
}

int main(void)
{
	test_all();
	test_greedy();
	return tap_done();
}

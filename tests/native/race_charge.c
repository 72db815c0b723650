// SPDX-License-Identifier: GPL-2.0
/*
 * Threads on one line at a tight barrier: held never passes it, nothing is lost
 * or counted twice, and nobody is refused but for want of room.
 */
#include <sched.h>

#include "threads.h"

#define SLOT	1

/* What the threads do together, and what each of them has seen. */
static struct {
	unsigned int nr;
	__s64 barrier, limit;
	__s64 most;		/* a charge is of 1 to this */
	bool objects;		/* charge objects of its own instead */
} plan;

static struct seen {
	__u64 refused, charged;
	__s64 highest;		/* held, right after a charge of its own */
	__s64 kept;
	char pad[32];
} seen[THREADS_MAX];

static bool passed;

static void look(struct seen *self, __s64 bound)
{
	__s64 held = held_of(rescore_line(SLOT, 0));

	if (held > bound)
		__atomic_store_n(&passed, true, __ATOMIC_RELAXED);
	if (held > self->highest)
		self->highest = held;
}

/* HARD to the barrier; odd threads SOFT to the limit, when that is higher. */
static void charge_and_uncharge(unsigned int thread)
{
	__u32 severity = plan.limit > plan.barrier && thread % 2 ?
				 RESCORE_SOFT :
				 RESCORE_HARD;
	struct seen *self = &seen[thread];
	uint64_t random = thread + 1;
	unsigned int round;
	__s64 n;

	for (round = 0; time_left(round); round++) {
		n = 1 + tap_random(&random) % plan.most;
		if (rescore_try_charge(SLOT, 0, n, severity)) {
			self->refused++;
			continue;
		}
		self->charged++;
		look(self, plan.limit);
		rescore_uncharge(SLOT, 0, n);
	}
	thread_is_done();
}

static void charge_objects(unsigned int thread)
{
	__u64 address = 0xff11000000000000ULL + thread * 4096;
	struct seen *self = &seen[thread];
	unsigned int round, i;
	__u64 key;

	for (round = 0; time_left(round); round++) {
		for (i = 1; i <= 4; i++) {
			key = rescore_object_key(address + i * 256, 0);
			if (rescore_try_charge_object(key, SLOT, 0,
						      RESCORE_HARD))
				self->refused++;
			else
				self->charged++;
			look(self, plan.barrier);
		}
		/* whoever has none does nothing */
		for (i = 1; i <= 4; i++) {
			key = rescore_object_key(address + i * 256, 0);
			rescore_uncharge_object(key, 0);
		}
	}
	thread_is_done();
}

static void sample(void)
{
	struct rescore_line *line = rescore_line(SLOT, 0);
	__s64 held;

	while (others_busy()) {
		held = held_of(line);
		if (held > plan.limit || held < 0)
			__atomic_store_n(&passed, true, __ATOMIC_RELAXED);
		sched_yield();
	}
}

static void run(unsigned int thread)
{
	if (thread == plan.nr)
		sample();
	else if (plan.objects)
		charge_objects(thread);
	else
		charge_and_uncharge(thread);
}

static void begin(void)
{
	fixture((struct sizes){ .payers_bits = 3, .spare = 64, .events = 4 });
	set_bounds(rescore_line(SLOT, 0), plan.barrier, plan.limit);
	memset(seen, 0, sizeof(seen));
	passed = false;
	nr_busy = plan.nr;
}

static void test_charge(const char *name)
{
	struct rescore_line *line;
	__u64 refused = 0, charged = 0;
	__s64 highest = 0;
	unsigned int i;

	begin();
	line = rescore_line(SLOT, 0);
	run_threads(plan.nr + 1, run);
	for (i = 0; i < plan.nr; i++) {
		refused += seen[i].refused;
		charged += seen[i].charged;
		if (seen[i].highest > highest)
			highest = seen[i].highest;
	}
	printf("# %llu charged, %llu refused, maxheld %lld of %lld\n", charged,
	       refused, line->maxheld, plan.limit);
	tap_ok(!passed, "%u threads, %s: held stays between 0 and the bound",
	       plan.nr, name);
	tap_ok(line->held == 0 && line->underflow == 0,
	       "all that was charged went back");
	tap_is_int(line->failcnt, refused, "each refusal is counted once");
	tap_ok(line->maxheld <= plan.limit && line->maxheld >= highest &&
		       line->peak == line->maxheld,
	       "maxheld is what held was at most");
	tap_ok(!rescore_meta.payers_overflow && !rescore_meta.missed_frees &&
		       !nr_entries(native_array(payers), 3),
	       "no payer is left over");
}

/*
 * One asks for more than there ever is, over and over; the others together for
 * just what there is. Nobody may be refused because of the one.
 */
static void greedy_beside_modest(unsigned int thread)
{
	struct seen *self = &seen[thread];
	__s64 n = thread ? 1 : plan.barrier;
	unsigned int round;

	for (round = 0; time_left(round); round++) {
		if (rescore_try_charge(SLOT, 0, n, RESCORE_HARD)) {
			self->refused++;
			continue;
		}
		self->charged++;
		look(self, plan.barrier);
		rescore_uncharge(SLOT, 0, n);
	}
}

static void test_greedy(unsigned int nr)
{
	struct rescore_line *line;
	__u64 refused = 0;
	unsigned int i;

	plan = (typeof(plan)){ .nr = nr, .barrier = nr, .limit = nr };
	begin();
	line = rescore_line(SLOT, 0);
	/* one place is always taken: the greedy never fits */
	rescore_force_charge(SLOT, 0, 1);
	run_threads(nr, greedy_beside_modest);
	for (i = 1; i < nr; i++)
		refused += seen[i].refused;
	tap_is_int(refused, 0, "none is refused because of another that was");
	tap_ok(!seen[0].charged && line->failcnt == seen[0].refused &&
		       line->held == 1 && !passed,
	       "only the one that never fits is");
}

/* Without a bound in the way no charge at all is lost. */
static void force_and_keep(unsigned int thread)
{
	struct seen *self = &seen[thread];
	uint64_t random = thread + 1;
	unsigned int round;
	__s64 n;

	for (round = 0; time_left(round); round++) {
		n = 1 + tap_random(&random) % 1000;
		if (round % 3 == 0) {
			rescore_force_charge(SLOT, 0, n);
			self->kept += n;
		} else if (round % 3 == 1) {
			self->kept += rescore_try_charge(SLOT, 0, n,
							 RESCORE_SOFT) ?
					      0 :
					      n;
			self->charged++;
		} else if (self->kept > n) {
			rescore_uncharge(SLOT, 0, n);
			self->kept -= n;
		}
	}
}

static void test_sums(unsigned int nr, bool observe)
{
	struct rescore_line *line;
	__u64 charged = 0;
	unsigned int i;
	__s64 kept = 0;

	plan = (typeof(plan)){ .nr = nr };
	if (!observe)
		plan.barrier = plan.limit = RESCORE_UNLIMITED;
	begin();
	line = rescore_line(SLOT, 0);
	line->flags = observe ? RESCORE_OBSERVE : 0;
	run_threads(nr, force_and_keep);
	for (i = 0; i < nr; i++) {
		kept += seen[i].kept;
		charged += seen[i].charged;
	}
	tap_is_int(line->held, kept, "sums are exact");
	tap_ok(line->failcnt == (observe ? charged : 0) && !line->underflow &&
		       line->maxheld >= kept && line->peak == line->maxheld,
	       "%s",
	       observe ? "what would have been refused is counted" :
			 "nothing was refused");
}

int main(void)
{
	unsigned int nr;

	for (nr = 2; nr <= 8; nr *= 2) {
		plan = (typeof(plan)){ nr, 1, 1, 1, false };
		test_charge("one at a time");
		plan = (typeof(plan)){ nr, nr - 1, nr - 1, 1, false };
		test_charge("room for all but one");
		plan = (typeof(plan)){ nr, nr, nr + 2, 3, false };
		test_charge("to the barrier and to the limit");
		plan = (typeof(plan)){ nr, nr, nr, 1, true };
		test_charge("objects");
		test_greedy(nr);
		test_sums(nr, false);
		test_sums(nr, true);
	}
	return tap_done();
}

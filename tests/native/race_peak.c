// SPDX-License-Identifier: GPL-2.0
/*
 * User space takes the peak and sets maxheld back while others charge: no peak
 * is missed between two samples, and no mark stands below held.
 */
#include <sched.h>

#include "threads.h"

#define ROUNDS	100
#define BARRIER	64

static unsigned int nr_chargers;
static pthread_barrier_t full;
static __s64 highest;

/* Together to the barrier, each round; then back to one apiece. */
static void charger(void)
{
	unsigned int got = 0;

	while (!rescore_try_charge(1, 0, 1, RESCORE_HARD))
		got++;
	/* whoever was refused has seen it full; let go when all have */
	pthread_barrier_wait(&full);
	if (got > 1)
		rescore_uncharge(1, 0, got - 1);
	pthread_barrier_wait(&full);
	if (!got)
		rescore_force_charge(1, 0, 1);
	thread_is_done();
}

static void take_peaks(void)
{
	__s64 peak;

	while (others_busy()) {
		peak = user_take_peak(1, 0);
		if (peak > highest)
			highest = peak;
		sched_yield();
	}
}

static void take_peaks_run(unsigned int thread)
{
	if (thread < nr_chargers)
		charger();
	else
		take_peaks();
}

static void reset_run(unsigned int thread)
{
	if (thread < nr_chargers) {
		charger();
		return;
	}
	while (others_busy()) {
		user_reset_maxheld(1, 0);
		sched_yield();
	}
}

static void begin(void)
{
	fixture_for_user((struct sizes){ .events = 4 });
	set_bounds(rescore_line(1, 0), BARRIER, BARRIER);
	nr_busy = nr_chargers;
	highest = 0;
	pthread_barrier_init(&full, NULL, nr_chargers);
}

/* Limits that change under way: what was allowed was allowed by one of them. */
static void change_limits(unsigned int thread)
{
	struct rescore_line *line = rescore_line(1, 0);
	unsigned int round;

	if (thread == nr_chargers) {
		for (round = 0; others_busy(); round++)
			user_set(1, 0, round % 2 ? 1 : BARRIER, BARRIER);
		return;
	}
	for (round = 0; time_left(round); round++) {
		if (rescore_try_charge(1, 0, 1, RESCORE_HARD))
			continue;
		if (held_of(line) > BARRIER)
			__atomic_fetch_add(&highest, 1, __ATOMIC_RELAXED);
		rescore_uncharge(1, 0, 1);
	}
	thread_is_done();
}

int main(void)
{
	unsigned int round, nr, missed, low;
	struct rescore_line *line;

	for (nr = 2; nr <= 4; nr *= 2) {
		nr_chargers = nr;
		missed = low = 0;
		for (round = 0; round < ROUNDS; round++) {
			begin();
			line = rescore_line(1, 0);
			run_threads(nr + 1, take_peaks_run);
			if (line->peak > highest)
				highest = line->peak;
			missed += highest != BARRIER;
			low += line->peak < line->held ||
			       line->maxheld != BARRIER || line->held != nr;
		}
		tap_is_int(missed, 0, "no sample misses the peak");
		tap_is_int(low, 0, "and none is left below held");

		low = 0;
		for (round = 0; round < ROUNDS; round++) {
			begin();
			line = rescore_line(1, 0);
			run_threads(nr + 1, reset_run);
			low += line->maxheld < line->held ||
			       line->peak != BARRIER;
		}
		tap_is_int(low, 0, "a reset leaves no mark below held");

		begin();
		run_threads(nr + 1, change_limits);
		line = rescore_line(1, 0);
		tap_ok(!highest && !line->held && !line->underflow,
		       "%u threads: a changing barrier loses nothing", nr);
	}
	return tap_done();
}

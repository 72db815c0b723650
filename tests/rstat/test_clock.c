// SPDX-License-Identifier: GPL-2.0
/* Jumps of the wall clock, without waiting for one. */
#include "clock.h"
#include "tap.h"

#define SECOND	1000000000LL
#define EPOCH	(1763942400 * SECOND)

/* Rounds of a minute; the wall clock is @ahead seconds wrong. */
static enum clock_verdict round_at(struct clock_guard *guard, int n,
				   int64_t ahead)
{
	int64_t boot = 60LL * n * SECOND;

	return clock_check(guard, EPOCH + boot + ahead * SECOND, boot);
}

int main(void)
{
	struct clock_guard g;
	bool steady = true;

	clock_guard_init(&g, 60);
	tap_is_int(round_at(&g, 0, 0), CLOCK_STEADY, "the first is believed");
	for (int n = 1; n < 1000; n++)
		steady &= round_at(&g, n, n / 10) == CLOCK_STEADY;
	tap_ok(steady, "a slow drift is no jump");

	clock_guard_init(&g, 60);
	round_at(&g, 0, 0);
	tap_is_int(round_at(&g, 1, 100), CLOCK_STEADY, "100 s: within 2 steps");
	round_at(&g, 2, 0);
	tap_is_int(round_at(&g, 3, 31536000), CLOCK_AHEAD, "a year ahead");
	tap_is_int(round_at(&g, 4, 31536000), CLOCK_AHEAD, "once confirmed");
	tap_is_int(round_at(&g, 5, 0), CLOCK_RETURNED, "and back");
	tap_is_int(round_at(&g, 6, 0), CLOCK_STEADY, "as if nothing had been");

	tap_is_int(round_at(&g, 7, 3600), CLOCK_AHEAD, "an hour ahead");
	tap_is_int(round_at(&g, 8, 3600), CLOCK_AHEAD, "held back");
	tap_is_int(round_at(&g, 9, 3600), CLOCK_CONFIRMED, "twice confirmed");
	tap_is_int(round_at(&g, 10, 3600), CLOCK_STEADY, "the new time");

	tap_is_int(round_at(&g, 11, 7200), CLOCK_AHEAD, "ahead again");
	tap_is_int(round_at(&g, 12, 99999), CLOCK_AHEAD, "and elsewhere");
	tap_is_int(round_at(&g, 13, 99999), CLOCK_AHEAD, "counted anew");
	tap_is_int(round_at(&g, 14, 99999), CLOCK_CONFIRMED, "then confirmed");

	tap_is_int(round_at(&g, 15, -99999), CLOCK_STEADY,
		   "back: the stamps tell, not this");
	tap_is_int(round_at(&g, 16, -99999), CLOCK_STEADY, "and stays there");

	return tap_done();
}

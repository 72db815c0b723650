// SPDX-License-Identifier: GPL-2.0
#include "clock.h"

#define SECOND		1000000000LL
#define CONFIRMATIONS	2	/* rounds */

void clock_guard_init(struct clock_guard *guard, int step)
{
	*guard = (struct clock_guard){ .tolerance = 2 * SECOND * step };
}

static bool near(const struct clock_guard *guard, int64_t a, int64_t b)
{
	return (a > b ? a - b : b - a) <= guard->tolerance;
}

enum clock_verdict clock_check(struct clock_guard *guard, int64_t realtime,
			       int64_t boottime)
{
	int64_t offset = realtime - boottime;

	if (!guard->started ||
	    (!guard->holding && offset <= guard->offset + guard->tolerance)) {
		/*
		 * Slewed, or set back; stamps that are not later than the last
		 * one are passed over anyway.
		 */
		guard->started = true;
		guard->offset = offset;
		return CLOCK_STEADY;
	}
	if (!guard->holding || !near(guard, offset, guard->suspect)) {
		if (guard->holding &&
		    offset <= guard->offset + guard->tolerance) {
			guard->holding = false;
			guard->offset = offset;
			return CLOCK_RETURNED;
		}
		guard->holding = true;
		guard->suspect = offset;
		guard->confirmed = 0;
		return CLOCK_AHEAD;
	}
	if (++guard->confirmed < CONFIRMATIONS)
		return CLOCK_AHEAD;

	guard->holding = false;
	guard->offset = offset;
	return CLOCK_CONFIRMED;
}

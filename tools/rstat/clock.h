/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Is the wall clock to be believed? One sample stamped a year ahead moves every
 * round-robin archive a year on and so destroys the history in it.
 */
#ifndef RSTAT_CLOCK_H
#define RSTAT_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum clock_verdict {
	CLOCK_STEADY,
	CLOCK_AHEAD,		/* jumped ahead: hold back what is stamped now */
	CLOCK_CONFIRMED,	/* stayed there: store what was held back */
	CLOCK_RETURNED,		/* jumped back again: forget it */
};

struct clock_guard {
	bool started;
	bool holding;
	int64_t tolerance;	/* ns */
	int64_t offset;		/* wall clock - time since boot, believed */
	int64_t suspect;	/* the one not believed yet */
	int confirmed;		/* rounds that the suspect has lasted */
};

void clock_guard_init(struct clock_guard *guard, int step);
/* Once per round; both in nanoseconds. */
enum clock_verdict clock_check(struct clock_guard *guard, int64_t realtime,
			       int64_t boottime);

#endif /* RSTAT_CLOCK_H */

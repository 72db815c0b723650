/* SPDX-License-Identifier: GPL-2.0 */
/* Who was refused what, and who came near his limits, over a time. */
#ifndef RSTAT_REPORT_H
#define RSTAT_REPORT_H

#include <stdio.h>

#include "history.h"
#include "live.h"
#include "verb.h"

/* One resource of one container. */
struct report_row {
	char name[RESCORE_NAME_LEN];
	char series[32];
	char resource[RESCORE_RES_NAME_LEN];
	unsigned int unit;
	double failures;	/* refusals */
	int64_t last_failure;	/* end of the last row with one; 0: none */
	double refused_by;	/* the bound at that time; NAN */
	double peak;		/* NAN: no samples */
	double bound;		/* that it came nearest to; NAN: unlimited */
	double used;		/* peak / bound, the highest; NAN */
	int64_t used_at;
};

struct report {
	int64_t from, to;
	struct report_row *row;	/* those with refusals or bounds */
	size_t nr, room;
	size_t containers;
	size_t damaged;

	/* One by one, as far as they are kept; the oldest first. */
	struct live_event *event;
	size_t nr_events, events_room;
	uint64_t events_lost;	/* at some time, before they were read */
};

void report_print(const struct report *report, size_t top, FILE *out);
int report_json(const struct report *report, FILE *out);

/* The verb. */
int report_run(const struct args *args);

#endif /* RSTAT_REPORT_H */

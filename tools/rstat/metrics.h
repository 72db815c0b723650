/* SPDX-License-Identifier: GPL-2.0 */
/* The table for Prometheus and what else reads OpenMetrics. */
#ifndef RSTAT_METRICS_H
#define RSTAT_METRICS_H

#include "openmetrics.h"
#include "rank.h"
#include "verb.h"

#define METRICS_TOP	1000	/* containers with series of their own */

struct metrics_view {
	const struct live *live;
	/* Which containers get series, most in trouble first. */
	const struct rank *rank;
	size_t nr;
	/* A tenant is told about its own containers only, not of the host. */
	bool tenant;
};

/* All families, up to and with "# EOF". 0 or -ENOMEM. */
int metrics_format(const struct metrics_view *view, struct om *om);

/* Sums over all containers, what is off, and how the core is. */
void metrics_host(const struct live *live, struct om *om);

/* The verb. */
int metrics_run(const struct args *args);

#endif /* RSTAT_METRICS_H */

/* SPDX-License-Identifier: GPL-2.0 */
/* What a few readings in a row say: refusals per second, and where held goes. */
#ifndef RSTAT_TREND_H
#define RSTAT_TREND_H

#include "live.h"

#define TREND_LEN 24	/* readings that are remembered */

struct trend {
	int64_t loaded_ns;
	unsigned int nr_resources;
	size_t room;
	struct trend_container **slot;	/* [room]; NULL: never seen */
};

/*
 * Add a reading, and fill in the usage of its rows whose held only grows.
 * Containers that are gone are forgotten. 0 or -ENOMEM.
 */
int trend_add(struct trend *trend, struct live *live);
void trend_free(struct trend *trend);

/* Refusals per second between the last two readings; 0 after only one. */
double trend_rate(const struct trend *trend, const struct live_container *c,
		  unsigned int resource);

/*
 * The last values of held, or of usage where held only grows; oldest first, NAN
 * where unknown. Returns how many.
 */
size_t trend_held(const struct trend *trend, const struct live_container *c,
		  unsigned int resource, float ret_held[TREND_LEN]);

#endif /* RSTAT_TREND_H */

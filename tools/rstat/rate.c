// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <time.h>

#include "rate.h"

struct rate {
	uint64_t serial;
	int64_t held, ns;
};

struct rates {
	unsigned int nr_slots, nr_rows;
	int row[RESCORE_RESOURCES_MAX];	/* of a resource; -1: it is no rate */
	struct rate *last;		/* slot by slot */
};

bool is_rate(const struct rescore_resource *resource)
{
	return rescore_held_unit(resource) == RESCORE_NSEC &&
	       rescore_peak_unit(resource) == RESCORE_PERCENT;
}

struct rates *rates_new(const struct rescore *rs)
{
	struct rates *rates = calloc(1, sizeof(*rates));
	unsigned int id;

	if (!rates)
		return NULL;
	rates->nr_slots = rescore_meta(rs)->nr_slots;
	for (id = 0; id < RESCORE_RESOURCES_MAX; id++) {
		const struct rescore_resource *r = rescore_resource(rs, id);

		rates->row[id] = r && is_rate(r) ? (int)rates->nr_rows++ : -1;
	}
	rates->last = calloc((size_t)rates->nr_slots * rates->nr_rows + 1,
			     sizeof(*rates->last));
	if (!rates->last) {
		free(rates);
		return NULL;
	}
	return rates;
}

void rates_free(struct rates *rates)
{
	if (rates)
		free(rates->last);
	free(rates);
}

int64_t rate_next(struct rates *rates, unsigned int slot, unsigned int id,
		  uint64_t serial, int64_t held)
{
	int row = id < RESCORE_RESOURCES_MAX ? rates->row[id] : -1;
	struct rate *last, before;
	struct timespec ts;
	int64_t ns;

	if (row < 0 || slot >= rates->nr_slots)
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	ns = ts.tv_sec * 1000000000LL + ts.tv_nsec;
	last = &rates->last[(size_t)slot * rates->nr_rows + (unsigned int)row];
	before = *last;
	*last = (struct rate){ serial, held, ns };
	if (before.serial != serial || ns - before.ns < 100)
		return -1;
	/* a root that was removed has taken its time along */
	if (held < before.held)
		return 0;
	return (held - before.held) / ((ns - before.ns) / 100);
}

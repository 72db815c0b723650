/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rows whose held is a time used since the beginning: a sample of them is how much
 * was used from one round to the next, in percent.
 */
#ifndef RSTAT_RATE_H
#define RSTAT_RATE_H

#include <librescore.h>

struct rates;

/* For @rs; NULL: out of memory. */
struct rates *rates_new(const struct rescore *rs);
void rates_free(struct rates *rates);

bool is_rate(const struct rescore_resource *resource);

/*
 * Held in percent of the time since the last call for this row of container
 * @serial in @slot; -1: there was none.
 */
int64_t rate_next(struct rates *rates, unsigned int slot, unsigned int id,
		  uint64_t serial, int64_t held);

#endif /* RSTAT_RATE_H */

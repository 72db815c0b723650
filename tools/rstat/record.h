/* SPDX-License-Identifier: GPL-2.0 */
/* From waiting samples to round-robin files; for the writer's process. */
#ifndef RSTAT_RECORD_H
#define RSTAT_RECORD_H

#include "batch.h"
#include "cached.h"
#include "store.h"

struct recorded {
	int64_t stamp;		/* the newest one, now stored */
	bool plain;		/* for series->plain */
	uint64_t identity[BATCH_SETS][LAYOUT_KINDS]; /* for series */
};

/*
 * Store all that waits for one container. Rows that are stored already are
 * passed over, so a failed call can be made again. Changes the working
 * directory.
 */
int record_series(const struct store *store, const struct series *series,
		  struct recorded *ret);

/*
 * The same through rrdcached: what is not with it yet is added to its batch, as
 * that of @owner. *@ret is true when the batch has been sent.
 */
int record_cached(const struct store *store, const struct series *series,
		  struct cached *cached, unsigned int owner,
		  struct recorded *ret);

#endif /* RSTAT_RECORD_H */

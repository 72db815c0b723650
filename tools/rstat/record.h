/* SPDX-License-Identifier: GPL-2.0 */
/* From waiting samples to round-robin files; for the writer's process. */
#ifndef RSTAT_RECORD_H
#define RSTAT_RECORD_H

#include "batch.h"
#include "cached.h"
#include "store.h"

/*
 * Store all that waits for one container. Rows that are stored already are
 * passed over, so a failed call can be made again. Changes the working
 * directory. *@ret_stamp: the newest stamp, now stored.
 */
int record_series(const struct store *store, const struct series *series,
		  int64_t *ret_stamp);

/*
 * The same through rrdcached: what is not with it yet is added to its batch, as
 * that of @owner. *@ret_stamp is true when the batch has been sent.
 */
int record_cached(const struct store *store, const struct series *series,
		  struct cached *cached, unsigned int owner,
		  int64_t *ret_stamp);

#endif /* RSTAT_RECORD_H */

/* SPDX-License-Identifier: GPL-2.0 */
/* Series of containers that are long gone. */
#ifndef RSTAT_REAP_H
#define RSTAT_REAP_H

#include <stdint.h>

#include "store.h"

/* As long as the longest archive: then nothing but unknown values is left. */
#define REAP_KEEP	(1096 * 86400LL)
#define REAP_KEEP_MIN	86400LL		/* rrdcached may hold samples so long */

/* A mark in the store: when somebody last looked for what is long gone. */
#define REAP_CLOCK	".reaped"
#define REAP_CLOCK_STEP	(2 * 86400LL)

/*
 * @now, but no more than REAP_CLOCK_STEP after what this has returned the last time
 * for the store: a clock that is years ahead when a collector starts must not make
 * everything old. Times in seconds since 1970; or -errno.
 */
int64_t reap_clock(const struct store *store, int64_t now);

/*
 * Remove what has no sample after @before; *@ret_nr: how many series. What is
 * damaged, or holds files that are not ours, stays and is told of. librrd is
 * used: call it in a child.
 */
int reap_before(const struct store *store, int64_t before, long *ret_nr);

#endif /* RSTAT_REAP_H */

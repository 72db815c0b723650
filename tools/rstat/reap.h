/* SPDX-License-Identifier: GPL-2.0 */
/* Series of containers that are long gone. */
#ifndef RSTAT_REAP_H
#define RSTAT_REAP_H

#include <stdint.h>

#include "store.h"

/* As long as the longest archive: then nothing but unknown values is left. */
#define REAP_KEEP	(1096 * 86400LL)
#define REAP_KEEP_MIN	86400LL		/* rrdcached may hold samples so long */

/*
 * Remove what has no sample after @before; *@ret_nr: how many series. What is
 * damaged, or holds files that are not ours, stays and is told of. librrd is
 * used: call it in a child.
 */
int reap_before(const struct store *store, int64_t before, long *ret_nr);

#endif /* RSTAT_REAP_H */

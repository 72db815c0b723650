/* SPDX-License-Identifier: GPL-2.0 */
/* Containers in the order in which somebody should look at them. */
#ifndef RSTAT_RANK_H
#define RSTAT_RANK_H

#include "trend.h"

enum rank_order {
	RANK_TROUBLE,	/* being refused, then fullest, then failcnt, name */
	RANK_USED,
	RANK_RATE,	/* refusals per second */
	RANK_FAILCNT,
	RANK_HELD,	/* of one resource */
	RANK_NAME,
	RANK_ORDERS
};

/* "trouble", … NULL past the last. */
const char *rank_order_name(unsigned int order);
/* An order, or the negative errno -EINVAL. */
int rank_find_order(const char *name);

struct rank {
	const struct live_container *container;
	int resource;	/* the chosen one, else the worst; -1: none is known */
	double used;	/* of it, as live_used() */
	int64_t held;	/* of it */
	double rate;	/* of all rows, or of the chosen one */
	uint64_t failcnt;	/* the same */
};

/*
 * Rank every container of @live whose name contains @filter (NULL: all).
 * @trend may be NULL. @resource -1: all of them count, and the worst stands for
 * the container. The caller frees *@ret_rank. 0 or -ENOMEM.
 */
int rank_all(const struct live *live, const struct trend *trend, int resource,
	     enum rank_order order, const char *filter, struct rank **ret_rank,
	     size_t *ret_nr);

#endif /* RSTAT_RANK_H */

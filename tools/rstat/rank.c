// SPDX-License-Identifier: GPL-2.0
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rank.h"
#include "say.h"

static const char *const names[RANK_ORDERS] = {
	[RANK_TROUBLE] = "trouble", [RANK_USED] = "used", [RANK_RATE] = "rate",
	[RANK_FAILCNT] = "failcnt", [RANK_HELD] = "held", [RANK_NAME] = "name",
};

const char *rank_order_name(unsigned int order)
{
	return order < RANK_ORDERS ? names[order] : NULL;
}

int rank_find_order(const char *name)
{
	for (int i = 0; i < RANK_ORDERS; i++)
		if (!strcmp(names[i], name))
			return i;
	return -EINVAL;
}

/* Descending; what is not a number comes last. */
static int compare(double a, double b)
{
	if (isnan(a) || isnan(b))
		return isnan(a) - isnan(b);
	return (a < b) - (a > b);
}

static int by_name(const struct rank *a, const struct rank *b)
{
	int order = strcmp(a->container->id.name, b->container->id.name);

	if (order)
		return order;
	return (a->container->slot > b->container->slot) -
	       (a->container->slot < b->container->slot);
}

/* Several keys; the first that differs decides. */
static int by_trouble(const struct rank *a, const struct rank *b)
{
	int order = (b->rate > 0) - (a->rate > 0);

	if (!order)
		order = compare(a->used, b->used);
	if (!order)
		order = compare(a->rate, b->rate);
	if (!order)
		order = compare((double)a->failcnt, (double)b->failcnt);
	return order;
}

static int by_used(const struct rank *a, const struct rank *b)
{
	return compare(a->used, b->used);
}

static int by_rate(const struct rank *a, const struct rank *b)
{
	return compare(a->rate, b->rate);
}

static int by_failcnt(const struct rank *a, const struct rank *b)
{
	return (a->failcnt < b->failcnt) - (a->failcnt > b->failcnt);
}

static int by_held(const struct rank *a, const struct rank *b)
{
	return (a->held < b->held) - (a->held > b->held);
}

typedef int (*compare_fn)(const struct rank *, const struct rank *);

static const compare_fn compares[RANK_ORDERS] = {
	[RANK_TROUBLE] = by_trouble, [RANK_USED] = by_used,
	[RANK_RATE] = by_rate,	     [RANK_FAILCNT] = by_failcnt,
	[RANK_HELD] = by_held,	     [RANK_NAME] = by_name,
};

static int compare_ranks(const void *a, const void *b, void *arg)
{
	int order = (*(compare_fn *)arg)(a, b);

	if (!order)
		order = by_trouble(a, b);
	return order ? order : by_name(a, b);
}

static void take_row(struct rank *rank, unsigned int resource, double rate)
{
	const struct live_row *row = &rank->container->row[resource];

	rank->resource = (int)resource;
	rank->used = live_used(row);
	rank->held = row->held;
	rank->rate = rate;
	rank->failcnt = row->failcnt;
}

/* The worst of the rows stands for all; refusals are added up. */
static void take_worst(const struct live *live, const struct trend *trend,
		       struct rank *rank)
{
	struct rank worst = { .resource = -1 };
	double rate = 0;
	uint64_t failcnt = 0;

	for (unsigned int r = 0; r < live->nr_resources; r++) {
		struct rank candidate = { .container = rank->container };

		if (!rank->container->row[r].known)
			continue;
		take_row(&candidate, r, trend_rate(trend, rank->container, r));
		rate += candidate.rate;
		failcnt += candidate.failcnt;
		if (worst.resource < 0 || by_trouble(&candidate, &worst) < 0)
			worst = candidate;
	}
	if (worst.resource < 0)
		return;
	*rank = worst;
	rank->rate = rate;
	rank->failcnt = failcnt;
}

int rank_all(const struct live *live, const struct trend *trend, int resource,
	     enum rank_order order, const char *filter, struct rank **ret_rank,
	     size_t *ret_nr)
{
	struct rank *ranks = calloc(live->nr + 1, sizeof(*ranks));
	compare_fn chosen = compares[order];
	size_t nr = 0;

	if (!ranks)
		return fail(ENOMEM, "no memory");
	for (size_t i = 0; i < live->nr; i++) {
		const struct live_container *c = &live->container[i];
		struct rank *rank = &ranks[nr];

		if (filter && !strstr(c->id.name, filter))
			continue;
		*rank = (struct rank){ .container = c,
				       .resource = -1,
				       .used = NAN };
		if (resource < 0)
			take_worst(live, trend, rank);
		else if (c->row[resource].known)
			take_row(rank, (unsigned int)resource,
				 trend_rate(trend, c, (unsigned int)resource));
		nr++;
	}
	qsort_r(ranks, nr, sizeof(*ranks), compare_ranks, &chosen);
	*ret_rank = ranks;
	*ret_nr = nr;

	return 0;
}

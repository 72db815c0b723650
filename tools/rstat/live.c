// SPDX-License-Identifier: GPL-2.0
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "live.h"

/* Rows move when the array grows: point every container at its own again. */
static bool grow(struct live *live)
{
	size_t room = live->room ? 2 * live->room : 64;
	struct live_container *container;
	struct live_row *row;

	container = realloc(live->container, room * sizeof(*container));
	if (!container)
		return false;
	live->container = container;
	/* One more: a registry may be empty, and of 0 bytes there is NULL. */
	row = realloc(live->row,
		      (room * live->nr_resources + 1) * sizeof(*row));
	if (!row)
		return false;
	live->row = row;
	live->room = room;
	for (size_t i = 0; i < live->nr; i++)
		container[i].row = row + i * live->nr_resources;

	return true;
}

struct live_container *live_add(struct live *live)
{
	struct live_container *container;

	if (live->nr == live->room && !grow(live))
		return NULL;
	container = &live->container[live->nr];
	memset(container, 0, sizeof(*container));
	container->row = live->row + live->nr * live->nr_resources;
	memset(container->row, 0, live->nr_resources * sizeof(*live->row));
	live->nr++;

	return container;
}

void live_empty(struct live *live)
{
	struct live empty = {
		.container = live->container,
		.row = live->row,
		.room = live->room,
		.nr_resources = live->nr_resources,
	};

	*live = empty;
}

int64_t live_stale(const struct live *live)
{
	bool any = false;

	for (unsigned int i = 0; i < live->nr_resources; i++)
		any |= live->resource[i].on && live->resource[i].delegated;
	if (!any || live->refreshed_ns == live->time_ns)
		return 0;
	return live->refreshed_ns ? live->time_ns - live->refreshed_ns :
				    INT64_MAX;
}

void live_free(struct live *live)
{
	free(live->container);
	free(live->row);
	*live = (struct live){};
}

const struct live_container *live_find(const struct live *live,
				       const char *name)
{
	for (size_t i = 0; i < live->nr; i++)
		if (!strcmp(live->container[i].id.name, name))
			return &live->container[i];
	return NULL;
}

int live_find_resource(const struct live *live, const char *name)
{
	for (unsigned int i = 0; i < live->nr_resources; i++)
		if (!strcmp(live->resource[i].name, name))
			return (int)i;
	return -1;
}

bool live_grows(const struct live_resource *resource)
{
	return resource->held_unit == RESCORE_NSEC &&
	       resource->peak_unit == RESCORE_PERCENT;
}

void live_set_usage(const struct live_resource *resource, struct live_row *row)
{
	row->usage = NAN;
	if (row->known && resource->held_unit == resource->unit &&
	    !resource->no_ceiling)
		row->usage = (double)row->held;
}

int64_t live_bound(const struct live_row *row)
{
	return row->bounds.barrier ? row->bounds.barrier : row->bounds.limit;
}

double live_used(const struct live_row *row)
{
	int64_t bound = live_bound(row);

	if (!row->known || bound == RESCORE_UNLIMITED || isnan(row->usage))
		return NAN;
	if (row->usage <= 0)
		return 0;
	return bound > 0 ? row->usage / (double)bound : INFINITY;
}

enum live_level live_level(const struct live_row *row)
{
	double used = live_used(row);

	if (used >= 1)	/* false for NAN */
		return LIVE_FULL;
	return used >= LIVE_NEAR ? LIVE_NEAR_BOUND : LIVE_FINE;
}

bool live_idle(const struct live_row *row)
{
	return !row->known || (row->bounds.barrier == RESCORE_UNLIMITED &&
			       row->bounds.limit == RESCORE_UNLIMITED &&
			       !row->held && !row->maxheld && !row->failcnt);
}

int64_t live_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

// SPDX-License-Identifier: GPL-2.0
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"
#include "trend.h"

struct trend_row {
	uint64_t failcnt;
	int64_t held;
	double rate;
	float ring[TREND_LEN];
};

struct trend_container {
	uint64_t serial;
	int64_t time_ns;	/* of the last reading */
	unsigned int nr;	/* readings ever */
	struct trend_row row[];
};

void trend_free(struct trend *trend)
{
	for (size_t i = 0; i < trend->room; i++)
		free(trend->slot[i]);
	free(trend->slot);
	*trend = (struct trend){};
}

static const struct trend_container *find(const struct trend *trend,
					  const struct live_container *c)
{
	const struct trend_container *t;

	if (!trend || c->slot >= trend->room)
		return NULL;
	t = trend->slot[c->slot];

	return t && t->serial == c->id.serial ? t : NULL;
}

static int make_room(struct trend *trend, size_t room)
{
	struct trend_container **slot;

	if (room <= trend->room)
		return 0;
	slot = realloc(trend->slot, room * sizeof(*slot));
	if (!slot)
		return fail(ENOMEM, "no memory");
	memset(slot + trend->room, 0, (room - trend->room) * sizeof(*slot));
	trend->slot = slot;
	trend->room = room;

	return 0;
}

/* The entry of @c; a fresh one when another container was in its slot. */
static struct trend_container *take(struct trend *trend,
				    const struct live_container *c)
{
	struct trend_container **at = &trend->slot[c->slot];
	size_t rows = trend->nr_resources * sizeof((*at)->row[0]);

	if (!*at || (*at)->serial != c->id.serial) {
		free(*at);
		*at = calloc(1, sizeof(**at) + rows);
		if (*at)
			(*at)->serial = c->id.serial;
	}

	return *at;
}

/* Percent of one CPU: nanoseconds of it per time that went by. */
static double growth(const struct trend_row *before, const struct live_row *now,
		     unsigned int nr, double seconds)
{
	if (!now->known || !nr || seconds <= 0 || now->held < before->held)
		return NAN;
	return (double)(now->held - before->held) / seconds / 1e9 * 100;
}

static void add_row(struct trend_row *row, const struct live_resource *resource,
		    struct live_row *now, unsigned int nr, double seconds)
{
	double value = now->known ? (double)now->held : NAN;

	if (live_grows(resource)) {
		value = growth(row, now, nr, seconds);
		if (resource->unit == resource->peak_unit)
			now->usage = value;
	}
	row->ring[nr % TREND_LEN] = (float)value;
	row->rate = 0;
	/* Reset in between: how many there were before is not known. */
	if (nr && seconds > 0 && now->failcnt > row->failcnt)
		row->rate = (double)(now->failcnt - row->failcnt) / seconds;
	row->failcnt = now->failcnt;
	row->held = now->held;
}

static void forget_gone(struct trend *trend, int64_t time_ns)
{
	for (size_t i = 0; i < trend->room; i++) {
		if (!trend->slot[i] || trend->slot[i]->time_ns == time_ns)
			continue;
		free(trend->slot[i]);
		trend->slot[i] = NULL;
	}
}

int trend_add(struct trend *trend, struct live *live)
{
	if (trend->loaded_ns != live->loaded_ns ||
	    trend->nr_resources != live->nr_resources)
		trend_free(trend);
	trend->loaded_ns = live->loaded_ns;
	trend->nr_resources = live->nr_resources;
	for (size_t i = 0; i < live->nr; i++) {
		const struct live_container *c = &live->container[i];
		struct trend_container *t;
		double seconds;
		int err;

		err = make_room(trend, (size_t)c->slot + 1);
		if (err)
			return err;
		t = take(trend, c);
		if (!t)
			return fail(ENOMEM, "no memory");
		seconds = (double)(live->time_ns - t->time_ns) / 1e9;
		for (unsigned int r = 0; r < live->nr_resources; r++)
			add_row(&t->row[r], &live->resource[r], &c->row[r],
				t->nr, seconds);
		t->nr++;
		t->time_ns = live->time_ns;
	}
	forget_gone(trend, live->time_ns);

	return 0;
}

double trend_rate(const struct trend *trend, const struct live_container *c,
		  unsigned int resource)
{
	const struct trend_container *t = find(trend, c);

	return t ? t->row[resource].rate : 0;
}

size_t trend_held(const struct trend *trend, const struct live_container *c,
		  unsigned int resource, float ret_held[TREND_LEN])
{
	const struct trend_container *t = find(trend, c);
	size_t n;

	if (!t)
		return 0;
	n = t->nr < TREND_LEN ? t->nr : TREND_LEN;
	for (size_t i = 0; i < n; i++)
		ret_held[i] =
			t->row[resource].ring[(t->nr - n + i) % TREND_LEN];

	return n;
}

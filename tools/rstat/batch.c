// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "layout.h"

/* Rows at first: those of a flush, and two more while it is written. */
#define USE_ROOM	7
#define CAP_ROOM	1

void batch_init(struct batch *batch, int step)
{
	*batch = (struct batch){ .cap_step = layout_cap_step(step) };
}

static void series_free(struct series *series)
{
	free(series->use.stamp);
	free(series->use.data);
	free(series->cap.stamp);
	free(series->cap.data);
	free(series->bounds);
	free(series->change);
	free(series->carried);
	free(series);
}

void batch_free(struct batch *batch)
{
	while (batch->series) {
		struct series *next = batch->series->next;

		series_free(batch->series);
		batch->series = next;
	}
	free(batch->by_slot);
	*batch = (struct batch){};
}

/* Room for another row of @nr × @size bytes, which it returns; or NULL. */
static void *cells_push(struct cells *cells, size_t first_room, int64_t stamp,
			size_t nr, size_t size)
{
	if (cells->nr == cells->room) {
		/* A quarter more: it is most of what the collector takes. */
		size_t room = cells->room ? cells->room + cells->room / 4 + 1 :
					    first_room;
		int64_t *stamps = realloc(cells->stamp, room * sizeof(*stamps));
		void *data;

		if (!stamps)
			return NULL;
		cells->stamp = stamps;
		data = realloc(cells->data, room * nr * size);
		if (!data)
			return NULL;
		cells->data = data;
		cells->room = room;
	}
	cells->stamp[cells->nr] = stamp;

	return (char *)cells->data + cells->nr++ * nr * size;
}

/* Drop the first @n rows. */
static void cells_shift(struct cells *cells, size_t n, size_t nr, size_t size)
{
	if (!n)
		return;
	cells->nr -= n;
	memmove(cells->stamp, cells->stamp + n,
		cells->nr * sizeof(*cells->stamp));
	memmove(cells->data, (char *)cells->data + n * nr * size,
		cells->nr * nr * size);
}

static size_t rows_up_to(const struct cells *cells, int64_t stamp)
{
	size_t n = 0;

	while (n < cells->nr && cells->stamp[n] <= stamp)
		n++;
	return n;
}

bool series_pending(const struct series *series)
{
	return series->use.nr || series->cap.nr || series->nr_changes;
}

const struct cell *series_row(const struct series *series, size_t i)
{
	return (const struct cell *)series->use.data + i * series->schema->nr;
}

const struct cap_cell *series_cap_row(const struct series *series, size_t i)
{
	return (const struct cap_cell *)series->cap.data +
	       i * series->schema->nr;
}

static struct series *series_new(struct batch *batch,
				 const struct container_id *id,
				 const struct schema *schema)
{
	struct series *series = calloc(1, sizeof(*series));

	if (!series)
		return NULL;
	series->id = *id;
	series->schema = schema;
	series->bounds = calloc(schema->nr, sizeof(*series->bounds));
	if (!series->bounds) {
		free(series);
		return NULL;
	}
	for (unsigned int i = 0; i < schema->nr; i++)
		series->bounds[i].limit = -1;

	/* At the end: what is older is written before. */
	if (batch->last)
		batch->last->next = series;
	else
		batch->series = series;
	batch->last = series;

	return series;
}

static int grow_slots(struct batch *batch, unsigned int slot)
{
	size_t nr = batch->nr_slots ? batch->nr_slots : 64;
	struct series **more;

	while (nr <= slot)
		nr *= 2;
	more = realloc(batch->by_slot, nr * sizeof(struct series *));
	if (!more)
		return -ENOMEM;
	memset(more + batch->nr_slots, 0,
	       (nr - batch->nr_slots) * sizeof(struct series *));
	batch->by_slot = more;
	batch->nr_slots = nr;

	return 0;
}

static struct series *series_get(struct batch *batch, unsigned int slot,
				 const struct container_id *id,
				 const struct schema *schema)
{
	struct series *series;

	if (slot >= batch->nr_slots && grow_slots(batch, slot))
		return NULL;
	series = batch->by_slot[slot];
	if (series && series->schema == schema &&
	    series->id.serial == id->serial &&
	    series->id.created == id->created &&
	    !strcmp(series->id.name, id->name))
		return series;

	series = series_new(batch, id, schema);
	if (series) {
		series->slot = slot;
		batch->by_slot[slot] = series;
	}

	return series;
}

static int note_change(struct series *series, unsigned int resource,
		       const struct bounds *now, int64_t stamp)
{
	struct bounds *before = &series->bounds[resource];
	struct pending_change *change;

	if (before->limit == now->limit && before->barrier == now->barrier)
		return 0;
	/* meta.json would not keep more. */
	if (series->nr_changes == (size_t)META_CHANGES_MAX * series->schema->nr)
		memmove(series->change, series->change + 1,
			--series->nr_changes * sizeof(*series->change));
	if (series->nr_changes == series->changes_room) {
		size_t room = series->changes_room ? 2 * series->changes_room :
						     series->schema->nr;
		struct pending_change *more;

		more = realloc(series->change, room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		series->change = more;
		series->changes_room = room;
	}
	change = &series->change[series->nr_changes++];
	*change = (struct pending_change){
		.resource = resource,
		.change = { .stamp = stamp, .bounds = *now },
	};
	*before = *now;

	return 0;
}

static int add_cap_row(struct batch *batch, struct series *series,
		       const struct reading *readings, int64_t stamp)
{
	unsigned int nr = series->schema->nr;
	int64_t due = stamp - stamp % batch->cap_step;
	struct cap_cell *row;

	/* Due when a period ended since the last look; at first, right at it. */
	if (series->last_seen ? due <= series->last_seen : due != stamp)
		return 0;
	if (series->cap.nr == BATCH_ROUNDS_MAX)
		cells_shift(&series->cap, 1, nr, sizeof(*row));
	row = cells_push(&series->cap, CAP_ROOM, due, nr, sizeof(*row));
	if (!row)
		return -ENOMEM;
	for (unsigned int i = 0; i < nr; i++)
		row[i] = (struct cap_cell){
			.known = readings[i].known,
			.bounds = readings[i].bounds,
			.maxheld = readings[i].maxheld,
		};

	return 0;
}

int batch_add(struct batch *batch, unsigned int slot,
	      const struct container_id *id, const struct schema *schema,
	      const struct reading *readings, int64_t stamp)
{
	struct series *series = series_get(batch, slot, id, schema);
	struct cell *row;

	if (!series)
		return -ENOMEM;
	if (series->use.nr == BATCH_ROUNDS_MAX) {
		cells_shift(&series->use, 1, schema->nr, sizeof(*row));
		series->dropped++;
	}
	row = cells_push(&series->use, USE_ROOM, stamp, schema->nr,
			 sizeof(*row));
	if (!row)
		return -ENOMEM;
	for (unsigned int i = 0; i < schema->nr; i++) {
		const struct reading *r = &readings[i];

		row[i] = (struct cell){
			.held = r->known ? r->held : CELL_UNKNOWN,
			.peak = r->peak,
			.failcnt = r->failcnt,
		};
		if (r->known && note_change(series, i, &r->bounds, stamp))
			return -ENOMEM;
	}
	if (add_cap_row(batch, series, readings, stamp))
		return -ENOMEM;
	series->last_seen = stamp;

	return 0;
}

int batch_carry(struct batch *batch, unsigned int slot,
		const struct container_id *id, const struct schema *schema,
		const struct reading *readings)
{
	struct series *series = series_get(batch, slot, id, schema);

	if (!series)
		return -ENOMEM;
	if (!series->carried)
		series->carried = calloc(schema->nr, sizeof(*series->carried));
	if (!series->carried)
		return -ENOMEM;
	for (unsigned int i = 0; i < schema->nr; i++)
		if (readings[i].known && readings[i].peak > series->carried[i])
			series->carried[i] = readings[i].peak;

	return 0;
}

void series_sent(struct series *series, int64_t stamp)
{
	size_t use = rows_up_to(&series->use, stamp);
	size_t cap = rows_up_to(&series->cap, stamp);

	if (use)
		series->sent_use = series->use.stamp[use - 1];
	if (cap)
		series->sent_cap = series->cap.stamp[cap - 1];
}

void series_written(struct series *series, int64_t stamp)
{
	unsigned int nr = series->schema->nr;
	size_t changes = 0;

	if (rows_up_to(&series->use, stamp)) {
		free(series->carried);
		series->carried = NULL;
	}
	cells_shift(&series->use, rows_up_to(&series->use, stamp), nr,
		    sizeof(struct cell));
	cells_shift(&series->cap, rows_up_to(&series->cap, stamp), nr,
		    sizeof(struct cap_cell));
	while (changes < series->nr_changes &&
	       series->change[changes].change.stamp <= stamp)
		changes++;
	if (!changes)
		return;
	series->nr_changes -= changes;
	if (series->nr_changes) {
		memmove(series->change, series->change + changes,
			series->nr_changes * sizeof(*series->change));
		return;
	}
	/* Most containers never have another. */
	free(series->change);
	series->change = NULL;
	series->changes_room = 0;
}

void batch_forget_from(struct batch *batch, int64_t stamp)
{
	for (struct series *s = batch->series; s; s = s->next) {
		s->use.nr = rows_up_to(&s->use, stamp - 1);
		s->cap.nr = rows_up_to(&s->cap, stamp - 1);
		while (s->nr_changes &&
		       s->change[s->nr_changes - 1].change.stamp >= stamp) {
			unsigned int i = s->change[--s->nr_changes].resource;

			/* Seen again in the next round, with a good stamp. */
			s->bounds[i].limit = -1;
		}
		if (s->last_seen >= stamp)
			s->last_seen = s->use.nr ? s->use.stamp[s->use.nr - 1] :
						   0;
	}
}

void batch_reap(struct batch *batch, int64_t stamp)
{
	struct series **link = &batch->series;

	batch->last = NULL;
	while (*link) {
		struct series *series = *link;

		if (series_pending(series) || series->last_seen >= stamp) {
			batch->last = series;
			link = &series->next;
			continue;
		}
		if (batch->by_slot[series->slot] == series)
			batch->by_slot[series->slot] = NULL;
		*link = series->next;
		series_free(series);
	}
}

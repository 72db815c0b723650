// SPDX-License-Identifier: GPL-2.0
/*
 * The table of the loaded rescore as a source of samples. Values are read from
 * memory shared with the kernel: a round makes no system call per container.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <librescore.h>

#include "say.h"
#include "source.h"

struct schema_list {
	struct schema_list *next;
	struct schema schema;
};

struct rescore_source {
	struct source source;
	struct rescore *rs;	/* NULL: not loaded at the moment */
	struct stat pin;	/* of what rs was opened on */
	struct schema_list *schemas; /* newest first */
};

static struct rescore_source *to_rescore(struct source *source)
{
	return (struct rescore_source *)source;
}

static bool same_schema(const struct schema *a, const struct schema *b)
{
	if (a->nr != b->nr)
		return false;
	for (unsigned int i = 0; i < a->nr; i++)
		if (strcmp(a->resource[i].name, b->resource[i].name) ||
		    a->resource[i].unit != b->resource[i].unit ||
		    a->resource[i].held_unit != b->resource[i].held_unit ||
		    a->resource[i].peak_unit != b->resource[i].peak_unit)
			return false;
	return true;
}

/* What the loaded rescore counts; resources that are off are in it too. */
static int learn_schema(struct rescore_source *src)
{
	struct schema_list *list = calloc(1, sizeof(*list));

	if (!list)
		return fail(ENOMEM, "no memory");
	list->schema.nr = rescore_nr_resources(src->rs);
	if (list->schema.nr > RESCORE_RESOURCES_MAX)
		list->schema.nr = RESCORE_RESOURCES_MAX;
	for (unsigned int i = 0; i < list->schema.nr; i++) {
		const struct rescore_resource *r = rescore_resource(src->rs, i);

		memcpy(list->schema.resource[i].name, r->name,
		       sizeof(list->schema.resource[i].name) - 1);
		list->schema.resource[i].unit = r->unit;
		list->schema.resource[i].held_unit = r->held_unit;
		list->schema.resource[i].peak_unit = r->peak_unit;
		list->schema.resource[i].no_ceiling =
			r->flags & (RESCORE_GUARANTEE | RESCORE_CHOSEN);
	}
	if (src->schemas && same_schema(&src->schemas->schema, &list->schema)) {
		free(list);
		return 0;
	}
	list->next = src->schemas;
	src->schemas = list;

	return 0;
}

static int attach(struct rescore_source *src)
{
	int err;

	err = rescore_open(&src->rs, false);
	if (err) {
		src->rs = NULL;
		return fail(-err, "%s", rescore_strerror());
	}
	if (stat(RESCORE_PIN_DIR "/meta", &src->pin))
		err = fail(errno, "%s/meta: %s", RESCORE_PIN_DIR,
			   strerror(errno));
	else
		err = learn_schema(src);
	if (err) {
		rescore_close(src->rs);
		src->rs = NULL;
	}

	return err;
}

/*
 * The maps we have mapped outlive an unload and would show the last values for
 * ever: is what is loaded now still what we opened?
 */
static int follow(struct rescore_source *src)
{
	struct stat now;

	if (src->rs && !stat(RESCORE_PIN_DIR "/meta", &now) &&
	    now.st_ino == src->pin.st_ino && now.st_dev == src->pin.st_dev)
		return 0;
	rescore_close(src->rs);
	src->rs = NULL;

	return attach(src);
}

/* A resource may come or go with an upgrade: what a round has to know of each. */
enum row_kind {
	ROW_OFF,
	ROW_RATE,	/* held and its peak cannot be compared */
	ROW_COUNT,
};

static void learn_rows(const struct rescore *rs, const struct schema *schema,
		       unsigned char kinds[RESCORE_RESOURCES_MAX],
		       struct reading readings[RESCORE_RESOURCES_MAX])
{
	for (unsigned int i = 0; i < schema->nr; i++) {
		const struct rescore_resource *r = rescore_resource(rs, i);

		if (!r || r->state != RESCORE_ON)
			kinds[i] = ROW_OFF;
		else if (rescore_held_unit(r) != rescore_peak_unit(r))
			kinds[i] = ROW_RATE;
		else
			kinds[i] = ROW_COUNT;
		readings[i].known = kinds[i] != ROW_OFF;
	}
}

/* What begins both, in this order. */
#define SAME_WORDS	offsetof(struct reading, known)
#define SAME_PLACE(ours, theirs) \
	_Static_assert(offsetof(struct reading, ours) == \
		       offsetof(struct rescore_line, theirs), #ours)

SAME_PLACE(held, held);
SAME_PLACE(maxheld, maxheld);
SAME_PLACE(peak, peak);
SAME_PLACE(failcnt, failcnt);
SAME_PLACE(bounds.barrier, barrier);
SAME_PLACE(bounds.limit, limit);

/* It has moved since the last round, or is no plain row. */
static void read_moved(struct rescore *rs, unsigned int slot, unsigned int i,
		       const struct rescore_line *line, enum row_kind kind,
		       struct reading *reading)
{
	if (kind == ROW_OFF)
		return;
	if (reading->peak != (kind == ROW_COUNT ? reading->held : 0)) {
		rescore_take_peak(rs, slot, i, &reading->peak);
		reading->held = __atomic_load_n(&line->held, __ATOMIC_RELAXED);
	}
	if (kind != ROW_COUNT)
		return;
	/* held may have grown meanwhile */
	if (reading->peak < reading->held)
		reading->peak = reading->held;
	if (reading->maxheld < reading->held)
		reading->maxheld = reading->held;
}

static void read_lines(struct rescore *rs, unsigned int slot, unsigned int nr,
		       const struct rescore_line *line,
		       const unsigned char *kinds, struct reading *reading)
{
	for (unsigned int i = 0; i < nr; i++, line++, reading++) {
		memcpy(reading, line, SAME_WORDS);
		if (kinds[i] != ROW_COUNT || reading->peak != reading->held ||
		    reading->maxheld < reading->held)
			read_moved(rs, slot, i, line, kinds[i], reading);
	}
}

static int source_round(struct source *source, source_sink sink, void *arg)
{
	struct rescore_source *src = to_rescore(source);
	struct reading readings[RESCORE_RESOURCES_MAX] = {};
	unsigned char kinds[RESCORE_RESOURCES_MAX] = {};
	unsigned int slot = 0;
	int err;

	err = follow(src);
	if (!err && rescore_refresh(src->rs))
		err = fail(EIO, "%s", rescore_strerror());
	if (!err)
		learn_rows(src->rs, &src->schemas->schema, kinds, readings);
	while (!err && (slot = rescore_next(src->rs, slot))) {
		const struct schema *schema = &src->schemas->schema;
		const struct rescore_container *c;
		const struct rescore_line *lines;
		struct container_id id = {};
		uint64_t serial;

		c = rescore_container(src->rs, slot);
		lines = rescore_lines(src->rs, slot);
		if (!c || !lines)
			continue;
		serial = __atomic_load_n(&c->serial, __ATOMIC_ACQUIRE);
		memcpy(id.name, c->name, sizeof(id.name) - 1);
		id.serial = serial;
		id.created = (int64_t)(c->created_ns / 1000000000);
		read_lines(src->rs, slot, schema->nr, lines, kinds, readings);
		/* Destroyed, and its slot taken by another, under our eyes? */
		if (!rescore_container(src->rs, slot) ||
		    __atomic_load_n(&c->serial, __ATOMIC_ACQUIRE) != serial)
			continue;
		err = sink(arg, slot, &id, schema, readings);
	}

	return err;
}

static int source_event(struct source *source, uint64_t *cursor,
			struct live_event *ret_event, uint64_t *ret_lost)
{
	struct rescore_source *src = to_rescore(source);

	return src->rs ? live_rescore_event(src->rs, cursor, ret_event,
					    ret_lost) :
			 0;
}

static int64_t source_loaded(struct source *source)
{
	struct rescore_source *src = to_rescore(source);

	return src->rs ? (int64_t)rescore_meta(src->rs)->loaded_ns : 0;
}

static void source_close(struct source *source)
{
	struct rescore_source *src = to_rescore(source);

	rescore_close(src->rs);
	while (src->schemas) {
		struct schema_list *next = src->schemas->next;

		free(src->schemas);
		src->schemas = next;
	}
	free(src);
}

int rescore_source_open(struct source **ret_source)
{
	struct rescore_source *src = calloc(1, sizeof(*src));
	int err;

	if (!src)
		return fail(ENOMEM, "no memory");
	src->source.round = source_round;
	src->source.event = source_event;
	src->source.loaded = source_loaded;
	src->source.close = source_close;
	err = attach(src);
	if (err) {
		free(src);
		return err;
	}
	*ret_source = &src->source;

	return 0;
}

const char *rescore_source_version(void)
{
	return rescore_version();
}

// SPDX-License-Identifier: GPL-2.0
/*
 * The table of the loaded rescore as a source of samples. Values are read from
 * memory shared with the kernel: a round makes no system call per container.
 */
#include <errno.h>
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

static void read_line(struct rescore_source *src, unsigned int slot,
		      unsigned int i, struct reading *reading)
{
	struct rescore *rs = src->rs;
	const struct rescore_resource *resource = rescore_resource(rs, i);
	struct rescore_line line;
	int64_t peak;

	reading->known = false;
	if (resource->state != RESCORE_ON ||
	    rescore_take_peak(rs, slot, i, &peak) ||
	    rescore_read(rs, slot, i, &line))
		return;

	reading->known = true;
	reading->held = line.held;
	reading->peak = peak;
	/* held may have grown between the two calls. */
	if (peak < line.held &&
	    rescore_held_unit(resource) == rescore_peak_unit(resource))
		reading->peak = line.held;
	reading->maxheld = line.maxheld;
	reading->failcnt = line.failcnt;
	reading->bounds.barrier = line.barrier;
	reading->bounds.limit = line.limit;
}

static int source_round(struct source *source, source_sink sink, void *arg)
{
	struct rescore_source *src = to_rescore(source);
	struct reading readings[RESCORE_RESOURCES_MAX] = {};
	unsigned int slot = 0;
	int err;

	err = follow(src);
	if (!err && rescore_refresh(src->rs))
		err = fail(EIO, "%s", rescore_strerror());
	while (!err && (slot = rescore_next(src->rs, slot))) {
		const struct schema *schema = &src->schemas->schema;
		const struct rescore_container *c;
		struct container_id id = {};
		uint64_t serial;

		c = rescore_container(src->rs, slot);
		if (!c)
			continue;
		serial = __atomic_load_n(&c->serial, __ATOMIC_ACQUIRE);
		memcpy(id.name, c->name, sizeof(id.name) - 1);
		id.serial = serial;
		id.created = (int64_t)(c->created_ns / 1000000000);
		for (unsigned int i = 0; i < schema->nr; i++)
			read_line(src, slot, i, &readings[i]);
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

// SPDX-License-Identifier: GPL-2.0
/*
 * rstat whose table is a JSON file, $RSTAT_FAKE, read again at every look: for
 * tests where no kernel part can be loaded. It is linked with all of rstat but
 * live_rescore.c. "seconds" is added to the time.
 *
 *	{ "loaded": 1, "seconds": 0,
 *	  "resources": [ { "name": "numproc", "unit": 0, "off": "no hook" } ],
 *	  "containers": [ { "name": "web", "serial": 1, "created": 1700000000,
 *			    "rows": { "numproc": [held, maxheld, barrier, limit,
 *						  failcnt, observe] } } ],
 *	  "events": [ { "container": "web", "serial": 1, "resource": "numproc",
 *			"held": 20, "bound": 20, "ago": 5, "comm": "sh" } ] }
 *
 * A negative bound is unlimited.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "live.h"
#include "say.h"

struct fake {
	struct live_source source;
	json_t *root;
	struct live_resource resource[RESCORE_RESOURCES_MAX];
	unsigned int nr_resources;
};

static void copy(char *to, size_t size, json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	snprintf(to, size, "%s", text ? text : "");
}

static int64_t number(json_t *json, const char *key)
{
	return json_integer_value(json_object_get(json, key));
}

static int reload(struct fake *fake)
{
	const char *path = getenv("RSTAT_FAKE");
	json_error_t error;
	json_t *root, *resource;
	size_t i;

	root = path ? json_load_file(path, 0, &error) : NULL;
	if (!root)
		return fail(ENOENT, "rescore is not loaded: no table in '%s'",
			    path ? path : "$RSTAT_FAKE");
	json_decref(fake->root);
	fake->root = root;
	fake->nr_resources = 0;
	json_array_foreach(json_object_get(root, "resources"), i, resource) {
		struct live_resource *r = &fake->resource[fake->nr_resources++];

		memset(r, 0, sizeof(*r));
		copy(r->name, sizeof(r->name), resource, "name");
		copy(r->controller, sizeof(r->controller), resource, "name");
		copy(r->help, sizeof(r->help), resource, "help");
		copy(r->why, sizeof(r->why), resource, "off");
		r->unit = (unsigned int)number(resource, "unit");
		r->held_unit = r->peak_unit = r->unit;
		if (json_object_get(resource, "held_unit"))
			r->held_unit = (unsigned int)number(resource,
							    "held_unit");
		if (json_object_get(resource, "peak_unit"))
			r->peak_unit = (unsigned int)number(resource,
							    "peak_unit");
		r->on = !*r->why;
		r->delegated =
			json_is_true(json_object_get(resource, "delegated"));
	}

	return 0;
}

static int64_t nth(json_t *array, size_t i)
{
	return json_integer_value(json_array_get(array, i));
}

static void read_row(json_t *values, const struct live_resource *resource,
		     struct live_row *row)
{
	int64_t barrier = nth(values, 2), limit = nth(values, 3);

	*row = (struct live_row){
		.known = true,
		.held = nth(values, 0),
		.maxheld = nth(values, 1),
		.failcnt = (uint64_t)nth(values, 4),
		.observe = nth(values, 5),
		.bounds = { barrier < 0 ? RESCORE_UNLIMITED : barrier,
			    limit < 0 ? RESCORE_UNLIMITED : limit },
	};
	live_set_usage(resource, row);
}

static int fake_read(struct live_source *source, struct live *live)
{
	struct fake *fake = (struct fake *)source;
	json_t *container;
	size_t i;
	int err;

	live_empty(live);
	err = reload(fake);
	if (err)
		return err;
	if (fake->nr_resources != live->nr_resources)
		live_free(live);
	live->nr_resources = fake->nr_resources;
	live->time_ns = live_now_ns() +
			number(fake->root, "seconds") * 1000000000;
	live->loaded_ns = 1 + number(fake->root, "loaded");
	/* "stale": so many seconds; -1: nobody knows. */
	live->refreshed_ns = number(fake->root, "stale") < 0 ?
				     0 :
				     live->time_ns -
					     number(fake->root, "stale") *
						     1000000000;
	memcpy(live->resource, fake->resource, sizeof(live->resource));
	live->health.events =
		json_array_size(json_object_get(fake->root, "events"));
	json_array_foreach(json_object_get(fake->root, "containers"), i,
			   container) {
		struct live_container *c = live_add(live);
		json_t *rows = json_object_get(container, "rows");

		if (!c)
			return fail(ENOMEM, "no memory");
		c->slot = (unsigned int)i + 1;
		copy(c->id.name, sizeof(c->id.name), container, "name");
		c->id.serial = (uint64_t)number(container, "serial");
		c->id.created = number(container, "created");
		for (unsigned int r = 0; r < live->nr_resources; r++)
			if (live->resource[r].on)
				read_row(json_object_get(rows,
							 live->resource[r].name),
					 &live->resource[r], &c->row[r]);
	}

	return 0;
}

static int fake_event(struct live_source *source, uint64_t *cursor,
		      struct live_event *ret_event, uint64_t *ret_lost)
{
	struct fake *fake = (struct fake *)source;
	json_t *event = json_array_get(json_object_get(fake->root, "events"),
				       *cursor);

	(void)ret_lost;
	if (!event)
		return 0;
	++*cursor;
	*ret_event = (struct live_event){
		.loaded_ns = 1 + number(fake->root, "loaded"),
		.seq = *cursor,
		.time_ns = live_now_ns() - number(event, "ago") * 1000000000,
		.serial = (uint64_t)number(event, "serial"),
		.kind = "refused",
		.err = "EAGAIN",
		.held = number(event, "held"),
		.amount = 1,
		.bound = number(event, "bound"),
		.pid = 4242,
	};
	copy(ret_event->container, sizeof(ret_event->container), event,
	     "container");
	copy(ret_event->resource, sizeof(ret_event->resource), event,
	     "resource");
	copy(ret_event->comm, sizeof(ret_event->comm), event, "comm");

	return 1;
}

static void fake_close(struct live_source *source)
{
	json_decref(((struct fake *)source)->root);
	free(source);
}

int live_open(struct live_source **ret_source)
{
	struct fake *fake = calloc(1, sizeof(*fake));
	int err;

	if (!fake)
		return fail(ENOMEM, "no memory");
	fake->source.read = fake_read;
	fake->source.event = fake_event;
	fake->source.close = fake_close;
	err = reload(fake);
	if (err) {
		free(fake);
		return err;
	}
	*ret_source = &fake->source;

	return 0;
}

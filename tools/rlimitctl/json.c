// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "json.h"
#include "rlimitctl.h"
#include "text.h"

json_t *json_amount(int64_t amount)
{
	return amount == RESCORE_UNLIMITED ? json_null() : json_integer(amount);
}

json_t *json_count(uint64_t count)
{
	return json_integer(count > INT64_MAX ? INT64_MAX : (json_int_t)count);
}

json_t *json_text(const char *text)
{
	char safe[4 * PATH_MAX];
	json_t *json;

	if (!text || !*text)
		return json_null();
	json = json_string(text);	/* fails on what is not UTF-8 */
	if (json)
		return json;
	return json_string(escape(safe, sizeof(safe), text, strlen(text)));
}

json_t *json_time(int64_t realtime_ns)
{
	char buf[TIME_LEN];

	if (!realtime_ns)
		return json_null();
	return json_string(utc_time(buf, sizeof(buf), realtime_ns));
}

const char *errno_name(int err)
{
	return err ? strerrorname_np(err) : NULL;
}

static const char *state_name(const struct rescore_resource *resource)
{
	return resource_is_on(resource) ? "on" : "off";
}

/* clang-format off: a key and its value, one line */
json_t *json_line(const struct rescore_resource *resource,
		  const struct rescore_line *line)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:o, s:o, s:o, s:o, s:o, "
			 "s:o, s:s}",
			 "unit", rescore_unit_name(resource->unit),
			 "held_unit", rescore_unit_name(
				rescore_held_unit(resource)),
			 "maxheld_unit", rescore_unit_name(
				rescore_peak_unit(resource)),
			 "state", state_name(resource),
			 "delegated", resource->flags & RESCORE_DELEGATED,
			 "counted", !(line->flags & RESCORE_UNCOUNTED),
			 "held", json_integer(line->held),
			 "maxheld", json_integer(line->maxheld),
			 "barrier", json_amount(line->barrier),
			 "limit", json_amount(line->limit),
			 "failcnt", json_count(line->failcnt),
			 "underflow", json_count(line->underflow),
			 "mode", line->flags & RESCORE_OBSERVE ? "observe" :
								 "enforce");
}

json_t *json_figure(const struct rescore_figure *figure, int64_t value)
{
	return figure->scale > 1 ? json_real((double)value / figure->scale) :
				   json_integer(value);
}

json_t *json_resource(const struct rescore_resource *resource)
{
	return json_pack("{s:s, s:i, s:s, s:s, s:o, s:b, s:b, s:b, s:o, s:s, "
			 "s:o, s:o}",
			 "name", resource->name,
			 "id", (int)resource->id,
			 "unit", rescore_unit_name(resource->unit),
			 "controller", resource->controller,
			 "errno", json_text(errno_name(resource->err)),
			 "deniable", resource->flags & RESCORE_DENIABLE,
			 "delegated", resource->flags & RESCORE_DELEGATED,
			 "moves", resource->flags & RESCORE_MOVES,
			 "ubc_index", resource->ubc_index ?
				json_integer(resource->ubc_index) : json_null(),
			 "state", state_name(resource),
			 "why", json_text(resource->why),
			 "help", json_text(resource->help));
}
/* clang-format on */

static json_t *json_cgroups(const struct rescore *rs, unsigned int slot,
			    unsigned int nr_roots)
{
	json_t *paths = json_array();
	char path[PATH_MAX];
	unsigned int i;

	for (i = 0; paths && i < nr_roots; i++) {
		if (rescore_cgroup_path(rs, slot, i, path, sizeof(path)) < 0)
			continue;	/* has been removed */
		if (json_array_append_new(paths, json_text(path))) {
			json_decref(paths);
			return NULL;
		}
	}
	return paths;
}

/* clang-format off: a key and its value, one line */
json_t *json_container(const struct rescore *rs, unsigned int slot,
		       const struct rescore_container *c)
{
	const struct rescore_container *parent =
		c->parent ? rescore_container(rs, c->parent) : NULL;
	int processes = rescore_nr_processes(rs, slot);

	return json_pack("{s:s, s:i, s:o, s:o, s:o, s:o, s:o}",
			 "name", c->name,
			 "slot", (int)slot,
			 "serial", json_count(c->serial),
			 "created", json_time((int64_t)c->created_ns),
			 "parent", json_text(parent ? parent->name : NULL),
			 "processes", processes < 0 ? json_null() :
						      json_integer(processes),
			 "cgroups", json_cgroups(rs, slot, c->nr_roots));
}
/* clang-format on */

static int dump(json_t *document, size_t flags)
{
	if (!document)
		return out_of_memory();
	/* A failed write is left to finish_output(). */
	(void)json_dumpf(document, stdout, flags);
	fputc('\n', stdout);
	json_decref(document);
	return 0;
}

int print_json(json_t *document)
{
	return dump(document, JSON_INDENT(2));
}

int print_json_line(json_t *document)
{
	return dump(document, JSON_COMPACT);
}

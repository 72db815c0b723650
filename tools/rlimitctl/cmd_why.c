// SPDX-License-Identifier: GPL-2.0
/* Which bounds apply to a process, on every level of its tree of limits. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "json.h"
#include "line.h"
#include "rlimitctl.h"
#include "tree.h"

struct why {
	const struct rescore *rs;
	struct table *table;	/* or: */
	json_t *bounds;
	unsigned int rows;
};

static int add_json(struct why *why, const struct rescore_container *container,
		    const struct rescore_resource *resource,
		    const struct rescore_line *line)
{
	json_t *row = json_line(resource, line);

	if (json_object_set_new(row, "container",
				json_string(container->name)) ||
	    json_object_set_new(row, "resource", json_string(resource->name)) ||
	    json_object_set_new(row, "left",
				json_amount(line_left(resource, line))) ||
	    json_array_append(why->bounds, row)) {
		json_decref(row);
		return out_of_memory();
	}
	json_decref(row);
	return 0;
}

static void add_text(struct why *why, const struct rescore_container *container,
		     const struct rescore_resource *resource,
		     const struct rescore_line *line)
{
	const int64_t amounts[] = { line->held, line->barrier, line->limit,
				    line_left(resource, line) };
	enum line_level level = line_level(resource, line);
	enum colour colour = level == LINE_OVER ? COLOUR_BAD :
			     level == LINE_NEAR ? COLOUR_NEAR :
						  COLOUR_NONE;
	char cell[CELL_LEN];
	size_t i;

	table_row(why->table);
	table_cell(why->table, COLOUR_NONE, "%s", container->name);
	table_cell(why->table, COLOUR_NONE, "%s", resource->name);
	for (i = 0; i < sizeof(amounts) / sizeof(*amounts); i++)
		table_cell(why->table, i == 3 ? colour : COLOUR_NONE, "%s",
			   amount_cell(amounts[i],
				       i ? resource->unit :
					   rescore_held_unit(resource),
				       false, cell));
	table_cell(why->table, COLOUR_NONE, "%s",
		   line->flags & RESCORE_OBSERVE ? "observe" : "enforce");
}

/* All bounds of one container. */
static int add_level(struct why *why, unsigned int slot)
{
	const struct rescore_container *container;
	const struct rescore_resource *resource;
	struct rescore_line line;
	unsigned int id;
	int status = 0;

	container = rescore_container(why->rs, slot);
	for (id = 0; container && id < rescore_nr_resources(why->rs); id++) {
		resource = rescore_resource(why->rs, id);
		if (!resource_is_on(resource) ||
		    rescore_read(why->rs, slot, id, &line) ||
		    line_is_unbounded(resource, &line))
			continue;
		why->rows++;
		if (why->bounds)
			status = add_json(why, container, resource, &line);
		else
			add_text(why, container, resource, &line);
		if (status)
			return status;
	}
	return 0;
}

static int add_levels(struct why *why, unsigned int slot)
{
	const struct rescore_container *container;
	unsigned int level;
	int status = 0;

	for (level = 0; !status && slot && level < RESCORE_LEVELS_MAX;
	     level++) {
		status = add_level(why, slot);
		container = rescore_container(why->rs, slot);
		slot = container ? container->parent : 0;
	}
	return status;
}

static int why_json(struct why *why, pid_t pid, unsigned int slot)
{
	const struct rescore_container *container;
	int status;

	container = slot ? rescore_container(why->rs, slot) : NULL;
	why->bounds = json_array();
	if (!why->bounds)
		return out_of_memory();
	status = add_levels(why, slot);
	if (status) {
		json_decref(why->bounds);
		return status;
	}
	return print_json(json_pack("{s:i, s:i, s:o, s:o}",
				    "version", JSON_VERSION,
				    "pid", (int)pid, "container",
				    json_text(container ? container->name :
							  NULL),
				    "bounds", why->bounds));
}

static int why_text(struct why *why, pid_t pid, unsigned int slot)
{
	static const struct table_column columns[] = {
		{ "CONTAINER", false }, { "RESOURCE", false }, { "HELD", true },
		{ "BARRIER", true },	{ "LIMIT", true },     { "LEFT", true },
		{ "MODE", false },
	};
	int status = 0;

	if (!slot) {
		printf("process %d is in no container\n", (int)pid);
		return 0;
	}
	why->table = table_new(columns, sizeof(columns) / sizeof(*columns));
	if (!why->table)
		return out_of_memory();
	add_levels(why, slot);
	if (!why->rows)
		printf("process %d is in \"%s\", where nothing is limited\n",
		       (int)pid, rescore_container(why->rs, slot)->name);
	else if (table_print(why->table, stdout, want_colours(stdout)))
		status = out_of_memory();
	table_free(why->table);
	return status;
}

static int parse_pid(const char *text, pid_t *ret)
{
	char *end;
	long pid;

	errno = 0;
	pid = strtol(text, &end, 10);
	if (end == text || *end || errno || pid <= 0 || pid > INT_MAX)
		return fail("\"%s\" is no process id", text);
	*ret = (pid_t)pid;
	return 0;
}

int cmd_why(const struct invocation *inv)
{
	struct why why = {};
	struct rescore *rs;
	int status, slot;
	pid_t pid = 0;

	status = parse_pid(inv->argv[0], &pid);
	if (status)
		return status;
	status = open_session(inv, true, &rs);
	if (status)
		return status;
	why.rs = rs;
	slot = rescore_container_of(rs, pid);
	if (slot < 0)
		status = fail("there is no process %d", (int)pid);
	else if (inv->option[OPT_JSON])
		status = why_json(&why, pid, (unsigned int)slot);
	else
		status = why_text(&why, pid, (unsigned int)slot);
	rescore_close(rs);
	return status;
}

// SPDX-License-Identifier: GPL-2.0
#include <limits.h>

#include "json.h"
#include "line.h"
#include "rescore_ct.h"
#include "rlimitctl.h"
#include "tree.h"

/* A container in one line. */
struct summary {
	unsigned int slot;
	const struct rescore_container *container;
	unsigned int near, over;
	uint64_t failcnt;
};

static bool summarise(const struct rescore *rs, unsigned int slot,
		      struct summary *ret)
{
	const struct rescore_resource *resource;
	struct rescore_line line;
	unsigned int i;

	*ret = (struct summary){
		.slot = slot,
		.container = rescore_container(rs, slot),
	};
	if (!ret->container)
		return false;
	for (i = 0; i < rescore_nr_resources(rs); i++) {
		if (rescore_read(rs, slot, i, &line) < 0)
			return false;
		ret->failcnt += line.failcnt;
		resource = rescore_resource(rs, i);
		ret->near += line_level(resource, &line) == LINE_NEAR;
		ret->over += line_level(resource, &line) == LINE_OVER;
	}
	return true;
}

static const char *state_of(const struct rescore *rs, unsigned int slot)
{
	struct rescore_ct_status status;

	return rescore_ct_status(rs, slot, &status) ?
		       "?" :
		       rescore_ct_state_name(status.state);
}

/* One that is stored has a name; all else comes with `start`. */
static int stored_json(struct rescore *rs, const char *name, void *list)
{
	(void)rs;
	return json_array_append_new(list,
				     json_pack("{s:s, s:n, s:s}", "name", name, "slot",
				       "state",
				       rescore_ct_state_name(
					       RESCORE_CT_STORED))) ?
					       out_of_memory() :
					       0;
}

static int list_json(struct rescore *rs)
{
	json_t *list = json_array(), *one;
	struct summary summary;
	unsigned int slot = 0;

	while ((slot = rescore_next(rs, slot))) {
		if (!summarise(rs, slot, &summary))
			continue;	/* has just gone */
		one = json_container(rs, slot, summary.container);
		if (json_object_set_new(one, "state",
					json_string(state_of(rs, slot))) ||
		    json_object_set_new(one, "near",
					json_count(summary.near)) ||
		    json_object_set_new(one, "over",
					json_count(summary.over)) ||
		    json_object_set_new(one, "failcnt",
					json_count(summary.failcnt)) ||
		    json_array_append(list, one)) {
			json_decref(one);
			json_decref(list);
			return out_of_memory();
		}
		json_decref(one);
	}
	if (each_stored(rs, stored_json, list)) {
		json_decref(list);
		return STATUS_FAILURE;
	}
	return print_json(json_pack("{s:i, s:o}", "version", JSON_VERSION,
				    "containers", list));
}

/* @depth: how far the name is indented, in levels. */
static void add_row(struct table *table, const struct rescore *rs,
		    const struct summary *s, unsigned int depth)
{
	char path[PATH_MAX], cell[CELL_LEN];
	int n = rescore_nr_processes(rs, s->slot);
	unsigned int more = s->container->nr_roots;

	if (rescore_cgroup_path(rs, s->slot, 0, path, sizeof(path)) < 0)
		snprintf(path, sizeof(path), "(removed)");
	table_row(table);
	table_cell(table, COLOUR_NONE, "%u", s->slot);
	table_cell(table, COLOUR_NONE, "%*s%s", (int)depth * 2, "",
		   s->container->name);
	table_cell(table, COLOUR_NONE, "%s", state_of(rs, s->slot));
	if (n < 0)
		table_cell(table, COLOUR_NONE, "?");
	else
		table_cell(table, COLOUR_NONE, "%d", n);
	table_cell(table, s->near ? COLOUR_NEAR : COLOUR_NONE, "%u", s->near);
	table_cell(table, s->over ? COLOUR_BAD : COLOUR_NONE, "%u", s->over);
	table_cell(table, s->failcnt ? COLOUR_BAD : COLOUR_NONE, "%s",
		   count_cell(s->failcnt, false, cell));
	if (more > 1)
		table_cell(table, COLOUR_NONE, "%s and %u more", path,
			   more - 1);
	else
		table_cell(table, COLOUR_NONE, "%s", path);
}

static int add_stored(struct rescore *rs, const char *name, void *table)
{
	int i;

	(void)rs;
	table_row(table);
	table_cell(table, COLOUR_NONE, "-");
	table_cell(table, COLOUR_NONE, "%s", name);
	table_cell(table, COLOUR_NONE, "%s",
		   rescore_ct_state_name(RESCORE_CT_STORED));
	for (i = 0; i < 5; i++)
		table_cell(table, COLOUR_NONE, "-");
	return 0;
}

static int list_text(struct rescore *rs, bool tree)
{
	static const struct table_column columns[] = {
		{ "SLOT", true },	{ "NAME", false }, { "STATE", false },
		{ "PROCESSES", true },	{ "NEAR", true },  { "OVER", true },
		{ "FAILCNT", true },	{ "CGROUP", false },
	};
	struct table *table = table_new(columns,
					sizeof(columns) / sizeof(*columns));
	struct summary summary;
	unsigned int slot = 0;
	int status = 0;

	if (!table)
		return out_of_memory();
	while ((slot = tree ? tree_next(rs, slot) : rescore_next(rs, slot)))
		if (summarise(rs, slot, &summary))
			add_row(table, rs, &summary,
				tree ? tree_depth(rs, slot) : 0);
	status = each_stored(rs, add_stored, table);
	if (!status && table_print(table, stdout, want_colours(stdout)))
		status = out_of_memory();
	table_free(table);
	return status;
}

int cmd_list(const struct invocation *inv)
{
	struct rescore *rs;
	int status;

	status = open_session(inv, true, &rs);
	if (status)
		return status;
	if (rescore_refresh(rs))
		status = fail("%s", rescore_strerror());
	else
		status = inv->option[OPT_JSON] ?
				 list_json(rs) :
				 list_text(rs, inv->option[OPT_TREE]);
	rescore_close(rs);
	return status;
}

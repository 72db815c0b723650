// SPDX-License-Identifier: GPL-2.0
#include "json.h"
#include "rlimitctl.h"
#include "table.h"

static int resources_json(const struct rescore *rs)
{
	json_t *list = json_array();
	unsigned int i;

	for (i = 0; i < rescore_nr_resources(rs); i++)
		if (json_array_append_new(list,
					  json_resource(
						  rescore_resource(rs, i)))) {
			json_decref(list);
			return out_of_memory();
		}
	return print_json(json_pack("{s:i, s:o}", "version", JSON_VERSION,
				    "resources", list));
}

static void add_row(struct table *table, const struct rescore_resource *r)
{
	char note[sizeof(r->help) + sizeof(r->why) + 8];
	const char *refusal = "-";

	if (r->flags & RESCORE_DENIABLE && errno_name(r->err))
		refusal = errno_name(r->err);
	table_row(table);
	table_cell(table, COLOUR_NONE, "%s", r->name);
	table_cell(table, COLOUR_NONE, "%s", rescore_unit_name(r->unit));
	table_cell(table, COLOUR_NONE, "%s", refusal);
	table_cell(table, COLOUR_NONE, "%s", r->controller);
	if (resource_is_on(r)) {
		table_cell(table, COLOUR_NONE, "on");
		table_note(table, r->help);
		return;
	}
	table_cell(table, COLOUR_BAD, "off");
	snprintf(note, sizeof(note), "%s; off: %s", r->help, r->why);
	table_note(table, note);
}

static int resources_text(const struct rescore *rs)
{
	static const struct table_column columns[] = {
		{ "RESOURCE", false },	 { "UNIT", false },
		{ "REFUSAL", false },	 { "CONTROLLER", false },
		{ "STATE", false },
	};
	struct table *table = table_new(columns,
					sizeof(columns) / sizeof(*columns));
	unsigned int i;
	int status = 0;

	if (!table)
		return out_of_memory();
	for (i = 0; i < rescore_nr_resources(rs); i++)
		add_row(table, rescore_resource(rs, i));
	if (table_print(table, stdout, want_colours(stdout)))
		status = out_of_memory();
	table_free(table);
	return status;
}

int cmd_resources(const struct invocation *inv)
{
	struct rescore *rs;
	int status;

	status = open_session(inv, true, &rs);
	if (status)
		return status;
	status = inv->option[OPT_JSON] ? resources_json(rs) :
					 resources_text(rs);
	rescore_close(rs);
	return status;
}

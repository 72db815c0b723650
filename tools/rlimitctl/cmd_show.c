// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "line.h"
#include "rlimitctl.h"
#include "tree.h"

/* A container as it was a moment ago: all rows first, then the printing. */
struct snapshot {
	unsigned int slot;
	const struct rescore_container *container;
	struct rescore_line lines[RESCORE_RESOURCES_MAX];
};

/* What to show, and how. */
struct view {
	const struct rescore *rs;
	unsigned int nr_resources;
	bool all, raw, notable;
	bool shown;	/* something was printed: a blank line comes next */
	json_t *documents;	/* NULL: for people */
};

/* 0, or a negative errno: -ENOENT for a container that has just gone. */
static int take_snapshot(const struct view *view, unsigned int slot,
			 struct snapshot *ret)
{
	unsigned int i;
	int err;

	ret->slot = slot;
	ret->container = rescore_container(view->rs, slot);
	if (!ret->container)
		return -ENOENT;
	for (i = 0; i < view->nr_resources; i++) {
		err = rescore_read(view->rs, slot, i, &ret->lines[i]);
		if (err < 0)
			return err;
	}
	return 0;
}

static bool is_wanted(const struct view *view, const struct snapshot *snapshot,
		      unsigned int id)
{
	const struct rescore_line *line = &snapshot->lines[id];

	if (view->notable)
		return line_is_notable(rescore_resource(view->rs, id), line);
	/* Who parses wants to find every key. */
	if (view->all || view->documents)
		return true;
	return resource_is_on(rescore_resource(view->rs, id)) &&
	       !line_is_idle(rescore_resource(view->rs, id), line);
}

/* Add the figures that belong to row @id. */
static int add_figures(const struct view *view, unsigned int slot,
		       unsigned int id, json_t *row)
{
	const char *name = rescore_resource(view->rs, id)->name;
	const struct rescore_figure *figure;
	json_t *figures = json_object();
	unsigned int i;
	int64_t value;
	int err = 0;

	for (i = 0; !err && (figure = rescore_figure(view->rs, i)); i++)
		if (!strcmp(figure->resource, name) &&
		    !rescore_read_figure(view->rs, slot, i, &value))
			err = json_object_set_new(figures, figure->name,
						  json_figure(figure, value));
	if (!err && json_object_size(figures))
		err = json_object_set(row, "figures", figures);
	json_decref(figures);
	return err;
}

/* A line, and which container above leaves less than it does. */
static json_t *json_tight_line(const struct view *view, unsigned int slot,
			       unsigned int id, const struct rescore_line *line)
{
	json_t *row = json_line(rescore_resource(view->rs, id), line);
	struct rescore_line tight = *line;
	unsigned int above = tight_level(view->rs, slot, id, &tight);
	const struct rescore_container *container;

	container = above ? rescore_container(view->rs, above) : NULL;
	if (json_object_set_new(row, "left",
				json_amount(line_left(rescore_resource(view->rs,
								       id),
						      &tight))) ||
	    json_object_set_new(row, "tight",
				json_text(container ? container->name :
						      NULL)) ||
	    add_figures(view, slot, id, row)) {
		json_decref(row);
		return NULL;
	}
	return row;
}

static int show_json(const struct view *view, const struct snapshot *snapshot)
{
	json_t *rows = json_object(), *document;
	unsigned int i;

	document = json_container(view->rs, snapshot->slot,
				  snapshot->container);
	for (i = 0; i < view->nr_resources; i++) {
		const struct rescore_resource *resource =
			rescore_resource(view->rs, i);

		if (is_wanted(view, snapshot, i) &&
		    json_object_set_new(rows, resource->name,
					json_tight_line(view, snapshot->slot, i,
							&snapshot->lines[i]))) {
			json_decref(rows);
			json_decref(document);
			return out_of_memory();
		}
	}
	if (json_object_set_new(document, "resources", rows) ||
	    json_array_append_new(view->documents, document))
		return out_of_memory();
	return 0;
}

static void print_heading(const struct view *view,
			  const struct snapshot *snapshot)
{
	int n = rescore_nr_processes(view->rs, snapshot->slot);

	if (view->shown)
		putchar('\n');
	printf("%s", snapshot->container->name);
	if (n >= 0)
		printf(": %d process%s", n, n == 1 ? "" : "es");
	putchar('\n');
}

static void note_tight(const struct view *view, struct table *table,
		       unsigned int slot, unsigned int id)
{
	const struct rescore_container *container;
	char note[128], left[CELL_LEN], bound[CELL_LEN];
	struct rescore_line line;
	unsigned int above = tight_level(view->rs, slot, id, &line), unit;

	container = above ? rescore_container(view->rs, above) : NULL;
	if (!container)
		return;
	unit = rescore_resource(view->rs, id)->unit;
	snprintf(note, sizeof(note), "%s leaves %s of its %s", container->name,
		 amount_cell(line_left(rescore_resource(view->rs, id), &line),
			     unit, view->raw, left),
		 amount_cell(line_bound(&line), unit, view->raw, bound));
	table_note(table, note);
}

static int show_text(struct view *view, const struct snapshot *snapshot)
{
	bool observed = false;
	unsigned int i, rows = 0;
	struct table *table;
	int status = 0;

	for (i = 0; i < view->nr_resources; i++) {
		if (!is_wanted(view, snapshot, i))
			continue;
		rows++;
		if (snapshot->lines[i].flags & RESCORE_OBSERVE)
			observed = true;
	}
	if (!rows && view->notable)
		return 0;
	print_heading(view, snapshot);
	view->shown = true;
	if (!rows) {
		puts("nothing limited, nothing used: --all shows every row");
		return 0;
	}
	table = show_table_new(observed);
	if (!table)
		return out_of_memory();
	for (i = 0; i < view->nr_resources; i++) {
		if (!is_wanted(view, snapshot, i))
			continue;
		show_table_add(table, rescore_resource(view->rs, i),
			       &snapshot->lines[i], view->raw);
		if (resource_is_on(rescore_resource(view->rs, i)))
			note_tight(view, table, snapshot->slot, i);
	}
	if (table_print(table, stdout, want_colours(stdout)))
		status = out_of_memory();
	table_free(table);
	return status;
}

static int show_one(struct view *view, const struct snapshot *snapshot)
{
	return view->documents ? show_json(view, snapshot) :
				 show_text(view, snapshot);
}

static int show_named(struct view *view, const struct invocation *inv)
{
	struct snapshot snapshot;
	unsigned int *slots;
	int i, status = 0;

	slots = calloc((size_t)inv->argc, sizeof(*slots));
	if (!slots)
		return out_of_memory();
	for (i = 0; !status && i < inv->argc; i++)
		status = find_container(view->rs, inv->argv[i], &slots[i]);
	for (i = 0; !status && i < inv->argc; i++) {
		if (take_snapshot(view, slots[i], &snapshot))
			status = fail("%s: %s", inv->argv[i],
				      rescore_strerror());
		else
			status = show_one(view, &snapshot);
	}
	free(slots);
	return status;
}

static int show_all(struct view *view)
{
	unsigned int slot = 0, found = 0;
	struct snapshot snapshot;
	int err, status = 0;

	while (!status && (slot = rescore_next(view->rs, slot))) {
		err = take_snapshot(view, slot, &snapshot);
		if (err == -ENOENT)
			continue;
		if (err)
			return fail("%s", rescore_strerror());
		found++;
		status = show_one(view, &snapshot);
	}
	if (!status && !found && !view->documents)
		puts("there are no containers: `rlimitctl create NAME` makes one");
	return status;
}

int cmd_show(const struct invocation *inv)
{
	struct view view = {
		.all = inv->option[OPT_ALL],
		.raw = inv->option[OPT_RAW],
		.notable = inv->option[OPT_QUIET],
	};
	struct rescore *rs;
	int status;

	status = open_session(inv, true, &rs);
	if (status)
		return status;
	if (rescore_refresh(rs))
		status = fail("%s", rescore_strerror());
	view.rs = rs;
	view.nr_resources = rescore_nr_resources(rs);
	if (!status && inv->option[OPT_JSON]) {
		view.documents = json_array();
		if (!view.documents)
			status = out_of_memory();
	}
	if (!status)
		status = inv->argc ? show_named(&view, inv) : show_all(&view);
	if (!status && view.documents)
		status = print_json(json_pack("{s:i, s:O}",
					      "version", JSON_VERSION,
					      "containers", view.documents));
	json_decref(view.documents);
	rescore_close(rs);
	return status;
}

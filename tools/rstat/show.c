// SPDX-License-Identifier: GPL-2.0
/* rstat show: the table as it is now, the fullest containers first. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <librescore.h>

#include "escape.h"
#include "live_json.h"
#include "say.h"
#include "show.h"
#include "unit.h"

#define COLUMNS		8
#define CELL_LEN	(RESCORE_NAME_LEN + 1)
#define GAP		"  "

struct row {
	char cell[COLUMNS][CELL_LEN];
	enum live_level level;
};

struct view {
	const struct live *live;
	const struct rank *rank;
	size_t nr;
	bool all;		/* idle rows, too */
};

/* clang-format off */
static const struct {
	const char *title;
	bool right;
} columns[COLUMNS] = {
	{ "CONTAINER" }, { "RESOURCE" }, { "HELD", true }, { "MAXHELD", true },
	{ "BARRIER", true }, { "LIMIT", true }, { "USED", true },
	{ "FAILCNT", true },
};
/* clang-format on */

static void amount_cell(int64_t amount, unsigned int unit, char cell[CELL_LEN])
{
	if (amount == RESCORE_UNLIMITED)
		strcpy(cell, "-");
	else
		rescore_format_amount(amount, unit, false, cell, CELL_LEN);
}

const char *show_percent(double used, char *buf, size_t size)
{
	if (isnan(used))
		snprintf(buf, size, "-");
	else if (used > 9.99)
		snprintf(buf, size, ">999%%");
	else	/* down: 100% is said only where it is full */
		snprintf(buf, size, "%d%%", (int)(used * 100 + 1e-9));
	return buf;
}

static void fill(const struct view *view, const struct live_container *c,
		 unsigned int i, struct row *row)
{
	const struct live_resource *resource = &view->live->resource[i];
	const struct live_row *from = &c->row[i];

	escape_terminal(c->id.name, row->cell[0], CELL_LEN);
	escape_terminal(resource->name, row->cell[1], CELL_LEN);
	amount_cell(from->held, resource->held_unit, row->cell[2]);
	amount_cell(from->maxheld, resource->peak_unit, row->cell[3]);
	amount_cell(from->bounds.barrier, resource->unit, row->cell[4]);
	amount_cell(from->bounds.limit, resource->unit, row->cell[5]);
	show_percent(live_used(from), row->cell[6], CELL_LEN);
	snprintf(row->cell[7], CELL_LEN, "%" PRIu64 "%s", from->failcnt,
		 from->observe ? " (observed)" : "");
	row->level = live_level(from);
}

static void measure(const struct row *rows, size_t nr, size_t width[COLUMNS])
{
	for (int c = 0; c < COLUMNS; c++) {
		width[c] = strlen(columns[c].title);
		for (size_t i = 0; i < nr; i++)
			if (strlen(rows[i].cell[c]) > width[c])
				width[c] = strlen(rows[i].cell[c]);
	}
}

static void print_row(const char *const cell[COLUMNS],
		      const size_t width[COLUMNS], const char *colour)
{
	for (int c = 0; c < COLUMNS; c++) {
		bool dyed = *colour && c == 6;
		int pad = (int)(width[c] - strlen(cell[c]));

		printf("%s%*s%s%s%s", c ? GAP : "", columns[c].right ? pad : 0,
		       "", dyed ? colour : "", cell[c], dyed ? "\033[0m" : "");
		if (!columns[c].right && c + 1 < COLUMNS)
			printf("%*s", pad, "");
	}
	putchar('\n');
}

static bool want_colours(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return !(no && *no) && term && strcmp(term, "dumb") &&
	       isatty(STDOUT_FILENO);
}

static int show_table(const struct view *view)
{
	static const char *const colours[] = {
		[LIVE_FINE] = "",
		[LIVE_NEAR_BOUND] = "\033[33m",
		[LIVE_FULL] = "\033[31m",
	};
	size_t width[COLUMNS], nr = 0;
	const char *cell[COLUMNS];
	bool dyed = want_colours();
	struct row *rows;

	rows = calloc(view->nr * view->live->nr_resources + 1, sizeof(*rows));
	if (!rows)
		return fail(ENOMEM, "no memory");
	for (size_t i = 0; i < view->nr; i++) {
		const struct live_container *c = view->rank[i].container;

		for (unsigned int r = 0; r < view->live->nr_resources; r++)
			if (c->row[r].known &&
			    (view->all || !live_idle(&c->row[r])))
				fill(view, c, r, &rows[nr++]);
	}
	measure(rows, nr, width);
	for (int c = 0; c < COLUMNS; c++)
		cell[c] = columns[c].title;
	print_row(cell, width, "");
	for (size_t i = 0; i < nr; i++) {
		for (int c = 0; c < COLUMNS; c++)
			cell[c] = rows[i].cell[c];
		print_row(cell, width, dyed ? colours[rows[i].level] : "");
	}
	free(rows);

	return 0;
}

static void csv_amount(int64_t amount)
{
	putchar(',');
	if (amount != RESCORE_UNLIMITED)
		printf("%" PRId64, amount);
}

static void csv_row(const struct live *live, const struct live_container *c,
		    unsigned int i)
{
	const struct live_row *row = &c->row[i];
	char name[2 * RESCORE_NAME_LEN + 4], resource[40];
	const char *unit = unit_name(live->resource[i].unit);
	double used = live_used(row);

	printf("%" PRId64 ",%s,%" PRIu64 ",%s,%s", live->time_ns / 1000000000,
	       escape_csv(c->id.name, name, sizeof(name)), c->id.serial,
	       escape_csv(live->resource[i].name, resource, sizeof(resource)),
	       unit ? unit : "unknown");
	csv_amount(row->held);
	csv_amount(row->maxheld);
	csv_amount(row->bounds.barrier);
	csv_amount(row->bounds.limit);
	printf(",%" PRIu64 ",", row->failcnt);
	if (isfinite(used))
		printf("%.4f", used);
	printf(",%s\n", row->observe ? "observe" : "enforce");
}

/* Every known row: who computes with it wants to find them all. */
static void show_csv(const struct view *view)
{
	puts("time,container,serial,resource,unit,held,maxheld,barrier,limit,"
	     "failcnt,used,mode");
	for (size_t i = 0; i < view->nr; i++) {
		const struct live_container *c = view->rank[i].container;

		for (unsigned int r = 0; r < view->live->nr_resources; r++)
			if (c->row[r].known)
				csv_row(view->live, c, r);
	}
}

static int show_json(const struct view *view)
{
	json_t *containers = json_array();
	json_t *root;
	int err = 0;

	for (size_t i = 0; containers && !err && i < view->nr; i++)
		err = json_array_append_new(containers,
					    live_json_container(view->live,
								NULL,
								&view->rank[i],
								true));
	root = json_pack("{s:i, s:o, s:o, s:o}", "version", SHOW_JSON_VERSION,
			 "time_ms", live_json_time(view->live->time_ns),
			 "registry", live_json_registry(view->live),
			 "containers", containers);
	if (err || !root || json_dumpf(root, stdout, LIVE_JSON_FLAGS))
		err = fail(ENOMEM, "no memory");
	putchar('\n');
	json_decref(root);

	return err;
}

static int show(const struct args *args, const struct live *live,
		enum rank_order order, int resource)
{
	struct view view = { .live = live, .all = args->all };
	const struct live_container *only = NULL;
	struct rank *rank;
	int err;

	if (args->container) {
		only = live_find(live, args->container);
		if (!only)
			return fail(ENOENT, "there is no container '%s'",
				    args->container);
	}
	err = rank_all(live, NULL, resource, order, NULL, &rank, &view.nr);
	if (err)
		return err;
	view.rank = rank;
	for (size_t i = 0; only && i < view.nr; i++) {
		if (rank[i].container != only)
			continue;
		rank[0] = rank[i];
		view.nr = 1;
	}
	if (args->top && (size_t)args->top < view.nr)
		view.nr = (size_t)args->top;
	if (args->json)
		err = show_json(&view);
	else if (args->csv)
		show_csv(&view);
	else
		err = show_table(&view);
	free(rank);

	return err;
}

/* @key: an order, or a resource: then by how full that is. */
int show_sort_key(const struct live *live, const char *key,
		  enum rank_order *ret_order, int *ret_resource)
{
	char list[RESCORE_RESOURCES_MAX * (RESCORE_RES_NAME_LEN + 1) + 64] = "";
	size_t used = 0;
	int order;

	*ret_order = RANK_TROUBLE;
	*ret_resource = -1;
	if (!key)
		return 0;
	order = rank_find_order(key);
	if (order >= 0) {
		*ret_order = (enum rank_order)order;
		return 0;
	}
	*ret_order = RANK_USED;
	*ret_resource = live_find_resource(live, key);
	if (*ret_resource >= 0)
		return 0;
	for (unsigned int i = 0; rank_order_name(i); i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used,
					 " %s", rank_order_name(i));
	for (unsigned int i = 0; i < live->nr_resources; i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used,
					 " %s", live->resource[i].name);
	return fail(EINVAL, "--sort '%s': give one of%s", key, list);
}

int show_run(const struct args *args)
{
	struct live live = {};
	struct live_source *source;
	enum rank_order order;
	int resource, err;

	if (args->json && args->csv) {
		say("show: give --json or --csv, not both");
		return RSTAT_USAGE;
	}
	err = live_open(&source);
	if (err) {
		say("%s", failure());
		return RSTAT_FAILED;
	}
	err = source->read(source, &live);
	if (!err && live_stale(&live))
		say("what the kernel counts (memory, CPU time) is as it was "
		    "read last: %s",
		    geteuid() ? "only root can read it anew" : failure());
	if (!err)
		err = show_sort_key(&live, args->sort, &order, &resource);
	if (!err)
		err = show(args, &live, order, resource);
	if (err)
		say("%s", failure());
	live_free(&live);
	source->close(source);

	return err ? RSTAT_FAILED : RSTAT_OK;
}

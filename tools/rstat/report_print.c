// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "live_json.h"
#include "report.h"
#include "say.h"
#include "show.h"
#include "table.h"
#include "unit.h"

static int by_name(const struct report_row *x, const struct report_row *y)
{
	int order = strcmp(x->name, y->name);

	return order ? order : strcmp(x->resource, y->resource);
}

static int by_failures(const void *a, const void *b)
{
	const struct report_row *x = a, *y = b;
	int order = (x->failures < y->failures) - (x->failures > y->failures);

	return order ? order : by_name(x, y);
}

static int by_used(const void *a, const void *b)
{
	const struct report_row *x = a, *y = b;
	double ux = isnan(x->used) ? -1 : x->used;
	double uy = isnan(y->used) ? -1 : y->used;
	int order = (ux < uy) - (ux > uy);

	return order ? order : by_name(x, y);
}

static void print_failures(const struct report *report, size_t top, FILE *out)
{
	static const char *const names[] = { "REFUSED", "CONTAINER", "RESOURCE",
					     "LAST", "PEAK", "BOUND" };
	struct table table = { .columns = 6, .align = "rlllrr" };
	double all = 0;
	size_t rows = 0;

	qsort(report->row, report->nr, sizeof(*report->row), by_failures);
	table_head(&table, names);
	for (size_t i = 0; i < report->nr; i++) {
		const struct report_row *r = &report->row[i];
		char(*cell)[TABLE_CELL];

		if (!(r->failures > 0))
			break;
		all += r->failures;
		if (rows++ >= top)
			continue;
		cell = table_row(&table);
		if (!cell)
			break;
		snprintf(cell[0], TABLE_CELL, "%.0f", r->failures);
		table_name(cell[1], r->name);
		table_name(cell[2], r->resource);
		table_time(cell[3], r->last_failure);
		table_value(cell[4], r->peak, r->unit);
		table_value(cell[5], r->refused_by, r->unit);
	}
	if (!rows)
		fputs("Nothing was refused.\n", out);
	table_finish(&table, out);
	if (rows > top)
		fprintf(out, "%zu more; %.0f refusals altogether.\n",
			rows - top, all);
	fputc('\n', out);
}

static void print_used(const struct report *report, size_t top, FILE *out)
{
	static const char *const names[] = { "USED", "CONTAINER", "RESOURCE",
					     "WHEN", "PEAK", "BOUND" };
	struct table table = { .columns = 6, .align = "rlllrr" };

	qsort(report->row, report->nr, sizeof(*report->row), by_used);
	table_head(&table, names);
	for (size_t i = 0; i < report->nr && i < top; i++) {
		const struct report_row *r = &report->row[i];
		char(*cell)[TABLE_CELL];

		if (isnan(r->used))
			break;
		cell = table_row(&table);
		if (!cell)
			break;
		snprintf(cell[0], TABLE_CELL, "%.0f%%", 100 * r->used);
		table_name(cell[1], r->name);
		table_name(cell[2], r->resource);
		table_time(cell[3], r->used_at);
		table_value(cell[4], r->used * r->bound, r->unit);
		table_value(cell[5], r->bound, r->unit);
	}
	table_finish(&table, out);
}

static void print_events(const struct report *report, size_t top, FILE *out)
{
	static const char *const names[] = { "REFUSED AT", "CONTAINER",
					     "RESOURCE",   "HELD",
					     "WANTED",	   "BOUND",
					     "PROCESS" };
	struct table table = { .columns = 7, .align = "lllrrrl" };
	char more[48];

	if (!report->nr_events)
		return;
	fputc('\n', out);
	table_head(&table, names);
	/* The newest first. */
	for (size_t i = 0; i < report->nr_events && i < top; i++) {
		const struct live_event *e =
			&report->event[report->nr_events - 1 - i];
		char(*cell)[TABLE_CELL] = table_row(&table);

		if (!cell)
			break;
		table_time(cell[0], e->time_ns / 1000000000);
		table_name(cell[1], *e->container ? e->container : "(gone)");
		table_name(cell[2], e->resource);
		table_value(cell[3], (double)e->held, e->unit);
		table_value(cell[4], (double)e->amount, e->unit);
		table_value(cell[5], bound_value(e->bound), e->unit);
		snprintf(more, sizeof(more), "%.16s%s", e->comm,
			 strcmp(e->kind, "observed") ? "" : " (observed)");
		table_name(cell[6], more);
	}
	table_finish(&table, out);
	if (report->nr_events > top)
		fprintf(out, "%zu more are kept.\n", report->nr_events - top);
}

void report_print(const struct report *report, size_t top, FILE *out)
{
	char from[TABLE_CELL], to[TABLE_CELL];

	table_time(from, report->from);
	table_time(to, report->to);
	fprintf(out, "%s to %s, %zu containers\n\n", from, to,
		report->containers);
	print_failures(report, top, out);
	print_used(report, top, out);
	print_events(report, top, out);
}

static json_t *json_number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *json_stamp(int64_t stamp)
{
	return stamp ? json_integer(stamp) : json_null();
}

int report_json(const struct report *report, FILE *out)
{
	json_t *rows = json_array(), *events = json_array(), *root;
	int err = 0;

	qsort(report->row, report->nr, sizeof(*report->row), by_failures);
	for (size_t i = 0; i < report->nr; i++) {
		const struct report_row *r = &report->row[i];

		json_array_append_new(
			rows,
			json_pack("{s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:o, "
				  "s:o, s:o}",
				  "name", r->name, "series", r->series,
				  "resource", r->resource, "unit",
				  unit_name(r->unit), "failures",
				  (json_int_t)r->failures, "last_failure",
				  json_stamp(r->last_failure), "peak",
				  json_number(r->peak), "bound",
				  json_number(r->bound), "used",
				  json_number(r->used), "used_at",
				  json_stamp(r->used_at)));
	}
	for (size_t i = 0; i < report->nr_events; i++)
		json_array_append_new(events, live_json_event(&report->event[i],
							      false));
	root = json_pack("{s:i, s:I, s:I, s:i, s:i, s:o, s:I, s:o}", "version",
			 SHOW_JSON_VERSION, "from", (json_int_t)report->from,
			 "to", (json_int_t)report->to, "containers",
			 (int)report->containers, "damaged",
			 (int)report->damaged, "rows", rows, "events_lost",
			 (json_int_t)report->events_lost, "events", events);
	if (!root || json_dumpf(root, out, JSON_INDENT(1)))
		err = fail(ENOMEM, "no memory");
	fputc('\n', out);
	json_decref(root);

	return err;
}

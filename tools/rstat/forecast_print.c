// SPDX-License-Identifier: GPL-2.0
/* Forecasts as tables for people and as a document for programs. */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "forecast_report.h"
#include "say.h"
#include "show.h"
#include "table.h"
#include "unit.h"

/* --- cells ------------------------------------------------------------------------ */

static const struct {
	int64_t seconds;
	const char *name;
} spans[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };

/* The largest unit of which it is at least two. */
static size_t span_unit(int64_t seconds)
{
	size_t i = 0;

	while (i < 3 && seconds < 2 * spans[i].seconds)
		i++;
	return i;
}

static int64_t in_unit(int64_t seconds, size_t unit)
{
	return (seconds + spans[unit].seconds / 2) / spans[unit].seconds;
}

const char *format_span(int64_t seconds, char *buf, size_t size)
{
	size_t unit = span_unit(seconds);

	snprintf(buf, size, "%lld %s", (long long)in_unit(seconds, unit),
		 spans[unit].name);
	return buf;
}

static void put_date(const struct forecast_hit *hit, int64_t last,
		     char cell[TABLE_CELL])
{
	size_t unit = span_unit(hit->at - last);
	long long at = in_unit(hit->at - last, unit);
	long long early = in_unit(hit->earliest - last, unit);
	long long late = in_unit(hit->latest - last, unit);

	if (!hit->latest)
		snprintf(cell, TABLE_CELL, "%lld %s (%lld..)", at,
			 spans[unit].name, early);
	else if (early != late)
		snprintf(cell, TABLE_CELL, "%lld %s (%lld..%lld)", at,
			 spans[unit].name, early, late);
	else
		snprintf(cell, TABLE_CELL, "%lld %s", at, spans[unit].name);
}

/* "18 d (15..22)", "maybe 40 d", "> 90 d", "now", "-" */
static void put_when(const struct forecast_hit *hit, int64_t last,
		     char cell[TABLE_CELL])
{
	char span[32];

	switch (hit->when) {
	case FORECAST_UNBOUND:
		strcpy(cell, "-");
		break;
	case FORECAST_UNKNOWN:
		strcpy(cell, "?");
		break;
	case FORECAST_OVER:
		strcpy(cell, "now");
		break;
	case FORECAST_NOT:
		snprintf(cell, TABLE_CELL, "> %s",
			 format_span(hit->until - last, span, sizeof(span)));
		break;
	case FORECAST_PERHAPS:
		snprintf(cell, TABLE_CELL, "maybe %s",
			 format_span(hit->earliest - last, span, sizeof(span)));
		break;
	case FORECAST_AT:
		put_date(hit, last, cell);
		break;
	}
}

static void put_trend(const struct forecast *f, unsigned int unit,
		      char cell[TABLE_CELL])
{
	char amount[32], span[32];

	switch (f->trend) {
	case FORECAST_TOO_LITTLE:
		snprintf(cell, TABLE_CELL, "too little data (%s)",
			 format_span(f->last - f->first, span, sizeof(span)));
		break;
	case FORECAST_FLAT:
		strcpy(cell, "no trend");
		break;
	default:
		unit_format(fabs(f->per_day), unit, amount, sizeof(amount));
		snprintf(cell, TABLE_CELL, "%c%s a day",
			 f->per_day < 0 ? '-' : '+', amount);
	}
}

/* --- tables ------------------------------------------------------------------------ */

static void say_left_out(const struct forecast_report *report, FILE *out)
{
	struct forecast_left_out all = {}, *n = &all;
	char span[32];

	for (size_t i = 0; i < report->nr_tallies; i++) {
		const struct forecast_left_out *one =
			&report->tally[i].left_out;

		n->little += one->little;
		n->unbound += one->unbound;
		n->not_in_sight += one->not_in_sight;
	}
	if (n->not_in_sight)
		fprintf(out,
			"%zu rows meet no bound within %s, or as far as can be "
			"said.\n",
			n->not_in_sight,
			format_span(report->horizon, span, sizeof(span)));
	if (n->unbound)
		fprintf(out, "%zu rows have no bound.\n", n->unbound);
	if (n->little)
		fprintf(out, "%zu rows have too little data.\n", n->little);
}

static void print_rows(const struct forecast_report *report, FILE *out)
{
	static const char *const names[] = { "CONTAINER", "RESOURCE", "NOW",
					     "TREND",	  "BARRIER",  "IN",
					     "LIMIT",	  "IN" };
	struct table table = { .columns = 8, .align = "llrlrlrl" };

	table_head(&table, names);
	for (size_t i = 0; i < report->nr; i++) {
		const struct forecast_row *r = &report->row[i];
		char(*cell)[TABLE_CELL];

		cell = table_row(&table);
		if (!cell)
			break;
		table_name(cell[0], r->name);
		table_name(cell[1], r->resource);
		table_value(cell[2], r->forecast.now, r->unit);
		put_trend(&r->forecast, r->unit, cell[3]);
		table_value(cell[4], bound_value(r->bounds.barrier), r->unit);
		put_when(&r->barrier, r->forecast.last, cell[5]);
		table_value(cell[6], bound_value(r->bounds.limit), r->unit);
		put_when(&r->limit, r->forecast.last, cell[7]);
	}
	table_finish(&table, out);
	say_left_out(report, out);
}

static void print_host(const struct forecast_report *report, FILE *out)
{
	static const char *const names[] = { "HOST", "", "NOW", "OF",
					     "USED", "TREND", "FULL IN" };
	struct table table = { .columns = 7, .align = "llrrrll" };

	table_head(&table, names);
	for (size_t i = 0; i < report->nr_capacities; i++) {
		const struct forecast_capacity *c = &report->capacity[i];
		char(*cell)[TABLE_CELL] = table_row(&table);

		if (!cell)
			break;
		table_name(cell[0], c->name);
		table_name(cell[1], c->what);
		table_value(cell[2], c->forecast.now, c->unit);
		table_value(cell[3], c->capacity, c->unit);
		strcpy(cell[4], "-");
		if (!isnan(c->capacity / c->forecast.now))
			snprintf(cell[4], TABLE_CELL, "%.0f%%",
				 100 * c->forecast.now / c->capacity);
		put_trend(&c->forecast, c->unit, cell[5]);
		put_when(&c->full, c->forecast.last, cell[6]);
		if (c->unlimited)
			snprintf(cell[6] + strlen(cell[6]),
				 TABLE_CELL - strlen(cell[6]),
				 "  (without %u unlimited)", c->unlimited);
	}
	table_finish(&table, out);
	if (report->nr_capacities && report->host_is_ours)
		fputs("The store does not say of which machine it is: this one "
		      "was taken.\n",
		      out);
	if (report->nr_capacities)
		fputc('\n', out);
}

void forecast_print(const struct forecast_report *report, FILE *out)
{
	if (report->host_view)
		print_host(report, out);
	if (report->last)
		print_rows(report, out);
	else
		fputs("No container is recorded now.\n", out);
}

/* --- JSON -------------------------------------------------------------------------- */

static json_t *json_number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *json_stamp(int64_t stamp)
{
	return stamp ? json_integer(stamp) : json_null();
}

static json_t *json_hit(double bound, const struct forecast_hit *hit)
{
	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o}", "bound",
			 json_number(bound), "when",
			 forecast_when_name(hit->when), "at",
			 json_stamp(hit->at), "earliest",
			 json_stamp(hit->earliest), "latest",
			 json_stamp(hit->latest), "until",
			 json_stamp(hit->until));
}

static json_t *json_forecast(const struct forecast *f, unsigned int unit)
{
	bool fitted = f->trend != FORECAST_TOO_LITTLE;

	return json_pack(
		"{s:s, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:i}", "unit",
		unit_name(unit), "now", json_number(f->now), "first",
		json_stamp(f->first), "last", json_stamp(f->last), "reach",
		json_stamp(f->reach), "trend", forecast_trend_name(f->trend),
		"per_day", json_number(fitted ? f->per_day : NAN),
		"per_day_low", json_number(fitted ? f->per_day_low : NAN),
		"per_day_high", json_number(fitted ? f->per_day_high : NAN),
		"shifts", (int)f->shifts);
}

static json_t *json_rows(const struct forecast_report *report)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < report->nr; i++) {
		const struct forecast_row *r = &report->row[i];
		json_t *row = json_forecast(&r->forecast, r->unit);

		json_object_set_new(row, "name", json_string(r->name));
		json_object_set_new(row, "series", json_string(r->series));
		json_object_set_new(row, "resource", json_string(r->resource));
		json_object_set_new(row, "barrier",
				    json_hit(bound_value(r->bounds.barrier),
					     &r->barrier));
		json_object_set_new(row, "limit",
				    json_hit(bound_value(r->bounds.limit),
					     &r->limit));
		json_array_append_new(rows, row);
	}

	return rows;
}

static json_t *json_host(const struct forecast_report *report)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < report->nr_capacities; i++) {
		const struct forecast_capacity *c = &report->capacity[i];
		json_t *row = json_forecast(&c->forecast, c->unit);

		json_object_set_new(row, "name", json_string(c->name));
		json_object_set_new(row, "what", json_string(c->what));
		json_object_set_new(row, "unlimited",
				    json_integer(c->unlimited));
		json_object_set_new(row, "full",
				    json_hit(c->capacity, &c->full));
		json_array_append_new(rows, row);
	}

	return rows;
}

int forecast_json(const struct forecast_report *report, FILE *out)
{
	json_t *root;
	int err = 0;

	root = json_pack("{s:i, s:I, s:i, s:o, s:o}", "version",
			 SHOW_JSON_VERSION, "horizon",
			 (json_int_t)report->horizon, "damaged",
			 (int)report->damaged, "host", json_host(report),
			 "rows", json_rows(report));
	if (!root || json_dumpf(root, out, JSON_INDENT(1)))
		err = fail(ENOMEM, "no memory");
	fputc('\n', out);
	json_decref(root);

	return err;
}

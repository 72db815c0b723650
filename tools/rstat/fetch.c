// SPDX-License-Identifier: GPL-2.0
/* rstat fetch: the stored values of one resource, as numbers. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "child.h"
#include "say.h"
#include "show.h"
#include "track.h"
#include "unit.h"

#define COLUMNS	5

struct row_values {
	double value[COLUMNS];
};

/* clang-format off */
static const char *const column_names[COLUMNS] = {
	"held", "peak", "failures", "barrier", "limit"
};
/* clang-format on */

static struct row_values values_of(const struct track_row *row)
{
	struct row_values values = {
		.value = { row->held, row->peak, row->failures, row->barrier,
			   row->limit },
	};

	return values;
}

/* Whole numbers as such; means and rates with what they need. */
static void put_number(double value, FILE *out)
{
	if (fabs(value - round(value)) < 1e-9 * fmax(1, fabs(value)))
		fprintf(out, "%.0f", value);
	else
		fprintf(out, "%.6g", value);
}

static void put_csv(const struct track *track, FILE *out)
{
	fputs("time", out);
	for (int c = 0; c < COLUMNS; c++)
		fprintf(out, ",%s", column_names[c]);
	fputc('\n', out);
	for (size_t i = 0; i < track->nr; i++) {
		struct row_values row = values_of(&track->row[i]);

		fprintf(out, "%" PRId64, track->row[i].stamp);
		for (int c = 0; c < COLUMNS; c++) {
			fputc(',', out);
			if (!isnan(row.value[c]))
				put_number(row.value[c], out);
		}
		fputc('\n', out);
	}
}

static void put_table(const struct track *track, FILE *out)
{
	fprintf(out, "%-19s", "TIME");
	for (int c = 0; c < COLUMNS; c++)
		fprintf(out, " %12s", column_names[c]);
	fputc('\n', out);
	for (size_t i = 0; i < track->nr; i++) {
		struct row_values row = values_of(&track->row[i]);
		time_t when = (time_t)track->row[i].stamp;
		char text[32] = "";
		struct tm tm;

		if (localtime_r(&when, &tm))
			strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
		fprintf(out, "%-19s", text);
		for (int c = 0; c < COLUMNS; c++) {
			/* An integer of 2^62 has 19 digits. */
			char number[32] = "-";

			if (fabs(row.value[c] - round(row.value[c])) < 1e-9)
				snprintf(number, sizeof(number), "%.0f",
					 row.value[c]);
			else if (!isnan(row.value[c]))
				snprintf(number, sizeof(number), "%.2f",
					 row.value[c]);
			fprintf(out, " %12s", number);
		}
		fputc('\n', out);
	}
}

static json_t *json_number(double value)
{
	if (isnan(value))
		return json_null();
	/* Past 2^53 a double is whole anyway, but may not fit an integer. */
	if (value == round(value) && fabs(value) < 0x1p53)
		return json_integer((json_int_t)value);
	return json_real(value);
}

static int put_json(const struct track *track, FILE *out)
{
	json_t *rows = json_array();
	json_t *root;
	int err = 0;

	for (size_t i = 0; i < track->nr; i++) {
		struct row_values row = values_of(&track->row[i]);
		json_t *json = json_object();

		json_object_set_new(json, "time",
				    json_integer(track->row[i].stamp));
		for (int c = 0; c < COLUMNS; c++)
			json_object_set_new(json, column_names[c],
					    json_number(row.value[c]));
		json_array_append_new(rows, json);
	}
	root = json_pack("{s:i, s:s, s:I, s:s, s:s, s:s, s:I, s:o}",
			 "version", SHOW_JSON_VERSION,
			 "name", track->meta.id.name,
			 "serial", (json_int_t)track->meta.id.serial,
			 "series", series_dir_serial(&track->dir),
			 "resource", track->resource->name,
			 "unit", unit_name(meta_shown_unit(track->resource)),
			 "step", (json_int_t)track->step, "rows", rows);
	if (!root || json_dumpf(root, out, JSON_INDENT(1)))
		err = fail(ENOMEM, "no memory");
	fputc('\n', out);
	json_decref(root);

	return err;
}

struct job {
	const struct args *args;
};

static int fetch(void *arg, FILE *out)
{
	const struct args *args = ((struct job *)arg)->args;
	struct track_query query = {
		.container = args->container,
		.resource = args->resource,
		.serial = args->serial,
		.from = args->from,
		.to = args->to,
	};
	struct store store;
	struct track track;
	int err;

	err = store_open(&store, args->dir);
	if (err)
		return err;
	err = track_read(&store, &query, &track);
	store_close(&store);
	if (err)
		return err;
	if (args->json)
		err = put_json(&track, out);
	else if (args->csv)
		put_csv(&track, out);
	else
		put_table(&track, out);
	track_free(&track);

	return err;
}

int fetch_run(const struct args *args)
{
	struct job job = { args };
	struct blob result;
	int err;

	if (args->json && args->csv) {
		say("fetch: give --json or --csv, not both");
		return RSTAT_USAGE;
	}
	err = child_run(fetch, &job, &result);

	return show_result(err, &result);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * fake_history DIR DAYS: a store for the containers of $RSTAT_FAKE (see
 * fake_live.c) that ends now, for the tests of the page. Every resource goes up
 * and down with the day and grows towards what is held now.
 */
#include <jansson.h>
#include <math.h>
#include <time.h>

#include "scripted.h"

#define DAY	86400
#define STEP	60

static int64_t nth(json_t *array, size_t i)
{
	return json_integer_value(json_array_get(array, i));
}

static int64_t bound_of(json_t *row, size_t i)
{
	return nth(row, i) < 0 ? RESCORE_UNLIMITED : nth(row, i);
}

static void set_row(struct script *s, unsigned int i, json_t *row, double part,
		    int64_t stamp)
{
	double day = 0.85 + 0.15 * sin(2 * M_PI * (double)(stamp % DAY) / DAY);
	double held = (double)nth(row, 0) * (0.4 + 0.6 * part) * day;
	double peak = fmin(held * 1.15 + 1, (double)nth(row, 1));
	uint64_t failed = part > 0.8 ? (uint64_t)((double)nth(row, 4) *
						  (part - 0.8) * 5) :
				       0;

	script_set(s, i, (int64_t)held, (int64_t)fmax(held, peak), failed);
	script_bounds(s, i, bound_of(row, 2), bound_of(row, 3));
}

static void record(struct script *s, json_t *root, json_t *container,
		   int64_t from, int64_t to)
{
	json_t *resource, *rows = json_object_get(container, "rows");
	size_t i;

	s->schema.nr = 0;
	script_name(s, json_string_value(json_object_get(container, "name")),
		    (uint64_t)json_integer_value(
			    json_object_get(container, "serial")),
		    json_integer_value(json_object_get(container, "created")));
	json_array_foreach(json_object_get(root, "resources"), i, resource)
		if (!json_object_get(resource, "off"))
			script_resource(s,
					json_string_value(
						json_object_get(resource,
								"name")),
					(unsigned int)json_integer_value(
						json_object_get(resource,
								"unit")));
	for (int64_t t = from; t <= to; t += STEP) {
		double part = (double)(t - from) / (double)(to - from);

		for (i = 0; i < s->schema.nr; i++)
			set_row(s, (unsigned int)i,
				json_object_get(rows,
						s->schema.resource[i].name),
				part, t);
		script_sample(s, t);
		if (t / STEP % 60 == 0)
			script_record(s);
	}
	script_record(s);
}

int main(int argc, char **argv)
{
	json_t *root = json_load_file(getenv("RSTAT_FAKE"), 0, NULL);
	int64_t now = time(NULL) / STEP * STEP;
	json_t *container;
	struct script s;
	size_t i;

	if (argc != 3 || !root)
		return 2;
	json_array_foreach(json_object_get(root, "containers"), i, container) {
		script_open(&s, argv[1], STEP);
		record(&s, root, container, now - atol(argv[2]) * DAY, now);
		script_close(&s);
	}
	json_decref(root);

	return 0;
}

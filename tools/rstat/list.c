// SPDX-License-Identifier: GPL-2.0
/* rstat list: which containers a store knows, and since when. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "child.h"
#include "history.h"
#include "say.h"
#include "show.h"
#include "store.h"
#include "unit.h"

struct list {
	FILE *out;
	json_t *containers;	/* NULL: a table */
	size_t nr;
	size_t damaged;
};

int show_result(int err, struct blob *result)
{
	if (err) {
		say("%s", failure());
		return RSTAT_FAILED;
	}
	write_output(result->data, result->len);
	blob_free(result);

	return RSTAT_OK;
}

static const char *format_time(int64_t stamp, char buf[32])
{
	time_t when = (time_t)stamp;
	struct tm tm;

	if (!stamp || !localtime_r(&when, &tm) ||
	    !strftime(buf, 32, "%Y-%m-%d %H:%M:%S", &tm))
		strcpy(buf, "-");
	return buf;
}

static unsigned int count_resources(const struct meta *meta)
{
	unsigned int n = 0;

	for (unsigned int s = 0; s < meta->nr_sets; s++)
		n += meta->set[s].nr;
	return n;
}

static void list_row(struct list *list, const struct series_dir *dir,
		     const struct meta *meta, int64_t last)
{
	char first[32], newest[32], name[RESCORE_NAME_LEN];

	/* Names come from files and must not steer the terminal. */
	strncpy(name, meta->id.name, sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (char *c = name; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	if (!list->nr)
		fprintf(list->out, "%-20s %-8s %-19s  %-19s  %5s %9s\n",
			"CONTAINER", "SERIAL", "FIRST", "LAST", "STEP",
			"RESOURCES");
	fprintf(list->out, "%-20s %-8s %-19s  %-19s  %4ds %9u\n", name,
		series_dir_serial(dir), format_time(meta->first, first),
		format_time(last, newest), meta->step, count_resources(meta));
}

static json_t *json_stamp(int64_t stamp)
{
	return stamp ? json_integer(stamp) : json_null();
}

static void list_json(struct list *list, const struct series_dir *dir,
		      const struct meta *meta, int64_t last)
{
	json_t *resources = json_array();

	for (unsigned int s = 0; s < meta->nr_sets; s++) {
		for (unsigned int i = 0; i < meta->set[s].nr; i++) {
			const struct meta_resource *r =
				&meta->set[s].resource[i];

			json_array_append_new(resources,
					      json_pack("{s:s, s:s}", "name",
							r->name, "unit",
							unit_name(r->unit)));
		}
	}
	json_array_append_new(
		list->containers,
		json_pack("{s:s, s:I, s:s, s:I, s:o, s:o, s:i, s:o}",
			  "name", meta->id.name,
			  "serial", (json_int_t)meta->id.serial,
			  "series", series_dir_serial(dir),
			  "created", (json_int_t)meta->id.created,
			  "first", json_stamp(meta->first),
			  "last", json_stamp(last),
			  "step", meta->step, "resources", resources));
}

static int visit(void *arg, const struct series_dir *dir,
		 const struct meta *meta)
{
	struct list *list = arg;
	int64_t last = 0;

	/* One that is damaged does not hide the others. */
	if (!meta || history_last(dir, meta, &last)) {
		say("%s", failure());
		list->damaged++;
		return 0;
	}
	if (list->containers)
		list_json(list, dir, meta, last);
	else
		list_row(list, dir, meta, last);
	list->nr++;

	return 0;
}

struct job {
	const struct args *args;
};

static int make_list(void *arg, FILE *out)
{
	const struct args *args = ((struct job *)arg)->args;
	struct list list = { .out = out };
	struct store store;
	json_t *root;
	int err;

	err = store_open(&store, args->dir);
	if (err)
		return err;
	if (args->json)
		list.containers = json_array();
	err = store_each(&store, visit, &list);
	if (!err && args->json) {
		root = json_pack("{s:i, s:i, s:i, s:o}", "version",
				 SHOW_JSON_VERSION, "step", store.step,
				 "damaged", (int)list.damaged,
				 "containers", list.containers);
		if (!root || json_dumpf(root, out, JSON_INDENT(1)))
			err = fail(ENOMEM, "no memory");
		fputc('\n', out);
		json_decref(root);
	}
	store_close(&store);

	return err;
}

int list_run(const struct args *args)
{
	struct job job = { args };
	struct blob result;
	int err = child_run(make_list, &job, &result);

	return show_result(err, &result);
}

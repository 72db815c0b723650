// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include "json.h"
#include "rlimitctl.h"
#include "table.h"
#include "text.h"

static unsigned int count_containers(const struct rescore *rs)
{
	unsigned int n = 0, slot = 0;

	while ((slot = rescore_next(rs, slot)))
		n++;
	return n;
}

static uint64_t bucket_room(unsigned int bits)
{
	return (uint64_t)RESCORE_BUCKET_ENTRIES << bits;
}

static bool hook_is_on(const struct rescore_hook *hook)
{
	return hook->state == RESCORE_ON;
}

/* What cannot be asked for is not known to have been skipped. */
static uint64_t skipped(const struct rescore *rs, unsigned int i)
{
	int64_t n = rescore_hook_skipped(rs, i);

	return n > 0 ? (uint64_t)n : 0;
}

/* --- for programs --- */

static void feature_json(const struct rescore_feature *feature, void *arg)
{
	json_t **list = arg;
	json_t *row = json_pack("{s:s, s:b, s:o}", "name", feature->name,
				"have", (int)feature->have,
				"detail", json_text(feature->detail));

	if (json_array_append_new(*list, row)) {
		json_decref(*list);
		*list = NULL;
	}
}

static json_t *features_json(void)
{
	json_t *list = json_array();

	rescore_probe(feature_json, &list);
	return list;
}

static json_t *resources_json(const struct rescore *rs)
{
	json_t *list = json_array();
	unsigned int i;

	for (i = 0; i < rescore_nr_resources(rs); i++) {
		const struct rescore_resource *r = rescore_resource(rs, i);

		if (json_array_append_new(list,
					  json_pack("{s:s, s:s, s:b, s:o}",
					    "name", r->name,
					    "controller", r->controller,
					    "on", (int)resource_is_on(r),
					    "why", json_text(r->why)))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *programs_json(const struct rescore *rs)
{
	json_t *list = json_array();
	unsigned int i;

	for (i = 0; i < rescore_nr_hooks(rs); i++) {
		const struct rescore_hook *h = rescore_hook(rs, i);

		if (json_array_append_new(
			    list,
			    json_pack("{s:s, s:o, s:s, s:b, s:o, s:o}",
					    "name", h->name,
					    "target", json_text(h->target),
					    "controller", h->controller,
					    "on", (int)hook_is_on(h),
					    "why", json_text(h->why),
					    "skipped", json_count(skipped(rs, i))))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* clang-format off: a key and its value, one line */
static int status_json(const struct rescore *rs)
{
	const struct rescore_meta *meta = rescore_meta(rs);
	bool upgrading = meta->generation == RESCORE_HANDOVER;

	return print_json(json_pack(
		"{s:i, s:b, s:s, s:{s:s, s:i, s:i, s:b, s:o}, s:{s:i, s:i}, "
		"s:{s:o, s:o}, s:{s:o, s:o, s:o}, s:{s:o, s:o, s:o, s:o}, "
		"s:o, s:o, s:o}",
		"version", JSON_VERSION,
		"loaded", 1,
		"tool", rescore_version(),
		"rescore",
			"version", meta->version,
			"abi", (int)meta->abi,
			"generation", (int)(upgrading ? meta->from :
							meta->generation),
			"upgrading", (int)upgrading,
			"since", json_time((int64_t)meta->loaded_ns),
		"containers",
			"used", (int)count_containers(rs),
			"room", (int)meta->nr_slots - 1,
		"events",
			"written", json_count(meta->event_head),
			"room", json_count(meta->nr_events),
		"members",
			"room", json_count(bucket_room(meta->members_bits)),
			"overflow", json_count(meta->members_overflow),
			"lost", json_count(meta->members_lost),
		"payers",
			"room", json_count(bucket_room(meta->payers_bits)),
			"overflow", json_count(meta->payers_overflow),
			"lost", json_count(meta->payers_lost),
			"missed_frees", json_count(meta->missed_frees),
		"features", features_json(),
		"resources", resources_json(rs),
		"programs", programs_json(rs)));
}
/* clang-format on */

/* --- for people --- */

static void feature_text(const struct rescore_feature *feature, void *arg)
{
	struct table *table = arg;

	table_row(table);
	table_cell(table, COLOUR_NONE, "%s", feature->name);
	table_cell(table, feature->have ? COLOUR_NONE : COLOUR_BAD, "%s",
		   feature->have ? "yes" : "no");
	table_cell(table, COLOUR_NONE, "%s", feature->detail);
}

static int print_table(struct table *table)
{
	int status = 0;

	if (table_print(table, stdout, want_colours(stdout)))
		status = out_of_memory();
	table_free(table);
	return status;
}

static int features_text(void)
{
	static const struct table_column columns[] = {
		{ "FEATURE", false },
		{ "HERE", false },
		{ "DETAIL", false },
	};
	struct table *table = table_new(columns,
					sizeof(columns) / sizeof(*columns));

	if (!table)
		return out_of_memory();
	rescore_probe(feature_text, table);
	return print_table(table);
}

static void print_meta(const struct rescore *rs)
{
	const struct rescore_meta *meta = rescore_meta(rs);
	char since[TIME_LEN];

	local_time(since, sizeof(since), (int64_t)meta->loaded_ns);
	since[strcspn(since, ".")] = '\0';	/* to the second */
	printf("rescore %s (ABI %u) is loaded since %s\n", meta->version,
	       meta->abi, since);
	if (meta->generation == RESCORE_HANDOVER)
		puts("upgrade     under way; if it was interrupted, `rlimitctl load` finishes it");
	printf("containers  %u of %u\n", count_containers(rs),
	       meta->nr_slots - 1);
	printf("events      %llu written, the last %u are kept\n",
	       (unsigned long long)meta->event_head, meta->nr_events);
	printf("cgroups     room for %llu, %llu in overflow, %llu lost\n",
	       (unsigned long long)bucket_room(meta->members_bits),
	       (unsigned long long)meta->members_overflow,
	       (unsigned long long)meta->members_lost);
	printf("objects     room for %llu, %llu in overflow, %llu refused, %llu frees missed\n\n",
	       (unsigned long long)bucket_room(meta->payers_bits),
	       (unsigned long long)meta->payers_overflow,
	       (unsigned long long)meta->payers_lost,
	       (unsigned long long)meta->missed_frees);
}

static int resources_text(const struct rescore *rs)
{
	static const struct table_column columns[] = {
		{ "RESOURCE", false },
		{ "CONTROLLER", false },
		{ "STATE", false },
	};
	struct table *table = table_new(columns,
					sizeof(columns) / sizeof(*columns));
	unsigned int i;

	if (!table)
		return out_of_memory();
	for (i = 0; i < rescore_nr_resources(rs); i++) {
		const struct rescore_resource *r = rescore_resource(rs, i);

		table_row(table);
		table_cell(table, COLOUR_NONE, "%s", r->name);
		table_cell(table, COLOUR_NONE, "%s", r->controller);
		table_cell(table, resource_is_on(r) ? COLOUR_NONE : COLOUR_BAD,
			   resource_is_on(r) ? "on" : "off");
		if (!resource_is_on(r))
			table_note(table, r->why);
	}
	return print_table(table);
}

static void skipped_note(struct table *table, uint64_t n)
{
	char note[64];

	snprintf(note, sizeof(note), "skipped by the kernel %llu times",
		 (unsigned long long)n);
	table_note(table, note);
}

static int programs_text(const struct rescore *rs)
{
	static const struct table_column columns[] = {
		{ "PROGRAM", false },
		{ "STATE", false },
		{ "TARGET", false },
	};
	struct table *table = table_new(columns,
					sizeof(columns) / sizeof(*columns));
	unsigned int i;

	if (!table)
		return out_of_memory();
	for (i = 0; i < rescore_nr_hooks(rs); i++) {
		const struct rescore_hook *h = rescore_hook(rs, i);

		table_row(table);
		table_cell(table, COLOUR_NONE, "%s", h->name);
		table_cell(table, COLOUR_NONE, hook_is_on(h) ? "on" : "off");
		table_cell(table, COLOUR_NONE, "%s", h->target);
		if (!hook_is_on(h))
			table_note(table, h->why);
		else if (skipped(rs, i))
			skipped_note(table, skipped(rs, i));
	}
	return print_table(table);
}

static int status_text(const struct rescore *rs, bool verbose)
{
	unsigned int i, on = 0, n = rescore_nr_hooks(rs);
	uint64_t misses = 0;
	int status;

	print_meta(rs);
	status = features_text();
	if (status)
		return status;
	putchar('\n');
	status = resources_text(rs);
	if (status)
		return status;
	putchar('\n');
	if (verbose)
		return programs_text(rs);
	for (i = 0; i < n; i++) {
		on += hook_is_on(rescore_hook(rs, i));
		misses += skipped(rs, i);
	}
	printf("%u of %u programs are attached (-v lists them)\n", on, n);
	if (misses)
		printf("%llu of their runs were skipped by the kernel: see CAVEATS in rescore(7)\n",
		       (unsigned long long)misses);
	return 0;
}

static int not_loaded(bool json)
{
	int status;

	if (json) {
		status = print_json(json_pack("{s:i, s:b, s:s, s:o}",
					      "version", JSON_VERSION,
					      "loaded", 0,
					      "tool", rescore_version(),
					      "features", features_json()));
	} else {
		puts("rescore is not loaded: `rlimitctl load` loads it\n");
		status = features_text();
	}
	return status ? status : STATUS_NOT_LOADED;
}

int cmd_status(const struct invocation *inv)
{
	bool json = inv->option[OPT_JSON];
	struct rescore *rs;
	int err, status;

	/* of containers: not of rescore */
	if (inv->argc && inv->option[OPT_VERBOSE])
		return usage(
			"\"%s\": -v lists programs, and no container has one of its own",
			inv->argv[0]);
	if (inv->argc)
		return cmd_state(inv);
	err = rescore_open(&rs, true);
	if (err == -ENOENT)
		return not_loaded(json);
	if (err)
		return open_failed(inv, err);
	status = json ? status_json(rs) :
			status_text(rs, inv->option[OPT_VERBOSE]);
	rescore_close(rs);
	return status;
}

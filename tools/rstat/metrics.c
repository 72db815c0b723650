// SPDX-License-Identifier: GPL-2.0
/*
 * What is exported. A family has one unit, so every figure of the table has one
 * family for each unit: rescore_resource_held, rescore_resource_held_bytes …
 * and in each family the resource is a label. A resource nobody has heard of
 * falls into the family of its unit.
 */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "metrics.h"
#include "say.h"

struct metric_unit {
	unsigned int family;	/* index into families */
	int64_t factor;		/* to the base unit, times 10^decimals */
	unsigned int decimals;
};

/* clang-format off */
static const struct {
	const char *suffix;	/* of the family's name */
	const char *unit;
} families[] = {
	{ "", NULL }, { "_bytes", "bytes" }, { "_seconds", "seconds" },
	{ "_ratio", "ratio" },
};

static const struct metric_unit units[] = {
	[RESCORE_COUNT]		= { 0, 1, 0 },
	[RESCORE_BYTES]		= { 1, 1, 0 },
	[RESCORE_PAGES]		= { 1, 4096, 0 },
	[RESCORE_NSEC]		= { 2, 1, 9 },
	[RESCORE_PERCENT]	= { 3, 1, 2 },
};
/* clang-format on */

#define NR_FAMILIES	(sizeof(families) / sizeof(families[0]))
#define NR_UNITS	(sizeof(units) / sizeof(units[0]))

/* A unit of tomorrow is a number without one. */
static const struct metric_unit *unit_of(const struct live_resource *resource,
					 size_t offset)
{
	unsigned int unit;

	memcpy(&unit, (const char *)resource + offset, sizeof(unit));

	return &units[unit < NR_UNITS ? unit : RESCORE_COUNT];
}

struct figure {
	const char *name;
	const char *help;
	int64_t (*get)(const struct live_row *row);
	size_t unit;		/* offset of its unit in struct live_resource */
};

static int64_t get_held(const struct live_row *row)
{
	return row->held;
}

static int64_t get_maxheld(const struct live_row *row)
{
	return row->maxheld;
}

static int64_t get_barrier(const struct live_row *row)
{
	return row->bounds.barrier;
}

static int64_t get_limit(const struct live_row *row)
{
	return row->bounds.limit;
}

/* clang-format off */
#define UNIT(member) offsetof(struct live_resource, member)
static const struct figure figures[] = {
	{ "held", "What the container holds now.", get_held, UNIT(held_unit) },
	{ "maxheld", "The most it has held since it was made or reset.",
	  get_maxheld, UNIT(peak_unit) },
	{ "barrier", "The bound of ordinary requests, +Inf when unlimited.",
	  get_barrier, UNIT(unit) },
	{ "limit", "The bound of all requests, +Inf when unlimited.",
	  get_limit, UNIT(unit) },
};
/* clang-format on */

#define NR_FIGURES (sizeof(figures) / sizeof(figures[0]))

struct exporter {
	const struct metrics_view *view;
	struct om *om;
	/* Labels of every row that is exported, made once for all families. */
	char *text;
	size_t *labels;		/* offsets into text, 0: not exported */
};

static const char *labels_of(const struct exporter *e, size_t i, unsigned int r)
{
	size_t offset = e->labels[i * e->view->live->nr_resources + r];

	return offset ? e->text + offset : NULL;
}

static int make_labels(struct exporter *e)
{
	const struct live *live = e->view->live;
	struct om_labels labels;
	size_t used = 1, room = 0;

	e->labels = calloc(e->view->nr * live->nr_resources + 1,
			   sizeof(*e->labels));
	if (!e->labels)
		return fail(ENOMEM, "no memory");
	for (size_t i = 0; i < e->view->nr * live->nr_resources; i++) {
		const struct live_container *c =
			e->view->rank[i / live->nr_resources].container;
		size_t r = i % live->nr_resources;

		if (live_idle(&c->row[r]))
			continue;
		om_labels_begin(&labels);
		om_label(&labels, "container", c->id.name);
		om_label(&labels, "resource", live->resource[r].name);
		om_labels_end(&labels);
		if (!e->text || used + labels.len + 1 > room) {
			char *text;

			room = 2 * room + sizeof(labels);
			text = realloc(e->text, room);
			if (!text)
				return fail(ENOMEM, "no memory");
			e->text = text;
		}
		memcpy(e->text + used, labels.text, labels.len + 1);
		e->labels[i] = used;
		used += labels.len + 1;
	}

	return 0;
}

static void put_amount(struct om *om, const char *labels,
		       const struct metric_unit *unit, int64_t amount)
{
	if (amount == RESCORE_UNLIMITED)
		om_infinite(om, labels);
	else
		om_decimal(om, labels, (om_wide)amount * unit->factor,
			   unit->decimals);
}

/* One figure of all rows whose unit belongs to @family. */
static void put_figure(const struct exporter *e, const struct figure *figure,
		       unsigned int family)
{
	const struct live *live = e->view->live;
	bool begun = false;
	char name[64];

	snprintf(name, sizeof(name), "rescore_resource_%s%s", figure->name,
		 families[family].suffix);
	for (size_t i = 0; i < e->view->nr; i++) {
		const struct live_container *c = e->view->rank[i].container;

		for (unsigned int r = 0; r < live->nr_resources; r++) {
			const struct metric_unit *unit =
				unit_of(&live->resource[r], figure->unit);
			const char *labels = labels_of(e, i, r);

			if (!labels || unit->family != family)
				continue;
			if (!begun)
				om_family(e->om, name, OM_GAUGE,
					  families[family].unit, figure->help);
			begun = true;
			put_amount(e->om, labels, unit,
				   figure->get(&c->row[r]));
		}
	}
}

static void put_failures(const struct exporter *e)
{
	const struct live *live = e->view->live;

	om_family(e->om, "rescore_resource_failures", OM_COUNTER, NULL,
		  "Requests that were refused; in mode observe, would have "
		  "been.");
	for (size_t i = 0; i < e->view->nr; i++)
		for (unsigned int r = 0; r < live->nr_resources; r++)
			if (labels_of(e, i, r))
				om_integer(e->om, labels_of(e, i, r),
					   e->view->rank[i]
						   .container->row[r]
						   .failcnt);
}

static void put_used(const struct exporter *e)
{
	const struct live *live = e->view->live;

	om_family(e->om, "rescore_resource_used_ratio", OM_GAUGE, "ratio",
		  "held divided by the barrier, or by the limit if that is 0; "
		  "of rows with a bound.");
	for (size_t i = 0; i < e->view->nr; i++) {
		const struct live_container *c = e->view->rank[i].container;

		for (unsigned int r = 0; r < live->nr_resources; r++) {
			double used = live_used(&c->row[r]);

			if (!labels_of(e, i, r) || isnan(used))
				continue;
			if (isinf(used) || used > 1e12)
				om_infinite(e->om, labels_of(e, i, r));
			else
				om_decimal(e->om, labels_of(e, i, r),
					   (om_wide)(used * 1e4 + 1e-6), 4);
		}
	}
}

static void put_created(const struct exporter *e)
{
	om_family(e->om, "rescore_container_created_timestamp_seconds",
		  OM_GAUGE, "seconds",
		  "When the container was made, in seconds since 1970.");
	for (size_t i = 0; i < e->view->nr; i++) {
		const struct live_container *c = e->view->rank[i].container;
		struct om_labels labels;

		om_labels_begin(&labels);
		om_label(&labels, "container", c->id.name);
		om_labels_end(&labels);
		om_integer(e->om, labels.text, (uint64_t)c->id.created);
	}
}

int metrics_format(const struct metrics_view *view, struct om *om)
{
	struct exporter e = { .view = view, .om = om };
	int err;

	err = make_labels(&e);
	if (!err) {
		for (size_t f = 0; f < NR_FIGURES; f++)
			for (unsigned int i = 0; i < NR_FAMILIES; i++)
				put_figure(&e, &figures[f], i);
		put_used(&e);
		put_failures(&e);
		put_created(&e);
		if (!view->tenant)
			metrics_host(view->live, om);
		err = om_end(om);
	}
	free(e.text);
	free(e.labels);

	return err;
}

static int format_of(const struct args *args, enum om_dialect *ret_dialect)
{
	const char *dot = args->output ? strrchr(args->output, '.') : NULL;

	/* What node_exporter picks up it reads as 0.0.4. */
	*ret_dialect = dot && !strcmp(dot, ".prom") ? OM_TEXT : OM_1_0;
	if (!args->format)
		return 0;
	if (!strcmp(args->format, "openmetrics"))
		*ret_dialect = OM_1_0;
	else if (!strcmp(args->format, "text"))
		*ret_dialect = OM_TEXT;
	else
		return fail(EINVAL,
			    "metrics: --format '%s': give openmetrics "
			    "or text",
			    args->format);
	return 0;
}

static int read_and_format(const struct args *args, struct om *om)
{
	struct live live = {};
	struct metrics_view view = { .live = &live };
	struct rank *rank = NULL;
	struct live_source *source;
	size_t most = args->top ? (size_t)args->top : METRICS_TOP;
	int err;

	err = live_open(&source);
	if (err)
		return err;
	err = source->read(source, &live);
	if (!err)
		err = rank_all(&live, NULL, -1, RANK_TROUBLE, NULL, &rank,
			       &view.nr);
	if (!err) {
		view.rank = rank;
		if (!args->all && view.nr > most)
			view.nr = most;
		err = metrics_format(&view, om);
	}
	free(rank);
	live_free(&live);
	source->close(source);

	return err;
}

static int to_stdout(void *arg, const char *data, size_t len)
{
	(void)arg;
	write_output(data, len);
	return 0;
}

static int to_file(void *arg, const char *data, size_t len)
{
	const struct file_out *out = arg;

	return write_all(out->fd, data, len);
}

/* Into @path as a whole; a million samples are not kept in memory for that. */
static int write_metrics(const struct args *args, struct om *om)
{
	const char *path = args->output;
	struct file_out out;
	int err;

	if (!path || !strcmp(path, "-")) {
		om->sink = to_stdout;
		return read_and_format(args, om);
	}
	err = file_begin_path(path, &out);
	if (err)
		return file_failed(path, err);
	om->sink = to_file;
	om->arg = &out;
	err = read_and_format(args, om);
	om->arg = NULL;
	/* Without a table the old file stays. */
	if (err && !om->err) {
		(void)file_end(&out, err);
		return err;
	}

	return file_failed(path, file_end(&out, err));
}

int metrics_run(const struct args *args)
{
	struct om om = {};
	int err;

	if (format_of(args, &om.dialect)) {
		say("%s", failure());
		return RSTAT_USAGE;
	}
	err = write_metrics(args, &om);
	if (err)
		say("%s", failure());
	om_free(&om);

	return err ? RSTAT_FAILED : RSTAT_OK;
}

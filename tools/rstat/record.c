// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "layout.h"
#include "record.h"
#include "rows.h"
#include "rrd_file.h"
#include "rrd_shim.h"
#include "say.h"

static int64_t newest_stamp(const struct series *series)
{
	int64_t newest = 0;

	if (series->use.nr)
		newest = series->use.stamp[series->use.nr - 1];
	if (series->cap.nr && series->cap.stamp[series->cap.nr - 1] > newest)
		newest = series->cap.stamp[series->cap.nr - 1];
	for (size_t i = 0; i < series->nr_changes; i++)
		if (series->change[i].change.stamp > newest)
			newest = series->change[i].change.stamp;

	return newest;
}

static int64_t oldest_stamp(const struct series *series)
{
	return series->use.nr ? series->use.stamp[0] : newest_stamp(series);
}

static int fail_later(int64_t last)
{
	time_t when = (time_t)last;
	char text[32] = "";
	struct tm tm;

	if (localtime_r(&when, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	return fail(ETIME,
		    "its last sample is of %s, later than now; set the "
		    "clock, or move the file away",
		    text);
}

/* Where rows go: into the files, or to rrdcached. */
struct target {
	const struct store *store;
	struct cached *cached;	/* or NULL */
	unsigned int owner;
	struct recorded *ret;
};

/* What the daemon was not told that would be lost without a word. */
static int check_columns(const char *name, const char *wanted)
{
	char *columns;
	int err = rrd_shim_columns(name, &columns);

	if (err)
		return err;
	if (strcmp(columns, wanted))
		err = fail(EINVAL, "has other columns than those of rstat");
	free(columns);

	return err;
}

/*
 * Which row is the newest: of the file, or of what rrdcached has taken. That is
 * known from the last time, or else the daemon has to write it first.
 */
static int find_newest(const struct target *to, const struct series *series,
		       enum layout_kind kind, const char *path,
		       const char *name, bool fresh, int64_t *ret_last)
{
	int64_t sent = kind == LAYOUT_CAP ? series->sent_cap : series->sent_use;
	int err = 0;

	if (sent && !fresh) {
		*ret_last = sent;
		return 0;
	}
	if (to->cached && !fresh)
		err = cached_flush(to->cached, path);

	return err ? err : rrd_shim_last(name, ret_last);
}

/*
 * @known: this very file took our rows before. Then they need no names of their
 * columns, which librrd looks up one by one: that takes as long as a few rows.
 */
static int put_rows(const struct target *to, const struct set_map *map,
		    enum layout_kind kind, const struct rows *rows,
		    const char *path, const char *name, bool known)
{
	char *columns = NULL;
	int err = 0;

	if (!rows->nr)
		return 0;
	if (!known) {
		columns = rows_columns(map, kind);
		if (!columns)
			return fail(ENOMEM, "no memory");
	}
	if (!to->cached)
		err = rrd_shim_update(name, columns, rows->nr, rows->row);
	else if (!known)
		err = check_columns(name, columns);
	if (to->cached && !err)
		err = cached_add(to->cached, to->owner, path, rows->nr,
				 rows->row);
	free(columns);

	return err;
}

/* Where the file is remembered that takes these rows; NULL: nowhere. */
static uint64_t *met(const struct target *to, const struct set_map *map,
		     enum layout_kind kind)
{
	return map->number < BATCH_SETS ?
		       &to->ret->identity[map->number][kind] :
		       NULL;
}

static int record_rows(const struct target *to, const struct series_dir *dir,
		       const struct set_map *map, const struct series *series,
		       enum layout_kind kind, const char *name,
		       const struct rrd_file_state *state)
{
	int64_t last = 0, newest = rows_newest(series, kind);
	uint64_t *file_met = met(to, map, kind);
	bool known = file_met && *file_met && *file_met == state->identity &&
		     series->sent_use;
	char file[STORE_SERIES_LEN + LAYOUT_FILE_LEN], path[4096] = "";
	struct rows rows;
	int err = 0;

	snprintf(file, sizeof(file), "%s/%s", dir->path, name);
	if (to->cached)
		err = cached_path(to->cached, to->store->real, file, path,
				  sizeof(path));
	if (!err)
		err = find_newest(to, series, kind, path, name, state->fresh,
				  &last);
	if (!err && last > newest)
		err = fail_later(last);
	if (err)
		return err;
	err = rows_make(map, series, kind, to->store->step, last, state->fresh,
			&rows);
	if (!err)
		err = put_rows(to, map, kind, &rows, path, name, known);
	if (!err && rows.nr && file_met)
		*file_met = state->identity;
	rows_free(&rows);

	return err;
}

static int record_file(const struct target *to, const struct series_dir *dir,
		       const struct set_map *map, const struct series *series,
		       enum layout_kind kind)
{
	struct rrd_file_state state = {};
	char name[LAYOUT_FILE_LEN];
	int err;

	layout_file_name(kind, map->number, name);
	err = rrd_file_ensure(dir, map, kind, to->store->step,
			      oldest_stamp(series), name, &state);
	if (!err && rows_newest(series, kind))
		err = record_rows(to, dir, map, series, kind, name, &state);
	if (err == -EIO)
		return fail(EIO,
			    "%s: %s; if it is damaged, move it away: it is "
			    "made anew",
			    name, failure());
	if (err)
		return fail(-err, "%s: %s", name, failure());
	return 0;
}

static bool set_units(struct meta_resource *resource,
		      const struct schema *schema, unsigned int i)
{
	unsigned int held = schema->resource[i].held_unit;
	unsigned int peak = schema->resource[i].peak_unit;

	bool no_ceiling = schema->resource[i].no_ceiling;

	if (resource->held_unit == held && resource->peak_unit == peak &&
	    resource->no_ceiling == no_ceiling)
		return false;
	resource->no_ceiling = no_ceiling;
	resource->held_unit = held;
	resource->peak_unit = peak;

	return true;
}

/* Bring meta.json up to date. */
static int update_meta(const struct series_dir *dir, struct meta *meta,
		       const struct series *series)
{
	unsigned int sets = meta->nr_sets;
	bool dirty = false;

	for (unsigned int i = 0; i < series->schema->nr; i++) {
		struct meta_resource *resource;

		resource = meta_add(meta, series->schema->resource[i].name,
				    series->schema->resource[i].unit, sets);
		if (!resource)
			return fail(ENOSPC,
				    META_FILE ": no room for resource '%s'",
				    series->schema->resource[i].name);
		dirty |= set_units(resource, series->schema, i);
	}
	for (size_t i = 0; i < series->nr_changes; i++) {
		const struct pending_change *p = &series->change[i];
		struct meta_resource *resource;

		resource = meta_find(meta,
				     series->schema->resource[p->resource].name,
				     NULL);
		if (resource && meta_change(resource, &p->change))
			dirty = true;
	}
	if (!dirty && meta->nr_sets == sets)
		return 0;

	/* Before the files: what it names and is not there is made later. */
	return store_write_meta(dir, meta);
}

/* Of several parts: one that is damaged does not stop the others. */
struct first_failure {
	int err;
	char why[512];
};

static void first_keep(struct first_failure *first, int err)
{
	if (!err || first->err)
		return;
	first->err = err;
	snprintf(first->why, sizeof(first->why), "%s", failure());
}

static int first_fail(const struct first_failure *first)
{
	return first->err ? fail(-first->err, "%s", first->why) : 0;
}

static int record_set(const struct target *to, const struct series_dir *dir,
		      const struct set_map *map, const struct series *series)
{
	struct first_failure first = {};

	for (int kind = 0; kind < LAYOUT_KINDS; kind++)
		first_keep(&first, record_file(to, dir, map, series,
					       (enum layout_kind)kind));

	return first_fail(&first);
}

struct maps {
	unsigned int nr;
	struct set_map map[META_SETS_MAX];
};

/* Sets whose resources are all gone have none. */
static void make_maps(const struct meta *meta, const struct schema *schema,
		      struct maps *ret)
{
	ret->nr = 0;
	for (unsigned int s = 0; s < meta->nr_sets; s++)
		if (set_map_make(&ret->map[ret->nr], meta, s, schema))
			ret->nr++;
}

static int record_sets(const struct target *to, const struct series_dir *dir,
		       const struct maps *maps, const struct series *series)
{
	struct first_failure first = {};

	if (fchdir(dir->fd))
		return fail(errno, "%s", strerror(errno));
	for (unsigned int i = 0; i < maps->nr; i++)
		first_keep(&first, record_set(to, dir, &maps->map[i], series));

	return first_fail(&first);
}

/* What meta.json of a new series of this schema would say, and its maps. */
struct plain {
	const struct schema *schema;
	struct meta meta;
	struct maps maps;
};

static const struct plain *plain_of(const struct schema *schema)
{
	static struct plain plain;

	if (plain.schema == schema)
		return &plain;
	meta_free(&plain.meta);
	plain.schema = NULL;
	if (meta_init(&plain.meta))
		return NULL;
	for (unsigned int i = 0; i < schema->nr; i++)
		if (!meta_add(&plain.meta, schema->resource[i].name,
			      schema->resource[i].unit, 0))
			return NULL;
	make_maps(&plain.meta, schema, &plain.maps);
	plain.schema = schema;

	return &plain;
}

/*
 * Are the same resources in the same files? Then meta.json need not be read
 * until something changes: that takes longer than to store a few samples.
 */
static bool is_plain(const struct meta *meta, const struct series_dir *dir,
		     const struct series *series)
{
	const struct plain *plain = plain_of(series->schema);
	const struct meta *want = plain ? &plain->meta : NULL;
	char path[STORE_SERIES_LEN];

	store_series_path(&series->id, 1, path);
	if (!want || want->nr_sets != meta->nr_sets || strcmp(path, dir->path))
		return false;
	for (unsigned int s = 0; s < want->nr_sets; s++) {
		if (want->set[s].nr != meta->set[s].nr)
			return false;
		for (unsigned int i = 0; i < want->set[s].nr; i++)
			if (strcmp(want->set[s].resource[i].name,
				   meta->set[s].resource[i].name))
				return false;
	}

	return true;
}

static int record_failed(const struct target *to, const struct series_dir *dir,
			 int err)
{
	return fail(-err, "'%s/%s': %s", to->store->path, dir->path, failure());
}

/* False: has to be done the long way. */
static bool record_plain(const struct target *to, const struct series *series,
			 int *ret_err)
{
	const struct plain *plain = plain_of(series->schema);
	struct series_dir dir;
	int err;

	if (!series->plain || series->nr_changes || !plain ||
	    store_open_directory(to->store, &series->id, &dir))
		return false;
	err = record_sets(to, &dir, &plain->maps, series);
	if (err)
		err = record_failed(to, &dir, err);
	to->ret->plain = true;
	series_dir_close(&dir);
	*ret_err = err;

	return true;
}

static int record_all(const struct target *to, const struct series *series)
{
	const struct store *store = to->store;
	struct series_dir dir = { .fd = -1 };
	struct meta meta = {};
	struct maps maps;
	int err;

	err = store_writer_series(store, &series->id, oldest_stamp(series),
				  &dir, &meta);
	if (err)
		return err;
	if (meta.step != store->step)
		err = fail(EINVAL, "holds samples of every %d s, not of %d s",
			   meta.step, store->step);
	if (!err)
		err = update_meta(&dir, &meta, series);
	if (!err) {
		make_maps(&meta, series->schema, &maps);
		err = record_sets(to, &dir, &maps, series);
	}
	if (err)
		err = record_failed(to, &dir, err);
	else
		to->ret->plain = is_plain(&meta, &dir, series);
	meta_free(&meta);
	series_dir_close(&dir);

	return err;
}

static int record(const struct target *to, const struct series *series)
{
	int err;

	memcpy(to->ret->identity, series->identity, sizeof(to->ret->identity));
	if (!record_plain(to, series, &err))
		err = record_all(to, series);
	to->ret->stamp = err ? 0 : newest_stamp(series);

	return err;
}

int record_series(const struct store *store, const struct series *series,
		  struct recorded *ret)
{
	struct target to = { .store = store, .ret = ret };

	return record(&to, series);
}

int record_cached(const struct store *store, const struct series *series,
		  struct cached *cached, unsigned int owner,
		  struct recorded *ret)
{
	struct target to = {
		.store = store,
		.cached = cached,
		.owner = owner,
		.ret = ret,
	};

	return record(&to, series);
}

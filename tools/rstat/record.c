// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "layout.h"
#include "record.h"
#include "rrd_shim.h"
#include "rows.h"
#include "say.h"

/* A new file begins so long before its first row that a gap comes first. */
static int64_t new_start(int64_t first, int file_step)
{
	return first - first % file_step - 4 * (int64_t)file_step;
}

static int create_file(const struct set_map *map, enum layout_kind kind,
		       int step, int64_t start, const char *name)
{
	const struct layout_file *file = &layout_files[kind];
	const char *arg[META_SET_MAX * LAYOUT_COLUMNS_MAX + LAYOUT_RRAS_MAX];
	char text[sizeof(arg) / sizeof(arg[0])][64];
	struct layout_rra rra[LAYOUT_RRAS_MAX];
	int file_step = layout_step(kind, step);
	int nr_rras = layout_rras(kind, step, rra);
	int n = 0;

	for (unsigned int i = 0; i < map->set->nr; i++)
		for (int c = 0; c < file->nr_columns; c++, n++)
			snprintf(text[n], sizeof(text[n]), "DS:%s_%s:%s:%d:0:U",
				 map->set->resource[i].name,
				 file->column[c].suffix, file->column[c].type,
				 layout_heartbeat(file_step));
	for (int r = 0; r < nr_rras; r++, n++)
		snprintf(text[n], sizeof(text[n]), "RRA:%s:%s:%d:%d", file->cf,
			 file->xff, rra[r].steps, rra[r].rows);
	for (int i = 0; i < n; i++)
		arg[i] = text[i];

	return rrd_shim_create(name, file_step, start, n, arg);
}

/* Bytes of the rows alone; a whole file is larger. */
static int64_t least_size(const struct set_map *map, enum layout_kind kind,
			  int step)
{
	struct layout_rra rra[LAYOUT_RRAS_MAX];
	int64_t rows = 0;

	for (int r = layout_rras(kind, step, rra); r-- > 0;)
		rows += rra[r].rows;
	return rows * map->set->nr * layout_files[kind].nr_columns * 8;
}

/*
 * On the disk, and out of the page cache: written in one go, the file is cached
 * in large folios, and every later update would write one of those (169 KB
 * where 24 KB do, ext4 of Linux 6.18). Read back, they are single pages.
 */
static int settle_file(int dir, const char *name, int64_t least)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int err = 0;

	if (fd < 0)
		return fail(errno, "not made: %s", strerror(errno));
	if (fstat(fd, &st) || st.st_size <= least)
		err = fail(ENOSPC, "not made as a whole: is the disk full?");
	else if (fdatasync(fd))
		err = fail(errno, "%s", strerror(errno));
	else
		(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
	if (err)
		(void)unlinkat(dir, name, 0);

	return err;
}

/* librrd finds out late, and leaves a hole that ends in SIGBUS. */
static int check_space(int dir, int64_t need)
{
	struct statvfs fs;
	uint64_t free_bytes;

	if (fstatvfs(dir, &fs))
		return fail(errno, "%s", strerror(errno));
	free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (free_bytes < (uint64_t)need + 65536)
		return fail(ENOSPC,
			    "the disk is full: %llu KB free, %llu KB "
			    "needed",
			    (unsigned long long)free_bytes / 1024,
			    (unsigned long long)need / 1024 + 64);
	return 0;
}

/* True in *@ret_new: the file was made just now. */
static int ensure_file(const struct series_dir *dir, const struct set_map *map,
		       enum layout_kind kind, int step, int64_t first,
		       const char *name, bool *ret_new)
{
	int64_t least = least_size(map, kind, step);
	struct stat st;
	int err;

	*ret_new = false;
	if (!fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW)) {
		if (S_ISREG(st.st_mode))
			return 0;
		return fail(EINVAL, "not a regular file");
	}
	if (errno != ENOENT)
		return fail(errno, "%s", strerror(errno));

	err = check_space(dir->fd, least);
	if (!err)
		err = create_file(map, kind, step,
				  new_start(first, layout_step(kind, step)),
				  name);
	if (!err)
		err = settle_file(dir->fd, name, least);
	*ret_new = !err;

	return err;
}

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
};

/* What the daemon was not told that would be lost without a word. */
static int check_columns(const char *name, const struct rows *rows)
{
	char *columns;
	int err = rrd_shim_columns(name, &columns);

	if (err)
		return err;
	if (strcmp(columns, rows->columns))
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

static int put_rows(const struct target *to, const struct rows *rows,
		    const char *path, const char *name, bool known)
{
	int err = 0;

	if (!rows->nr)
		return 0;
	if (!to->cached)
		return rrd_shim_update(name, rows->columns, rows->nr,
				       rows->row);
	if (!known)
		err = check_columns(name, rows);

	return err ? err :
		     cached_add(to->cached, to->owner, path, rows->nr,
				rows->row);
}

static int record_rows(const struct target *to, const struct series_dir *dir,
		       const struct set_map *map, const struct series *series,
		       enum layout_kind kind, const char *name, bool fresh)
{
	int64_t last = 0, newest = rows_newest(series, kind);
	bool known = series->sent_use && !fresh;
	char file[STORE_SERIES_LEN + LAYOUT_FILE_LEN], path[4096] = "";
	struct rows rows;
	int err = 0;

	if (!newest)
		return 0;
	snprintf(file, sizeof(file), "%s/%s", dir->path, name);
	if (to->cached)
		err = cached_path(to->cached, to->store->real, file, path,
				  sizeof(path));
	if (!err)
		err = find_newest(to, series, kind, path, name, fresh, &last);
	if (!err && last > newest)
		err = fail_later(last);
	if (err)
		return err;
	err = rows_make(map, series, kind, to->store->step, last, fresh, &rows);
	if (!err)
		err = put_rows(to, &rows, path, name, known);
	rows_free(&rows);

	return err;
}

static int record_file(const struct target *to, const struct series_dir *dir,
		       const struct set_map *map, const struct series *series,
		       enum layout_kind kind)
{
	char name[LAYOUT_FILE_LEN];
	bool fresh;
	int err;

	layout_file_name(kind, map->number, name);
	err = ensure_file(dir, map, kind, to->store->step, oldest_stamp(series),
			  name, &fresh);
	if (!err)
		err = record_rows(to, dir, map, series, kind, name, fresh);
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

/* Bring meta.json up to date; *@ret_map says which values go where. */
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

static int record_sets(const struct target *to, const struct series_dir *dir,
		       const struct meta *meta, const struct series *series)
{
	char first[512] = "";
	int err = 0;

	for (unsigned int s = 0; s < meta->nr_sets; s++) {
		struct set_map map;

		if (!set_map_make(&map, meta, s, series->schema))
			continue;	/* its resources are gone */
		for (int kind = 0; kind < LAYOUT_KINDS; kind++) {
			int rc = record_file(to, dir, &map, series,
					     (enum layout_kind)kind);

			/* One damaged file does not stop the others. */
			if (!rc || err)
				continue;
			err = rc;
			snprintf(first, sizeof(first), "%s", failure());
		}
	}

	return err ? fail(-err, "%s", first) : 0;
}

/* What meta.json of a new series of this schema would say. */
static const struct meta *schema_meta(const struct schema *schema)
{
	static const struct schema *made_of;
	static struct meta meta;

	if (made_of == schema)
		return &meta;
	meta_free(&meta);
	made_of = NULL;
	if (meta_init(&meta))
		return NULL;
	for (unsigned int i = 0; i < schema->nr; i++)
		if (!meta_add(&meta, schema->resource[i].name,
			      schema->resource[i].unit, 0))
			return NULL;
	made_of = schema;

	return &meta;
}

/*
 * Are the same resources in the same files? Then meta.json need not be read
 * until something changes: that takes longer than to store a few samples.
 */
static bool is_plain(const struct meta *meta, const struct series_dir *dir,
		     const struct series *series)
{
	const struct meta *want = schema_meta(series->schema);
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

/* False: has to be done the long way. */
static bool record_plain(const struct target *to, const struct series *series,
			 struct recorded *ret, int *ret_err)
{
	const struct meta *meta = schema_meta(series->schema);
	struct series_dir dir;
	int err = 0;

	if (!series->plain || series->nr_changes || !meta ||
	    store_open_directory(to->store, &series->id, &dir))
		return false;
	if (fchdir(dir.fd))
		err = fail(errno, "%s", strerror(errno));
	if (!err)
		err = record_sets(to, &dir, meta, series);
	if (err)
		err = fail(-err, "'%s/%s': %s", to->store->path, dir.path,
			   failure());
	else
		*ret = (struct recorded){ newest_stamp(series), true };
	series_dir_close(&dir);
	*ret_err = err;

	return true;
}

static int record(const struct target *to, const struct series *series,
		  struct recorded *ret)
{
	const struct store *store = to->store;
	struct series_dir dir = { .fd = -1 };
	struct meta meta = {};
	int err;

	if (record_plain(to, series, ret, &err))
		return err;
	err = store_writer_series(store, &series->id, oldest_stamp(series),
				  &dir, &meta);
	if (err)
		return err;
	if (meta.step != store->step)
		err = fail(EINVAL, "holds samples of every %d s, not of %d s",
			   meta.step, store->step);
	else if (fchdir(dir.fd))
		err = fail(errno, "%s", strerror(errno));
	if (!err)
		err = update_meta(&dir, &meta, series);
	if (!err)
		err = record_sets(to, &dir, &meta, series);
	if (err)
		err = fail(-err, "'%s/%s': %s", store->path, dir.path,
			   failure());
	else
		*ret = (struct recorded){ newest_stamp(series),
					  is_plain(&meta, &dir, series) };
	meta_free(&meta);
	series_dir_close(&dir);

	return err;
}

int record_series(const struct store *store, const struct series *series,
		  struct recorded *ret)
{
	struct target to = { .store = store };

	return record(&to, series, ret);
}

int record_cached(const struct store *store, const struct series *series,
		  struct cached *cached, unsigned int owner,
		  struct recorded *ret)
{
	struct target to = {
		.store = store,
		.cached = cached,
		.owner = owner,
	};

	return record(&to, series, ret);
}

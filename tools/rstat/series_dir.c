// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "layout.h"
#include "say.h"
#include "store.h"

#define SERIES_MAX	99	/* creations with the same name and serial */

void store_encode(const char *name, char *buf, size_t size)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789._-";
	size_t used = 0;

	*buf = '\0';
	for (const char *c = name; *c && used + 4 < size; c++) {
		/* No name may be hidden, or lead out of the directory. */
		bool keep = strchr(plain, *c) && !(c == name && *c == '.');

		used += (size_t)snprintf(buf + used, size - used,
					 keep ? "%c" : "%%%02X",
					 (unsigned char)*c);
	}
}

/* FNV-1a, folded to 8 bits: www.isthe.com/chongo/tech/comp/fnv */
static unsigned int shard(const char *name)
{
	uint32_t hash = 2166136261U;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619U;
	hash ^= hash >> 16;

	return (hash ^ hash >> 8) & 0xff;
}

void store_series_path(const struct container_id *id, unsigned int series,
		       char buf[STORE_SERIES_LEN])
{
	char name[RESCORE_NAME_LEN * 3];
	char more[12] = "";

	store_encode(id->name, name, sizeof(name));
	if (series > 1)
		snprintf(more, sizeof(more), ".%u", series);
	snprintf(buf, STORE_SERIES_LEN, "%02x/%s@%" PRIu64 "%s",
		 shard(id->name), name, id->serial, more);
}

void series_dir_close(struct series_dir *dir)
{
	if (dir->fd >= 0)
		close(dir->fd);
	dir->fd = -1;
}

const char *series_dir_serial(const struct series_dir *dir)
{
	const char *at = strrchr(dir->path, '@');

	return at ? at + 1 : dir->path;
}

static int open_dir(int parent, const char *name)
{
	int fd = openat(parent, name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return fd;
}

/* Open dir->path, one component at a time; with @make, make it. */
static int open_series(const struct store *store, bool make,
		       struct series_dir *dir)
{
	char top[3];
	int fd, err;

	snprintf(top, sizeof(top), "%.2s", dir->path);
	if (make && mkdirat(store->fd, top, 0755) && errno != EEXIST)
		return -errno;
	fd = open_dir(store->fd, top);
	if (fd < 0)
		return fd;
	if (make && mkdirat(fd, dir->path + 3, 0755) && errno != EEXIST) {
		err = -errno;
		close(fd);
		return err;
	}
	dir->fd = open_dir(fd, dir->path + 3);
	close(fd);

	return dir->fd < 0 ? dir->fd : 0;
}

/* -ENOENT: there is no such file. */
static int read_meta(const struct series_dir *dir, struct meta *ret_meta)
{
	struct blob text;
	int fd, err;

	fd = openat(dir->fd, META_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	err = fd < 0 ? -errno : blob_read(fd, &text);
	if (fd >= 0)
		close(fd);
	if (err)
		return fail(-err, "cannot read " META_FILE ": %s",
			    strerror(-err));
	err = meta_parse(&text, ret_meta);
	if (err)
		err = fail(-err, META_FILE " is %s", failure());
	blob_free(&text);

	return err;
}

int store_write_meta(const struct series_dir *dir, const struct meta *meta)
{
	struct blob text;
	int err;

	err = meta_format(meta, &text);
	if (err)
		return err;
	err = file_replace(dir->fd, META_FILE, text.data, text.len);
	blob_free(&text);
	if (err)
		return fail(-err, "cannot write " META_FILE ": %s",
			    strerror(-err));

	return 0;
}

static bool same_container(const struct container_id *a,
			   const struct container_id *b)
{
	return a->serial == b->serial && a->created == b->created &&
	       !strcmp(a->name, b->name);
}

static int new_meta(const struct store *store, const struct container_id *id,
		    int64_t first, struct meta *ret_meta)
{
	int err = meta_init(ret_meta);

	if (err)
		return err;
	ret_meta->id = *id;
	ret_meta->first = first;
	ret_meta->step = store->step;
	ret_meta->cap_step = layout_cap_step(store->step);

	return 0;
}

static int fail_make(const struct store *store, const struct series_dir *dir,
		     int err)
{
	const char *why = strerror(-err);

	if (err == -ENOTDIR)
		why = "something else, or a symbolic link, is in its place";
	return fail(-err, "cannot make '%s/%s': %s", store->path, dir->path,
		    why);
}

int store_writer_series(const struct store *store,
			const struct container_id *id, int64_t first,
			struct series_dir *ret_dir, struct meta *ret_meta)
{
	for (unsigned int n = 1; n <= SERIES_MAX; n++) {
		struct series_dir dir = { .fd = -1 };
		struct meta meta;
		int err;

		store_series_path(id, n, dir.path);
		err = open_series(store, true, &dir);
		if (err)
			return fail_make(store, &dir, err);
		err = read_meta(&dir, &meta);
		if (err == -ENOENT)
			err = new_meta(store, id, first, &meta);
		if (err) {
			series_dir_close(&dir);
			return fail(-err, "'%s/%s': %s", store->path, dir.path,
				    failure());
		}
		if (same_container(&meta.id, id)) {
			*ret_dir = dir;
			*ret_meta = meta;
			return 0;
		}
		/* The serial of another creation: rescore was loaded anew. */
		meta_free(&meta);
		series_dir_close(&dir);
	}

	return fail(EEXIST,
		    "'%s' has %d series of serial %" PRIu64
		    "; move the directory away",
		    id->name, SERIES_MAX, id->serial);
}

int store_open_directory(const struct store *store,
			 const struct container_id *id,
			 struct series_dir *ret_dir)
{
	struct series_dir dir = { .fd = -1 };
	int err;

	store_series_path(id, 1, dir.path);
	err = open_series(store, false, &dir);
	if (!err)
		*ret_dir = dir;

	return err;
}

int store_open_series(const struct store *store, struct series_dir *dir,
		      struct meta *ret_meta)
{
	int err = open_series(store, false, dir);

	if (err)
		err = fail(-err, "cannot open: %s", strerror(-err));
	else
		err = read_meta(dir, ret_meta);
	if (err)
		err = fail(-err, "'%s/%s': %s", store->path, dir->path,
			   failure());

	return err;
}

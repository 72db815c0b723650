// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "say.h"
#include "store.h"

struct names {
	char **name;
	size_t nr;
	size_t room;
};

static void names_free(struct names *names)
{
	for (size_t i = 0; i < names->nr; i++)
		free(names->name[i]);
	free(names->name);
	*names = (struct names){};
}

static int names_add(struct names *names, const char *name)
{
	if (names->nr == names->room) {
		size_t room = names->room ? 2 * names->room : 64;
		char **more = realloc(names->name, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		names->name = more;
		names->room = room;
	}
	names->name[names->nr] = strdup(name);
	if (!names->name[names->nr])
		return -ENOMEM;
	names->nr++;

	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/*
 * The series directories in @top ("ab") that begin with @prefix, sorted, as
 * paths below the store. None if there is no such directory.
 */
static int list_series(const struct store *store, const char *top,
		       const char *prefix, struct names *names)
{
	int fd = openat(store->fd, top,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int err = 0;

	if (!dir) {
		err = fd < 0 ? errno : ENOMEM;
		if (fd >= 0)
			close(fd);
		if (err == ENOENT)
			return 0;
		return fail(err, "cannot list '%s/%s': %s", store->path, top,
			    strerror(err));
	}
	while (!err && (entry = readdir(dir))) {
		char path[STORE_SERIES_LEN];

		if (entry->d_name[0] == '.' || !strchr(entry->d_name, '@') ||
		    strncmp(entry->d_name, prefix, strlen(prefix)) ||
		    snprintf(path, sizeof(path), "%s/%s", top, entry->d_name) >=
			    (int)sizeof(path))
			continue;
		err = names_add(names, path);
	}
	closedir(dir);
	if (err)
		return fail(-err, "no memory");
	if (names->nr)
		qsort(names->name, names->nr, sizeof(*names->name), by_name);

	return 0;
}

/* Is @a made after @b? */
static bool newer(const struct meta *a, const struct meta *b)
{
	if (a->id.created != b->id.created)
		return a->id.created > b->id.created;
	return a->id.serial > b->id.serial;
}

/* "17" stands for "17.2" too. */
static bool serial_matches(const char *have, const char *want)
{
	size_t len = strlen(want);

	return !strncmp(have, want, len) &&
	       (!have[len] || (have[len] == '.' && !strchr(want, '.')));
}

/* Open @path and keep it if it is newer than what *@dir and *@meta are. */
static int consider(const struct store *store, const char *path,
		    struct series_dir *dir, struct meta *meta)
{
	struct series_dir candidate = { .fd = -1 };
	struct meta candidate_meta = {};
	int err;

	snprintf(candidate.path, sizeof(candidate.path), "%s", path);
	err = store_open_series(store, &candidate, &candidate_meta);
	if (err) {
		series_dir_close(&candidate);
		return err;
	}
	if (dir->fd >= 0 && !newer(&candidate_meta, meta)) {
		series_dir_close(&candidate);
		meta_free(&candidate_meta);
		return 0;
	}
	series_dir_close(dir);
	meta_free(meta);
	*dir = candidate;
	*meta = candidate_meta;

	return 0;
}

int store_find_series(const struct store *store, const char *name,
		      const char *series, struct series_dir *ret_dir,
		      struct meta *ret_meta)
{
	struct container_id id = {};
	struct series_dir dir = { .fd = -1 };
	struct meta meta = {};
	struct names names = {};
	char path[STORE_SERIES_LEN];
	bool damaged = false;
	int err;

	if (strlen(name) >= sizeof(id.name))
		return fail(ENOENT,
			    "'%s' is no container: the name is too long", name);
	strncpy(id.name, name, sizeof(id.name) - 1);
	store_series_path(&id, 1, path);
	path[2] = '\0';
	*strrchr(path + 3, '@') = '\0';
	strcat(path + 3, "@");

	err = list_series(store, path, path + 3, &names);
	for (size_t i = 0; !err && i < names.nr; i++) {
		if (series &&
		    !serial_matches(strrchr(names.name[i], '@') + 1, series))
			continue;
		if (consider(store, names.name[i], &dir, &meta)) {
			say("%s", failure());
			damaged = true;
		}
	}
	names_free(&names);
	if (err)
		return err;
	if (dir.fd < 0 && damaged)
		return fail(EPROTO,
			    "'%s' has nothing readable of container '%s'",
			    store->path, name);
	if (dir.fd < 0)
		return fail(ENOENT,
			    "'%s' has no samples of container '%s'%s%s;"
			    " see 'rstat list --dir %s'",
			    store->path, name, series ? " with serial " : "",
			    series ? series : "", store->path);
	*ret_dir = dir;
	*ret_meta = meta;

	return 0;
}

int store_each_path(const struct store *store,
		    int (*visit)(void *arg, const char *path), void *arg)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < 256; i++) {
		struct names names = {};
		char top[3];

		snprintf(top, sizeof(top), "%02x", i & 0xff);
		err = list_series(store, top, "", &names);
		for (size_t n = 0; !err && n < names.nr; n++)
			err = visit(arg, names.name[n]);
		names_free(&names);
	}

	return err;
}

struct each {
	const struct store *store;
	int (*visit)(void *arg, const struct series_dir *dir,
		     const struct meta *meta);
	void *arg;
};

static int visit_one(void *arg, const char *path)
{
	const struct each *each = arg;
	struct series_dir dir = { .fd = -1 };
	struct meta meta = {};
	int err;

	snprintf(dir.path, sizeof(dir.path), "%s", path);
	err = store_open_series(each->store, &dir, &meta);
	err = each->visit(each->arg, &dir, err ? NULL : &meta);
	series_dir_close(&dir);
	meta_free(&meta);

	return err;
}

int store_each(const struct store *store,
	       int (*visit)(void *arg, const struct series_dir *dir,
			    const struct meta *meta),
	       void *arg)
{
	struct each each = { store, visit, arg };

	return store_each_path(store, visit_one, &each);
}

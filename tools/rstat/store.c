// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "layout.h"
#include "say.h"
#include "store.h"

#define STORE_FILE	"store.json"
#define LOCK_FILE	".lock"
#define CACHED_FILE	"rrdcached"

void store_close(struct store *store)
{
	if (store->fd >= 0)
		close(store->fd);
	if (store->lock >= 0)
		close(store->lock);
	free(store->path);
	free(store->real);
	free(store->cached);
	*store = (struct store){ .fd = -1, .lock = -1 };
}

static int open_base(struct store *store, const char *path, int flags)
{
	*store = (struct store){ .fd = -1, .lock = -1, .path = strdup(path) };
	if (!store->path)
		return fail(ENOMEM, "no memory");
	store->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
	if (store->fd < 0 && errno == ENOTDIR)
		return fail(ENOTDIR, "'%s' is no directory%s", path,
			    flags & O_NOFOLLOW ? ", or a symbolic link" : "");
	if (store->fd < 0)
		return fail(errno, "cannot open '%s': %s", path,
			    strerror(errno));

	return 0;
}

/* The step that store.json says; 0: there is no such file. */
static int read_step(const struct store *store, int *ret_step)
{
	struct blob text;
	json_t *root;
	int version = 0, step = 0;
	int fd, err;

	fd = openat(store->fd, STORE_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		*ret_step = 0;
		return 0;
	}
	err = fd < 0 ? -errno : blob_read(fd, &text);
	if (fd >= 0)
		close(fd);
	if (err)
		return fail(-err, "cannot read '%s/" STORE_FILE "': %s",
			    store->path, strerror(-err));

	root = json_loadb(text.data, text.len, 0, NULL);
	blob_free(&text);
	if (json_unpack(root, "{s:i, s:i}", "version", &version, "step", &step))
		err = fail(EPROTO,
			   "'%s/" STORE_FILE "' is damaged, or not "
			   "written by rstat",
			   store->path);
	else if (version != STORE_VERSION)
		err = fail(EPROTO,
			   "'%s' is a store of version %d; this rstat "
			   "knows version %d",
			   store->path, version, STORE_VERSION);
	else if (!layout_step_ok(step))
		err = fail(EPROTO, "'%s/" STORE_FILE "': step %d is damaged",
			   store->path, step);
	json_decref(root);
	if (!err)
		*ret_step = step;

	return err;
}

/* Leaves store->cached NULL when the files are written directly. */
static int read_cached(struct store *store)
{
	struct blob text;
	int fd, err;

	fd = openat(store->fd, CACHED_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	err = fd < 0 ? -errno : blob_read(fd, &text);
	if (fd >= 0)
		close(fd);
	if (err)
		return fail(-err, "cannot read '%s/" CACHED_FILE "': %s",
			    store->path, strerror(-err));
	text.data[strcspn(text.data, "\n")] = '\0';
	store->cached = text.data;
	/* Readers change their working directory later. */
	store->real = realpath(store->path, NULL);
	if (!store->real)
		return fail(errno, "'%s': %s", store->path, strerror(errno));

	return 0;
}

int store_set_cached(struct store *store, const char *address)
{
	char text[512];
	int err;

	if (!address && store->cached)
		return fail(EBUSY,
			    "'%s' is written through rrdcached at '%s': give "
			    "--rrdcached, or stop that one, let it write all it "
			    "has, and remove '%s/" CACHED_FILE "'",
			    store->path, store->cached, store->path);
	if (!address)
		return 0;
	free(store->cached);
	free(store->real);
	store->cached = strdup(address);
	store->real = realpath(store->path, NULL);
	if (!store->cached || !store->real)
		return fail(ENOMEM, "'%s': %s", store->path, strerror(errno));
	snprintf(text, sizeof(text), "%s\n", address);
	err = file_replace(store->fd, CACHED_FILE, text, strlen(text));
	if (err)
		return fail(-err, "cannot write '%s/" CACHED_FILE "': %s",
			    store->path, strerror(-err));

	return 0;
}

int store_open(struct store *ret_store, const char *path)
{
	struct store store;
	int err;

	err = open_base(&store, path, 0);
	if (!err)
		err = read_step(&store, &store.step);
	if (!err)
		err = read_cached(&store);
	if (!err && !store.step)
		err = fail(ENOENT,
			   "'%s' holds no samples; "
			   "'rstat collect --dir %s' makes some",
			   path, path);
	if (err)
		store_close(&store);
	else
		*ret_store = store;

	return err;
}

/* @fd holds the number of the process that has the lock. */
static int fail_locked(const struct store *store, int fd)
{
	char pid[32] = "";
	ssize_t n = read(fd, pid, sizeof(pid) - 1);

	pid[n > 0 ? n : 0] = '\0';
	pid[strcspn(pid, "\n")] = '\0';
	return fail(EBUSY,
		    "'%s': process %s collects there already; stop it, or "
		    "give another --dir",
		    store->path, pid);
}

/* Two collectors would halve each other's peaks. */
static int lock(struct store *store)
{
	char pid[32];
	int fd, err;

	fd = openat(store->fd, LOCK_FILE,
		    O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return fail(errno, "cannot write in '%s': %s", store->path,
			    strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno == EWOULDBLOCK)
			err = fail_locked(store, fd);
		else
			err = fail(errno, "cannot lock '%s': %s", store->path,
				   strerror(errno));
		close(fd);
		return err;
	}
	/* The number is for the message above only. */
	snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	if (!ftruncate(fd, 0))
		(void)write_all(fd, pid, strlen(pid));
	store->lock = fd;

	return 0;
}

/* A directory that holds other things is a mistake in --dir. */
static int check_empty(const struct store *store)
{
	int fd = openat(store->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int err = 0;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return fail(ENOMEM, "cannot list '%s'", store->path);
	}
	while (!err && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' &&
		    strcmp(entry->d_name, "lost+found") &&
		    strncmp(entry->d_name, STORE_FILE, strlen(STORE_FILE)))
			err = fail(ENOTEMPTY,
				   "'%s' holds other files ('%s'); "
				   "give an empty or new --dir",
				   store->path, entry->d_name);
	closedir(dir);

	return err;
}

static int write_step(const struct store *store)
{
	char text[80];
	int err;

	snprintf(text, sizeof(text), "{\"version\":%d,\"step\":%d}\n",
		 STORE_VERSION, store->step);
	err = file_replace(store->fd, STORE_FILE, text, strlen(text));
	if (err)
		return fail(-err, "cannot write '%s/" STORE_FILE "': %s",
			    store->path, strerror(-err));

	return 0;
}

static int settle_step(struct store *store, int step)
{
	int err;

	err = read_step(store, &store->step);
	if (err)
		return err;
	if (store->step && step && step != store->step)
		return fail(EINVAL,
			    "'%s' holds samples of every %d s; leave "
			    "out --step %d, or give another --dir",
			    store->path, store->step, step);
	if (store->step)
		return 0;

	store->step = step ? step : STORE_STEP;
	err = check_empty(store);

	return err ? err : write_step(store);
}

int store_open_writer(struct store *ret_store, const char *path, int step)
{
	struct store store;
	int err;

	if (mkdir(path, 0755) && errno != EEXIST)
		return fail(errno, "cannot make '%s': %s", path,
			    strerror(errno));
	err = open_base(&store, path, O_NOFOLLOW);
	if (!err)
		err = lock(&store);
	if (!err)
		err = settle_step(&store, step);
	if (!err)
		err = read_cached(&store);
	if (err)
		store_close(&store);
	else
		*ret_store = store;

	return err;
}

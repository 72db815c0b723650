// SPDX-License-Identifier: GPL-2.0
/*
 * A series that goes is first renamed to a hidden one, which no reader looks at:
 * what is interrupted is finished the next time, and never seen as damaged.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "history.h"
#include "layout.h"
#include "reap.h"
#include "say.h"

#define GONE	".gone."

struct reaper {
	const struct store *store;
	int64_t before;
	long nr;
};

static int open_dir(int parent, const char *name)
{
	return openat(parent, name,
		      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static bool is_ours(const char *name)
{
	const char *dot = strrchr(name, '.');

	return !strcmp(name, META_FILE) ||
	       (dot && (!strcmp(dot, ".rrd") || !strcmp(dot, ".tmp")));
}

static DIR *list_dir(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);

	if (!dir && copy >= 0)
		close(copy);
	return dir;
}

static int remove_files(int fd)
{
	DIR *dir = list_dir(fd);
	struct dirent *entry;

	if (!dir)
		return -ENOMEM;
	while ((entry = readdir(dir)))
		if (is_ours(entry->d_name))
			(void)unlinkat(fd, entry->d_name, 0);
	closedir(dir);

	return 0;
}

static bool all_ours(int fd)
{
	DIR *dir = list_dir(fd);
	struct dirent *entry;
	bool ours = dir;

	while (dir && (entry = readdir(dir)))
		ours &= !strcmp(entry->d_name, ".") ||
			!strcmp(entry->d_name, "..") || is_ours(entry->d_name);
	if (dir)
		closedir(dir);

	return ours;
}

/* @top/@name, which is hidden by now. */
static int remove_hidden(const struct reaper *reaper, int top, const char *name)
{
	int fd = open_dir(top, name);
	int err = fd < 0 ? -errno : remove_files(fd);

	if (fd >= 0)
		close(fd);
	if (!err && unlinkat(top, name, AT_REMOVEDIR))
		err = -errno;
	if (err)
		say("cannot remove '%s/…/%s': %s", reaper->store->path, name,
		    err == -ENOTEMPTY || err == -EEXIST ?
			    "it holds other files" :
			    strerror(-err));
	return err;
}

static int remove_series(struct reaper *reaper, const struct series_dir *dir)
{
	char hidden[STORE_SERIES_LEN + sizeof(GONE)];
	char shard[3];
	int top, err;

	snprintf(shard, sizeof(shard), "%.2s", dir->path);
	snprintf(hidden, sizeof(hidden), GONE "%s", dir->path + 3);
	top = open_dir(reaper->store->fd, shard);
	if (top < 0)
		return -errno;
	err = renameat(top, dir->path + 3, top, hidden) ? -errno : 0;
	if (err)
		say("cannot remove '%s/%s': %s", reaper->store->path, dir->path,
		    strerror(-err));
	else
		err = remove_hidden(reaper, top, hidden);
	close(top);
	reaper->nr += !err;

	return err;
}

/* Files are touched whenever samples come: most need not be opened. */
static bool touched_since(const struct series_dir *dir, int64_t before)
{
	char name[LAYOUT_FILE_LEN];
	struct stat st;

	layout_file_name(LAYOUT_USE, 0, name);
	return !fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) &&
	       st.st_mtime > before;
}

static int visit(void *arg, const struct series_dir *dir,
		 const struct meta *meta)
{
	struct reaper *reaper = arg;
	int64_t last;

	if (!meta || touched_since(dir, reaper->before))
		return 0;
	if (history_last(dir, meta, &last)) {
		say("%s", failure());
		return 0;
	}
	/* Without a sample it may have been made just now. */
	if (!last || last > reaper->before)
		return 0;
	if (!all_ours(dir->fd))
		say("'%s/%s' is not removed: it holds other files",
		    reaper->store->path, dir->path);
	else
		(void)remove_series(reaper, dir);

	return 0;
}

static int64_t advance(int fd, int64_t now)
{
	struct timespec both[2];
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	/* empty until the first time */
	if (st.st_size && now > st.st_mtime + REAP_CLOCK_STEP)
		now = st.st_mtime + REAP_CLOCK_STEP;
	if (!st.st_size && write(fd, "1\n", 2) != 2)
		return -errno;
	both[0] = both[1] = (struct timespec){ .tv_sec = now };
	return futimens(fd, both) ? -errno : now;
}

int64_t reap_clock(const struct store *store, int64_t now)
{
	int64_t ret;
	int fd;

	fd = openat(store->fd, REAP_CLOCK,
		    O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	ret = fd < 0 ? -errno : advance(fd, now);
	if (ret < 0)
		say("'%s/" REAP_CLOCK "': %s", store->path,
		    strerror((int)-ret));
	if (fd >= 0)
		close(fd);
	return ret;
}

/* What an interrupted one has left. */
static void finish_others(const struct reaper *reaper)
{
	for (unsigned int i = 0; i < 256; i++) {
		char shard[3];
		struct dirent *entry;
		DIR *dir;
		int fd;

		snprintf(shard, sizeof(shard), "%02x", i & 0xff);
		fd = open_dir(reaper->store->fd, shard);
		if (fd < 0)
			continue;
		dir = list_dir(fd);
		while (dir && (entry = readdir(dir)))
			if (!strncmp(entry->d_name, GONE, strlen(GONE)))
				(void)remove_hidden(reaper, fd, entry->d_name);
		if (dir)
			closedir(dir);
		close(fd);
	}
}

int reap_before(const struct store *store, int64_t before, long *ret_nr)
{
	struct reaper reaper = { .store = store, .before = before };
	int err;

	finish_others(&reaper);
	err = store_each(store, visit, &reaper);
	*ret_nr = reaper.nr;

	return err;
}

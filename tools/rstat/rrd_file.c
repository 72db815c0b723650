// SPDX-License-Identifier: GPL-2.0
/* Round-robin files that are not there yet. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "rrd_file.h"
#include "rrd_shim.h"
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
 * A number of an inode is given again as soon as it is free: with the time when it
 * was made it is one of this file alone. 0: the file system keeps no such time.
 */
static uint64_t identity_of(const struct statx *st)
{
	uint64_t born;

	if (!(st->stx_mask & STATX_BTIME))
		return 0;
	born = (uint64_t)st->stx_btime.tv_sec * 1000000000 +
	       st->stx_btime.tv_nsec;

	return st->stx_ino * 0x9e3779b97f4a7c15ULL ^ born;
}

/*
 * On the disk, and out of the page cache: written in one go, the file is cached
 * in large folios, and every later update would write one of those (169 KB
 * where 24 KB do, ext4 of Linux 6.18). Read back, they are single pages.
 */
static int settle_file(int dir, const char *name, int64_t least,
		       uint64_t *ret_identity)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct statx st;
	int err = 0;

	if (fd < 0)
		return fail(errno, "not made: %s", strerror(errno));
	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME,
		  &st) ||
	    (int64_t)st.stx_size <= least)
		err = fail(ENOSPC, "not made as a whole: is the disk full?");
	else if (fdatasync(fd))
		err = fail(errno, "%s", strerror(errno));
	else
		(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
	if (err)
		(void)unlinkat(dir, name, 0);
	else
		*ret_identity = identity_of(&st);

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

int rrd_file_ensure(const struct series_dir *dir, const struct set_map *map,
		    enum layout_kind kind, int step, int64_t first,
		    const char *name, struct rrd_file_state *ret)
{
	int64_t least = least_size(map, kind, step);
	struct statx st;
	int err;

	if (!statx(dir->fd, name, AT_SYMLINK_NOFOLLOW,
		   STATX_TYPE | STATX_INO | STATX_BTIME, &st)) {
		if (!S_ISREG(st.stx_mode))
			return fail(EINVAL, "not a regular file");
		*ret = (struct rrd_file_state){ .identity = identity_of(&st) };
		return 0;
	}
	if (errno != ENOENT)
		return fail(errno, "%s", strerror(errno));

	err = check_space(dir->fd, least);
	if (!err)
		err = create_file(map, kind, step,
				  new_start(first, layout_step(kind, step)),
				  name);
	if (!err)
		err = settle_file(dir->fd, name, least, &ret->identity);
	if (!err)
		ret->fresh = true;

	return err;
}

/* SPDX-License-Identifier: GPL-2.0 */
/* Small files, read and replaced as a whole. */
#ifndef RSTAT_FILE_H
#define RSTAT_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct blob {
	char *data;
	size_t len;
};

void blob_free(struct blob *blob);

/* Everything that can still be read from @fd; NUL-terminated beyond len. */
int blob_read(int fd, struct blob *ret_blob);

int write_all(int fd, const void *data, size_t len);

/*
 * A file that is written in parts and takes its place only as a whole, once it is
 * on the disk; or, of a path that a user named, a device or a pipe, which is
 * written to and never replaced.
 */
struct file_out {
	int fd;			/* write to it */
	int dir;		/* -1: nothing will be replaced */
	bool own_dir;
	char name[NAME_MAX + 1];
	char temp[NAME_MAX + 1];
};

/* @name in @dir, which stays the caller's. */
int file_begin(int dir, const char *name, struct file_out *ret_out);
int file_begin_path(const char *path, struct file_out *ret_out);
/*
 * With @err 0 it takes its place; with another, or on failure, nothing of it is
 * left and what was there before stays. Returns the first that went wrong.
 */
int file_end(struct file_out *out, int err);

/* The same in one go. */
int file_replace(int dir, const char *name, const void *data, size_t len);
/* Explains itself in failure(). */
int file_write_path(const char *path, const void *data, size_t len);
int file_failed(const char *path, int err);	/* those words; returns @err */

#endif /* RSTAT_FILE_H */

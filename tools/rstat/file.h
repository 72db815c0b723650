/* SPDX-License-Identifier: GPL-2.0 */
/* Small files, read and replaced as a whole. */
#ifndef RSTAT_FILE_H
#define RSTAT_FILE_H

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
 * Replace @name in @dir: whole or not at all, on the disk before its name is.
 * Nothing is left behind on failure.
 */
int file_replace(int dir, const char *name, const void *data, size_t len);

/*
 * The same for a path that a user named, which may also be a device or a pipe:
 * that is written to, never replaced.
 */
int file_write_path(const char *path, const void *data, size_t len);

#endif /* RSTAT_FILE_H */

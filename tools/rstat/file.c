// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "say.h"

void blob_free(struct blob *blob)
{
	free(blob->data);
	*blob = (struct blob){};
}

int blob_read(int fd, struct blob *ret_blob)
{
	struct blob blob = {};
	size_t room = 0;

	for (;;) {
		ssize_t n;

		if (room - blob.len < 2) {
			char *data;

			room = room ? 2 * room : 4096;
			data = realloc(blob.data, room);
			if (!data) {
				blob_free(&blob);
				return -ENOMEM;
			}
			blob.data = data;
		}
		n = read(fd, blob.data + blob.len, room - blob.len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int err = errno;

			blob_free(&blob);
			return -err;
		}
		if (!n)
			break;
		blob.len += (size_t)n;
	}
	blob.data[blob.len] = '\0';
	*ret_blob = blob;

	return 0;
}

int write_all(int fd, const void *data, size_t len)
{
	const char *from = data;

	while (len) {
		ssize_t n = write(fd, from, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		from += n;
		len -= (size_t)n;
	}

	return 0;
}

int file_replace(int dir, const char *name, const void *data, size_t len)
{
	char temp[NAME_MAX + 1];
	int err, fd;

	if (snprintf(temp, sizeof(temp), "%s.%ld.tmp", name, (long)getpid()) >=
	    (int)sizeof(temp))
		return -ENAMETOOLONG;

	/* What a killed process of the same number has left. */
	if (unlinkat(dir, temp, 0) && errno != ENOENT)
		return -errno;
	fd = openat(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;

	err = write_all(fd, data, len);
	if (!err && fdatasync(fd))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	if (!err && renameat(dir, temp, dir, name))
		err = -errno;
	if (err)
		(void)unlinkat(dir, temp, 0);

	return err;
}

static int write_through(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = write_all(fd, data, len);
	if (close(fd) && !err)
		err = -errno;

	return err;
}

int file_write_path(const char *path, const void *data, size_t len)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	char parent[PATH_MAX] = ".";
	struct stat st;
	int dir, err;

	if (!stat(path, &st) && !S_ISREG(st.st_mode)) {
		err = S_ISDIR(st.st_mode) ? -EISDIR :
					    write_through(path, data, len);
		goto out;
	}
	if (slash)
		snprintf(parent, sizeof(parent), "%.*s",
			 (int)(slash == path ? 1 : slash - path), path);
	dir = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		err = -errno;
		goto out;
	}
	err = *name ? file_replace(dir, name, data, len) : -EISDIR;
	close(dir);
out:
	if (err)
		return fail(-err, "cannot write '%s': %s", path,
			    strerror(-err));
	return 0;
}

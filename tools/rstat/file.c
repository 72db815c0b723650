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

int file_begin(int dir, const char *name, struct file_out *ret_out)
{
	struct file_out out = { .dir = dir };

	if (snprintf(out.name, sizeof(out.name), "%s", name) >=
		    (int)sizeof(out.name) ||
	    snprintf(out.temp, sizeof(out.temp), "%s.%ld.tmp", name,
		     (long)getpid()) >= (int)sizeof(out.temp))
		return -ENAMETOOLONG;

	/* What a killed process of the same number has left. */
	if (unlinkat(dir, out.temp, 0) && errno != ENOENT)
		return -errno;
	out.fd = openat(dir, out.temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
			0644);
	if (out.fd < 0)
		return -errno;
	*ret_out = out;

	return 0;
}

static int begin_through(const char *path, struct file_out *ret_out)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ret_out = (struct file_out){ .fd = fd, .dir = -1 };

	return 0;
}

int file_begin_path(const char *path, struct file_out *ret_out)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	char parent[PATH_MAX] = ".";
	struct stat st;
	int dir, err;

	if (!stat(path, &st) && !S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR :
					     begin_through(path, ret_out);
	if (!*name)
		return -EISDIR;
	if (slash)
		snprintf(parent, sizeof(parent), "%.*s",
			 (int)(slash == path ? 1 : slash - path), path);
	dir = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	err = file_begin(dir, name, ret_out);
	if (err)
		close(dir);
	else
		ret_out->own_dir = true;

	return err;
}

int file_end(struct file_out *out, int err)
{
	bool replaces = out->dir >= 0;

	if (!err && replaces && fdatasync(out->fd))
		err = -errno;
	if (close(out->fd) && !err)
		err = -errno;
	if (!err && replaces &&
	    renameat(out->dir, out->temp, out->dir, out->name))
		err = -errno;
	if (err && replaces)
		(void)unlinkat(out->dir, out->temp, 0);
	if (out->own_dir)
		close(out->dir);
	*out = (struct file_out){ .fd = -1, .dir = -1 };

	return err;
}

int file_replace(int dir, const char *name, const void *data, size_t len)
{
	struct file_out out;
	int err = file_begin(dir, name, &out);

	return err ? err : file_end(&out, write_all(out.fd, data, len));
}

int file_failed(const char *path, int err)
{
	return err ? fail(-err, "cannot write '%s': %s", path, strerror(-err)) :
		     0;
}

int file_write_path(const char *path, const void *data, size_t len)
{
	struct file_out out;
	int err = file_begin_path(path, &out);

	if (!err)
		err = file_end(&out, write_all(out.fd, data, len));

	return file_failed(path, err);
}

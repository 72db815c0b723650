// SPDX-License-Identifier: GPL-2.0
/*
 * Paths in the root of a container, whose owner may change it at any moment: the
 * kernel resolves them with that root as /, and what was opened is used, never
 * the name again.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ct.h"

int ct_open_in(int root, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned int)flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	/* EAGAIN: a rename went on beside it */
	do
		fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
	while (fd < 0 && errno == EAGAIN);
	return fd < 0 ? -errno : (int)fd;
}

/* Open what is @name below @parent, or make it. */
static int step(int root, int parent, const char *prefix, const char *name,
		bool file)
{
	int fd;

	fd = ct_open_in(root, prefix, O_PATH);
	if (fd != -ENOENT)
		return fd;
	if (file) {
		fd = openat(parent, name,
			    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
				    O_CLOEXEC,
			    0644);
		if (fd < 0)
			return -errno;
		close(fd);
	} else if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST) {
		return -errno;
	}
	return ct_open_in(root, prefix, O_PATH);
}

int ct_make_in(int root, const char *path, bool file)
{
	char prefix[PATH_MAX] = "", *name, *rest, *copy = strdup(path);
	int fd, next;
	size_t used = 0;

	if (!copy)
		return -ENOMEM;
	fd = ct_open_in(root, "/", O_PATH);
	rest = copy;
	while (fd >= 0 && (name = strsep(&rest, "/"))) {
		if (!*name || !strcmp(name, "."))
			continue;
		used += snprintf(prefix + used, sizeof(prefix) - used, "/%s",
				 name);
		if (used >= sizeof(prefix) || !strcmp(name, "..")) {
			next = -EINVAL;
		} else {
			while (rest && *rest == '/')
				rest++;
			next = step(root, fd, prefix, name,
				    file && (!rest || !*rest));
		}
		close(fd);
		fd = next;
	}
	free(copy);
	return fd;
}

// SPDX-License-Identifier: GPL-2.0
/* The cgroup v2 file system: paths, ids, walks. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE		/* open_by_handle_at */
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "internal.h"

#define CGROUP2_MAGIC	0x63677270	/* linux/magic.h */
#define FILEID_KERNFS	0xfe		/* linux/exportfs.h */

const char *rescore_cgroup_mount(void)
{
	static _Thread_local char mount[PATH_MAX];
	struct mntent entry;
	char buffer[PATH_MAX];
	FILE *mounts;

	if (mount[0])
		return mount;
	mounts = setmntent("/proc/self/mounts", "re");
	if (!mounts)
		return NULL;
	while (getmntent_r(mounts, &entry, buffer, sizeof(buffer))) {
		if (strcmp(entry.mnt_type, "cgroup2"))
			continue;
		snprintf(mount, sizeof(mount), "%s", entry.mnt_dir);
		break;
	}
	endmntent(mounts);
	return mount[0] ? mount : NULL;
}

/* @path is absolute below the mount, or relative to it. */
static int full_path(const char *path, char *ret, size_t size)
{
	const char *mount = rescore_cgroup_mount();
	char joined[PATH_MAX], resolved[PATH_MAX];
	size_t length;

	if (!mount)
		return rescore_error(-EOPNOTSUPP,
				     "no cgroup v2 file system is mounted");
	length = strlen(mount);
	if (!strncmp(path, mount, length) &&
	    (path[length] == '/' || !path[length]))
		snprintf(joined, sizeof(joined), "%s", path);
	else if ((size_t)snprintf(joined, sizeof(joined), "%s/%s", mount,
				  path) >= sizeof(joined))
		return rescore_error(-ENAMETOOLONG, "\"%.64s…\" is too long",
				     path);
	if (!realpath(joined, resolved))
		return rescore_error(-errno, "no cgroup \"%s\" below %s: %s",
				     path, mount, strerror(errno));
	if (strncmp(resolved, mount, length) ||
	    (resolved[length] && resolved[length] != '/'))
		return rescore_error(-EINVAL, "\"%s\" is not below %s", path,
				     mount);
	if (strlen(resolved) >= size)
		return rescore_error(-ENAMETOOLONG, "\"%.64s…\" is too long",
				     path);
	strcpy(ret, resolved);
	return 0;
}

int rescore_cgroup_open(const char *path, char *ret_path, size_t size,
			uint64_t *ret_id)
{
	char full[PATH_MAX];
	struct statfs fs;
	struct stat st;
	int err, fd;

	if (!path[0])
		return rescore_error(-EINVAL, "the cgroup's path is empty");
	err = full_path(path, full, sizeof(full));
	if (err)
		return err;
	fd = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return rescore_error(-errno, "cannot open cgroup \"%s\": %s",
				     path, strerror(errno));
	if (fstatfs(fd, &fs) < 0 || fs.f_type != CGROUP2_MAGIC ||
	    fstat(fd, &st) < 0) {
		close(fd);
		return rescore_error(-EINVAL, "\"%s\" is not a cgroup", path);
	}
	if (ret_path && strlen(full) < size)
		strcpy(ret_path, full);
	if (ret_id)
		*ret_id = st.st_ino;
	return fd;
}

int rescore_cgroup_in(const char *file, char *ret_path, size_t size)
{
	const char *mount = rescore_cgroup_mount();
	char line[PATH_MAX + 8];
	FILE *proc = fopen(file, "re");
	int err = -ENOENT;

	if (!proc)
		return -ESRCH;
	while (mount && fgets(line, sizeof(line), proc)) {
		/* of version 2; others have a number and names */
		if (strncmp(line, "0::", 3))
			continue;
		line[strcspn(line, "\n")] = '\0';
		err = (size_t)snprintf(ret_path, size, "%s%s", mount,
				       line + 3) < size ?
			      0 :
			      -ENAMETOOLONG;
		break;
	}
	fclose(proc);
	return err;
}

int rescore_cgroup_path_of(uint64_t id, char *ret_path, size_t size)
{
	struct {
		struct file_handle handle;
		uint64_t id;
	} h;
	const char *mount = rescore_cgroup_mount();
	char link[64];
	ssize_t length;
	int mount_fd, fd, err;

	if (!mount)
		return rescore_error(-EOPNOTSUPP,
				     "no cgroup v2 file system is mounted");
	mount_fd = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mount_fd < 0)
		return rescore_error(-errno, "cannot open %s: %s", mount,
				     strerror(errno));
	h.handle.handle_bytes = sizeof(h.id);
	h.handle.handle_type = FILEID_KERNFS;
	h.id = id;	/* = f_handle, which has no size of its own */
	fd = open_by_handle_at(mount_fd, &h.handle, O_RDONLY | O_CLOEXEC);
	err = fd < 0 ? errno : 0;
	close(mount_fd);
	if (err == ESTALE)
		return rescore_error(-ENOENT, "its cgroup has been removed");
	if (err)
		return rescore_error(-err, "cannot open its cgroup: %s",
				     strerror(err));

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, ret_path, size - 1);
	close(fd);
	if (length < 0)
		return rescore_error(-errno, "cannot read %s: %s", link,
				     strerror(errno));
	ret_path[length] = '\0';
	if (strstr(ret_path, " (deleted)"))
		return rescore_error(-ENOENT, "its cgroup has been removed");
	return 0;
}

int rescore_cgroup_walk(const char *path,
			int (*fn)(const char *path, void *arg), void *arg)
{
	struct dirent *entry;
	char child[PATH_MAX];
	struct stat st;
	DIR *dir;
	int err = 0;

	/* One link of its own, one by its name, one by each below: dozens of
	 * files need not be looked at to find none.
	 */
	if (!stat(path, &st) && st.st_nlink == 2)
		return fn(path, arg);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while (!err && (entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		if (snprintf(child, sizeof(child), "%s/%s", path,
			     entry->d_name) < (int)sizeof(child))
			err = rescore_cgroup_walk(child, fn, arg);
	}
	closedir(dir);
	return err ?: fn(path, arg);
}

int rescore_cgroup_put(const char *path, const char *file, const char *text)
{
	char name[PATH_MAX];
	int fd, err = 0;

	snprintf(name, sizeof(name), "%s/%s", path, file);
	fd = open(name, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

int rescore_cgroup_write(const char *path, const char *file, const char *text)
{
	int err = rescore_cgroup_put(path, file, text);

	if (err)
		rescore_error(err, "cannot write \"%s\" to %s/%s: %s", text,
			      path, file, strerror(-err));
	return err;
}

int rescore_cgroup_read(const char *path, const char *file, char *ret,
			size_t size)
{
	char name[PATH_MAX];
	ssize_t n;
	int fd;

	snprintf(name, sizeof(name), "%s/%s", path, file);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, ret, size - 1);
	if (n >= 0) {
		ret[n] = '\0';
		if (n && ret[n - 1] == '\n')
			ret[n - 1] = '\0';
	}
	close(fd);
	return n < 0 ? -EIO : 0;
}

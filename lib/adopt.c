// SPDX-License-Identifier: GPL-2.0
/* Find the cgroup of what others run. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "internal.h"

int rescore_cgroup_of_pid(pid_t pid, char *ret_path, size_t size)
{
	char name[64];
	int err;

	if (!rescore_cgroup_mount())
		return rescore_error(-EOPNOTSUPP,
				     "no cgroup v2 file system is mounted");
	snprintf(name, sizeof(name), "/proc/%d/cgroup", pid);
	err = rescore_cgroup_in(name, ret_path, size);
	if (err == -ESRCH)
		return rescore_error(err, "there is no process %d", pid);
	if (err)
		rescore_error(err, "process %d is in no cgroup of version 2",
			      pid);
	return err;
}

struct search {
	char unit[NAME_MAX + 1];
	char *found;
	size_t size;
};

static int is_unit(const char *path, void *arg)
{
	struct search *search = arg;
	const char *base = strrchr(path, '/');

	if (!base || strcmp(base + 1, search->unit) ||
	    strlen(path) >= search->size)
		return 0;
	strcpy(search->found, path);
	return 1;
}

int rescore_cgroup_of_unit(const char *unit, char *ret_path, size_t size)
{
	struct search search = { .found = ret_path, .size = size };
	const char *mount = rescore_cgroup_mount();
	int found;

	if (!mount)
		return rescore_error(-EOPNOTSUPP,
				     "no cgroup v2 file system is mounted");
	if (!*unit || strchr(unit, '/') ||
	    (size_t)snprintf(search.unit, sizeof(search.unit), "%s%s", unit,
			     strchr(unit, '.') ? "" : ".service") >=
		    sizeof(search.unit))
		return rescore_error(-EINVAL, "\"%.64s\" is no unit", unit);
	found = rescore_cgroup_walk(mount, is_unit, &search);
	if (found == 1)
		return 0;
	return rescore_error(found ?: -ENOENT,
			     "unit \"%s\" has no cgroup: does it run?",
			     search.unit);
}

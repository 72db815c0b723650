// SPDX-License-Identifier: GPL-2.0
/* Find the cgroup of what others run. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "internal.h"

int rescore_cgroup_of_pid(pid_t pid, char *ret_path, size_t size)
{
	const char *mount = rescore_cgroup_mount();
	char name[64], line[PATH_MAX + 8];
	int err = -ENOENT;
	FILE *file;

	if (!mount)
		return rescore_error(-EOPNOTSUPP,
				     "no cgroup v2 file system is mounted");
	snprintf(name, sizeof(name), "/proc/%d/cgroup", pid);
	file = fopen(name, "re");
	if (!file)
		return rescore_error(-ESRCH, "there is no process %d", pid);
	while (err && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "0::", 3))
			continue;
		err = 0;
		if ((size_t)snprintf(ret_path, size, "%s%s", mount, line + 3) >=
		    size)
			err = -ENAMETOOLONG;
	}
	fclose(file);
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

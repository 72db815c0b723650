// SPDX-License-Identifier: GPL-2.0
/* For the audit: what /proc shows of tasks and locks. */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit.h"

/* What a container holds, those above it hold as well. */
static void add_upwards(const struct rescore *rs, unsigned int *counts,
			unsigned int slot)
{
	int level;

	for (level = 0; slot && level < RESCORE_LEVELS_MAX; level++) {
		counts[slot]++;
		slot = rs->containers[slot].parent;
	}
}

static void begin(const struct rescore *rs, struct audit_counts *ret)
{
	ret->lost = 0;
	memset(ret->of, 0, rs->meta->nr_slots * sizeof(*ret->of));
}

/* --- tasks: /proc/PID/task/TID/cgroup, zombies included ------------------------- */

static void count_task(const struct rescore *rs, struct audit_counts *ret,
		       const char *pid, const char *tid)
{
	char name[600], path[PATH_MAX * 2];
	int slot;

	snprintf(name, sizeof(name), "/proc/%s/task/%s/cgroup", pid, tid);
	if (rescore_cgroup_in(name, path, sizeof(path)))
		return;		/* gone meanwhile: the row is tried again */
	slot = rescore_member_path(rs, path);
	if (slot < 0)
		ret->lost++;
	else
		add_upwards(rs, ret->of, slot);
}

static void count_threads(const struct rescore *rs, struct audit_counts *ret,
			  const char *pid)
{
	struct dirent *thread;
	char name[300];
	DIR *task;

	snprintf(name, sizeof(name), "/proc/%s/task", pid);
	task = opendir(name);
	while (task && (thread = readdir(task)))
		if (isdigit((unsigned char)thread->d_name[0]))
			count_task(rs, ret, pid, thread->d_name);
	if (task)
		closedir(task);
}

/* Of any in /proc, and three or four that are numbers. */
#define NAMES_SIZE	128

/*
 * A few names at a time: /proc goes on from the last one, upwards, so that
 * processes that live shorter than all this takes are found, being the youngest.
 * All names at once, as readdir() gets them, are those of the dead by then.
 */
void audit_count_tasks(const struct rescore *rs, struct audit_counts *ret)
{
	union {
		struct dirent64 first;
		char all[sizeof(struct dirent64)];
	} names;
	const struct dirent64 *process;
	ssize_t n, i;
	int proc;

	begin(rs, ret);
	proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return;
	while ((n = getdents64(proc, &names, NAMES_SIZE)) > 0)
		for (i = 0; i < n; i += process->d_reclen) {
			process = (const void *)(names.all + i);
			if (isdigit((unsigned char)process->d_name[0]))
				count_threads(rs, ret, process->d_name);
		}
	close(proc);
}

/* --- locks: /proc/locks ------------------------------------------------------------ */

void audit_count_locks(const struct rescore *rs, struct audit_counts *ret)
{
	FILE *file = fopen("/proc/locks", "re");
	char line[256], *field, *save;
	int i, pid, slot;

	begin(rs, ret);
	/* "1: -> POSIX  ADVISORY  WRITE 512 00:16:77 0 EOF" */
	while (file && fgets(line, sizeof(line), file)) {
		strtok_r(line, " ", &save);
		field = strtok_r(NULL, " ", &save);
		if (field && !strcmp(field, "->"))
			field = strtok_r(NULL, " ", &save);
		for (i = 0; field && i < 3; i++)
			field = strtok_r(NULL, " ", &save);
		pid = field ? strtol(field, NULL, 10) : 0;
		slot = pid > 0 ? rescore_container_of(rs, pid) : -1;
		if (slot > 0)
			add_upwards(rs, ret->of, slot);
		else if (slot < 0)
			ret->lost++;
	}
	if (file)
		fclose(file);
}

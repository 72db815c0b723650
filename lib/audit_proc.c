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

static void add_one(struct audit_count *count, unsigned int slot)
{
	const struct audit_sum one = { .low = 1, .high = 1 };

	audit_add(count, slot, &one);
}

/* --- tasks: /proc/PID/task/TID/cgroup, zombies included ------------------------- */

/* Returns 1 if its cgroup is gone. */
static unsigned int count_task(struct audit_count *count, const char *pid,
			       const char *tid)
{
	char name[600], path[PATH_MAX * 2];
	int slot;

	snprintf(name, sizeof(name), "/proc/%s/task/%s/cgroup", pid, tid);
	if (rescore_cgroup_in(name, path, sizeof(path)))
		return 0;	/* gone meanwhile: the row is tried again */
	slot = rescore_member_path(count->rs, path);
	if (slot < 0)
		return 1;
	add_one(count, slot);
	return 0;
}

static unsigned int count_threads(struct audit_count *count, const char *pid)
{
	struct dirent *thread;
	unsigned int lost = 0;
	char name[300];
	DIR *task;

	snprintf(name, sizeof(name), "/proc/%s/task", pid);
	task = opendir(name);
	while (task && (thread = readdir(task)))
		if (isdigit((unsigned char)thread->d_name[0]))
			lost += count_task(count, pid, thread->d_name);
	if (task)
		closedir(task);
	return lost;
}

/* Of any in /proc, and three or four that are numbers. */
#define NAMES_SIZE	128

/*
 * A few names at a time: /proc goes on from the last one, upwards, so that
 * processes that live shorter than all this takes are found, being the youngest.
 * All names at once, as readdir() gets them, are those of the dead by then.
 */
unsigned int audit_count_tasks(struct audit_count *count)
{
	union {
		struct dirent64 first;
		char all[sizeof(struct dirent64)];
	} names;
	const struct dirent64 *process;
	unsigned int lost = 0;
	ssize_t n, i;
	int proc;

	proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return 0;
	while ((n = getdents64(proc, &names, NAMES_SIZE)) > 0)
		for (i = 0; i < n; i += process->d_reclen) {
			process = (const void *)(names.all + i);
			if (isdigit((unsigned char)process->d_name[0]))
				lost += count_threads(count, process->d_name);
		}
	close(proc);
	return lost;
}

/* --- locks: /proc/locks ------------------------------------------------------------ */

unsigned int audit_count_locks(struct audit_count *count)
{
	FILE *file = fopen("/proc/locks", "re");
	char line[256], *field, *save;
	unsigned int lost = 0;
	int i, pid, slot;

	/* "1: -> POSIX  ADVISORY  WRITE 512 00:16:77 0 EOF" */
	while (file && fgets(line, sizeof(line), file)) {
		strtok_r(line, " ", &save);
		field = strtok_r(NULL, " ", &save);
		if (field && !strcmp(field, "->"))
			field = strtok_r(NULL, " ", &save);
		for (i = 0; field && i < 3; i++)
			field = strtok_r(NULL, " ", &save);
		pid = field ? strtol(field, NULL, 10) : 0;
		slot = pid > 0 ? rescore_container_of(count->rs, pid) : -1;
		if (slot < 0)
			lost++;
		else
			add_one(count, slot);
	}
	if (file)
		fclose(file);
	return lost;
}

// SPDX-License-Identifier: GPL-2.0
/* For the audit: what /proc shows of tasks and locks. */
#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

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
	const char *mount = rescore_cgroup_mount();
	char name[600], line[PATH_MAX], path[PATH_MAX * 2];
	FILE *file;
	int slot;

	snprintf(name, sizeof(name), "/proc/%s/task/%s/cgroup", pid, tid);
	file = fopen(name, "re");
	if (!file)
		return;		/* gone meanwhile: the row is tried again */
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, "0::", 3))
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(path, sizeof(path), "%s%s", mount ?: "", line + 3);
		slot = rescore_member_path(rs, path);
		if (slot < 0)
			ret->lost++;
		else
			add_upwards(rs, ret->of, slot);
	}
	fclose(file);
}

void audit_count_tasks(const struct rescore *rs, struct audit_counts *ret)
{
	struct dirent *process, *thread;
	char name[300];
	DIR *proc, *task;

	begin(rs, ret);
	proc = opendir("/proc");
	while (proc && (process = readdir(proc))) {
		if (!isdigit((unsigned char)process->d_name[0]))
			continue;
		snprintf(name, sizeof(name), "/proc/%s/task", process->d_name);
		task = opendir(name);
		while (task && (thread = readdir(task)))
			if (isdigit((unsigned char)thread->d_name[0]))
				count_task(rs, ret, process->d_name,
					   thread->d_name);
		if (task)
			closedir(task);
	}
	if (proc)
		closedir(proc);
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

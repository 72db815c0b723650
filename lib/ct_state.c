// SPDX-License-Identifier: GPL-2.0
/* What is stored of a container, what is noted while it runs, and its state. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ct.h"
#include "replace.h"

void ct_path(char *ret, size_t size, const char *base, const char *name,
	     const char *file)
{
	snprintf(ret, size, "%s/%s%s%s", base, name, file ? "/" : "",
		 file ?: "");
}

int ct_make_dirs(const char *path)
{
	char copy[PATH_MAX], *c;

	snprintf(copy, sizeof(copy), "%s", path);
	for (c = copy + 1;; c++) {
		if (*c && *c != '/')
			continue;
		if (*c) {
			*c = '\0';
			if (mkdir(copy, 0755) < 0 && errno != EEXIST)
				break;
			*c = '/';
			continue;
		}
		if (mkdir(copy, 0700) == 0 || errno == EEXIST)
			return 0;
		break;
	}
	return rescore_error(-errno, "cannot make %s: %s", copy,
			     strerror(errno));
}

const char *ct_stat_after_name(pid_t pid, char *line, size_t size)
{
	char path[64], *end = NULL;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return NULL;
	if (fgets(line, size, file))
		end = strrchr(line, ')');
	fclose(file);
	return end ? end + 1 : NULL;
}

/* A pid alone may be another's by now: with its start it is one process. */
static unsigned long long start_of(pid_t pid)
{
	unsigned long long start = 0;
	char line[1024];
	const char *after = ct_stat_after_name(pid, line, sizeof(line));

	if (after)
		sscanf(after,
		       " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
		       &start);
	return start;
}

int ct_note_init(const char *name, pid_t pid)
{
	char path[PATH_MAX], line[64];
	int err;

	ct_path(path, sizeof(path), RESCORE_CT_RUN, name, "init");
	snprintf(line, sizeof(line), "%d %llu\n", pid, start_of(pid));
	err = rescore_replace_file(path, line, 0644);
	return err ? rescore_error(err, "cannot write %s: %s", path,
				   strerror(-err)) :
		     0;
}

void ct_forget_init(const char *name)
{
	char path[PATH_MAX];

	ct_path(path, sizeof(path), RESCORE_CT_RUN, name, "init");
	unlink(path);
}

int ct_init_pidfd(const char *name, pid_t *ret_pid)
{
	unsigned long long start = 0;
	char path[PATH_MAX];
	int pid = 0, fd, n;
	FILE *file;

	ct_path(path, sizeof(path), RESCORE_CT_RUN, name, "init");
	file = fopen(path, "re");
	n = file ? fscanf(file, "%d %llu", &pid, &start) : 0;
	if (file)
		fclose(file);
	if (n != 2 || pid <= 0 || !start)
		return -ESRCH;
	fd = syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return -ESRCH;
	if (start_of(pid) != start) {
		close(fd);
		return -ESRCH;
	}
	if (ret_pid)
		*ret_pid = pid;
	return fd;
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

static int remove_below(const char *base, const char *name)
{
	char path[PATH_MAX];

	ct_path(path, sizeof(path), base, name, NULL);
	/* no links followed, no other file system entered */
	if (access(path, F_OK) == 0 &&
	    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT))
		return rescore_error(-errno, "cannot remove %s: %s", path,
				     strerror(errno));
	return 0;
}

int rescore_ct_forget(const char *name)
{
	int err = rescore_check_name(name);

	err = err ?: remove_below(RESCORE_CT_RUN, name);
	return err ?: remove_below(RESCORE_CT_STORE, name);
}

static int check_forget(const char *name)
{
	char path[PATH_MAX];

	ct_path(path, sizeof(path), RESCORE_CT_STORE, name, NULL);
	if (access(path, W_OK) == 0 || errno == ENOENT)
		return 0;
	return rescore_error(-errno, "cannot remove %s: %s", path,
			     strerror(errno));
}

int rescore_ct_destroy(struct rescore *rs, unsigned int slot, bool force)
{
	char name[RESCORE_NAME_LEN];
	int err;

	err = rescore_lock_slot(rs, slot);
	if (err)
		return err;
	snprintf(name, sizeof(name), "%s", rs->containers[slot].name);
	err = force ? 0 : check_forget(name);
	err = err ?: rescore_destroy_locked(rs, slot, force);
	err = err ?: rescore_ct_forget(name);
	rescore_unlock(rs);
	return err;
}

static int is_stored(const struct dirent *entry)
{
	return !rescore_check_name(entry->d_name) &&
	       rescore_ct_remembered(entry->d_name);
}

char **rescore_ct_stored_names(void)
{
	struct dirent **entries = NULL;
	int n = scandir(RESCORE_CT_STORE, &entries, is_stored, alphasort), i;
	char **names = calloc(n > 0 ? (size_t)n + 1 : 1, sizeof(*names));

	for (i = 0; i < n; i++) {
		if (names)
			names[i] = strdup(entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return names;
}

bool rescore_ct_stored(const char *name)
{
	char path[PATH_MAX];

	ct_path(path, sizeof(path), RESCORE_CT_STORE, name, "config.json");
	return access(path, F_OK) == 0;
}

const char *rescore_ct_state_name(unsigned int state)
{
	static const char *const names[] = { "plain", "stopped", "running",
					     "frozen", "stored" };

	return state < ARRAY_SIZE(names) ? names[state] : "unknown";
}

bool ct_is_frozen(const struct rescore *rs, unsigned int slot)
{
	char path[PATH_MAX], name[PATH_MAX + 16], line[64];
	bool frozen = false;
	FILE *file;

	if (rescore_cgroup_path(rs, slot, 0, path, sizeof(path)))
		return false;
	snprintf(name, sizeof(name), "%s/cgroup.events", path);
	file = fopen(name, "re");
	while (file && fgets(line, sizeof(line), file))
		if (!strcmp(line, "frozen 1\n"))
			frozen = true;
	if (file)
		fclose(file);
	return frozen;
}

int rescore_ct_status(const struct rescore *rs, unsigned int slot,
		      struct rescore_ct_status *ret_status)
{
	const struct rescore_container *c = rescore_container(rs, slot);
	int fd;

	if (!c)
		return rescore_error(-ENOENT, "no container in slot %u", slot);
	*ret_status = (struct rescore_ct_status){ 0 };
	if (rescore_ct_stored(c->name))
		ret_status->state = RESCORE_CT_STOPPED;
	fd = ct_init_pidfd(c->name, &ret_status->init);
	if (fd >= 0) {
		close(fd);
		ret_status->state = RESCORE_CT_RUNNING;
	}
	if (ct_is_frozen(rs, slot))
		ret_status->state = RESCORE_CT_FROZEN;
	return 0;
}

// SPDX-License-Identifier: GPL-2.0
/* Processes of a container: enter, kill, find out where one is. */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

/* An entry is key << 16 | slot, and is hashed as it stands there. */
#define KEY_SHIFT	16

uint32_t rescore_bucket_index(uint64_t key, unsigned int bits)
{
	return ((key << KEY_SHIFT) * RESCORE_HASH_MUL) >> (64 - bits);
}

int rescore_enter(struct rescore *rs, unsigned int slot, bool admin)
{
	struct {
		uint32_t lasting;
	} request = { admin };
	char path[PATH_MAX];
	int err;

	err = rescore_check_slot(rs, slot);
	err = err ?: rescore_cgroup_path(rs, slot, 0, path, sizeof(path));
	if (err)
		return err;
	/* exempt first: once inside, nothing may fail for want of room */
	err = rescore_run_syscall("core__admin", &request, sizeof(request));
	if (err)
		return err;
	return rescore_cgroup_write(path, "cgroup.procs", "0");
}

struct kill {
	int sig;
	int n;
	int err;
};

static int kill_one(const char *path, void *arg)
{
	struct kill *request = arg;
	char name[PATH_MAX], line[32];
	FILE *file;
	pid_t pid;

	snprintf(name, sizeof(name), "%s/cgroup.procs", path);
	file = fopen(name, "re");
	while (file && fgets(line, sizeof(line), file)) {
		pid = strtol(line, NULL, 10);
		if (pid <= 0)
			continue;	/* of a pid namespace we do not see */
		request->n++;
		if (request->sig != SIGKILL && kill(pid, request->sig) < 0 &&
		    errno != ESRCH)
			request->err = -errno;
	}
	if (file)
		fclose(file);
	return 0;
}

/* All at once, forks in flight and frozen ones too, and in all cgroups below. */
static int kill_cgroup(const char *path, void *arg)
{
	(void)arg;
	return rescore_cgroup_write(path, "cgroup.kill", "1");
}

int rescore_kill(struct rescore *rs, unsigned int slot, int sig)
{
	struct kill request = { .sig = sig };
	int err;

	err = rescore_check_slot(rs, slot);
	if (err)
		return err;
	if (sig < 1 || sig > SIGRTMAX)
		return rescore_error(-EINVAL, "no signal %d", sig);
	err = rescore_for_each_cgroup(rs, slot, kill_one, &request);
	if (!err && sig == SIGKILL)
		err = rescore_for_each_cgroup(rs, slot, kill_cgroup, NULL);
	if (err)
		return err;
	if (request.err)
		return rescore_error(request.err, "cannot send signal %d: %s",
				     sig, strerror(-request.err));
	return request.n;
}

/* In the overflow map, keyed like a bucket's entry without its slot. */
static int member_more(uint64_t id)
{
	uint64_t key = id << KEY_SHIFT, slot = 0;
	int fd = rescore_pin_fd("members_more");

	if (fd < 0)
		return 0;
	if (bpf_map_lookup_elem(fd, &key, &slot))
		slot = 0;
	close(fd);
	return slot;
}

int rescore_member(const struct rescore *rs, uint64_t id)
{
	const struct rescore_bucket *bucket;
	uint64_t entry;
	int i;

	bucket = &rs->members[rescore_bucket_index(id, rs->meta->members_bits)];
	for (i = 0; i < RESCORE_BUCKET_ENTRIES; i++) {
		entry = __atomic_load_n(&bucket->entry[i], __ATOMIC_RELAXED);
		if (entry >> 16 == id)
			return entry & 0xffff;
	}
	return rs->meta->members_overflow ? member_more(id) : 0;
}

int rescore_member_path(const struct rescore *rs, char *path)
{
	const char *mount = rescore_cgroup_mount();
	size_t root = mount ? strlen(mount) : 0;
	struct stat st;
	int slot;

	if (stat(path, &st) < 0)
		return -errno;
	for (;;) {
		slot = rescore_member(rs, st.st_ino);
		if (slot || !rs->meta->members_lost)
			return slot;
		/* it may have found no room: then its parents tell, as in
		 * the kernel (container.h)
		 */
		if (strlen(path) <= root || !strrchr(path, '/'))
			return 0;
		*strrchr(path, '/') = '\0';
		if (strlen(path) <= root || stat(path, &st) < 0)
			return 0;
	}
}

int rescore_container_of(const struct rescore *rs, pid_t pid)
{
	char name[64], path[PATH_MAX * 2];
	int err, slot;

	snprintf(name, sizeof(name), "/proc/%d/cgroup", pid);
	err = rescore_cgroup_in(pid ? name : "/proc/self/cgroup", path,
				sizeof(path));
	if (err == -ESRCH)
		return rescore_error(err, "no process %d", pid);
	slot = err ? 0 : rescore_member_path(rs, path);
	return slot > 0 ? slot : 0;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * A lease: for a while the container's tasks are refused nothing, at no level of the
 * tree. Its bounds stay in the table all the time, and it ends by itself if who took
 * it dies.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ct_criu.h"

/* Renewed every second; a machine may be that busy. */
#define LEASE_NS	(30 * 1000000000ULL)

void ct_lease(struct rescore *rs, unsigned int slot)
{
	struct timespec now;
	uint64_t until;

	clock_gettime(CLOCK_BOOTTIME, &now);
	until = now.tv_sec * 1000000000ULL + now.tv_nsec + LEASE_NS;
	__atomic_store_n(&rs->containers[slot].lease_ns, until,
			 __ATOMIC_SEQ_CST);
	if (until > rs->meta->lease_ns)
		__atomic_store_n(&rs->meta->lease_ns, until, __ATOMIC_SEQ_CST);
}

/* The programs look at a container's only while there is one at all. */
void ct_lease_end(struct rescore *rs, unsigned int slot)
{
	unsigned int other = 0;
	uint64_t longest = 0;

	__atomic_store_n(&rs->containers[slot].lease_ns, 0, __ATOMIC_SEQ_CST);
	while ((other = rescore_next(rs, other)))
		if (rs->containers[other].lease_ns > longest)
			longest = rs->containers[other].lease_ns;
	__atomic_store_n(&rs->meta->lease_ns, longest, __ATOMIC_SEQ_CST);
}

/* --- a restore that died ------------------------------------------------------------ */

static void restoring_path(char *path, size_t size, const char *name)
{
	ct_path(path, size, RESCORE_CT_RUN, name, "restoring");
}

int ct_note_restore(const char *name)
{
	char path[PATH_MAX];
	int fd;

	restoring_path(path, sizeof(path), name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return rescore_error(-errno, "cannot make %s: %s", path,
				     strerror(errno));
	close(fd);
	return 0;
}

void ct_forget_restore(const char *name)
{
	char path[PATH_MAX];

	restoring_path(path, sizeof(path), name);
	unlink(path);
}

int ct_recover(struct rescore *rs, const struct ct_start *s)
{
	char path[PATH_MAX];
	int err = 0;

	restoring_path(path, sizeof(path), s->name);
	if (access(path, F_OK) == 0) {
		ct_lease_end(rs, s->slot);
		err = ct_limits_restate(rs, s->slot);
		if (!err)
			unlink(path);
	}
	return err ?: ct_thaw_empty(rs, s->slot);
}

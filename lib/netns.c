// SPDX-License-Identifier: GPL-2.0
/* Work in the network namespaces of processes: the kernel lists no others. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netns.h"

int netns_begin(struct netns *ns)
{
	*ns = (struct netns){ 0 };
	ns->own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (ns->own < 0)
		return rescore_error(-errno, "no network namespaces: %s",
				     strerror(errno));
	return 0;
}

static bool is_new(struct netns *ns, ino_t inode)
{
	ino_t *more;
	size_t i;

	for (i = 0; i < ns->nr_seen; i++)
		if (ns->seen[i] == inode)
			return false;
	more = realloc(ns->seen, (ns->nr_seen + 1) * sizeof(*more));
	if (!more)
		return false;
	more[ns->nr_seen++] = inode;
	ns->seen = more;
	return true;
}

int netns_visit(struct netns *ns, const char *pid, int (*fn)(void *arg),
		void *arg)
{
	char path[300];
	struct stat st;
	int fd, err = 0;

	snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;	/* gone meanwhile */
	if (!fstat(fd, &st) && is_new(ns, st.st_ino)) {
		if (setns(fd, CLONE_NEWNET))
			err = rescore_error(-errno, "cannot enter %s: %s", path,
					    strerror(errno));
		else
			err = fn(arg);
	}
	close(fd);
	return err;
}

int netns_end(struct netns *ns)
{
	int err = 0;

	if (ns->nr_seen && setns(ns->own, CLONE_NEWNET))
		err = rescore_error(-errno,
				    "cannot return to the own network: %s",
				    strerror(errno));
	close(ns->own);
	free(ns->seen);
	return err;
}

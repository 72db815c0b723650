/* SPDX-License-Identifier: GPL-2.0 */
#ifndef RESCORE_NETNS_H
#define RESCORE_NETNS_H

#include <sys/types.h>

#include "internal.h"

/* A walk through network namespaces, by the calling thread. */
struct netns {
	int own;		/* where it came from */
	ino_t *seen;
	size_t nr_seen;
};

int netns_begin(struct netns *ns);	/* 0 or -errno */
/*
 * Enter the namespace of process @pid and call @fn there, unless this walk has been
 * in it or the process is gone. 0, -errno, or what @fn returned.
 */
int netns_visit(struct netns *ns, const char *pid, int (*fn)(void *arg),
		void *arg);
/* Return, once, after a begin that succeeded. 0 or -errno. */
int netns_end(struct netns *ns);

#endif /* RESCORE_NETNS_H */

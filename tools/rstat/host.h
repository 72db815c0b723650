/* SPDX-License-Identifier: GPL-2.0 */
/* What the machine has, of which containers are promised parts. */
#ifndef RSTAT_HOST_H
#define RSTAT_HOST_H

#include "store.h"

/* 0: not known. */
struct host {
	double memory, swap;	/* bytes */
	double threads;		/* the lower of threads-max and pid_max */
	double files;		/* file-max */
	double ptys;		/* kernel.pty.max */
	double cpus;		/* online */
};

/* Of this machine. */
void host_read(struct host *ret);

/*
 * host.json of a store: which machine its samples are of. It is written by the
 * collector and so also says the truth where a store is looked at elsewhere.
 */
int host_save(const struct store *store, const struct host *host);
/* -ENOENT: the store has none. */
int host_load(const struct store *store, struct host *ret);

#endif /* RSTAT_HOST_H */

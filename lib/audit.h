/* SPDX-License-Identifier: GPL-2.0 */
/* An audit's parts. */
#ifndef RESCORE_AUDIT_H
#define RESCORE_AUDIT_H

#include "internal.h"

typedef void (*audit_report)(const struct rescore_audit_row *row, bool differs,
			     void *arg);

/*
 * A row that the kernel counts, and its knobs. Returns the number of differences;
 * every one, and every held that was compared, is reported.
 */
int rescore_audit_delegated(const struct rescore *rs, unsigned int slot,
			    unsigned int id, audit_report report, void *arg);

/* --- audit_proc.c --- */
/* How many each slot has, those below it included. */
struct audit_counts {
	unsigned int *of;	/* by slot; the caller's */
	unsigned int lost;	/* whose container is not to be found */
};

/* Tasks, zombies included; lost: in a cgroup that is gone. */
void audit_count_tasks(const struct rescore *rs, struct audit_counts *ret);
/* Lines of /proc/locks; lost: of an owner that /proc does not name. */
void audit_count_locks(const struct rescore *rs, struct audit_counts *ret);

#endif /* RESCORE_AUDIT_H */

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

/* --- audit_count.c --- */
/* Of one slot and those below it. */
struct audit_sum {
	int64_t low, high;	/* what is there */
	int64_t recorded;	/* objects, one by one */
	unsigned int strays;	/* there, of its own cgroups; nobody pays for them */
};

/* What one resource has, of all slots: the machine is looked through once. */
struct audit_count {
	const struct rescore *rs;
	unsigned int only;	/* slot: of this and those below; 0: of all */
	unsigned int id;
	struct audit_sum *of;	/* by slot */
	char how[80];		/* it was found out */
	bool truth;		/* it was; or there are only the recorded ones */
	bool strays;		/* there can be any */
	struct rescore_bucket *payers;
	size_t nr_payers;
};

/* 0, or -errno; audit_count_end() is for both. */
int audit_count_begin(struct audit_count *count, const struct rescore *rs,
		      unsigned int only);
/*
 * Count resource @id. 0, or -errno; -ENOENT: there is no other way to count it than
 * what held is.
 */
int audit_count(struct audit_count *count, unsigned int id);
void audit_count_end(struct audit_count *count);

/* Adds @sum to that of @slot and of those above it. */
void audit_add(struct audit_count *count, unsigned int slot,
	       const struct audit_sum *sum);

/* --- audit_amounts.c --- */
/*
 * The sum of what the objects hold, each once, into low and high. 0, -ENOENT: the
 * resource is counted in another way; or another error.
 */
int audit_count_amounts(struct audit_count *count);

/* --- audit_proc.c --- */
/* Tasks, zombies included. Returns how many are in a cgroup that is gone. */
unsigned int audit_count_tasks(struct audit_count *count);
/* Lines of /proc/locks. Returns how many have an owner that /proc does not name. */
unsigned int audit_count_locks(struct audit_count *count);

#endif /* RESCORE_AUDIT_H */

/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of librescore share. */
#ifndef RESCORE_INTERNAL_H
#define RESCORE_INTERNAL_H

#include <stdarg.h>

#include "librescore.h"

#define BPFFS_DIR	"/sys/fs/bpf"
/* Where a load builds the pins; renamed to RESCORE_PIN_DIR when complete. */
#define STAGING_DIR	"/sys/fs/bpf/rescore-loading"
#define RESCORE_AMOUNTS	"amounts-"	/* pin of a resource's map of amounts */
#define RESCORE_TRUTH	"__truth"	/* <resource>__truth…, for the audit */
#define RESCORE_AUDIT	"__audit_"	/* <resource>__audit_…, struct rescore_found */
#define OWN_CGROUPS	"rescore"	/* below the cgroup v2 mount */

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Who was in a slot when its name was looked up: it may be another's by now. */
struct rescore_found_in {
	uint64_t serial;	/* 0: nobody has looked */
	char name[RESCORE_NAME_LEN];
};

struct rescore {
	bool read_only;
	bool restoring;		/* what is stored: it is not to be stored again */
	int dir_fd;		/* of the pins, to lock */
	struct rescore_meta *meta;
	struct rescore_resource *registry;
	struct rescore_hook *hooks;
	struct rescore_container *containers;
	struct rescore_row *table;
	struct rescore_bucket *members;
	struct rescore_event *events;
	struct rescore_gauges *gauges;
	struct rescore_knob *knobs;
	struct rescore_figure *figures;
	struct rescore_found_in *found;	/* by slot */
};

/* Record the message of rescore_strerror(); returns @err. */
int rescore_error(int err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/*
 * The same after others, called to clear up, have recorded theirs: @message is a
 * strdup() of rescore_strerror() as it was, and freed.
 */
int rescore_error_again(int err, char *message);

/* --- pins.c --- */
int rescore_pin_fd(const char *name);		/* fd or -errno */
/* Number of the program that is pinned at @path, or that its link runs; or -errno. */
int64_t rescore_pinned_program(const char *path);
void *rescore_map(const char *name, size_t element, size_t n, bool read_only);
void rescore_unmap(void *map, size_t element, size_t n);
int rescore_lock(struct rescore *rs);		/* -EROFS when read-only */
/*
 * The same, for container @slot: -ENOENT if there is none, or not any more the one
 * that rescore_find() has found, and it is not locked.
 */
int rescore_lock_slot(struct rescore *rs, unsigned int slot);
void rescore_unlock(struct rescore *rs);
int rescore_remove_tree(const char *path);	/* bpffs or cgroupfs */

/* --- cgroup.c --- */
const char *rescore_cgroup_mount(void);		/* NULL: no cgroup v2 */
int rescore_cgroup_open(const char *path, char *ret_path, size_t size,
			uint64_t *ret_id);	/* dir fd or -errno */
int rescore_cgroup_path_of(uint64_t id, char *ret_path, size_t size);
/*
 * The path that @file, a /proc/…/cgroup, tells: 0, -ESRCH if there is no such
 * file, -ENOENT if no cgroup of version 2 is in it, or -ENAMETOOLONG. Leaves
 * rescore_strerror() alone.
 */
int rescore_cgroup_in(const char *file, char *ret_path, size_t size);
/* Calls @fn for @path and each cgroup below, children first. */
int rescore_cgroup_walk(const char *path,
			int (*fn)(const char *path, void *arg), void *arg);
int rescore_cgroup_write(const char *path, const char *file, const char *text);
/* The same, leaving rescore_strerror() alone. */
int rescore_cgroup_put(const char *path, const char *file, const char *text);
/* The file's text without the newline at its end; leaves rescore_strerror() alone. */
int rescore_cgroup_read(const char *path, const char *file, char *ret,
			size_t size);

/* --- programs.c: run a pinned program --- */
/* Over the cgroup and all below it, or @alone. */
int rescore_run_iter_cgroup(const char *name, const char *cgroup, bool alone);
/* Output goes to *@ret (malloc), its size is returned; NULL: thrown away. */
ssize_t rescore_run_iter(const char *name, void **ret);
int rescore_run_syscall(const char *name, void *arg, size_t size);
/*
 * What the kernel says that the objects of resource @id hold: a malloc()ed list
 * of struct rescore_truth; its length, or -ENOENT: it has no program for that.
 */
ssize_t rescore_run_truth(const struct rescore *rs, unsigned int id,
			  struct rescore_truth **ret);
/* Every pinned program whose name ends in __adopt, over all tasks. */
int rescore_run_adopters(const struct rescore *rs);

/* --- hooks.c --- */
/*
 * Is @name a word that the hook's name begins with? "tcpsndbuf_tcprcvbuf__send"
 * serves these two; what begins with a controller's name, all of its resources.
 */
bool rescore_serves(const struct rescore_hook *hook, const char *name);

/* --- apply.c --- */
/*
 * The bounds of @rows (bits: ids) of @slot have changed: make them act on what it
 * and those below it have already. 0 or -errno.
 */
int rescore_apply(const struct rescore *rs, unsigned int slot, uint32_t rows);

/* --- links.c --- */
/* Attach programs that keep bounds of @rows (bits), which some are about to get. */
int rescore_attach_bounded(const struct rescore *rs, uint32_t rows);

/* --- refresh.c --- */
/* Read the figures of container @slot only. */
int rescore_refresh_slot(const struct rescore *rs, unsigned int slot);

/* --- knob.c: bounds as the text of cgroup files, and back --- */
struct knob_text {
	const char *detail;	/* of the bounds: which CPUs; what period */
	int64_t period_us;	/* of the last quota */
	unsigned int slot;
	char text[512];
};
/*
 * Put the text that @bounds are for @knob into @k->text. @now is what stands in
 * the file. -EINVAL: these cannot be written, and why.
 */
int rescore_knob_text(const struct rescore_knob *knob,
		      const struct rescore_resource *resource,
		      const struct rescore_bounds *bounds, const char *now,
		      struct knob_text *k);
/* The bound that the file's @text stands for. @base: of a burst's barrier. */
int64_t rescore_knob_bound(const struct rescore_knob *knob, const char *text,
			   int64_t base, int64_t period_us);
/* Period in "quota period", us. */
int64_t rescore_quota_period(const char *text);
/* CPUs in a list as "0-3,7"; -1: it is none. */
int64_t rescore_list_count(const char *list);

/* @n CPUs out of the list @online, from the @skip-th on and round. */
int rescore_pick_cpus(const char *online, int64_t n, unsigned int skip,
		      char *ret, size_t size);

/* --- delegate.c: the knobs of a container --- */
struct knob_undo;
/* Do @bounds ask for nothing, so that the file need not be there? */
bool rescore_knob_is_open(const struct rescore_knob *knob,
			  const struct rescore_resource *resource,
			  const struct rescore_bounds *bounds);
/*
 * Write all that @bounds ask for to every root of the container, or nothing.
 * *@ret_undo takes it back (rescore_knobs_undo) or is let go
 * (rescore_knobs_keep).
 */
int rescore_knobs_write(struct rescore *rs, unsigned int slot,
			const struct rescore_bounds *bounds, size_t n,
			struct knob_undo **ret_undo);
void rescore_knobs_undo(struct knob_undo *undo);
void rescore_knobs_keep(struct knob_undo *undo);
/* Root @i has been attached: keep what stands in its files, write the rest. */
int rescore_knobs_adopt(struct rescore *rs, unsigned int slot, unsigned int i);
/* Take away what `set` has written to the root at @path; it stays. */
void rescore_knobs_release(struct rescore *rs, unsigned int slot,
			   const char *path);
/* The first bounds of a row. */
void rescore_initial_bounds(const struct rescore_resource *resource,
			    struct rescore_bounds *ret);

/* --- membership, as user space reads it --- */
uint32_t rescore_bucket_index(uint64_t key, unsigned int bits);
/* Slot of cgroup @id; 0 = of none. */
int rescore_member(const struct rescore *rs, uint64_t id);
/* The same for a cgroup's @path, which is cut up; -errno: it is gone. */
int rescore_member_path(const struct rescore *rs, char *path);

/* --- hooks.c --- */
/* Is the program one of @resource's, or of all of its controller's? */
bool rescore_hook_serves(const struct rescore_hook *hook,
			 const struct rescore_resource *resource);

struct rescore_line *rescore_live_line(const struct rescore *rs,
				       unsigned int slot, unsigned int id);
/*
 * Rows that count things ask the gate only where it has a barrier, of their own
 * container or of one above it: find out for @slot and those below it.
 */
void rescore_set_gate(struct rescore *rs, unsigned int slot);
bool rescore_slot_is_live(const struct rescore *rs, unsigned int slot);
/* Is there a container in @slot, and the one that was found there? 0 or -ENOENT. */
int rescore_check_slot(const struct rescore *rs, unsigned int slot);
/* RCU and deferred fput() give charges back a little late. */
#define DRAIN_MS	5000

/* --- attach.c, under the lock --- */
/* What the kernel has counted for @slot's cgroups up to now is not its own. */
void rescore_prime(struct rescore *rs, unsigned int slot);
int rescore_attach_locked(struct rescore *rs, unsigned int slot,
			  const char *cgroup);
/* Let those go that the maker of a container, killed at that, has left to @slot. */
int rescore_abandon_roots(struct rescore *rs, unsigned int slot);
/* Remove the cgroup that was made for it, let the others go. */
int rescore_release_roots(struct rescore *rs, unsigned int slot);
/* Adds the number of processes in the cgroup at @path to *(int *)@arg. */
int rescore_count_processes(const char *path, void *arg);
/* Calls @fn for every cgroup of the container and of those below it. */
int rescore_for_each_cgroup(const struct rescore *rs, unsigned int slot,
			    int (*fn)(const char *path, void *arg), void *arg);

/* --- tree.c --- */
/* May @levels levels of containers be put below @parent (0: none)? */
int rescore_check_parent(const struct rescore *rs, unsigned int parent,
			 unsigned int levels);
/* -EBUSY: it has containers below it. */
int rescore_check_childless(const struct rescore *rs, unsigned int slot);

/* Has the container some of resource @id that programs of ours charged to it? */
bool rescore_holds(const struct rescore *rs, unsigned int slot,
		   unsigned int id);
/* Give back slots of destroyed containers that hold nothing any more. */
void rescore_reap(struct rescore *rs);
/* As rescore_destroy(), under the lock. */
int rescore_destroy_locked(struct rescore *rs, unsigned int slot, bool force);

/* --- ct_limits.c --- */
/* Limits of @slot have changed: where they are stored, store them anew. */
int ct_limits_changed(const struct rescore *rs, unsigned int slot);

/* --- probe.c --- */
struct btf;
bool rescore_locked_down(void);
/* Do BPF programs on LSM hooks run? @btf is the kernel's. Attaches one to see. */
bool rescore_lsm_works(const struct btf *btf);
/* Can a task be preempted inside a program? Yes if that is not to be found out. */
bool rescore_preemptible(void);
/* Physical address of the last byte of memory; 0: not known. */
uint64_t rescore_memory_end(void);

/* Milliseconds of CLOCK_MONOTONIC; naps are 5 ms. */
int64_t rescore_now_ms(void);
void rescore_nap(void);

#endif /* RESCORE_INTERNAL_H */

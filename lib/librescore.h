/* SPDX-License-Identifier: GPL-2.0 */
/*
 * librescore: load the programs, make containers, set and read their limits.
 * All that a tool may call; the only code that talks to the kernel.
 *
 * Conventions
 *  - Functions return 0 (or a count, slot or id >= 0) or a negative errno.
 *    Return parameters are named ret_*, untouched on failure.
 *  - The library never prints. After a failure rescore_strerror() gives one
 *    line that says what went wrong, in the words of the failed call.
 *  - Amounts are in the resource's unit (enum rescore_unit): pages are 4096
 *    bytes. RESCORE_UNLIMITED is LONG_MAX.
 *  - A handle is for one thread. Administrative calls of several processes
 *    exclude one another through a lock on the pin directory.
 */
#ifndef LIBRESCORE_H
#define LIBRESCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <rescore/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RESCORE_API __attribute__((visibility("default")))

struct rescore;		/* an open handle on the loaded programs */

/* The message of this thread's last failed call; never NULL. */
RESCORE_API const char *rescore_strerror(void);

/* "0.1.0" */
RESCORE_API const char *rescore_version(void);

/* --- load and unload ---------------------------------------------------- */

struct rescore_load_opts {
	const char *bpf_dir;	/* objects; NULL: the installed ones, or
				 * $RESCORE_BPF_DIR */
	const char *only;	/* controllers, with commas between them;
				 * NULL: all of them */
	unsigned int containers; /* 1..65535; 0 = 4095 */
	uint64_t objects;	/* files, tasks, locks that containers may hold
				 * together; 0 = from the machine's memory */
	unsigned int events;	/* size of the event ring, rounded up to a
				 * power of two; 0 = 8192 */
	FILE *log;		/* libbpf's and the verifier's words, or NULL */
};

/*
 * Load, attach and pin every program. All or nothing. -EEXIST: loaded already.
 * -EPERM: not root, or the kernel refuses (lockdown). -EOPNOTSUPP: no BTF, no
 * BPF tracing, no cgroup v2. -EINVAL: an option is out of range. -ENOENT: there is
 * no such controller, or no objects.
 */
RESCORE_API int rescore_load(const struct rescore_load_opts *opts);

/*
 * Replace every program by the one in @opts->bpf_dir while load runs: nothing goes
 * uncounted or is counted twice, and counts, limits, payers and events stay. An
 * error leaves the old programs as they were. rescore_load() does the same where
 * another version is loaded, or some of @opts->only are not. -ENOENT: not loaded.
 * -EPROTO: the two versions lay out what they count differently. -EINVAL: @opts
 * names a size. -EBUSY: the kernel keeps the old programs; both take turns until
 * another rescore_load() finishes it.
 */
RESCORE_API int rescore_upgrade(const struct rescore_load_opts *opts);

/*
 * Remove the controllers of @list ("cpu,shm"): their rows are off, and what they
 * held is 0; their bounds stay for when they are loaded again. -ENOENT: one is not
 * loaded. @log: as in rescore_load_opts.
 */
RESCORE_API int rescore_unload_controllers(const char *list, FILE *log);

/*
 * Detach and unpin everything; limits and counters are gone. Containers must
 * have been destroyed, else -EBUSY, unless @force: then their cgroups stay and
 * nothing is counted or refused any more. -ENOENT: not loaded.
 */
RESCORE_API int rescore_unload(bool force);

/* --- open ---------------------------------------------------------------- */

/*
 * -ENOENT: not loaded. -EPERM: not root. -EPROTO: loaded by an incompatible
 * version. @read_only handles refuse every call that changes something (-EROFS).
 */
RESCORE_API int rescore_open(struct rescore **ret_rs, bool read_only);
RESCORE_API void rescore_close(struct rescore *rs);	/* NULL is fine */

/* Live memory shared with the kernel: values change while one looks. */
RESCORE_API const struct rescore_meta *rescore_meta(const struct rescore *rs);

/* --- resources ------------------------------------------------------------ */

/* Ids are 0..rescore_nr_resources()-1, in the order of loading. */
RESCORE_API unsigned int rescore_nr_resources(const struct rescore *rs);
RESCORE_API const struct rescore_resource *
rescore_resource(const struct rescore *rs, unsigned int id);	/* NULL: no such */
RESCORE_API int rescore_find_resource(const struct rescore *rs,
				      const char *name);

RESCORE_API unsigned int rescore_nr_hooks(const struct rescore *rs);
RESCORE_API const struct rescore_hook *rescore_hook(const struct rescore *rs,
						    unsigned int i);
/*
 * How often the kernel skipped the program since it was loaded, because it was
 * running on the same CPU already: what it should have counted is off by as
 * much, until the object is freed. Negative errno: it cannot be asked.
 */
RESCORE_API int64_t rescore_hook_skipped(const struct rescore *rs,
					 unsigned int i);

/* --- containers ------------------------------------------------------------ */

/*
 * A name: 1..63 of [A-Za-z0-9._:@-], not starting with '.' or '-'.
 * -EINVAL, with the reason in rescore_strerror().
 */
RESCORE_API int rescore_check_name(const char *name);

/*
 * Make container @name with all limits unlimited. Returns its slot. A name
 * that is a number takes the slot of that number if it is free. With @cgroup
 * NULL a cgroup /sys/fs/cgroup/rescore/NAME is made for it; else @cgroup (an
 * absolute path, or one relative to the cgroup v2 mount) is attached.
 * -EEXIST: the name is taken. -ENOSPC: no free slot.
 */
RESCORE_API int rescore_create(struct rescore *rs, const char *name,
			       const char *cgroup);

/*
 * The same, below container @parent (0: below none): whatever the new one charges
 * is charged to @parent and to all above that as well, or to none. Its own cgroup
 * is made in @parent's, if rescore made that. -E2BIG: more than
 * RESCORE_LEVELS_MAX levels. -ENOENT: no such parent.
 */
RESCORE_API int rescore_create_below(struct rescore *rs, const char *name,
				     const char *cgroup, unsigned int parent);

/*
 * Put container @slot, with all below it, below another @parent (0: none). It must
 * hold nothing, since what it holds is held by those above it: -EBUSY. -ELOOP:
 * @parent is @slot or below it. -E2BIG: too many levels. Its cgroups stay where
 * they are.
 */
RESCORE_API int rescore_set_parent(struct rescore *rs, unsigned int slot,
				   unsigned int parent);

/* Is @slot somewhere below @above, at any distance? */
RESCORE_API bool rescore_is_below(const struct rescore *rs, unsigned int slot,
				  unsigned int above);

/*
 * Put another cgroup, with all below it, under container @slot. Its tasks are
 * charged at once; files they hold already are not. -ENOENT: no such cgroup.
 * -EALREADY: it belongs to @slot. -EBUSY: it, or one above or below it, belongs to
 * another container; one above @slot in the tree of limits may give away a part of
 * its own. Attached cgroups that have been removed are forgotten.
 * -ENOSPC: RESCORE_ROOTS_MAX are attached.
 */
RESCORE_API int rescore_attach(struct rescore *rs, unsigned int slot,
			       const char *cgroup);

/*
 * Where a process or a systemd unit is, as rescore_attach() takes it. -ESRCH: no
 * such process. -ENOENT: no cgroup has the unit's name ("nginx" is nginx.service).
 */
RESCORE_API int rescore_cgroup_of_pid(pid_t pid, char *ret_path, size_t size);
RESCORE_API int rescore_cgroup_of_unit(const char *unit, char *ret_path,
				       size_t size);

/*
 * Take a cgroup that was attached, with all below it, out from under container
 * @slot. Its tasks run on and are uncharged; files and the like that they opened
 * stay charged until they are gone. -ENOENT: no such cgroup, or it is not
 * attached. -EINVAL: it is the one that rescore made.
 */
RESCORE_API int rescore_detach(struct rescore *rs, unsigned int slot,
			       const char *cgroup);

/*
 * -EBUSY: it has processes, or charges that are still there after five seconds.
 * With @force its processes are killed first; charges that remain (files that
 * were passed to another container) keep the slot taken until they are gone.
 * A cgroup that rescore made is removed; an attached one stays as it is.
 */
RESCORE_API int rescore_destroy(struct rescore *rs, unsigned int slot,
				bool force);

RESCORE_API int rescore_find(const struct rescore *rs,
			     const char *name); /* slot or -ENOENT */
/* The first live container with a slot above @slot, or 0: loop from 0. */
RESCORE_API unsigned int rescore_next(const struct rescore *rs,
				      unsigned int slot);
/* NULL when the slot is free. */
RESCORE_API const struct rescore_container *
rescore_container(const struct rescore *rs, unsigned int slot);

/* Path of root @i (0..nr_roots-1). -ENOENT: that cgroup has been removed. */
RESCORE_API int rescore_cgroup_path(const struct rescore *rs, unsigned int slot,
				    unsigned int i, char *ret_path,
				    size_t size);

/* The container of process @pid (0: the caller), 0 = none. */
RESCORE_API int rescore_container_of(const struct rescore *rs, pid_t pid);

/*
 * Move the calling process into the container, to execve() something. From
 * here to a successful execve() its charges are never refused, so a full
 * container can be entered. With @admin that lasts: for this process and all
 * its descendants, for repairs.
 */
RESCORE_API int rescore_enter(struct rescore *rs, unsigned int slot,
			      bool admin);

/*
 * Send @sig to every process of the container and of those below it. Returns how
 * many there were. Works when full.
 */
RESCORE_API int rescore_kill(struct rescore *rs, unsigned int slot, int sig);

/*
 * Number of processes (live; zombies not) of the container and of those below it,
 * or negative.
 */
RESCORE_API int rescore_nr_processes(const struct rescore *rs,
				     unsigned int slot);

/* --- values ------------------------------------------------------------------ */

/*
 * Bring what the kernel itself counts (RESCORE_DELEGATED rows, figures) up to
 * date: all containers in a few system calls, whatever their number.
 * To be called before rescore_read() of such rows; the others are always exact.
 * A read-only handle will do.
 */
RESCORE_API int rescore_refresh(const struct rescore *rs);

/*
 * Figures beside the rows (CPU time in user mode…), as the last refresh found
 * them: 0..rescore_nr_figures()-1. Values are @scale times as large as @unit says.
 */
RESCORE_API unsigned int rescore_nr_figures(const struct rescore *rs);
RESCORE_API const struct rescore_figure *
rescore_figure(const struct rescore *rs, unsigned int i); /* NULL: no such */
RESCORE_API int rescore_read_figure(const struct rescore *rs, unsigned int slot,
				    unsigned int i, int64_t *ret_value);

/* enum rescore_unit of held, and of maxheld and peak; .unit is the bounds'. */
static inline unsigned int
rescore_held_unit(const struct rescore_resource *resource)
{
	return resource->held_unit ? resource->held_unit - 1U : resource->unit;
}

static inline unsigned int
rescore_peak_unit(const struct rescore_resource *resource)
{
	return resource->peak_unit ? resource->peak_unit - 1U : resource->unit;
}

/* Are the bounds a ceiling for held, of which it has so many percent? */
static inline bool rescore_has_ceiling(const struct rescore_resource *resource)
{
	return rescore_held_unit(resource) == resource->unit &&
	       !(resource->flags & (RESCORE_GUARANTEE | RESCORE_CHOSEN));
}

/*
 * A copy of one line; held <= maxheld holds in it where they have one unit.
 */
RESCORE_API int rescore_read(const struct rescore *rs, unsigned int slot,
			     unsigned int id, struct rescore_line *ret_line);

/*
 * For who reads every row of thousands of containers: the lines of one, by id, as
 * the kernel has them. They change while one looks; each field is whole, but held
 * may be above maxheld for a moment. NULL: no such container. They stay mapped
 * until rescore_close(), and are another's once the container is gone.
 */
RESCORE_API const struct rescore_line *rescore_lines(const struct rescore *rs,
						     unsigned int slot);

/*
 * Returns the highest held since the last call and starts over from held; for
 * the one collector of the machine.
 */
RESCORE_API int rescore_take_peak(struct rescore *rs, unsigned int slot,
				  unsigned int id, int64_t *ret_peak);

struct rescore_bounds {
	unsigned int id;	/* resource */
	int64_t barrier;	/* 0..2^62 or RESCORE_UNLIMITED */
	int64_t limit;		/* >= barrier */
	/* More than a number: CPUs as a list ("0-3,7"), a period in us; "": none */
	char detail[128];
};

/*
 * Set all @n bounds, or none: -EINVAL (out of range, barrier > limit),
 * -EOPNOTSUPP (the resource is off here: why is in rescore_strerror()).
 */
RESCORE_API int rescore_set(struct rescore *rs, unsigned int slot,
			    const struct rescore_bounds *bounds, size_t n);

/* @id -1: every resource. */
RESCORE_API int rescore_set_mode(struct rescore *rs, unsigned int slot, int id,
				 bool observe);

enum { RESCORE_RESET_MAXHELD = 1, RESCORE_RESET_FAILCNT = 2 };
/* maxheld becomes held, failcnt 0. @id -1: every resource. */
RESCORE_API int rescore_reset(struct rescore *rs, unsigned int slot, int id,
			      unsigned int what);

/* --- events ------------------------------------------------------------------ */

/*
 * Read the event after *@cursor and advance it; start with 0 for the oldest
 * kept, or rescore_meta()->event_head for new ones only. Returns 1, or 0 when
 * there is none yet. *@ret_lost (may be NULL) grows by the events that were
 * overwritten before they were read. Any number of readers.
 */
RESCORE_API int rescore_next_event(const struct rescore *rs, uint64_t *cursor,
				   struct rescore_event *ret_event,
				   uint64_t *ret_lost);
/* CLOCK_BOOTTIME of an event, as nanoseconds of CLOCK_REALTIME. */
RESCORE_API int64_t rescore_event_realtime(const struct rescore_event *event);
/* "refused", "observed", … */
RESCORE_API const char *rescore_event_kind_name(unsigned int kind);

/* --- audit ------------------------------------------------------------------- */

enum rescore_finding {
	RESCORE_AUDIT_DIFFERENCE,	/* held is not what was found */
	RESCORE_AUDIT_UNDERFLOW,	/* held went below 0, count times */
	RESCORE_AUDIT_LOST,		/* cgroups found no room in the members map */
	RESCORE_AUDIT_KNOB,		/* a bound is not in its cgroup file */
};

struct rescore_audit_row {
	unsigned int slot;
	unsigned int id;
	enum rescore_finding finding;
	int64_t held;
	int64_t low, high;	/* the truth, counted another way, is in here */
	char how[120];		/* how it was counted, or what is wrong */
};

/*
 * Compare every held with the truth; calls @report for every row that was
 * compared (@differs says whether it is wrong). @slot 0: all containers. Returns
 * the number of wrong ones. Rows that moved during the count are tried again.
 */
RESCORE_API int
rescore_audit(struct rescore *rs, unsigned int slot,
	      void (*report)(const struct rescore_audit_row *row, bool differs,
			     void *arg),
	      void *arg);

/* --- what this kernel has ------------------------------------------------------ */

struct rescore_feature {
	const char *name;	/* "kernel BTF" */
	bool have;
	char detail[120];	/* version, path, or why not */
};

/* Probes; needs no load. Calls @report for each. Returns how many are missing. */
RESCORE_API int
rescore_probe(void (*report)(const struct rescore_feature *feature, void *arg),
	      void *arg);

/* --- numbers as people write them ------------------------------------------------ */

/*
 * "20", "unlimited", "2.2G", "16p": an amount of @unit, which decides which
 * suffixes are allowed (K M G T P, any case, for bytes and pages; on pages they
 * are bytes, rounded down to whole pages; P = pages of 4096 bytes).
 * -EINVAL or -ERANGE with the reason in rescore_strerror().
 */
RESCORE_API int rescore_parse_amount(const char *text, unsigned int unit,
				     int64_t *ret_amount);

/* "barrier[:limit]"; one number sets both. */
RESCORE_API int rescore_parse_bounds(const char *text, unsigned int unit,
				     int64_t *ret_barrier, int64_t *ret_limit);

/*
 * For people: "1.2M", "65536", "unlimited"; @exact: all digits. Pages are
 * printed as bytes ("256K") unless @exact. @buf of 24 bytes is always enough.
 */
RESCORE_API const char *rescore_format_amount(int64_t amount, unsigned int unit,
					      bool exact, char *buf,
					      size_t size);

/*
 * What stands behind "RESOURCE=": bounds in the unit of resource @id, and for some
 * a detail: CPUs may be a list ("0-2,5"), a quota may name its period
 * ("50%/20ms"). "0" is unlimited where nothing at all would make no sense.
 */
RESCORE_API int rescore_parse_setting(const struct rescore *rs, unsigned int id,
				      const char *text,
				      struct rescore_bounds *ret);

/* "count", "bytes", "pages", "ns", "percent" */
RESCORE_API const char *rescore_unit_name(unsigned int unit);

#ifdef __cplusplus
}
#endif

#endif /* LIBRESCORE_H */

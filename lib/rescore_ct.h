/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Containment: a container of librescore.h with a root file system and namespaces
 * of its own. Conventions as there. A configuration is stored in
 * RESCORE_CT_STORE/NAME/config.json, what runs is noted in RESCORE_CT_RUN/NAME;
 * there is no daemon: who starts a container may end as soon as it runs.
 */
#ifndef RESCORE_CT_H
#define RESCORE_CT_H

#include "librescore.h"

#ifdef __cplusplus
extern "C" {
#endif

#define RESCORE_CT_STORE	"/var/lib/rescore"
#define RESCORE_CT_RUN		"/run/rescore"
#define RESCORE_CT_VERSION	1	/* of config.json */

/* --- the configuration --------------------------------------------------- */

struct rescore_ct;

/* Empty. -ENOMEM. */
RESCORE_API int rescore_ct_new(struct rescore_ct **ret_ct);
RESCORE_API void rescore_ct_free(struct rescore_ct *ct);	/* NULL is fine */

/*
 * Set @key, or add to it if it is a list; man rlimitctl explains the values:
 *   rootfs DIR, overlay LOWER[:LOWER...], upper DIR|tmpfs, hostname H,
 *   net none|host|veth[:BRIDGE[,ADDR/LEN]]|ip:ADDR[,ADDR...],
 *   userns host|auto|INSIDE:OUTSIDE:COUNT, proc full|minimal|lxcfs,
 *   cap [+|-]NAME,..., share NS,... and the lists bind SRC:DST[:ro][:slave],
 *   tmpfs DST[:SIZE], env K=V, init WORD
 * -EINVAL: no such key, or a wrong value; -EEXIST: set already.
 */
RESCORE_API int rescore_ct_set(struct rescore_ct *ct, const char *key,
			       const char *value);
/* Value @i of @key; NULL: there is none. */
RESCORE_API const char *rescore_ct_get(const struct rescore_ct *ct,
				       const char *key, size_t i);
/* Drop all values of @key. */
RESCORE_API void rescore_ct_unset(struct rescore_ct *ct, const char *key);

/* Do the values go together? -EINVAL: no root file system, or two. */
RESCORE_API int rescore_ct_check(const struct rescore_ct *ct);

/* -ENOENT: container @name has none. -EPROTO: stored by a later version. */
RESCORE_API int rescore_ct_load(const char *name, struct rescore_ct **ret_ct);
/* Is a configuration stored for @name? */
RESCORE_API bool rescore_ct_stored(const char *name);
/* Replaces the stored one at once or not at all. */
RESCORE_API int rescore_ct_store(const char *name, const struct rescore_ct *ct);
/*
 * Store the limits of @slot and its parent's name; from then on what changes them
 * (rescore_set() and its like) stores them anew.
 */
RESCORE_API int rescore_ct_remember(const struct rescore *rs,
				    unsigned int slot);
/* Are limits stored for @name? */
RESCORE_API bool rescore_ct_remembered(const char *name);
/*
 * After a reboot, or unload and load: make stored container @name again, with its
 * cgroup and limits, and those that it is below. Returns its slot. -ENOENT: nothing
 * is stored. -EEXIST: it is there. -EOPNOTSUPP: a bound cannot be had here.
 */
RESCORE_API int rescore_ct_revive(struct rescore *rs, const char *name);
/* Names that are remembered, sorted, NULL at the end: free() each, and the list. */
RESCORE_API char **rescore_ct_stored_names(void);
/* Remove all that is stored and noted for @name, if there is anything. */
RESCORE_API int rescore_ct_forget(const char *name);
/*
 * rescore_destroy() and rescore_ct_forget() in one: a container that another makes
 * under this name keeps what is stored of it. If it cannot be forgotten it is not
 * destroyed, but by @force.
 */
RESCORE_API int rescore_ct_destroy(struct rescore *rs, unsigned int slot,
				   bool force);

/* --- life ------------------------------------------------------------------ */

enum rescore_ct_state {
	RESCORE_CT_PLAIN,	/* has no configuration: limits and no more */
	RESCORE_CT_STOPPED,
	RESCORE_CT_RUNNING,
	RESCORE_CT_FROZEN,
	RESCORE_CT_STORED,	/* in its file only: rescore_ct_revive() */
};

struct rescore_ct_status {
	enum rescore_ct_state state;
	pid_t init;		/* its first process, 0 when it does not run */
};

RESCORE_API int rescore_ct_status(const struct rescore *rs, unsigned int slot,
				  struct rescore_ct_status *ret_status);
/* "plain", "stopped", "running", "frozen", "stored" */
RESCORE_API const char *rescore_ct_state_name(unsigned int state);

/*
 * Run container @slot; returns when its command has been executed. @argv is stored
 * as init; NULL: what was stored, or /sbin/init. -EALREADY: it runs. -ENOENT: it has no
 * configuration. What its limits refuse is refused here, too (-EAGAIN, -ENFILE).
 */
RESCORE_API int rescore_ct_start(struct rescore *rs, unsigned int slot,
				 char *const argv[]);

/*
 * Send @sig to its command, wait @timeout_ms, then kill all that is left. Returns
 * 0 once nothing runs, 1 if it had to be killed. -ESRCH: it does not run.
 */
RESCORE_API int rescore_ct_stop(struct rescore *rs, unsigned int slot, int sig,
				int timeout_ms);

/*
 * Stop all processes of the container and of those below it, and say so when the
 * kernel confirms it. -ETIMEDOUT: not all stopped within @timeout_ms; they go on.
 */
RESCORE_API int rescore_freeze(struct rescore *rs, unsigned int slot,
			       int timeout_ms);
RESCORE_API int rescore_thaw(struct rescore *rs, unsigned int slot,
			     int timeout_ms);

/*
 * Write the processes of container @slot, its limits and counters to folder @dir by
 * the program criu. It ends, unless told to @go_on. An error leaves it running.
 * -EOPNOTSUPP: CRIU cannot do that with it, and why, or there is no criu. -EEXIST:
 * @dir has a checkpoint. -EIO: criu failed: what its log says, and where that is.
 */
RESCORE_API int rescore_ct_checkpoint(struct rescore *rs, unsigned int slot,
				      const char *dir, bool go_on);
/*
 * Go on with the container of checkpoint @dir as container @name, which is made
 * unless it is there and stopped. What its processes hold is charged anew, above
 * its bounds if need be; then bounds, modes, maxheld, failcnt and actions are as they
 * were. Returns its slot. -EPROTO: written by a later version. Other errors as above;
 * they leave @name as it was.
 */
RESCORE_API int rescore_ct_restore(struct rescore *rs, const char *name,
				   const char *dir);

struct rescore_ct_exec {
	char *const *argv;
	bool tty;		/* on a terminal of the container's own */
	bool admin;		/* nothing is refused to it or its children */
};

/*
 * Call it first thing in main(): a program that is going to enter containers runs
 * from a read-only view of its file from there on, so that no container can
 * write to that. Returns 0 if it does so already, else executes @argv anew.
 */
RESCORE_API int rescore_ct_protect(char *const argv[]);

/*
 * Run a command in a container that runs, with its capabilities and system calls,
 * and wait for it. *@ret_status is as of waitpid(). -ESRCH: it does not run.
 * -EPERM: rescore_ct_protect() was not called. If execve() failed, its errno.
 */
RESCORE_API int rescore_ct_exec(struct rescore *rs, unsigned int slot,
				const struct rescore_ct_exec *exec,
				int *ret_status);

#ifdef __cplusplus
}
#endif

#endif /* RESCORE_CT_H */

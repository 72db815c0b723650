/* SPDX-License-Identifier: GPL-2.0 */
/* Run a hook of `rlimitctl watch`: on the host, with facts, for a limited time. */
#ifndef RLIMITCTL_HOOK_H
#define RLIMITCTL_HOOK_H

#include <sys/types.h>

/*
 * Start file @name of @directory with environment @envp (NULL at its end) and no
 * input. The pid of its keeper, which ends when the hook and all that it forked
 * have ended, and kills them after @seconds; its exit status is the hook's, 124 if
 * it was killed. Or -errno: -EACCES unless it is a file that only root can change.
 */
pid_t hook_start(const char *directory, const char *name, char *const envp[],
		 unsigned int seconds);

#endif /* RLIMITCTL_HOOK_H */

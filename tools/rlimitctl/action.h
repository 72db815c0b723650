/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What `rlimitctl watch` does when a container is refused something: per container
 * and resource a list, in RESCORE_CT_STORE/NAME/actions.json.
 */
#ifndef RLIMITCTL_ACTION_H
#define RLIMITCTL_ACTION_H

#include <stdbool.h>

#include "librescore.h"

#define ACTION_HOOKS	"/etc/rescore/hooks"
#define ACTION_HOOK_LEN	64
#define ACTION_TEXT_LEN	(ACTION_HOOK_LEN + 64)

struct actions {
	bool log;
	int signal;			/* 0 = none */
	char hook[ACTION_HOOK_LEN];	/* "" = none */
};

/*
 * "refuse,log,signal=TERM,hook=NAME": each once, in any order; "refuse" alone is
 * nothing more than what the kernel does. 0, or a status after saying what is wrong.
 */
int action_parse(const char *text, struct actions *ret);
/* The same as text; begins with "refuse". */
char *action_format(const struct actions *actions, char *buf, size_t size);

/* 0; -ENOENT: none is stored; -EPROTO: not of this version; -EIO: not readable. */
int action_load(const char *container, const char *resource,
		struct actions *ret);
/* Calls @fn for each resource that has some. Errors as action_load(). */
int action_each(const char *container,
		void (*fn)(const char *resource, const struct actions *actions,
			   void *arg),
		void *arg);
/* Replaces the file at once or not at all. A status. */
int action_store(const char *container, const char *resource,
		 const struct actions *actions);

#endif /* RLIMITCTL_ACTION_H */

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * systemd units whose cgroups are attached. systemd makes a cgroup anew each time
 * that it starts a service, after a crash too, so who was attached once would be out
 * from under its limits: a file of ours below /etc/systemd/system has each start
 * attach it, before any of its processes runs. If that fails the service does not
 * start.
 */
#ifndef RLIMITCTL_UNIT_H
#define RLIMITCTL_UNIT_H

#include <limits.h>
#include <stdbool.h>

#include "librescore.h"

#define UNIT_NAME_MAX	256	/* as systemd's, with the 0 */

struct unit {
	char name[UNIT_NAME_MAX];	/* whole, no alias */
	char state[32];			/* LoadState: "loaded", "not-found", ... */
	char cgroup[PATH_MAX];		/* below the mount; "": it does not run */
};

bool systemd_runs(void);

/* Each a status. "nginx" is nginx.service. What is unknown is found, too. */
int unit_find(const char *word, struct unit *ret);
int unit_check_loaded(const struct unit *unit);
/* May it be kept for @container? */
int unit_check_keep(const struct unit *unit, const char *container);
/* Attach it to @container each time that it starts. */
int unit_keep(const struct unit *unit, const char *container);
/* No longer; NULL: none of @container's. *@ret_kept (or NULL): there was one. */
int unit_forget(const char *container, const struct unit *unit, bool *ret_kept);
/* Those that are kept and run, to containers that are there. */
int units_attach(struct rescore *rs);

#endif /* RLIMITCTL_UNIT_H */

// SPDX-License-Identifier: GPL-2.0
/* attach and detach: what others run comes under limits, and out again. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "rlimitctl.h"
#include "unit.h"

/* What --cgroup, --unit or --pid says. */
struct place {
	const char *cgroup;	/* NULL: a unit's that does not run */
	bool is_unit;		/* and systemd runs it */
	struct unit unit;
	char path[PATH_MAX];
};

static int unit_place(const char *word, struct place *p)
{
	if (systemd_runs()) {
		if (unit_find(word, &p->unit))
			return STATUS_FAILURE;
		p->is_unit = true;
		p->cgroup = *p->unit.cgroup ? p->unit.cgroup : NULL;
		return 0;
	}
	p->cgroup = p->path;
	return rescore_cgroup_of_unit(word, p->path, sizeof(p->path)) ?
		       fail("%s", rescore_strerror()) :
		       0;
}

static int pid_place(const struct invocation *inv, struct place *p)
{
	uint64_t pid;

	if (number_option(inv, OPT_PID, 1, INT_MAX, &pid))
		return STATUS_FAILURE;
	p->cgroup = p->path;
	return rescore_cgroup_of_pid((pid_t)pid, p->path, sizeof(p->path)) ?
		       fail("%s", rescore_strerror()) :
		       0;
}

/* A status. */
static int find_place(const struct invocation *inv, struct place *p)
{
	const char *cgroup = inv->option[OPT_CGROUP],
		   *verb = inv->command->name;
	const char *unit = inv->option[OPT_UNIT], *pid = inv->option[OPT_PID];

	if (!!cgroup + !!unit + !!pid > 1)
		return usage("--cgroup, --unit and --pid exclude one another");
	if (inv->option[OPT_RUNTIME] && !unit)
		return usage(
			"--runtime is for --unit: what else there is lasts "
			"no longer");
	if (unit)
		return unit_place(unit, p);
	if (pid)
		return pid_place(inv, p);
	p->cgroup = cgroup;
	return cgroup ? 0 :
			usage("%s needs the cgroup: rlimitctl %s %s "
			      "--cgroup PATH",
			      verb, verb, inv->argv[0]);
}

static int attach(struct rescore *rs, unsigned int slot,
		  const struct invocation *inv, struct place *p)
{
	const struct unit *keep = NULL;
	int status = 0, err = 0;

	if (p->is_unit && !inv->option[OPT_RUNTIME])
		keep = &p->unit;
	if (p->is_unit)
		status = unit_check_loaded(&p->unit);
	if (keep && !status)
		status = unit_check_keep(keep, inv->argv[0]);
	if (status)
		return status;
	if (p->cgroup)
		err = rescore_attach(rs, slot, p->cgroup);
	else if (!keep)
		return fail("unit \"%s\" does not run", p->unit.name);
	/* a process may have outlived the service that was stopped */
	if (err && !(p->is_unit && err == -EALREADY))
		return fail("%s", rescore_strerror());
	return keep ? unit_keep(keep, inv->argv[0]) : 0;
}

static int detach(struct rescore *rs, unsigned int slot,
		  const struct invocation *inv, struct place *p)
{
	bool kept = false;
	int status = 0;

	if (p->is_unit)
		status = unit_forget(inv->argv[0], &p->unit, &kept);
	if (status)
		return status;
	if (!p->cgroup)
		return kept ? 0 :
			      fail("\"%s\" is not attached to \"%s\"",
				   p->unit.name, inv->argv[0]);
	if (rescore_detach(rs, slot, p->cgroup))
		return fail("%s", rescore_strerror());
	return 0;
}

static int change(const struct invocation *inv,
		  int (*fn)(struct rescore *rs, unsigned int slot,
			    const struct invocation *inv, struct place *p))
{
	struct place place = {};
	struct rescore *rs;
	unsigned int slot;
	int status = find_place(inv, &place);

	status = status ?: open_session(inv, false, &rs);
	if (status)
		return status;
	status = find_container(rs, inv->argv[0], &slot);
	status = status ?: fn(rs, slot, inv, &place);
	rescore_close(rs);
	return status;
}

int cmd_attach(const struct invocation *inv)
{
	return change(inv, attach);
}

int cmd_detach(const struct invocation *inv)
{
	return change(inv, detach);
}

// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "rescore_ct.h"
#include "rlimitctl.h"
#include "unit.h"

/* What `load` and `upgrade` are given. STATUS_OK, or the status to end with. */
static int load_opts(const struct invocation *inv,
		     struct rescore_load_opts *opts)
{
	uint64_t containers = 0, events = 0;
	int status;

	*opts = (struct rescore_load_opts){
		.bpf_dir = inv->option[OPT_BPF_DIR],
		.only = inv->option[OPT_ONLY],
		.log = inv->option[OPT_VERBOSE] ? stderr : NULL,
	};
	status = number_option(inv, OPT_CONTAINERS, 1, RESCORE_SLOTS_MAX - 1,
			       &containers);
	if (!status)
		status = number_option(inv, OPT_OBJECTS, 1, RESCORE_BOUND_MAX,
				       &opts->objects);
	if (!status)
		status = number_option(inv, OPT_EVENTS, 1, UINT_MAX, &events);
	opts->containers = (unsigned int)containers;
	opts->events = (unsigned int)events;
	return status;
}

/* The status to end with, after @err of the library. */
static int report(const struct invocation *inv, int err)
{
	const char *verb = inv->command->name;

	if (!err)
		return STATUS_OK;
	if (geteuid() && (err == -EPERM || err == -EACCES))
		return fail("you are not root: run `rlimitctl %s` as root",
			    verb);
	if (err == -EEXIST)
		return fail(
			"rescore is loaded already: see `rlimitctl status`");
	return fail("%s", rescore_strerror());
}

/* One that cannot be made again does not keep the others from it. */
static int revive(struct rescore *rs, const char *name, void *arg)
{
	if (rescore_find(rs, name) < 0 && rescore_ct_revive(rs, name) < 0)
		*(int *)arg = fail("\"%s\" stays as it is stored: %s", name,
				   rescore_strerror());
	return 0;
}

static int revive_all(const struct invocation *inv)
{
	struct rescore *rs;
	int worst = 0, status = open_session(inv, false, &rs);

	if (status)
		return status;
	status = each_stored(rs, revive, &worst);
	status = status ?: units_attach(rs);
	rescore_close(rs);
	return status ?: worst;
}

int cmd_load(const struct invocation *inv)
{
	struct rescore_load_opts opts;
	int status = load_opts(inv, &opts);

	status = status ?: report(inv, rescore_load(&opts));
	if (!status && inv->option[OPT_STORED])
		status = revive_all(inv);
	return status;
}

int cmd_upgrade(const struct invocation *inv)
{
	struct rescore_load_opts opts;
	int status = load_opts(inv, &opts);

	return status ?: report(inv, rescore_upgrade(&opts));
}

int cmd_unload(const struct invocation *inv)
{
	int err;

	if (inv->argc)
		return report(inv,
			      rescore_unload_controllers(inv->argv[0], NULL));
	err = rescore_unload(inv->option[OPT_FORCE]);
	if (err == -ENOENT)
		return fail(
			"rescore is not loaded: there is nothing to unload");
	return report(inv, err);
}

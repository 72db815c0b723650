// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "rlimitctl.h"

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

int cmd_load(const struct invocation *inv)
{
	struct rescore_load_opts opts;
	int status = load_opts(inv, &opts);

	return status ?: report(inv, rescore_load(&opts));
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

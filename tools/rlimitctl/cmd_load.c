// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "rlimitctl.h"

int cmd_load(const struct invocation *inv)
{
	struct rescore_load_opts opts = {
		.bpf_dir = inv->option[OPT_BPF_DIR],
		.only = inv->option[OPT_ONLY],
		.log = inv->option[OPT_VERBOSE] ? stderr : NULL,
	};
	uint64_t containers = 0, events = 0;
	int err, status;

	status = number_option(inv, OPT_CONTAINERS, 1, RESCORE_SLOTS_MAX - 1,
			       &containers);
	if (!status)
		status = number_option(inv, OPT_OBJECTS, 1, RESCORE_BOUND_MAX,
				       &opts.objects);
	if (!status)
		status = number_option(inv, OPT_EVENTS, 1, UINT_MAX, &events);
	if (status)
		return status;
	opts.containers = (unsigned int)containers;
	opts.events = (unsigned int)events;

	err = rescore_load(&opts);
	if (!err)
		return STATUS_OK;
	if (geteuid() && (err == -EPERM || err == -EACCES))
		return fail("you are not root: run `rlimitctl load` as root");
	if (err == -EEXIST)
		return fail(
			"rescore is loaded already: see `rlimitctl status`");
	return fail("%s", rescore_strerror());
}

int cmd_unload(const struct invocation *inv)
{
	int err = rescore_unload(inv->option[OPT_FORCE]);

	if (!err)
		return STATUS_OK;
	if (geteuid() && (err == -EPERM || err == -EACCES))
		return fail("you are not root: run `rlimitctl unload` as root");
	if (err == -ENOENT)
		return fail(
			"rescore is not loaded: there is nothing to unload");
	return fail("%s", rescore_strerror());
}

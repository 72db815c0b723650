// SPDX-License-Identifier: GPL-2.0
/* From what was typed to handles, slots and ids. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "rescore_ct.h"
#include "rlimitctl.h"
#include "text.h"

int open_failed(const struct invocation *inv, int err)
{
	if (geteuid() && (err == -EPERM || err == -EACCES))
		return fail("you are not root: run `rlimitctl %s` as root",
			    inv->command->name);
	if (err == -ENOENT)
		return fail(
			"rescore is not loaded: run `rlimitctl load` as root");
	return fail("%s", rescore_strerror());
}

int open_session(const struct invocation *inv, bool read_only,
		 struct rescore **ret_rs)
{
	int err = rescore_open(ret_rs, read_only);

	return err ? open_failed(inv, err) : 0;
}

static void offer_containers(const struct rescore *rs, struct nearest *nearest)
{
	const struct rescore_container *container;
	unsigned int slot = 0;

	while ((slot = rescore_next(rs, slot))) {
		container = rescore_container(rs, slot);
		if (container)
			nearest_offer(nearest, container->name);
	}
}

int find_container(const struct rescore *rs, const char *name,
		   unsigned int *ret_slot)
{
	struct nearest nearest = nearest_to(name);
	int slot;

	if (rescore_check_name(name))
		return fail("%s", rescore_strerror());
	slot = rescore_find(rs, name);
	if (slot >= 0) {
		*ret_slot = (unsigned int)slot;
		return 0;
	}
	if (slot != -ENOENT)
		return fail("%s", rescore_strerror());
	if (rescore_ct_remembered(name))
		return fail("\"%s\" is only stored: `rlimitctl start %s` makes "
			    "it again",
			    name, name);
	offer_containers(rs, &nearest);
	if (nearest.found)
		return fail("there is no container \"%s\": did you mean \"%s\"?",
			    name, nearest.found);
	return fail("there is no container \"%s\": see `rlimitctl list`", name);
}

int find_or_revive(struct rescore *rs, const char *name, unsigned int *ret_slot)
{
	int slot;

	if (rescore_check_name(name) || rescore_find(rs, name) >= 0 ||
	    !rescore_ct_remembered(name))
		return find_container(rs, name, ret_slot);
	slot = rescore_ct_revive(rs, name);
	if (slot < 0)
		return fail("%s", rescore_strerror());
	*ret_slot = (unsigned int)slot;
	return 0;
}

int each_stored(struct rescore *rs,
		int (*fn)(struct rescore *rs, const char *name, void *arg),
		void *arg)
{
	char **names = rescore_ct_stored_names();
	int status = 0;
	size_t i;

	if (!names)
		return out_of_memory();
	for (i = 0; names[i]; i++) {
		if (!status && rescore_find(rs, names[i]) < 0)
			status = fn(rs, names[i], arg);
		free(names[i]);
	}
	free(names);
	return status;
}

int find_resource(const struct rescore *rs, const char *name,
		  unsigned int *ret_id)
{
	struct nearest nearest = nearest_to(name);
	int id = rescore_find_resource(rs, name);
	unsigned int i;

	if (id >= 0) {
		*ret_id = (unsigned int)id;
		return 0;
	}
	for (i = 0; i < rescore_nr_resources(rs); i++)
		nearest_offer(&nearest, rescore_resource(rs, i)->name);
	if (nearest.found)
		return fail("unknown resource \"%s\": did you mean \"%s\"?",
			    name, nearest.found);
	return fail("unknown resource \"%s\": see `rlimitctl resources`", name);
}

bool resource_is_on(const struct rescore_resource *resource)
{
	return resource->state == RESCORE_ON;
}

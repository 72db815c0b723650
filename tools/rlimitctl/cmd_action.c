// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>

#include "action.h"
#include "rlimitctl.h"

static void print(const char *resource, const struct actions *actions,
		  void *arg)
{
	char text[ACTION_TEXT_LEN];

	(void)arg;
	printf("%s %s\n", resource, action_format(actions, text, sizeof(text)));
}

static int list(const char *container)
{
	int err = action_each(container, print, NULL);

	if (!err || err == -ENOENT)
		return STATUS_OK;
	return fail(
		"the actions of \"%s\" are not of this version, or not readable",
		container);
}

int cmd_action(const struct invocation *inv)
{
	const struct rescore_resource *resource;
	struct actions actions;
	struct rescore *rs;
	unsigned int slot, id;
	int status;

	if (inv->argc == 2)
		return usage(
			"what is to happen is missing: see `rlimitctl help action`");
	status = open_session(inv, inv->argc == 1, &rs);
	if (status)
		return status;
	status = find_container(rs, inv->argv[0], &slot);
	if (!status && inv->argc == 1) {
		status = list(inv->argv[0]);
	} else if (!status) {
		status = find_resource(rs, inv->argv[1], &id);
		status = status ? status : action_parse(inv->argv[2], &actions);
		resource = status ? NULL : rescore_resource(rs, id);
		if (resource)
			status = action_store(inv->argv[0], resource->name,
					      &actions);
	}
	rescore_close(rs);
	return status;
}

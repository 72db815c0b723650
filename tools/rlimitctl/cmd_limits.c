// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "rlimitctl.h"

static int set(struct rescore *rs, const struct invocation *inv,
	       struct rescore_bounds *bounds)
{
	size_t n = (size_t)inv->argc - 1;
	unsigned int slot;
	int status;

	status = find_container(rs, inv->argv[0], &slot);
	if (!status)
		status = parse_assignments(rs, inv->argv + 1, n, bounds);
	if (!status && rescore_set(rs, slot, bounds, n))
		status = fail("%s", rescore_strerror());
	return status;
}

int cmd_set(const struct invocation *inv)
{
	struct rescore_bounds *bounds;
	struct rescore *rs;
	int status;

	status = open_session(inv, false, &rs);
	if (status)
		return status;
	bounds = calloc((size_t)inv->argc, sizeof(*bounds));
	status = bounds ? set(rs, inv, bounds) : out_of_memory();
	free(bounds);
	rescore_close(rs);
	return status;
}

/*
 * Do @change for each resource in @words, or for all of them (-1) when there
 * is none. Every word is looked up before the first change.
 */
static int for_resources(struct rescore *rs, unsigned int slot,
			 char *const *words, unsigned int what,
			 int (*change)(struct rescore *rs, unsigned int slot,
				       int id, unsigned int what))
{
	unsigned int id;
	size_t i;
	int status;

	for (i = 0; words[i]; i++) {
		status = find_resource(rs, words[i], &id);
		if (status)
			return status;
	}
	if (!i && change(rs, slot, -1, what))
		return fail("%s", rescore_strerror());
	for (i = 0; words[i]; i++) {
		id = (unsigned int)rescore_find_resource(rs, words[i]);
		if (change(rs, slot, (int)id, what))
			return fail("%s", rescore_strerror());
	}
	return 0;
}

static int change_mode(struct rescore *rs, unsigned int slot, int id,
		       unsigned int observe)
{
	return rescore_set_mode(rs, slot, id, observe);
}

int cmd_mode(const struct invocation *inv)
{
	const char *mode = inv->argv[1];
	bool observe = !strcmp(mode, "observe");
	struct rescore *rs;
	unsigned int slot;
	int status;

	if (!observe && strcmp(mode, "enforce") != 0)
		return fail("\"%s\" is no mode: say enforce or observe", mode);
	status = open_session(inv, false, &rs);
	if (status)
		return status;
	status = find_container(rs, inv->argv[0], &slot);
	if (!status)
		status = for_resources(rs, slot, inv->argv + 2, observe,
				       change_mode);
	rescore_close(rs);
	return status;
}

int cmd_reset(const struct invocation *inv)
{
	unsigned int what = 0, slot;
	struct rescore *rs;
	int status;

	if (inv->option[OPT_MAXHELD])
		what |= RESCORE_RESET_MAXHELD;
	if (inv->option[OPT_FAILCNT])
		what |= RESCORE_RESET_FAILCNT;
	if (!what)
		what = RESCORE_RESET_MAXHELD | RESCORE_RESET_FAILCNT;

	status = open_session(inv, false, &rs);
	if (status)
		return status;
	status = find_container(rs, inv->argv[0], &slot);
	if (!status)
		status = for_resources(rs, slot, inv->argv + 1, what,
				       rescore_reset);
	rescore_close(rs);
	return status;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Bounds that take effect on what is there already. The programs that a charge
 * runs need nothing: they read the table. But a socket that stands still runs
 * none, and keeps the buffers that it had. A controller has programs
 * <resource>__apply that walk over such objects (iter/tcp, iter/unix: those of
 * one network namespace).
 */
#include <limits.h>
#include <string.h>

#include "netns.h"

struct apply {
	const struct rescore *rs;
	uint32_t rows;		/* bits: whose programs are to be run */
	struct netns ns;
};

static bool is_apply(const struct rescore *rs, const struct rescore_hook *hook,
		     uint32_t rows)
{
	const char *end = strstr(hook->name, "__");
	unsigned int id;

	if (hook->state != RESCORE_ON || !end || strcmp(end, "__apply"))
		return false;
	for (id = 0; id < rs->meta->nr_resources; id++)
		if (rows & 1U << id &&
		    rescore_serves(hook, rs->registry[id].name))
			return true;
	return false;
}

static int run_here(void *arg)
{
	const struct apply *apply = arg;
	const struct rescore_hook *hook = apply->rs->hooks;
	unsigned int i;
	ssize_t n;

	for (i = 0; i < apply->rs->meta->nr_hooks; i++, hook++) {
		if (!is_apply(apply->rs, hook, apply->rows))
			continue;
		n = rescore_run_iter(hook->name, NULL);
		if (n < 0)
			return n;
	}
	return 0;
}

static int visit_cgroup(const char *path, void *arg)
{
	struct apply *apply = arg;
	char name[PATH_MAX], line[32];
	FILE *file;
	int err = 0;

	snprintf(name, sizeof(name), "%s/cgroup.procs", path);
	file = fopen(name, "re");
	while (!err && file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		err = netns_visit(&apply->ns, line, run_here, apply);
	}
	if (file)
		fclose(file);
	return err;
}

int rescore_apply(const struct rescore *rs, unsigned int slot, uint32_t rows)
{
	struct apply apply = { .rs = rs, .rows = rows };
	unsigned int i;
	int err, end;

	for (i = 0; i < rs->meta->nr_hooks; i++)
		if (is_apply(rs, &rs->hooks[i], rows))
			break;
	if (i == rs->meta->nr_hooks)
		return 0;
	err = netns_begin(&apply.ns);
	if (err)
		return err;
	err = rescore_for_each_cgroup(rs, slot, visit_cgroup, &apply);
	end = netns_end(&apply.ns);
	return err ?: end;
}

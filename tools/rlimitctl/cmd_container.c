// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "rescore_ct.h"
#include "rlimitctl.h"
#include "tree.h"
#include "unit.h"

/*
 * Take back a container that was made a moment ago. A status. By force only after
 * an attached cgroup is let go, since it kills: what was charged meanwhile may
 * stay open.
 */
static int undo_create(struct rescore *rs, unsigned int slot, const char *name,
		       const char *cgroup, const char *why)
{
	int err = 0;

	if (cgroup)
		err = rescore_detach(rs, slot, cgroup);
	if (!err)
		err = rescore_ct_destroy(rs, slot, cgroup);
	/* -ENOENT: another has destroyed it */
	if (err && err != -ENOENT)
		return fail("\"%s\" could not be made as it should: %s; the "
			    "container stays, with less",
			    name, why);
	return fail("\"%s\" was not created: %s", name, why);
}

static int create(struct rescore *rs, const struct invocation *inv,
		  const struct rescore_bounds *bounds, size_t n,
		  const struct rescore_ct *ct)
{
	const char *name = inv->argv[0], *cgroup = inv->option[OPT_CGROUP];
	unsigned int parent = 0;
	int slot, status = 0;
	char *why;

	if (inv->option[OPT_PARENT])
		status = find_container(rs, inv->option[OPT_PARENT], &parent);
	if (status)
		return status;
	/* with its changes; of limits alone nothing else is lost */
	if (rescore_find(rs, name) < 0 && rescore_ct_stored(name))
		return fail("\"%s\" is stored: `rlimitctl start %s`, or destroy "
			    "it first",
			    name, name);
	slot = rescore_create_below(rs, name, cgroup, parent);
	if (slot < 0)
		return fail("%s", rescore_strerror());
	/* cgroups of others are not ours to make again */
	if (!rescore_ct_forget(name) &&
	    (!n || !rescore_set(rs, (unsigned int)slot, bounds, n)) &&
	    (cgroup || !rescore_ct_remember(rs, (unsigned int)slot)) &&
	    (!ct || !rescore_ct_store(name, ct)))
		return STATUS_OK;

	why = strdup(rescore_strerror());
	status = undo_create(rs, (unsigned int)slot, name, cgroup,
			     why ? why : "");
	free(why);
	return status;
}

/* The words of a file, without what follows a '#'; *@text is to be freed. */
static int read_words(const char *path, char **text, char ***ret, size_t *ret_n)
{
	char *word, *save, *hash, **more;
	size_t size = 0, used = 0;
	char *line = NULL;
	FILE *all, *file = fopen(path, "re");

	if (!file)
		return fail("cannot read \"%s\": %s", path, strerror(errno));
	all = open_memstream(text, &used);
	while (all && getline(&line, &size, file) >= 0) {
		hash = strchr(line, '#');
		if (hash)
			*hash = '\0';
		fprintf(all, "%s\n", line);
	}
	free(line);
	fclose(file);
	if (!all || fclose(all))
		return out_of_memory();
	for (word = strtok_r(*text, " \t\r\n", &save); word;
	     word = strtok_r(NULL, " \t\r\n", &save)) {
		more = reallocarray(*ret, *ret_n + 1, sizeof(**ret));
		if (!more)
			return out_of_memory();
		*ret = more;
		more[(*ret_n)++] = word;
	}
	return 0;
}

/* The words that set limits: those of --limits FILE, then the arguments. */
static int create_limited(struct rescore *rs, const struct invocation *inv,
			  const struct rescore_ct *ct)
{
	size_t n = 0, own = (size_t)inv->argc - 1;
	struct rescore_bounds *bounds;
	char **words = NULL, **more, *text = NULL;
	int status = 0;

	if (inv->option[OPT_LIMITS])
		status = read_words(inv->option[OPT_LIMITS], &text, &words, &n);
	more = reallocarray(words, n + own + 1, sizeof(*words));
	bounds = calloc(n + own + 1, sizeof(*bounds));
	if (more) {
		words = more;
		memcpy(words + n, inv->argv + 1, own * sizeof(*words));
	}
	if (!status && (!more || !bounds))
		status = out_of_memory();
	if (!status)
		status = parse_assignments(rs, words, n + own, bounds);
	if (!status)
		status = create(rs, inv, bounds, n + own, ct);
	free(bounds);
	free(words);
	free(text);
	return status;
}

int cmd_create(const struct invocation *inv)
{
	struct rescore_ct *ct = NULL;
	struct rescore *rs;
	int status;

	if (rescore_check_name(inv->argv[0]))
		return fail("%s", rescore_strerror());
	status = contain_options(inv, &ct);
	if (status)
		return status;
	status = open_session(inv, false, &rs);
	if (status) {
		rescore_ct_free(ct);
		return status;
	}
	status = create_limited(rs, inv, ct);
	rescore_ct_free(ct);
	rescore_close(rs);
	return status;
}

/* Find out what can go wrong before the first one is destroyed. */
static int check_destroy(const struct rescore *rs, const struct invocation *inv,
			 unsigned int *slots)
{
	int i, j, n, status;

	for (i = 0; i < inv->argc; i++) {
		status = find_container(rs, inv->argv[i], &slots[i]);
		if (status)
			return status;
		for (j = 0; j < i; j++)
			if (slots[j] == slots[i])
				return fail("\"%s\" is named twice",
					    inv->argv[i]);
		if (inv->option[OPT_FORCE])
			continue;
		n = rescore_nr_processes(rs, slots[i]);
		if (n > 0)
			return fail("\"%s\" is busy: it has %d process%s; "
				    "--force kills them",
				    inv->argv[i], n, n == 1 ? "" : "es");
	}
	return 0;
}

/* Those below others come first: a container with any below it stays. */
static void sort_deepest_first(const struct rescore *rs, unsigned int *slots,
			       int n)
{
	unsigned int slot;
	int i, j;

	for (i = 1; i < n; i++) {
		slot = slots[i];
		for (j = i; j > 0 &&
			    tree_depth(rs, slots[j - 1]) < tree_depth(rs, slot);
		     j--)
			slots[j] = slots[j - 1];
		slots[j] = slot;
	}
}

/* Put those of @names that are only stored behind the others: how many those are. */
static int stored_last(const struct rescore *rs, char **names, int n)
{
	int i, left = 0;
	char *name;

	for (i = 0; i < n; i++) {
		name = names[i];
		if (!rescore_check_name(name) && rescore_find(rs, name) < 0 &&
		    (rescore_ct_remembered(name) || rescore_ct_stored(name)))
			continue;
		names[i] = names[left];
		names[left++] = name;
	}
	return left;
}

static int destroy(struct rescore *rs, const struct invocation *inv,
		   unsigned int *slots)
{
	bool force = inv->option[OPT_FORCE];
	int i, status;

	status = check_destroy(rs, inv, slots);
	sort_deepest_first(rs, slots, status ? 0 : inv->argc);
	for (i = 0; !status && i < inv->argc; i++) {
		if (rescore_ct_destroy(rs, slots[i], force))
			status = fail("%s", rescore_strerror());
	}
	return status;
}

static int destroy_all(struct rescore *rs, const struct invocation *given)
{
	struct invocation live = *given;
	unsigned int *slots;
	int i, status;

	live.argc = stored_last(rs, live.argv, live.argc);
	slots = calloc((size_t)live.argc + 1, sizeof(*slots));
	status = slots ? destroy(rs, &live, slots) : out_of_memory();
	free(slots);
	for (i = live.argc; !status && i < given->argc; i++)
		if (rescore_ct_forget(given->argv[i]))
			status = fail("%s", rescore_strerror());
	for (i = 0; !status && i < given->argc; i++)
		status = unit_forget(given->argv[i], NULL, NULL);
	return status;
}

int cmd_destroy(const struct invocation *inv)
{
	struct rescore *rs;
	int status;

	status = open_session(inv, false, &rs);
	if (status)
		return status;
	status = destroy_all(rs, inv);
	rescore_close(rs);
	return status;
}

static int move(struct rescore *rs, const struct invocation *inv)
{
	const char *above = inv->option[OPT_PARENT];
	unsigned int slot, parent = 0;
	int status;

	status = find_container(rs, inv->argv[0], &slot);
	/* a container of that name is found first */
	if (!status && (strcmp(above, "none") || rescore_find(rs, above) > 0))
		status = find_container(rs, above, &parent);
	if (!status && rescore_set_parent(rs, slot, parent))
		status = fail("%s", rescore_strerror());
	return status;
}

int cmd_move(const struct invocation *inv)
{
	struct rescore *rs;
	int status;

	if (!inv->option[OPT_PARENT])
		return usage("move needs the new parent: rlimitctl move %s "
			     "--parent NAME (or none)",
			     inv->argv[0]);
	status = open_session(inv, false, &rs);
	if (status)
		return status;
	status = move(rs, inv);
	rescore_close(rs);
	return status;
}

// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit_found.h"
#include "netns.h"

#define LIVE	RESCORE_AUDIT "live"

struct search {
	const struct rescore *rs;
	const struct rescore_resource *resource;
	struct rescore_found *all;
	size_t n;
};

/* --- programs ------------------------------------------------------------------------ */

static bool is_audit(const struct rescore_hook *hook,
		     const struct rescore_resource *resource)
{
	return hook->state == RESCORE_ON && strstr(hook->name, RESCORE_AUDIT) &&
	       rescore_hook_serves(hook, resource);
}

/* Does it list what all tasks have? Others: what is in one network namespace. */
static bool is_of_tasks(const struct rescore_hook *hook)
{
	static const char tasks[] = "iter/task";

	return !strncmp(hook->target, tasks, strlen(tasks));
}

static bool is_list(const struct rescore_hook *hook)
{
	static const char iter[] = "iter/";

	return !strncmp(hook->target, iter, strlen(iter));
}

static int append(struct search *search, const char *program)
{
	struct rescore_found *part, *more;
	ssize_t size = rescore_run_iter(program, (void **)&part);

	if (size < 0)
		return size;
	more = realloc(search->all, search->n * sizeof(*more) + size + 1);
	if (!more) {
		free(part);
		return rescore_error(-ENOMEM, "out of memory");
	}
	memcpy(more + search->n, part, size);
	free(part);
	search->all = more;
	search->n += size / sizeof(*more);
	return 0;
}

/* Run those of tasks, or the others. How many there are, or -errno. */
static int append_lists(struct search *search, bool of_tasks)
{
	const struct rescore_hook *hook = search->rs->hooks;
	unsigned int i;
	int n = 0, err;

	for (i = 0; i < search->rs->meta->nr_hooks; i++, hook++) {
		if (!is_audit(hook, search->resource) || !is_list(hook) ||
		    is_of_tasks(hook) != of_tasks)
			continue;
		err = append(search, hook->name);
		if (err)
			return err;
		n++;
	}
	return n;
}

/* --- every network namespace that a process is in -------------------------------- */

/* What the kernel lists of the namespace that the calling thread is in. */
static int append_namespace(void *arg)
{
	int n = append_lists(arg, false);

	return n < 0 ? n : 0;
}

static bool has_lists_of_namespaces(const struct search *search)
{
	const struct rescore_hook *hook = search->rs->hooks;
	unsigned int i;

	for (i = 0; i < search->rs->meta->nr_hooks; i++, hook++)
		if (is_audit(hook, search->resource) && is_list(hook) &&
		    !is_of_tasks(hook))
			return true;
	return false;
}

static int append_namespaces(struct search *search)
{
	struct dirent *process;
	struct netns ns;
	DIR *proc;
	int err, end;

	err = netns_begin(&ns);
	if (err)
		return err;
	proc = opendir("/proc");
	while (!err && proc && (process = readdir(proc)))
		if (isdigit((unsigned char)process->d_name[0]))
			err = netns_visit(&ns, process->d_name,
					  append_namespace, search);
	if (proc)
		closedir(proc);
	end = netns_end(&ns);
	return err ?: end;
}

/* --- the list -------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const struct rescore_found *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

ssize_t audit_find(const struct rescore *rs, unsigned int id,
		   struct rescore_found **ret)
{
	struct search search = { .rs = rs, .resource = &rs->registry[id] };
	bool more = has_lists_of_namespaces(&search);
	size_t i, n = 0;
	int err;

	err = append_lists(&search, true);
	if (!err && !more)
		return -ENOENT;
	if (err >= 0)
		err = more ? append_namespaces(&search) : 0;
	if (err) {
		free(search.all);
		return err;
	}
	for (i = 0; i < search.n; i++)
		search.all[i].address &= RESCORE_ADDRESS_MASK;
	if (search.n)
		qsort(search.all, search.n, sizeof(*search.all), compare);
	for (i = 0; i < search.n; i++)
		if (!n || search.all[i].address != search.all[n - 1].address)
			search.all[n++] = search.all[i];
	*ret = search.all;
	return n;
}

bool audit_has(const struct rescore_found *all, size_t n, uint64_t address)
{
	const struct rescore_found wanted = { .address = address };

	return n && bsearch(&wanted, all, n, sizeof(*all), compare);
}

bool audit_lives(const struct rescore *rs, unsigned int id, uint64_t address)
{
	struct rescore_alive request = { .address = address };
	const struct rescore_hook *hook = rs->hooks;
	unsigned int i;

	for (i = 0; i < rs->meta->nr_hooks; i++, hook++)
		if (is_audit(hook, &rs->registry[id]) &&
		    !strcmp(strstr(hook->name, RESCORE_AUDIT), LIVE))
			return !rescore_run_syscall(hook->name, &request,
						    sizeof(request)) &&
			       request.references;
	return false;
}

// SPDX-License-Identifier: GPL-2.0
/* Which controllers: those that are installed, loaded, or listed as "a,b,c". */
#include <errno.h>
#include <glob.h>
#include <string.h>

#include "load.h"

#define OBJECT_SUFFIX	".bpf.o"

static bool is_listed(const char *name, const char *list)
{
	size_t length = strlen(name), n;

	for (; *list; list += n + strspn(list + n, ",")) {
		n = strcspn(list, ",");
		if (n == length && !strncmp(list, name, n))
			return true;
	}
	return false;
}

static unsigned int count(const char *list)
{
	unsigned int n = 0;

	for (list += strspn(list, ","); *list; n++) {
		list += strcspn(list, ",");
		list += strspn(list, ",");
	}
	return n;
}

static void append(char *list, const char *name, int length)
{
	size_t used = strlen(list);

	snprintf(list + used, RESCORE_LIST_LEN - used, "%s%.*s",
		 used ? "," : "", length, name);
}

unsigned int load_list_loaded(const struct rescore *rs, char *list)
{
	const char *name;
	unsigned int i;

	list[0] = '\0';
	for (i = 0; i < rs->meta->nr_hooks; i++) {
		name = rs->hooks[i].controller;
		if (strcmp(name, LOAD_CORE_OBJECT) && !is_listed(name, list))
			append(list, name, RESCORE_CTL_NAME_LEN);
	}
	return count(list);
}

unsigned int load_list_add(char *list, const char *more)
{
	char name[RESCORE_CTL_NAME_LEN];
	size_t n;

	for (; more && *more; more += n + strspn(more + n, ",")) {
		n = strcspn(more, ",");
		snprintf(name, sizeof(name), "%.*s", (int)n, more);
		if (!is_listed(name, list))
			append(list, more, (int)n);
	}
	return count(list);
}

int load_list_remove(char *list, const char *less)
{
	char old[RESCORE_LIST_LEN], name[RESCORE_CTL_NAME_LEN];
	const char *at;
	size_t n;

	for (at = less; *at; at += n + strspn(at + n, ",")) {
		n = strcspn(at, ",");
		snprintf(name, sizeof(name), "%.*s", (int)n, at);
		if (!is_listed(name, list))
			return rescore_error(-ENOENT,
					     "controller \"%.*s\" is not loaded",
					     (int)n, at);
	}
	snprintf(old, sizeof(old), "%s", list);
	list[0] = '\0';
	for (at = old; *at; at += n + strspn(at + n, ",")) {
		n = strcspn(at, ",");
		snprintf(name, sizeof(name), "%.*s", (int)n, at);
		if (!is_listed(name, less))
			append(list, name, (int)n);
	}
	return 0;
}

/* Each controller of @list has its object among the @found. */
static int check_list(const char *list, const glob_t *found)
{
	char file[RESCORE_CTL_NAME_LEN + sizeof(OBJECT_SUFFIX)];
	size_t n, i;

	for (; *list; list += n + strspn(list + n, ",")) {
		n = strcspn(list, ",");
		snprintf(file, sizeof(file), "%.*s" OBJECT_SUFFIX,
			 n < RESCORE_CTL_NAME_LEN ? (int)n : 0, list);
		for (i = 0; i < found->gl_pathc; i++)
			if (!strcmp(strrchr(found->gl_pathv[i], '/') + 1, file))
				break;
		if (i == found->gl_pathc ||
		    !strcmp(file, LOAD_CORE_OBJECT OBJECT_SUFFIX))
			return rescore_error(-ENOENT,
					     "there is no controller \"%.*s\"",
					     (int)n, list);
	}
	return 0;
}

int load_controllers(struct load *load, const char *only)
{
	char pattern[4096], name[256];
	const char *file;
	glob_t found;
	size_t i;
	int err;

	snprintf(pattern, sizeof(pattern), "%s/*" OBJECT_SUFFIX, load->bpf_dir);
	if (glob(pattern, 0, NULL, &found))
		return rescore_error(-ENOENT, "no BPF objects in %s",
				     load->bpf_dir);
	err = only ? check_list(only, &found) : 0;
	for (i = 0; !err && i < found.gl_pathc; i++) {
		file = strrchr(found.gl_pathv[i], '/') + 1;
		snprintf(name, sizeof(name), "%.*s",
			 (int)(strlen(file) - strlen(OBJECT_SUFFIX)), file);
		if (strcmp(name, LOAD_CORE_OBJECT) &&
		    (!only || is_listed(name, only)))
			err = load_object(load, file);
	}
	globfree(&found);
	return err;
}

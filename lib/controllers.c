// SPDX-License-Identifier: GPL-2.0
/* Which controllers: those that are installed, loaded, or listed as "a,b,c". */
#include <errno.h>
#include <glob.h>
#include <string.h>

#include "load.h"

#define OBJECT_SUFFIX	".bpf.o"

/*
 * The name that the list *@at begins with, *@ret_length bytes of it; *@at goes to
 * the next one. NULL: there are no more.
 */
static const char *next_name(const char **at, size_t *ret_length)
{
	const char *name = *at;

	*ret_length = strcspn(name, ",");
	*at += *ret_length;
	*at += strspn(*at, ",");
	return *name ? name : NULL;
}

static bool is_listed(const char *name, size_t length, const char *list)
{
	const char *other;
	size_t n;

	while ((other = next_name(&list, &n)))
		if (n == length && !strncmp(other, name, n))
			return true;
	return false;
}

static unsigned int count(const char *list)
{
	unsigned int n = 0;
	size_t length;

	while (next_name(&list, &length))
		n++;
	return n;
}

static void append(char *list, const char *name, size_t length)
{
	size_t used = strlen(list);

	snprintf(list + used, RESCORE_LIST_LEN - used, "%s%.*s",
		 used ? "," : "", (int)length, name);
}

unsigned int load_list_loaded(const struct rescore *rs, char *list)
{
	const char *name;
	unsigned int i;
	size_t n;

	list[0] = '\0';
	for (i = 0; i < rs->meta->nr_hooks; i++) {
		name = rs->hooks[i].controller;
		n = strnlen(name, RESCORE_CTL_NAME_LEN);
		if (strcmp(name, LOAD_CORE_OBJECT) && !is_listed(name, n, list))
			append(list, name, n);
	}
	return count(list);
}

unsigned int load_list_add(char *list, const char *more)
{
	const char *name;
	size_t n;

	while (more && (name = next_name(&more, &n)))
		if (!is_listed(name, n, list))
			append(list, name, n);
	return count(list);
}

int load_list_remove(char *list, const char *less)
{
	char old[RESCORE_LIST_LEN];
	const char *at = less, *name;
	size_t n;

	while ((name = next_name(&at, &n)))
		if (!is_listed(name, n, list))
			return rescore_error(-ENOENT,
					     "controller \"%.*s\" is not loaded",
					     (int)n, name);
	snprintf(old, sizeof(old), "%s", list);
	list[0] = '\0';
	at = old;
	while ((name = next_name(&at, &n)))
		if (!is_listed(name, n, less))
			append(list, name, n);
	return 0;
}

/* Is there an object of this controller among the @found? The core is none. */
static bool is_installed(const char *name, size_t length, const glob_t *found)
{
	const char *file;
	size_t i;

	for (i = 0; i < found->gl_pathc; i++) {
		file = strrchr(found->gl_pathv[i], '/') + 1;
		if (!strncmp(file, name, length) &&
		    !strcmp(file + length, OBJECT_SUFFIX))
			return strcmp(file, LOAD_CORE_OBJECT OBJECT_SUFFIX);
	}
	return false;
}

/* Name and length of the controller whose object is @path. */
static const char *name_of(const char *path, size_t *ret_length)
{
	const char *file = strrchr(path, '/') + 1;

	*ret_length = strlen(file) - strlen(OBJECT_SUFFIX);
	return file;
}

/* Each controller of @list is installed. */
static int check_list(const char *list, const glob_t *found)
{
	char known[RESCORE_LIST_LEN] = "";
	const char *name, *other;
	size_t n, length, i;

	while ((name = next_name(&list, &n))) {
		if (is_installed(name, n, found))
			continue;
		for (i = 0; i < found->gl_pathc; i++) {
			other = name_of(found->gl_pathv[i], &length);
			if (is_installed(other, length, found))
				append(known, other, length);
		}
		return rescore_error(
			-ENOENT,
			"there is no controller \"%.*s\"; there are %s", (int)n,
			name, known);
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
		    (!only || is_listed(name, strlen(name), only)))
			err = load_object(load, file);
	}
	globfree(&found);
	return err;
}

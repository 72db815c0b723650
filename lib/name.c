// SPDX-License-Identifier: GPL-2.0
/*
 * Names of containers. A name becomes a directory below /sys/fs/cgroup and a
 * word in tables, file names of rstat and labels of metrics, so it is held to
 * characters that need quoting in none of them.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "internal.h"

/* Not isalnum(): what a letter is must not depend on the locale. */
static bool name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c && strchr("._:@-", c));
}

int rescore_check_name(const char *name)
{
	const char *c;

	if (!*name)
		return rescore_error(-EINVAL,
				     "\"\" is no container name: it is empty");
	if (strnlen(name, RESCORE_NAME_LEN) == RESCORE_NAME_LEN)
		return rescore_error(-EINVAL,
				     "\"%.32s...\" is no container name: "
				     "it is longer than %d characters",
				     name, RESCORE_NAME_LEN - 1);
	for (c = name; *c; c++)
		if (!name_char(*c))
			return rescore_error(-EINVAL,
					     "\"%s\" is no container name: use "
					     "only letters, digits and . _ : @ -",
					     name);
	/* One would be hidden, or the directory above; one looks an option. */
	if (*name == '.' || *name == '-')
		return rescore_error(-EINVAL,
				     "\"%s\" is no container name: "
				     "it starts with \"%c\"",
				     name, *name);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "rlimitctl.h"

static int parse_assignment(const struct rescore *rs, const char *word,
			    struct rescore_bounds *ret)
{
	const struct rescore_resource *resource;
	const char *equals = strchr(word, '=');
	struct rescore_bounds bounds;
	char *name;
	int status;

	if (!equals)
		return fail("\"%s\" sets nothing: say RESOURCE=BARRIER[:LIMIT]",
			    word);
	name = strndup(word, (size_t)(equals - word));
	if (!name)
		return out_of_memory();
	status = find_resource(rs, name, &bounds.id);
	free(name);
	if (status)
		return status;

	resource = rescore_resource(rs, bounds.id);
	if (!resource_is_on(resource))
		return fail("\"%s\": %s is off on this machine: %s", word,
			    resource->name, resource->why);
	if (rescore_parse_setting(rs, bounds.id, equals + 1, &bounds))
		return fail("%s: %s", word, rescore_strerror());
	*ret = bounds;
	return 0;
}

int parse_assignments(const struct rescore *rs, char *const *words, size_t n,
		      struct rescore_bounds *ret)
{
	size_t i, j;
	int status;

	for (i = 0; i < n; i++) {
		status = parse_assignment(rs, words[i], &ret[i]);
		if (status)
			return status;
		for (j = 0; j < i; j++)
			if (ret[j].id == ret[i].id)
				return fail(
					"\"%s\" and \"%s\" set one resource twice",
					words[j], words[i]);
	}
	return 0;
}

/* A decimal number from 1 to @max that is all of @text, or -1. */
static int small_number(const char *text, int max)
{
	int n = 0;

	if (!*text)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		n = n * 10 + (*text - '0');
		if (n > max)
			return -1;
	}
	return n ? n : -1;
}

/* "RTMIN", "RTMAX", "RTMIN+n", "RTMAX-n" */
static int realtime_signal(const char *name)
{
	int n, most = SIGRTMAX - SIGRTMIN;

	if (!strcasecmp(name, "RTMIN"))
		return SIGRTMIN;
	if (!strcasecmp(name, "RTMAX"))
		return SIGRTMAX;
	if (!strncasecmp(name, "RTMIN+", 6)) {
		n = small_number(name + 6, most);
		return n < 0 ? -1 : SIGRTMIN + n;
	}
	if (!strncasecmp(name, "RTMAX-", 6)) {
		n = small_number(name + 6, most);
		return n < 0 ? -1 : SIGRTMAX - n;
	}
	return -1;
}

int parse_signal(const char *text)
{
	int sig = small_number(text, SIGRTMAX);
	const char *known;

	if (sig > 0)
		return sig;
	if (!strncasecmp(text, "SIG", 3))
		text += 3;
	for (sig = 1; sig < SIGRTMIN; sig++) {
		known = sigabbrev_np(sig);
		if (known && !strcasecmp(text, known))
			return sig;
	}
	return realtime_signal(text);
}

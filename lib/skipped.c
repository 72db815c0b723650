// SPDX-License-Identifier: GPL-2.0
/* How often the kernel went past a program of ours. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

static int program_of(int link)
{
	struct bpf_link_info info = {};
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(link, &info, &size))
		return -errno;
	return bpf_prog_get_fd_by_id(info.prog_id);
}

int64_t rescore_hook_skipped(const struct rescore *rs, unsigned int i)
{
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);
	const struct rescore_hook *hook = rescore_hook(rs, i);
	char pin[128];
	int link, prog;

	if (!hook || hook->state != RESCORE_ON)
		return 0;
	snprintf(pin, sizeof(pin), "links/%.*s", (int)sizeof(hook->name),
		 hook->name);
	link = rescore_pin_fd(pin);
	if (link < 0)
		return link == -ENOENT ? 0 : link;	/* run on demand */
	prog = program_of(link);
	close(link);
	if (prog < 0)
		return rescore_error(prog, "cannot look at program %s: %s",
				     hook->name, strerror(-prog));
	if (bpf_obj_get_info_by_fd(prog, &info, &size))
		info.recursion_misses = 0;
	close(prog);
	return (int64_t)info.recursion_misses;
}

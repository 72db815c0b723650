// SPDX-License-Identifier: GPL-2.0
/* How often the kernel went past a program of ours. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

int64_t rescore_hook_skipped(const struct rescore *rs, unsigned int i)
{
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);
	const struct rescore_hook *hook = rescore_hook(rs, i);
	char pin[256];
	int64_t id;
	int prog;

	if (!hook || hook->state != RESCORE_ON)
		return 0;
	snprintf(pin, sizeof(pin), RESCORE_PIN_DIR "/links/%.*s",
		 (int)sizeof(hook->name), hook->name);
	id = rescore_pinned_program(pin);
	if (id == -ENOENT)
		return 0;	/* run on demand */
	prog = id < 0 ? (int)id : bpf_prog_get_fd_by_id((uint32_t)id);
	if (prog < 0)
		return rescore_error(prog, "cannot look at program %s: %s",
				     hook->name, strerror(-prog));
	if (bpf_obj_get_info_by_fd(prog, &info, &size))
		info.recursion_misses = 0;
	close(prog);
	return (int64_t)info.recursion_misses;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Where the kernel keeps variables that its BTF does not list. libbpf can look
 * them up too (extern … __ksym), but reads the whole of /proc/kallsyms for every
 * object that has one: that was a third of the time of a load.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

static const char *const symbol_names[RESCORE_SYMBOLS] = {
	[RESCORE_SYM_NR_CPU_IDS] = "nr_cpu_ids",
	[RESCORE_SYM_PER_CPU_OFFSET] = "__per_cpu_offset",
	[RESCORE_SYM_MEMCG_STATS_INDEX] = "mem_cgroup_stats_index",
};

/*
 * "ffffffff82a00000 D name", and what belongs to a module: "…\t[module]". How many
 * of ours it is.
 */
static unsigned int take_line(struct load *load, char *line)
{
	char *end, *name;
	uint64_t address = strtoull(line, &end, 16);
	unsigned int i;

	if (strlen(end) < 4)
		return 0;
	name = end + 3;
	name[strcspn(name, "\t\n")] = '\0';
	for (i = 0; i < RESCORE_SYMBOLS; i++)
		if (!load->symbol[i] && !strcmp(name, symbol_names[i])) {
			load->symbol[i] = address;
			return 1;
		}
	return 0;
}

int load_find_symbols(struct load *load)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	unsigned int left = RESCORE_SYMBOLS;
	char *line = NULL;
	size_t size = 0;

	if (!file)
		return rescore_error(-errno, "cannot open /proc/kallsyms: %s",
				     strerror(errno));
	/* megabytes, of which a file in /proc is read by the kilobyte */
	setvbuf(file, NULL, _IOFBF, 65536);
	while (left && getline(&line, &size, file) > 0)
		left -= take_line(load, line);
	free(line);
	fclose(file);
	return 0;
}

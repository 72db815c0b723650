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

static const char *const census_names[RESCORE_CENSUS_SYMBOLS] = {
	[RESCORE_CENSUS_NF_TABLES_NET_ID] = "nf_tables_net_id",
	[RESCORE_CENSUS_XT_PERNET_ID] = "xt_pernet_id",
};

struct symbols {
	const char *const *names;
	__u64 *addresses;
	unsigned int n;
};

/*
 * "ffffffff82a00000 D name", and what belongs to a module: "…\t[module]". How many
 * of ours it is.
 */
static unsigned int take_line(const struct symbols *symbols, char *line)
{
	char *end, *name;
	uint64_t address = strtoull(line, &end, 16);
	unsigned int i;

	if (strlen(end) < 4)
		return 0;
	name = end + 3;
	name[strcspn(name, "\t\n")] = '\0';
	for (i = 0; i < symbols->n; i++)
		if (!symbols->addresses[i] &&
		    !strcmp(name, symbols->names[i])) {
			symbols->addresses[i] = address;
			return 1;
		}
	return 0;
}

static int find_symbols(const struct symbols *symbols)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	unsigned int left = symbols->n;
	char *line = NULL;
	size_t size = 0;

	if (!file)
		return rescore_error(-errno, "cannot open /proc/kallsyms: %s",
				     strerror(errno));
	while (left && getline(&line, &size, file) > 0)
		left -= take_line(symbols, line);
	free(line);
	fclose(file);
	return 0;
}

int load_find_symbols(struct load *load)
{
	const struct symbols symbols = {
		.names = symbol_names,
		.addresses = (__u64 *)load->symbol,
		.n = RESCORE_SYMBOLS,
	};

	return find_symbols(&symbols);
}

int rescore_census_symbols(struct rescore_census *ret)
{
	const struct symbols symbols = {
		.names = census_names,
		.addresses = ret->symbol,
		.n = RESCORE_CENSUS_SYMBOLS,
	};

	memset(ret, 0, sizeof(*ret));
	return find_symbols(&symbols);
}

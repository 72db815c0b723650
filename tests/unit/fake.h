/* SPDX-License-Identifier: GPL-2.0 */
/* A handle on memory instead of a kernel: three resources, two containers. */
#ifndef FAKE_H
#define FAKE_H

#include "internal.h"

#define FAKE_SLOTS	8
#define FAKE_EVENTS	8

static struct rescore_meta fake_meta = {
	.abi = RESCORE_ABI,
	.nr_slots = FAKE_SLOTS,
	.nr_resources = 3,
	.nr_events = FAKE_EVENTS,
};

static struct rescore_resource fake_registry[RESCORE_RESOURCES_MAX] = {
	{ .name = "numproc",
	  .controller = "numproc",
	  .id = 0,
	  .unit = RESCORE_COUNT,
	  .flags = RESCORE_DENIABLE | RESCORE_MOVES,
	  .state = RESCORE_ON,
	  .err = 11,
	  .ubc_index = 6,
	  .help = "processes and threads" },
	{ .name = "privvmpages",
	  .controller = "memory",
	  .id = 1,
	  .unit = RESCORE_PAGES,
	  .flags = RESCORE_DENIABLE,
	  .state = RESCORE_ON,
	  .err = 12,
	  .ubc_index = 3,
	  .help = "private memory" },
	{ .name = "numsiginfo",
	  .controller = "signals",
	  .id = 2,
	  .unit = RESCORE_COUNT,
	  .state = RESCORE_OFF,
	  .err = 11,
	  .help = "queued signals",
	  .why = "this kernel lacks a hook" },
};

static struct rescore_container fake_containers[FAKE_SLOTS] = {
	[1] = { .name = "web", .serial = 1, .state = RESCORE_LIVE },
	[3] = { .name = "database", .serial = 2, .state = RESCORE_LIVE },
};

static struct rescore_row fake_table[FAKE_SLOTS];
static struct rescore_event fake_events[FAKE_EVENTS];
static struct rescore_found_in fake_found[FAKE_SLOTS];

static struct rescore fake_rs = {
	.read_only = true,
	.dir_fd = -1,
	.meta = &fake_meta,
	.registry = fake_registry,
	.containers = fake_containers,
	.table = fake_table,
	.events = fake_events,
	.found = fake_found,
};

#endif /* FAKE_H */

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What `rlimitctl watch` has done: a file in memory, so that the next one goes on
 * where the last one ended, however it did. Who has it open is the only one.
 */
#ifndef RLIMITCTL_LEDGER_H
#define RLIMITCTL_LEDGER_H

#include <stdbool.h>
#include <sys/types.h>

#include "librescore.h"

#define LEDGER_FILE	"/run/rescore-watch"

/* A row that has acted: not again before there is room and time has passed. */
struct crossing {
	uint64_t serial;	/* of its container */
	uint64_t acted_ns : 62;	/* of CLOCK_BOOTTIME, as events have it */
	uint64_t over : 1;
	uint64_t soft : 1;	/* the request that was refused */
};

/* Of the hook that runs for a container; .pid = 0: none does. */
struct keeper {
	uint64_t started;	/* as /proc/PID/stat has it: the pid may be another's */
	pid_t pid;
	uint32_t reserved;
};

struct ledger {
	uint32_t version;
	uint32_t nr_slots;
	uint64_t loaded_ns;	/* of the load that all this is about */
	uint64_t cursor;	/* of the next event to look at */
};

/*
 * Open what the last one has left, or begin with the events from now on. A status,
 * after saying what is wrong: another watch has it.
 */
int ledger_open(const struct rescore *rs, struct ledger **ret);
void ledger_close(struct ledger *ledger);

struct crossing *ledger_crossing(struct ledger *ledger, unsigned int slot,
				 unsigned int id);
struct keeper *ledger_keeper(struct ledger *ledger, unsigned int slot);

/* Note that the process @pid keeps a hook. */
void keeper_begin(struct keeper *keeper, pid_t pid);
/* Is it there still, though it may be no child of this process? */
bool keeper_lives(const struct keeper *keeper);

#endif /* RLIMITCTL_LEDGER_H */

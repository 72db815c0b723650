/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The refusals that a store remembers: lines of JSON in DIR/events.log, in the
 * form of /api/v1/events, the oldest first. Before it grows above EVENTS_BYTES it
 * becomes events.1.log, in the place of the one before: a store never holds more
 * than two of them.
 *
 *	{"version":1}
 *	{"loaded":LOAD,"seq":N,"time_ms":…,"container":"web",…}
 *	{"lost":N}	as many were overwritten in the kernel's ring unread
 */
#ifndef RSTAT_EVENTS_H
#define RSTAT_EVENTS_H

#include "file.h"
#include "live.h"

#define EVENTS_FILE	"events.log"
#define EVENTS_OLD_FILE	"events.1.log"
#define EVENTS_VERSION	1
#define EVENTS_BYTES	(8 << 20)

/* --- for the collector ---------------------------------------------------- */

struct event_log {
	int dir;		/* of the store */
	size_t most;		/* EVENTS_BYTES, or less in a test */
	struct blob waiting;	/* lines that are not written yet */
	size_t room;
	bool complained;
};

void event_log_init(struct event_log *log, int dir);
void event_log_free(struct event_log *log);

/* Both only in memory. -ENOMEM */
int event_log_add(struct event_log *log, const struct live_event *event);
int event_log_lost(struct event_log *log, uint64_t lost);
/*
 * Write what waits. What cannot be written is dropped: it is told once until it
 * works again, and the samples go on.
 */
void event_log_flush(struct event_log *log);

/* --- for readers ----------------------------------------------------------- */

struct events_gaps {
	uint64_t lost;		/* overwritten before the collector came */
	uint64_t damaged;	/* lines that are none of ours */
};

/*
 * Every event that is kept, the oldest first; none if there is no log. A
 * non-zero result of @visit ends it and is returned. -EPROTO: a newer version.
 */
int events_each(int dir,
		int (*visit)(void *arg, const struct live_event *event),
		void *arg, struct events_gaps *ret_gaps);

/*
 * Where to go on reading what was loaded at @loaded_ns: the cursor behind the
 * last event of it that is kept; 0: none is.
 */
uint64_t events_cursor(int dir, int64_t loaded_ns);

#endif /* RSTAT_EVENTS_H */

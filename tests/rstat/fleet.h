/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A store of sixty days, a sample an hour: containers that grow, leak, stand
 * still, are over, ended and have just begun. What becomes of each is known.
 */
#ifndef FLEET_H
#define FLEET_H

#include <math.h>

#include "host.h"
#include "scripted.h"

#define FLEET_DAYS	60
#define FLEET_END	(SCRIPT_START + FLEET_DAYS * 86400LL)
#define FLEET_GIB	((1LL << 30) / 4096)	/* pages */

enum { FLEET_MEM, FLEET_SWAP, FLEET_PROC, FLEET_FILE, FLEET_CPU };

struct fleet_member {
	const char *name;
	int first, last;	/* days */
	int64_t limit;		/* of numproc; barrier: 10 less */
	double level, per_day;	/* of numproc */
	double noise;
	int leak;		/* day from which on it grows; else from 0 */
};

/* clang-format off */
static const struct fleet_member fleet[] = {
	/* at 90 + 60 = 150 now: barrier 190 in 40 days, limit 200 in 50 */
	{ "web", 0, 60, 200, 90, 1, 2, 0 },
	/* flat until day 40, then 4 a day: 180 now, 240 in 15 days */
	{ "leak", 0, 60, 240, 100, 4, 1, 40 },
	{ "still", 0, 60, 200, 50, 0, 3, 0 },
	{ "shrink", 0, 60, 300, 200, -1, 2, 0 },
	{ "full", 0, 60, 100, 100, 0, 0, 0 },
	{ "ended", 0, 30, 100, 20, 2, 1, 0 },
	{ "young", 59, 60, 100, 20, 50, 0, 0 },
	{ "free", 0, 60, -1, 20, 5, 1, 0 },
};
/* clang-format on */

#define FLEET_NR (sizeof(fleet) / sizeof(fleet[0]))

static inline void fleet_sample(struct script *s, const struct fleet_member *m,
				int64_t t, uint64_t *seed)
{
	double since = (double)t / 86400 - (m->leak ? m->leak : m->first);
	double random = (double)(*seed = *seed * 6364136223846793005ULL +
					 1442695040888963407ULL);
	double procs = m->level + (since > 0 ? m->per_day * since : 0) +
		       m->noise * (random / 0x1p63 - 1);
	int64_t held = llround(procs);
	int64_t limit = m->limit < 0 ? RESCORE_UNLIMITED : m->limit;

	script_set(s, FLEET_PROC, held, held, 0);
	script_bounds(s, FLEET_PROC, m->limit < 0 ? limit : limit - 10, limit);
	script_set(s, FLEET_FILE, held * 8, held * 9, 0);
	script_set(s, FLEET_MEM, held * FLEET_GIB / 100, held * FLEET_GIB / 100,
		   0);
	script_bounds(s, FLEET_MEM, RESCORE_UNLIMITED,
		      m->limit < 0 ? limit : 2 * FLEET_GIB);
	script_set(s, FLEET_SWAP, 0, 0, 0);
	/* a quarter of a CPU, and half of one at times */
	s->reading[FLEET_CPU].held += 3600LL * 250000000;
	s->reading[FLEET_CPU].peak = 50;
	script_bounds(s, FLEET_CPU, RESCORE_UNLIMITED, 150);
}

static inline void fleet_member_make(struct script *s, size_t i)
{
	const struct fleet_member *m = &fleet[i];
	uint64_t seed = i + 1;

	script_name(s, m->name, i + 1, SCRIPT_START + m->first * 86400LL);
	s->reading[FLEET_CPU].held = 0;
	for (int64_t t = m->first * 86400LL + 3600; t <= m->last * 86400LL;
	     t += 3600) {
		fleet_sample(s, m, t, &seed);
		script_sample(s, SCRIPT_START + t);
		if (t / 3600 % 48 == 0)
			script_record(s);
	}
	script_record(s);
}

/* In a child; see script_child(). */
static inline void fleet_make(const char *dir)
{
	struct host host = {
		.memory = 16.0 * (1 << 30),
		.swap = 2.0 * (1 << 30),
		.threads = 1000,
		.files = 0x1p62,
		.ptys = 4096,
		.cpus = 4,
	};
	struct script s;

	script_open(&s, dir, 3600);
	script_resource(&s, "physpages", RESCORE_PAGES);
	script_resource(&s, "swappages", RESCORE_PAGES);
	script_resource(&s, "numproc", RESCORE_COUNT);
	script_resource(&s, "numfile", RESCORE_COUNT);
	script_resource(&s, "cpulimit", RESCORE_PERCENT);
	s.schema.resource[FLEET_CPU].held_unit = RESCORE_NSEC + 1;
	s.schema.resource[FLEET_CPU].peak_unit = RESCORE_PERCENT + 1;
	for (size_t i = 0; i < FLEET_NR; i++)
		fleet_member_make(&s, i);
	if (host_save(&s.store, &host))
		script_die("host_save");
	script_close(&s);
}

#endif /* FLEET_H */

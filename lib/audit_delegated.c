// SPDX-License-Identifier: GPL-2.0
/*
 * Rows that the kernel counts: does the table say what the kernel's own files
 * say, and do its bounds still stand in them?
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"

#define TRIES		10
#define SLACK_BYTES	(64 * 4096L)	/* in the kernel's batches */
#define SLACK_NS	10000000	/* a tick or two */

/* The number that HELD knob @knob finds in @text, in the unit of held. */
static int64_t held_in(const struct rescore_knob *knob, const char *text)
{
	size_t length = strlen(knob->key);
	const char *line = text;
	int64_t value;

	while (length &&
	       (strncmp(line, knob->key, length) || line[length] != ' ')) {
		line = strchr(line, '\n');
		if (!line)
			return -1;
		line++;
	}
	if (line[length + !!length] < '0' || line[length + !!length] > '9')
		return -1;
	value = strtoll(line + length, NULL, 10);
	return knob->flags & RESCORE_KNOB_COARSE ? value * knob->scale :
						   value / knob->scale;
}

/* The sum over all roots; -1: some of them do not say. */
static int64_t held_outside(const struct rescore *rs, unsigned int slot,
			    const struct rescore_knob *knob)
{
	char path[PATH_MAX], text[16384];
	int64_t sum = 0, one;
	unsigned int i;

	for (i = 0; i < rs->containers[slot].nr_roots; i++) {
		if (rescore_cgroup_path(rs, slot, i, path, sizeof(path)))
			continue;	/* has been removed */
		if (rescore_cgroup_read(path, knob->file, text, sizeof(text)))
			return -1;
		one = held_in(knob, text);
		if (one < 0)
			return -1;
		sum += one;
	}
	return sum;
}

static int64_t slack_of(const struct rescore_resource *resource, int64_t value)
{
	int64_t least = 0;

	switch (rescore_held_unit(resource)) {
	case RESCORE_BYTES:
		least = SLACK_BYTES;
		break;
	case RESCORE_PAGES:
		least = SLACK_BYTES / 4096;
		break;
	case RESCORE_NSEC:
		least = SLACK_NS;
		break;
	}
	return value / 100 > least ? value / 100 : least;
}

/* 1: wrong, 0: right, -1: nobody else knows. */
static int audit_held(const struct rescore *rs, const struct rescore_knob *knob,
		      struct rescore_audit_row *row)
{
	const struct rescore_line *line = &rs->table[row->slot].line[knob->id];
	int64_t before, after, slack;
	int tries;

	for (tries = 0; tries < TRIES; tries++) {
		before = held_outside(rs, row->slot, knob);
		if (before < 0 || rescore_refresh_slot(rs, row->slot))
			return -1;
		row->held = line->held;
		after = held_outside(rs, row->slot, knob);
		if (after < 0)
			return -1;
		row->low = before < after ? before : after;
		row->high = before < after ? after : before;
		slack = slack_of(&rs->registry[knob->id], row->high);
		row->low = row->low > slack ? row->low - slack : 0;
		row->high += slack;
		if (row->held >= row->low && row->held <= row->high)
			return 0;
		rescore_nap();
	}
	return 1;
}

/* Does what stands in @knob's file at @path mean the row's bound? */
static bool stands(const struct rescore *rs, unsigned int slot,
		   const struct rescore_knob *knob, const char *path,
		   struct knob_text *k, char *now, size_t size)
{
	const struct rescore_line *line = &rs->table[slot].line[knob->id];
	const struct rescore_bounds bounds = { knob->id, line->barrier,
					       line->limit };
	int64_t base = line->barrier;

	if (rescore_cgroup_read(path, knob->file, now, size)) {
		snprintf(now, size, "missing");
		return rescore_knob_is_open(knob, &rs->registry[knob->id],
					    &bounds);
	}
	if (knob->form == RESCORE_KNOB_CPUS)
		return rescore_knob_bound(knob, now, 0, 0) == line->barrier;
	if (rescore_knob_text(knob, &rs->registry[knob->id], &bounds, now, k))
		return false;
	return rescore_knob_bound(knob, now, base, k->period_us) ==
	       rescore_knob_bound(knob, k->text, base, k->period_us);
}

/* Others may have written to the files since. */
static int audit_knobs(const struct rescore *rs, struct rescore_audit_row *row,
		       unsigned int root, audit_report report, void *arg)
{
	const struct rescore_line *line = &rs->table[row->slot].line[row->id];
	struct knob_text k = { .slot = row->slot };
	const struct rescore_knob *knob;
	char path[PATH_MAX], now[512];
	unsigned int i;
	int n = 0;

	if (line->flags & RESCORE_OBSERVE ||
	    rescore_cgroup_path(rs, row->slot, root, path, sizeof(path)))
		return 0;
	row->finding = RESCORE_AUDIT_KNOB;
	row->held = row->low = row->high = line->held;
	for (i = 0; i < rs->meta->nr_knobs; i++) {
		knob = &rs->knobs[i];
		if (knob->id != row->id || knob->form >= RESCORE_KNOB_CLEAR ||
		    stands(rs, row->slot, knob, path, &k, now, sizeof(now)))
			continue;
		snprintf(row->how, sizeof(row->how),
			 "%.31s is \"%.20s\" in cgroup %u of it, not what was set",
			 knob->file, now, root);
		report(row, true, arg);
		n++;
	}
	return n;
}

int rescore_audit_delegated(const struct rescore *rs, unsigned int slot,
			    unsigned int id, audit_report report, void *arg)
{
	struct rescore_audit_row row = { .slot = slot, .id = id };
	const struct rescore_knob *knob;
	unsigned int i;
	int n = 0, wrong;

	for (i = 0; i < rs->meta->nr_knobs; i++) {
		knob = &rs->knobs[i];
		if (knob->id != id || knob->form != RESCORE_KNOB_HELD)
			continue;
		row.finding = RESCORE_AUDIT_DIFFERENCE;
		snprintf(row.how, sizeof(row.how), "%s%s%s of its cgroups",
			 knob->file, knob->key[0] ? ", " : "", knob->key);
		wrong = audit_held(rs, knob, &row);
		if (wrong >= 0)
			report(&row, wrong, arg);
		n += wrong > 0;
	}
	for (i = 0; i < rs->containers[slot].nr_roots; i++)
		n += audit_knobs(rs, &row, i, report, arg);
	return n;
}

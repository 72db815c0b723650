// SPDX-License-Identifier: GPL-2.0
/*
 * Is held what is really there? Two answers for every row, both independent of
 * the counter: the objects recorded for the container, one by one; and, where
 * the kernel shows them in some other way, the objects themselves.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"

/*
 * A row that moves while it is counted is counted again: so often if it stands
 * still and is wrong; longer if it goes on moving, since then it may be that each
 * count fell between an end and a beginning.
 */
#define AUDIT_TRIES	20
#define AUDIT_TRIES_MAX	200

/* Of a row. */
struct verdict {
	struct rescore_audit_row row;
	enum { PENDING, RIGHT, WRONG, NOT_COUNTED } is;
	int64_t held;		/* at the last count */
	int still;		/* counts since it moved */
	int tries;
};

/* Of containers @slot, and their rows: resource by resource. */
struct audit {
	struct rescore *rs;
	struct audit_count count;
	unsigned int *slot;
	unsigned int nr;
	struct verdict *verdict;	/* of each, by resource */
	audit_report report;
	void *arg;
};

static struct verdict *verdict_of(const struct audit *audit, unsigned int i,
				  unsigned int id)
{
	return audit->verdict + (size_t)i * audit->rs->meta->nr_resources + id;
}

static struct rescore_line *line_of(const struct audit *audit, unsigned int i,
				    unsigned int id)
{
	return &audit->rs->table[audit->slot[i]].line[id];
}

/* --- a row ----------------------------------------------------------------------- */

static bool is_wrong(const struct rescore_audit_row *row)
{
	return row->held < row->low || row->held > row->high;
}

/* Is it to be counted (again)? Not if it was counted often enough. */
static bool goes_on(struct verdict *v, const struct rescore_line *line)
{
	int64_t held = __atomic_load_n(&line->held, __ATOMIC_SEQ_CST);

	if (held != v->held)
		v->still = 0;
	v->held = held;
	if (v->still++ < AUDIT_TRIES && v->tries++ < AUDIT_TRIES_MAX)
		return true;
	v->is = WRONG;
	return false;
}

/* What held was before the count, and what was counted. */
static void compare(const struct audit *audit, struct verdict *v)
{
	const struct audit_count *count = &audit->count;
	const struct audit_sum *sum = &count->of[v->row.slot];
	struct rescore_audit_row *row = &v->row;
	bool objects = audit->rs->registry[row->id].objects;

	row->held = v->held;
	row->low = sum->low;
	row->high = sum->high;
	if (count->strays)
		snprintf(row->how, sizeof(row->how),
			 "%s; %u that nobody pays for", count->how,
			 sum->strays);
	else
		snprintf(row->how, sizeof(row->how), "%s", count->how);
	if (objects && (!count->truth || row->held != sum->recorded)) {
		row->low = row->high = sum->recorded;
		snprintf(row->how, sizeof(row->how),
			 "objects recorded one by one");
	}
}

static void judge(const struct audit *audit, unsigned int i, unsigned int id)
{
	struct verdict *v = verdict_of(audit, i, id);
	int64_t now = __atomic_load_n(&line_of(audit, i, id)->held,
				      __ATOMIC_SEQ_CST);

	compare(audit, v);
	if (audit->rs->registry[id].objects && now != v->held)
		v->still = 0;
	else if (!is_wrong(&v->row))
		v->is = RIGHT;
}

/* --- a resource ------------------------------------------------------------------ */

/* How many rows of it are to be counted (again). */
static unsigned int nr_pending(const struct audit *audit, unsigned int id)
{
	unsigned int i, n = 0;

	for (i = 0; i < audit->nr; i++) {
		struct verdict *v = verdict_of(audit, i, id);

		if (v->is != PENDING)
			continue;
		if (!rescore_slot_is_live(audit->rs, audit->slot[i]))
			v->is = NOT_COUNTED;
		else
			n += goes_on(v, line_of(audit, i, id));
	}
	return n;
}

/* 0, -ENOENT: there is no other way to count it; or another error. */
static int audit_resource(struct audit *audit, unsigned int id)
{
	unsigned int i, round;
	int err;

	for (round = 0; nr_pending(audit, id); round++) {
		if (round)
			rescore_nap();
		err = audit_count(&audit->count, id);
		if (err)
			return err;
		for (i = 0; i < audit->nr; i++)
			if (verdict_of(audit, i, id)->is == PENDING)
				judge(audit, i, id);
	}
	return 0;
}

static int audit_resources(struct audit *audit)
{
	const struct rescore *rs = audit->rs;
	unsigned int id, i;
	int err;

	for (id = 0; id < rs->meta->nr_resources; id++) {
		for (i = 0; i < audit->nr; i++)
			verdict_of(audit, i, id)->row =
				(struct rescore_audit_row){
					.slot = audit->slot[i],
					.id = id,
					.finding = RESCORE_AUDIT_DIFFERENCE,
				};
		err = -ENOENT;
		if (rs->registry[id].state == RESCORE_ON)
			err = audit_resource(audit, id);
		if (err && err != -ENOENT)
			return err;
		for (i = 0; err && i < audit->nr; i++)
			verdict_of(audit, i, id)->is = NOT_COUNTED;
	}
	return 0;
}

/* --- what is reported ------------------------------------------------------------- */

static int report_underflow(const struct audit *audit,
			    const struct rescore_line *line, unsigned int slot,
			    unsigned int id)
{
	struct rescore_audit_row row = {
		.slot = slot,
		.id = id,
		.finding = RESCORE_AUDIT_UNDERFLOW,
		.held = line->held,
	};

	if (!line->underflow)
		return 0;
	snprintf(row.how, sizeof(row.how), "held went below 0 %llu times",
		 (unsigned long long)line->underflow);
	audit->report(&row, true, audit->arg);
	return 1;
}

/* How many of container number @i's rows are wrong. */
static int report_slot(const struct audit *audit, unsigned int i)
{
	const struct rescore *rs = audit->rs;
	unsigned int id, slot = audit->slot[i];
	const struct verdict *v;
	int n = 0;

	for (id = 0; id < rs->meta->nr_resources; id++) {
		v = verdict_of(audit, i, id);
		if (v->is == RIGHT || v->is == WRONG) {
			audit->report(&v->row, v->is == WRONG, audit->arg);
			n += v->is == WRONG;
		}
		if (rs->registry[id].flags & RESCORE_DELEGATED &&
		    rs->registry[id].state == RESCORE_ON)
			n += rescore_audit_delegated(rs, slot, id,
						     audit->report, audit->arg);
		n += report_underflow(audit, line_of(audit, i, id), slot, id);
	}
	return n;
}

/* Slow, but right: nothing differs because of it. */
static void report_lost(const struct audit *audit)
{
	struct rescore_audit_row row = { .finding = RESCORE_AUDIT_LOST };

	if (!audit->rs->meta->members_lost)
		return;
	snprintf(row.how, sizeof(row.how),
		 "%llu cgroups found no room: counted, but slowly, until the next load",
		 (unsigned long long)audit->rs->meta->members_lost);
	audit->report(&row, false, audit->arg);
}

/* --- all of it ---------------------------------------------------------------------- */

/* @only this, or 0: all containers that there are. */
static int begin(struct audit *audit, unsigned int only)
{
	const struct rescore_meta *meta = audit->rs->meta;
	unsigned int slot = only;

	audit->slot = calloc(meta->nr_slots, sizeof(*audit->slot));
	if (!audit->slot)
		return rescore_error(-ENOMEM, "out of memory");
	if (slot)
		audit->slot[audit->nr++] = slot;
	else
		while ((slot = rescore_next(audit->rs, slot)))
			audit->slot[audit->nr++] = slot;
	audit->verdict = calloc((size_t)audit->nr * meta->nr_resources + 1,
				sizeof(*audit->verdict));
	if (!audit->verdict)
		return rescore_error(-ENOMEM, "out of memory");
	return audit_count_begin(&audit->count, audit->rs, only);
}

static void end(struct audit *audit)
{
	audit_count_end(&audit->count);
	free(audit->verdict);
	free(audit->slot);
}

int rescore_audit(struct rescore *rs, unsigned int slot,
		  void (*report)(const struct rescore_audit_row *row,
				 bool differs, void *arg),
		  void *arg)
{
	struct audit audit = { .rs = rs, .report = report, .arg = arg };
	unsigned int i;
	int n = 0, err;

	if (slot && !rescore_slot_is_live(rs, slot))
		return rescore_error(-ENOENT, "no container in slot %u", slot);
	err = begin(&audit, slot);
	if (!err)
		err = audit_resources(&audit);
	if (!err) {
		report_lost(&audit);
		for (i = 0; i < audit.nr; i++)
			if (rescore_slot_is_live(rs, audit.slot[i]))
				n += report_slot(&audit, i);
	}
	end(&audit);
	return err ?: n;
}

// SPDX-License-Identifier: GPL-2.0
/* The table: limits, counters, the registry, and the events. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "internal.h"

unsigned int rescore_nr_resources(const struct rescore *rs)
{
	return rs->meta->nr_resources;
}

const struct rescore_resource *rescore_resource(const struct rescore *rs,
						unsigned int id)
{
	return id < rs->meta->nr_resources ? &rs->registry[id] : NULL;
}

int rescore_find_resource(const struct rescore *rs, const char *name)
{
	unsigned int id;

	for (id = 0; id < rs->meta->nr_resources; id++)
		if (!strcmp(rs->registry[id].name, name))
			return id;
	return rescore_error(-ENOENT, "no resource \"%s\"", name);
}

unsigned int rescore_nr_hooks(const struct rescore *rs)
{
	return rs->meta->nr_hooks;
}

const struct rescore_hook *rescore_hook(const struct rescore *rs,
					unsigned int i)
{
	return i < rs->meta->nr_hooks ? &rs->hooks[i] : NULL;
}

struct rescore_line *rescore_live_line(const struct rescore *rs,
				       unsigned int slot, unsigned int id)
{
	if (!rescore_slot_is_live(rs, slot)) {
		rescore_error(-ENOENT, "no container in slot %u", slot);
		return NULL;
	}
	if (id >= rs->meta->nr_resources) {
		rescore_error(-ENOENT, "no resource %u", id);
		return NULL;
	}
	return &rs->table[slot].line[id];
}

/* Can held and maxheld be compared? */
static bool one_unit(const struct rescore_resource *resource)
{
	return rescore_held_unit(resource) == rescore_peak_unit(resource);
}

int rescore_read(const struct rescore *rs, unsigned int slot, unsigned int id,
		 struct rescore_line *ret_line)
{
	const struct rescore_line *line = rescore_live_line(rs, slot, id);

	if (!line)
		return -ENOENT;
	*ret_line = *line;
	/* charged between the two loads, or before the mark was raised */
	if (one_unit(&rs->registry[id]) && ret_line->maxheld < ret_line->held)
		ret_line->maxheld = ret_line->held;
	return 0;
}

const struct rescore_line *rescore_lines(const struct rescore *rs,
					 unsigned int slot)
{
	return rescore_slot_is_live(rs, slot) ? rs->table[slot].line : NULL;
}

/*
 * Set a mark back to held (a rate: to 0); what is charged meanwhile raises it
 * again. Returns the highest that it stood at.
 */
static int64_t set_back(const struct rescore_resource *resource,
			struct rescore_line *line, __s64 *mark)
{
	__s64 held, old, highest, now;

	if (!one_unit(resource))
		return __atomic_exchange_n(mark, 0, __ATOMIC_SEQ_CST);
	now = held = __atomic_load_n(&line->held, __ATOMIC_SEQ_CST);
	old = __atomic_exchange_n(mark, held, __ATOMIC_SEQ_CST);
	highest = old > held ? old : held;

	/* charged between the load and the exchange, when the mark was higher:
	 * nobody raised it for that
	 */
	held = __atomic_load_n(&line->held, __ATOMIC_SEQ_CST);
	while (now < held &&
	       !__atomic_compare_exchange_n(mark, &now, held, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
	return highest;
}

int rescore_take_peak(struct rescore *rs, unsigned int slot, unsigned int id,
		      int64_t *ret_peak)
{
	struct rescore_line *line;

	if (rs->read_only)
		return rescore_error(-EROFS, "this handle is read-only");
	line = rescore_live_line(rs, slot, id);
	if (!line)
		return -ENOENT;
	*ret_peak = set_back(&rs->registry[id], line, &line->peak);
	return 0;
}

/* --- limits -------------------------------------------------------------------- */

static void set_flag(struct rescore_line *line, uint32_t flag, bool on)
{
	if (on)
		__atomic_or_fetch(&line->flags, flag, __ATOMIC_RELAXED);
	else
		__atomic_and_fetch(&line->flags, ~flag, __ATOMIC_RELAXED);
}

static bool is_bound(int64_t value)
{
	return value == RESCORE_UNLIMITED ||
	       (value >= 0 && value <= RESCORE_BOUND_MAX);
}

static int out_of_range(const struct rescore_resource *resource, int64_t bound)
{
	char least[24], most[24], given[24];

	rescore_format_amount(resource->least, resource->unit, false, least,
			      sizeof(least));
	rescore_format_amount(resource->most, resource->unit, false, most,
			      sizeof(most));
	rescore_format_amount(bound, resource->unit, true, given,
			      sizeof(given));
	return rescore_error(-EINVAL, "%s=%s: a bound is %s to %s%s",
			     resource->name, given, least, most,
			     resource->flags & RESCORE_INITIAL ?
				     "" :
				     ", or unlimited");
}

static bool in_range(const struct rescore_resource *resource, int64_t bound)
{
	if (!resource->most)
		return true;
	if (bound == RESCORE_UNLIMITED)
		return !(resource->flags & RESCORE_INITIAL);
	return bound >= resource->least && bound <= resource->most;
}

static int check_bounds(const struct rescore *rs, struct rescore_bounds *bounds)
{
	const struct rescore_resource *resource;

	resource = rescore_resource(rs, bounds->id);
	if (!resource)
		return rescore_error(-ENOENT, "no resource %u", bounds->id);
	if (resource->state != RESCORE_ON)
		return rescore_error(-EOPNOTSUPP,
				     "%s cannot be limited here: %s",
				     resource->name, resource->why);
	if (!is_bound(bounds->barrier) || !is_bound(bounds->limit))
		return rescore_error(-EINVAL,
				     "%s: a bound is 0 to 2^62 or unlimited",
				     resource->name);
	if (resource->flags & RESCORE_ZERO_NONE && !bounds->barrier)
		bounds->barrier = bounds->limit = RESCORE_UNLIMITED;
	if (bounds->barrier > bounds->limit)
		return rescore_error(
			-EINVAL, "%s: the barrier %lld is above the limit %lld",
			resource->name, (long long)bounds->barrier,
			(long long)bounds->limit);
	if (!in_range(resource, bounds->barrier))
		return out_of_range(resource, bounds->barrier);
	if (!in_range(resource, bounds->limit))
		return out_of_range(resource, bounds->limit);
	return 0;
}

/* *@bounds become those of @line, and those that it had *@bounds. */
static void swap_bounds(struct rescore_line *line,
			struct rescore_bounds *bounds)
{
	bounds->barrier = __atomic_exchange_n(&line->barrier, bounds->barrier,
					      __ATOMIC_RELAXED);
	bounds->limit = __atomic_exchange_n(&line->limit, bounds->limit,
					    __ATOMIC_RELAXED);
}

/* Has @slot's gate a barrier, or that of a container above it? */
static bool is_gated(const struct rescore *rs, unsigned int slot)
{
	unsigned int gate = rs->meta->gate, level;

	for (level = 0; gate && slot && level < RESCORE_LEVELS_MAX; level++) {
		if (rs->table[slot].line[gate - 1].barrier != RESCORE_UNLIMITED)
			return true;
		slot = rs->containers[slot].parent;
	}
	return false;
}

static void set_gated(struct rescore *rs, unsigned int slot)
{
	const struct rescore_resource *resource;
	bool gated = is_gated(rs, slot);
	unsigned int id;

	for (id = 0; id < rs->meta->nr_resources; id++) {
		resource = &rs->registry[id];
		if (resource->flags & RESCORE_DENIABLE &&
		    resource->unit == RESCORE_COUNT)
			set_flag(&rs->table[slot].line[id], RESCORE_GATED,
				 gated);
	}
}

void rescore_set_gate(struct rescore *rs, unsigned int slot)
{
	unsigned int below = 0;

	if (!rs->meta->gate)
		return;
	/* not before the barrier: the programs look at that when they have written */
	__atomic_store_n(&rs->table[slot].gate.seen, 0, __ATOMIC_SEQ_CST);
	set_gated(rs, slot);
	while ((below = rescore_next(rs, below)))
		if (rescore_is_below(rs, below, slot))
			set_gated(rs, below);
}

/* In the table; and back again, when it is called once more. */
static void swap_all(struct rescore *rs, unsigned int slot,
		     struct rescore_bounds *bounds, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		swap_bounds(&rs->table[slot].line[bounds[i].id], &bounds[i]);
	rescore_set_gate(rs, slot);
}

/* The same @flag of several @rows (bits: ids). */
static void set_flags(struct rescore *rs, unsigned int slot, uint32_t rows,
		      uint32_t flag, bool on)
{
	unsigned int id;

	for (id = 0; id < rs->meta->nr_resources; id++)
		if (rows & 1U << id)
			set_flag(&rs->table[slot].line[id], flag, on);
}

static int keep_change(struct rescore *rs, unsigned int slot, uint32_t rows)
{
	int err = ct_limits_changed(rs, slot);

	return err ?: rescore_apply(rs, slot, rows);
}

/*
 * Store what has changed, and let it act. If that fails the knobs are as before, and
 * the table has to be, and that kept: a bound that is not stored would be another
 * after a reboot.
 */
static int keep_or_undo(struct rescore *rs, unsigned int slot, uint32_t rows,
			struct knob_undo *undo)
{
	int err = keep_change(rs, slot, rows);

	if (err)
		rescore_knobs_undo(undo);
	else
		rescore_knobs_keep(undo);
	return err;
}

/* @bounds, of @rows, are valid, and for the caller to change. */
static int set_locked(struct rescore *rs, unsigned int slot,
		      struct rescore_bounds *bounds, size_t n, uint32_t rows)
{
	struct rescore_line *line;
	struct knob_undo *undo;
	size_t i, written = 0;
	uint32_t fresh = 0;
	int err;

	/* those that only observe are written when they are to enforce */
	for (i = 0; i < n; i++) {
		line = &rs->table[slot].line[bounds[i].id];
		if (line->flags & RESCORE_OBSERVE)
			continue;
		if (i != written) {
			struct rescore_bounds other = bounds[written];

			bounds[written] = bounds[i];
			bounds[i] = other;
		}
		written++;
	}
	err = rescore_knobs_write(rs, slot, bounds, written, &undo);
	if (err)
		return err;
	for (i = 0; i < n; i++) {
		line = &rs->table[slot].line[bounds[i].id];
		if (rs->registry[bounds[i].id].flags & RESCORE_DELEGATED &&
		    !(line->flags & RESCORE_WRITTEN))
			fresh |= 1U << bounds[i].id;
	}
	swap_all(rs, slot, bounds, n);
	set_flags(rs, slot, fresh, RESCORE_WRITTEN, true);
	err = keep_or_undo(rs, slot, rows, undo);
	if (err) {
		swap_all(rs, slot, bounds, n);
		set_flags(rs, slot, fresh, RESCORE_WRITTEN, false);
		keep_change(rs, slot, rows);
	}
	return err;
}

int rescore_set(struct rescore *rs, unsigned int slot,
		const struct rescore_bounds *bounds, size_t n)
{
	struct rescore_bounds *checked;
	uint32_t rows = 0, bounded = 0;
	int err = 0;
	size_t i;

	checked = calloc(n + 1, sizeof(*checked));
	if (!checked)
		return rescore_error(-ENOMEM, "out of memory");
	memcpy(checked, bounds, n * sizeof(*bounds));
	for (i = 0; !err && i < n; i++)
		err = check_bounds(rs, &checked[i]);
	err = err ?: rescore_lock_slot(rs, slot);
	if (!err) {
		for (i = 0; i < n; i++) {
			rows |= 1U << checked[i].id;
			if (checked[i].barrier != RESCORE_UNLIMITED)
				bounded |= 1U << checked[i].id;
		}
		err = rescore_attach_bounded(rs, bounded);
		err = err ?: set_locked(rs, slot, checked, n, rows);
		rescore_unlock(rs);
	}
	free(checked);
	return err;
}

/* Is row @i meant by @id, a row or -1 for all? */
static bool is_meant(int id, unsigned int i)
{
	return id < 0 || i == (unsigned int)id;
}

/* For row @id or, if it is -1, all of container @slot. */
static int lock_row(struct rescore *rs, unsigned int slot, int id)
{
	if (id >= (int)rs->meta->nr_resources)
		return rescore_error(-ENOENT, "no resource %d", id);
	return rescore_lock_slot(rs, slot);
}

/*
 * The knobs of a row that only observes stand open; what starts at .initial
 * (shares, guarantees) refuses nothing, and stays.
 */
static int set_mode_locked(struct rescore *rs, unsigned int slot, int id,
			   bool observe)
{
	struct rescore_bounds bounds[RESCORE_RESOURCES_MAX];
	const struct rescore_resource *resource;
	struct rescore_line *line;
	struct knob_undo *undo;
	unsigned int i, n = 0;
	uint32_t rows = 0;
	int err;

	for (i = 0; i < rs->meta->nr_resources; i++) {
		resource = &rs->registry[i];
		line = &rs->table[slot].line[i];
		if (!is_meant(id, i) ||
		    !(resource->flags & RESCORE_DELEGATED) ||
		    resource->flags & RESCORE_INITIAL ||
		    !(line->flags & RESCORE_OBSERVE) == !observe)
			continue;
		rescore_initial_bounds(resource, &bounds[n]);
		if (!observe) {
			bounds[n].barrier = line->barrier;
			bounds[n].limit = line->limit;
		}
		n++;
	}
	err = rescore_knobs_write(rs, slot, bounds, n, &undo);
	if (err)
		return err;
	for (i = 0; i < rs->meta->nr_resources; i++)
		if (is_meant(id, i) && !(rs->table[slot].line[i].flags &
					 RESCORE_OBSERVE) == observe)
			rows |= 1U << i;
	set_flags(rs, slot, rows, RESCORE_OBSERVE, observe);
	err = keep_or_undo(rs, slot, rows, undo);
	if (err) {
		set_flags(rs, slot, rows, RESCORE_OBSERVE, !observe);
		keep_change(rs, slot, rows);
	}
	return err;
}

int rescore_set_mode(struct rescore *rs, unsigned int slot, int id,
		     bool observe)
{
	int err = lock_row(rs, slot, id);

	if (err)
		return err;
	err = set_mode_locked(rs, slot, id, observe);
	rescore_unlock(rs);
	return err;
}

int rescore_reset(struct rescore *rs, unsigned int slot, int id,
		  unsigned int what)
{
	struct rescore_line *line;
	unsigned int i;
	int err;

	err = lock_row(rs, slot, id);
	if (err)
		return err;
	/* what happened before is not to be found by the next reading */
	err = rescore_refresh(rs);
	for (i = 0; !err && i < rs->meta->nr_resources; i++) {
		line = &rs->table[slot].line[i];
		if (!is_meant(id, i))
			continue;
		if (what & RESCORE_RESET_FAILCNT)
			__atomic_store_n(&line->failcnt, 0, __ATOMIC_RELAXED);
		if (what & RESCORE_RESET_MAXHELD)
			set_back(&rs->registry[i], line, &line->maxheld);
	}
	rescore_unlock(rs);
	return err;
}

/* --- events ---------------------------------------------------------------------- */

/* A record being written is whole within microseconds; then it counts as lost. */
#define TORN_TRIES	1000

static bool copy_event(const struct rescore_event *event, uint64_t number,
		       struct rescore_event *ret)
{
	if (__atomic_load_n(&event->seq, __ATOMIC_ACQUIRE) != number + 1)
		return false;
	*ret = *event;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&event->seq, __ATOMIC_RELAXED) == number + 1;
}

int rescore_next_event(const struct rescore *rs, uint64_t *cursor,
		       struct rescore_event *ret_event, uint64_t *ret_lost)
{
	uint64_t size = rs->meta->nr_events, head, oldest;
	const struct rescore_event *event;
	int tries = 0;

	for (;;) {
		head = __atomic_load_n(&rs->meta->event_head, __ATOMIC_ACQUIRE);
		if (*cursor >= head)
			return 0;
		oldest = head > size ? head - size : 0;
		if (*cursor < oldest) {
			if (ret_lost)
				*ret_lost += oldest - *cursor;
			*cursor = oldest;
		}
		event = &rs->events[*cursor & (size - 1)];
		if (copy_event(event, *cursor, ret_event)) {
			++*cursor;
			return 1;
		}
		if (++tries < TORN_TRIES)
			continue;
		if (ret_lost)
			++*ret_lost;
		++*cursor;
		tries = 0;
	}
}

int64_t rescore_event_realtime(const struct rescore_event *event)
{
	struct timespec real, boot;

	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_REALTIME, &real);
	return (real.tv_sec - boot.tv_sec) * 1000000000LL + real.tv_nsec -
	       boot.tv_nsec + (int64_t)event->time_ns;
}

const char *rescore_event_kind_name(unsigned int kind)
{
	static const char *const names[] = {
		[RESCORE_EV_REFUSED] = "refused",
		[RESCORE_EV_OBSERVED] = "observed",
		[RESCORE_EV_NO_PAYER] = "no-payer",
		[RESCORE_EV_NO_MEMBER] = "no-member",
	};

	return kind && kind < ARRAY_SIZE(names) ? names[kind] : "unknown";
}

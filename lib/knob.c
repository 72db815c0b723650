// SPDX-License-Identifier: GPL-2.0
/*
 * Bounds as the text of cgroup files, and back. Which file a bound goes to is
 * the controller's business (struct rescore_knob); here is how.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define QUOTA_PERIOD_US	100000	/* the kernel's own choice */
#define QUOTA_LEAST_US	1000	/* shorter ones it refuses */
#define PERIOD_MOST_US	1000000
#define WEIGHT_MOST	10000
#define WEIGHT_LEAST	1
#define CPUS_MAX	8192
#define CPUS_ONLINE	"/sys/devices/system/cpu"

static int put(struct knob_text *k, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int put(struct knob_text *k, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(k->text, sizeof(k->text), fmt, args);
	va_end(args);
	return n < (int)sizeof(k->text) ?
		       0 :
		       rescore_error(-EINVAL, "\"%.32s…\" is too long",
				     k->text);
}

/* --- lists of CPUs -------------------------------------------------------------- */

/*
 * Take the next "7" or "0-3" from a list and advance. 1, 0 at its end, -1: it is
 * none.
 */
static int next_range(const char **list, unsigned long *first,
		      unsigned long *last)
{
	const char *c = *list;
	char *end;

	if (!*c)
		return 0;
	if (*c < '0' || *c > '9')
		return -1;
	*first = *last = strtoul(c, &end, 10);
	if (*end == '-') {
		c = end + 1;
		if (*c < '0' || *c > '9')
			return -1;
		*last = strtoul(c, &end, 10);
	}
	if (*last < *first || *last >= CPUS_MAX)
		return -1;
	if (*end == ',' && end[1])
		end++;
	else if (*end)
		return -1;
	*list = end;
	return 1;
}

static int64_t read_list(const char *list, bool set[CPUS_MAX])
{
	unsigned long first, last;
	int64_t n = 0;
	int more;

	memset(set, 0, CPUS_MAX * sizeof(*set));
	while ((more = next_range(&list, &first, &last)) > 0)
		for (; first <= last; first++) {
			n += !set[first];
			set[first] = true;
		}
	return more ? -1 : n;
}

int64_t rescore_list_count(const char *list)
{
	bool set[CPUS_MAX];

	return read_list(list, set);
}

/* @n of the CPUs of @online, from the @skip-th on and round. */
int rescore_pick_cpus(const char *online, int64_t n, unsigned int skip,
		      char *ret, size_t size)
{
	bool set[CPUS_MAX], chosen[CPUS_MAX] = { false };
	int64_t have = read_list(online, set), i;
	size_t used = 0;
	unsigned int cpu = 0;

	if (have < n || n < 1)
		return -EINVAL;
	for (skip %= have; !set[cpu] || skip--; cpu++)
		;
	for (i = 0; i < n; cpu = (cpu + 1) % CPUS_MAX)
		if (set[cpu]) {
			chosen[cpu] = true;
			i++;
		}
	for (cpu = 0; cpu < CPUS_MAX; cpu++) {
		if (!chosen[cpu])
			continue;
		used += snprintf(ret + used, size - used, "%s%u",
				 used ? "," : "", cpu);
		if (used >= size)
			return -E2BIG;
	}
	return 0;
}

static int check_online(const char *name, const char *list, const char *online)
{
	bool want[CPUS_MAX], have[CPUS_MAX];
	unsigned int cpu;

	if (read_list(list, want) < 1)
		return rescore_error(-EINVAL, "%s: \"%s\" is no list of CPUs",
				     name, list);
	read_list(online, have);
	for (cpu = 0; cpu < CPUS_MAX; cpu++)
		if (want[cpu] && !have[cpu])
			return rescore_error(
				-EINVAL,
				"%s: \"%s\": CPU %u is not online (%s are)",
				name, list, cpu, online);
	return 0;
}

static int put_cpus(const struct rescore_resource *resource,
		    const struct rescore_bounds *bounds, struct knob_text *k)
{
	char online[512] = "0";
	int err;

	rescore_cgroup_read(CPUS_ONLINE, "online", online, sizeof(online));
	if (k->detail && k->detail[0]) {
		err = check_online(resource->name, k->detail, online);
		return err ?: put(k, "%s", k->detail);
	}
	if (rescore_pick_cpus(online, bounds->barrier, k->slot - 1, k->text,
			      sizeof(k->text)))
		return rescore_error(
			-EINVAL, "%s: %lld CPUs: this machine has %lld online",
			resource->name, (long long)bounds->barrier,
			(long long)rescore_list_count(online));
	return 0;
}

/* --- quotas ------------------------------------------------------------------------ */

int64_t rescore_quota_period(const char *text)
{
	const char *space = strchr(text, ' ');
	int64_t period = space ? strtoll(space, NULL, 10) : 0;

	return period > 0 ? period : QUOTA_PERIOD_US;
}

static int put_quota(const struct rescore_resource *resource, int64_t percent,
		     const char *now, struct knob_text *k)
{
	int64_t quota;

	k->period_us = rescore_quota_period(now);
	if (k->detail && k->detail[0])
		k->period_us = strtoll(k->detail, NULL, 10);
	if (percent == RESCORE_UNLIMITED)
		return put(k, "max %" PRId64, k->period_us);
	if (percent > INT32_MAX)
		return rescore_error(-EINVAL, "%s: %lld%% is too much",
				     resource->name, (long long)percent);
	quota = percent * k->period_us / 100;
	if (quota < QUOTA_LEAST_US)
		return rescore_error(
			-EINVAL,
			"%s: %lld%% of a period of %lld us is less than the kernel can measure out (%d us)",
			resource->name, (long long)percent,
			(long long)k->period_us, QUOTA_LEAST_US);
	return put(k, "%" PRId64 " %" PRId64, quota, k->period_us);
}

static int put_burst(const struct rescore_resource *resource,
		     const struct rescore_bounds *bounds, struct knob_text *k)
{
	long long most;

	if (bounds->barrier == bounds->limit ||
	    bounds->barrier == RESCORE_UNLIMITED)
		return put(k, "0");
	/* both fit into 32 bits: the quota has been written */
	most = 2LL * bounds->barrier;
	if (bounds->limit > most)
		return rescore_error(
			-EINVAL,
			"%s: a burst can at most double it: the limit is at most %lld%%",
			resource->name, most);
	return put(k, "%" PRId64,
		   (bounds->limit - bounds->barrier) * k->period_us / 100);
}

/* --- all of them -------------------------------------------------------------------- */

static int put_weight(const struct rescore_knob *knob, int64_t bound,
		      struct knob_text *k)
{
	int64_t weight = bound == RESCORE_UNLIMITED ?
				 WEIGHT_MOST :
				 bound / knob->scale + (bound % knob->scale >=
							(knob->scale + 1) / 2);

	if (weight > WEIGHT_MOST)
		weight = WEIGHT_MOST;
	if (weight < WEIGHT_LEAST)
		weight = WEIGHT_LEAST;
	return put(k, "%" PRId64, weight);
}

static int put_amount(const struct rescore_knob *knob, int64_t bound,
		      struct knob_text *k)
{
	/* more than the kernel's counters hold */
	if (bound > INT64_MAX / knob->scale)
		return put(k, "max");
	return put(k, "%" PRId64, bound * knob->scale);
}

int rescore_knob_text(const struct rescore_knob *knob,
		      const struct rescore_resource *resource,
		      const struct rescore_bounds *bounds, const char *now,
		      struct knob_text *k)
{
	int64_t bound = knob->flags & RESCORE_KNOB_LIMIT ? bounds->limit :
							   bounds->barrier;

	if (!bound && knob->flags & RESCORE_KNOB_ZERO_NONE)
		bound = RESCORE_UNLIMITED;
	switch (knob->form) {
	case RESCORE_KNOB_AMOUNT:
		return put_amount(knob, bound, k);
	case RESCORE_KNOB_WEIGHT:
		return put_weight(knob, bound, k);
	case RESCORE_KNOB_QUOTA:
		return put_quota(resource, bound, now, k);
	case RESCORE_KNOB_BURST:
		return put_burst(resource, bounds, k);
	case RESCORE_KNOB_CPUS:
		if (bound == RESCORE_UNLIMITED)
			return put(k, "%s", knob->unlimited);
		return put_cpus(resource, bounds, k);
	case RESCORE_KNOB_CLEAR:
		return put(k, "0");
	case RESCORE_KNOB_ENGINE:
		return put(k, "%s", bound == RESCORE_UNLIMITED ? "" : now);
	}
	return rescore_error(-EOPNOTSUPP, "%s: knob %s has an unknown form",
			     resource->name, knob->file);
}

int64_t rescore_knob_bound(const struct rescore_knob *knob, const char *text,
			   int64_t base, int64_t period_us)
{
	int64_t number = strtoll(text, NULL, 10);

	switch (knob->form) {
	case RESCORE_KNOB_QUOTA:
		if (text[0] < '0' || text[0] > '9')
			return RESCORE_UNLIMITED;
		period_us = rescore_quota_period(text);
		/* to the nearest percent, but a little is not nothing */
		number = (number * 100 + period_us / 2) / period_us;
		return number ? number : 1;
	case RESCORE_KNOB_BURST:
		if (base == RESCORE_UNLIMITED)
			return base;
		return base + (number * 100 + period_us / 2) / period_us;
	case RESCORE_KNOB_CPUS:
		number = text[0] ? rescore_list_count(text) : 0;
		return number > 0 ? number : RESCORE_UNLIMITED;
	}
	if (text[0] < '0' || text[0] > '9')
		return RESCORE_UNLIMITED;
	return knob->form == RESCORE_KNOB_WEIGHT ? number * knob->scale :
						   number / knob->scale;
}

/* --- settings as people write them --------------------------------------------------- */

static bool has_form(const struct rescore *rs, unsigned int id,
		     unsigned int form)
{
	unsigned int i;

	for (i = 0; i < rs->meta->nr_knobs; i++)
		if (rs->knobs[i].id == id && rs->knobs[i].form == form)
			return true;
	return false;
}

static int parse_list(const char *text, struct rescore_bounds *bounds)
{
	int64_t n = rescore_list_count(text);

	if (n < 1)
		return rescore_error(-EINVAL,
				     "\"%s\" is no list of CPUs: say 3, or 0-2,5",
				     text);
	if (strlen(text) >= sizeof(bounds->detail))
		return rescore_error(-EINVAL, "\"%.32s…\" is too long", text);
	bounds->barrier = bounds->limit = n;
	strcpy(bounds->detail, text);
	return 0;
}

/* "20ms", "20000us" */
static int parse_period(const char *text, struct rescore_bounds *bounds)
{
	char *end;
	unsigned long us = strtoul(text, &end, 10);

	if (!strcmp(end, "ms") && us <= PERIOD_MOST_US)
		us *= 1000;
	else if (strcmp(end, "us") != 0)
		us = 0;
	if (text[0] < '0' || text[0] > '9' || us < QUOTA_LEAST_US ||
	    us > PERIOD_MOST_US)
		return rescore_error(-EINVAL,
				     "\"%s\" is no period: say 1ms to 1000ms",
				     text);
	snprintf(bounds->detail, sizeof(bounds->detail), "%lu", us);
	return 0;
}

int rescore_parse_setting(const struct rescore *rs, unsigned int id,
			  const char *text, struct rescore_bounds *ret)
{
	struct rescore_bounds bounds = { .id = id };
	const struct rescore_resource *resource = rescore_resource(rs, id);
	const char *slash = strchr(text, '/');
	char amount[64];
	int err = 0;

	if (!resource)
		return rescore_error(-ENOENT, "no resource %u", id);
	if (text[0] != '-' && strpbrk(text, "-,") &&
	    has_form(rs, id, RESCORE_KNOB_CPUS)) {
		err = parse_list(text, &bounds);
		if (!err)
			*ret = bounds;
		return err;
	}
	if (slash && has_form(rs, id, RESCORE_KNOB_QUOTA)) {
		snprintf(amount, sizeof(amount), "%.*s", (int)(slash - text),
			 text);
		err = parse_period(slash + 1, &bounds);
		text = amount;
	}
	err = err   ?:
		      rescore_parse_bounds(text, resource->unit,
					   &bounds.barrier, &bounds.limit);
	if (!err)
		*ret = bounds;
	return err;
}

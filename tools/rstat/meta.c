// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layout.h"
#include "meta.h"
#include "say.h"
#include "unit.h"

int meta_init(struct meta *meta)
{
	*meta = (struct meta){
		.set = calloc(META_SETS_MAX, sizeof(*meta->set)),
	};

	return meta->set ? 0 : fail(ENOMEM, "no memory");
}

void meta_free(struct meta *meta)
{
	free(meta->set);
	*meta = (struct meta){};
}

struct meta_resource *meta_find(const struct meta *meta, const char *name,
				unsigned int *ret_set)
{
	for (unsigned int s = meta->nr_sets; s-- > 0;) {
		struct meta_set *set = &meta->set[s];

		for (unsigned int i = 0; i < set->nr; i++) {
			if (strcmp(set->resource[i].name, name))
				continue;
			if (ret_set)
				*ret_set = s;
			return &set->resource[i];
		}
	}

	return NULL;
}

static struct meta_resource *append(struct meta *meta, unsigned int fresh_set)
{
	unsigned int s = meta->nr_sets;

	/* A set without files yet that has room, else a new one. */
	if (s > fresh_set && meta->set[s - 1].nr < META_SET_MAX)
		s--;
	else if (s == META_SETS_MAX)
		return NULL;
	else
		meta->nr_sets++;

	return &meta->set[s].resource[meta->set[s].nr++];
}

struct meta_resource *meta_add(struct meta *meta, const char *name,
			       unsigned int unit, unsigned int fresh_set)
{
	struct meta_resource *resource = meta_find(meta, name, NULL);

	/* Another unit makes another quantity: its old samples stay apart. */
	if (resource && resource->unit == unit)
		return resource;

	resource = append(meta, fresh_set);
	if (!resource)
		return NULL;
	strncpy(resource->name, name, sizeof(resource->name) - 1);
	resource->unit = unit;

	return resource;
}

bool meta_held_grows(const struct meta_resource *resource)
{
	return resource->held_unit == RESCORE_NSEC + 1 &&
	       resource->peak_unit == RESCORE_PERCENT + 1;
}

unsigned int meta_shown_unit(const struct meta_resource *resource)
{
	return resource->peak_unit ? resource->peak_unit - 1 : resource->unit;
}

bool meta_bounds_shown(const struct meta_resource *resource)
{
	return meta_shown_unit(resource) == resource->unit;
}

bool meta_bounds_met(const struct meta_resource *resource)
{
	return meta_bounds_shown(resource) && !resource->no_ceiling;
}

bool meta_change(struct meta_resource *resource,
		 const struct bounds_change *change)
{
	unsigned int n = resource->nr_changes;

	if (n) {
		const struct bounds_change *last = &resource->change[n - 1];

		if (change->stamp < last->stamp ||
		    (last->bounds.barrier == change->bounds.barrier &&
		     last->bounds.limit == change->bounds.limit))
			return false;
	}
	if (n == META_CHANGES_MAX) {
		memmove(resource->change, resource->change + 1,
			(n - 1) * sizeof(*resource->change));
		n--;
	}
	resource->change[n] = *change;
	resource->nr_changes = n + 1;

	return true;
}

static json_t *format_bound(int64_t bound)
{
	return bound == RESCORE_UNLIMITED ? json_null() : json_integer(bound);
}

static json_t *format_resource(const struct meta_resource *resource)
{
	json_t *changes = json_array();
	json_t *json;

	for (unsigned int i = 0; i < resource->nr_changes; i++) {
		const struct bounds_change *c = &resource->change[i];
		json_t *change = json_array();

		json_array_append_new(change, json_integer(c->stamp));
		json_array_append_new(change, format_bound(c->bounds.barrier));
		json_array_append_new(change, format_bound(c->bounds.limit));
		json_array_append_new(changes, change);
	}

	json = json_pack("{s:s, s:s, s:o}", "name", resource->name,
			 "unit", unit_name(resource->unit), "bounds", changes);
	if (json && resource->held_unit)
		json_object_set_new(json, "held_unit",
				    json_string(unit_name(resource->held_unit -
							  1)));
	if (json && resource->no_ceiling)
		json_object_set_new(json, "no_ceiling", json_true());
	if (json && resource->peak_unit)
		json_object_set_new(json, "peak_unit",
				    json_string(unit_name(resource->peak_unit -
							  1)));

	return json;
}

int meta_format(const struct meta *meta, struct blob *ret_json)
{
	json_t *sets = json_array();
	struct blob text = {};
	json_t *root;
	FILE *out;
	bool bad;

	for (unsigned int s = 0; s < meta->nr_sets; s++) {
		const struct meta_resource *from = meta->set[s].resource;
		json_t *set = json_array();

		for (unsigned int i = 0; i < meta->set[s].nr; i++)
			json_array_append_new(set, format_resource(&from[i]));
		json_array_append_new(sets, set);
	}
	root = json_pack("{s:i, s:s, s:I, s:I, s:I, s:i, s:i, s:o}",
			 "version", META_VERSION, "name", meta->id.name,
			 "serial", (json_int_t)meta->id.serial,
			 "created", (json_int_t)meta->id.created,
			 "first", (json_int_t)meta->first,
			 "step", meta->step, "cap_step", meta->cap_step,
			 "sets", sets);
	out = open_memstream(&text.data, &text.len);
	bad = !root || !out || json_dumpf(root, out, JSON_COMPACT) ||
	      fputc('\n', out) == EOF;
	json_decref(root);
	if (out && fclose(out))
		bad = true;
	if (bad) {
		blob_free(&text);
		return fail(ENOMEM, "no memory");
	}

	*ret_json = text;
	return 0;
}

static bool parse_bound(const json_t *bound, int64_t *ret_bound)
{
	*ret_bound = RESCORE_UNLIMITED;
	if (json_is_null(bound))
		return true;
	*ret_bound = json_integer_value(bound);
	return json_is_integer(bound) && *ret_bound >= 0;
}

static bool parse_change(const json_t *json, struct bounds_change *change)
{
	const json_t *stamp = json_array_get(json, 0);

	change->stamp = json_integer_value(stamp);
	return json_array_size(json) == 3 && json_is_integer(stamp) &&
	       parse_bound(json_array_get(json, 1), &change->bounds.barrier) &&
	       parse_bound(json_array_get(json, 2), &change->bounds.limit);
}

/* One that is not there is that of the bounds: 0. */
static bool parse_unit(const json_t *resource, const char *key,
		       unsigned int *ret_unit)
{
	const char *name = json_string_value(json_object_get(resource, key));

	*ret_unit = name ? (unsigned int)unit_find(name) + 1 : 0;
	return !json_object_get(resource, key) || *ret_unit;
}

static bool parse_resource(json_t *json, struct meta_resource *resource)
{
	const char *name, *unit;
	json_t *changes, *change;
	size_t i;

	if (json_unpack(json, "{s:s, s:s, s:o}", "name", &name, "unit", &unit,
			"bounds", &changes))
		return false;
	if (!layout_name_ok(name) || unit_find(unit) < 0 ||
	    !json_is_array(changes) ||
	    json_array_size(changes) > META_CHANGES_MAX ||
	    !parse_unit(json, "held_unit", &resource->held_unit) ||
	    !parse_unit(json, "peak_unit", &resource->peak_unit))
		return false;

	strncpy(resource->name, name, sizeof(resource->name) - 1);
	resource->unit = (unsigned int)unit_find(unit);
	resource->no_ceiling =
		json_is_true(json_object_get(json, "no_ceiling"));
	json_array_foreach(changes, i, change) {
		if (!parse_change(change, &resource->change[i]))
			return false;
		resource->nr_changes++;
	}

	return true;
}

static bool parse_sets(json_t *sets, struct meta *meta)
{
	json_t *set, *resource;
	size_t s, i;

	if (!json_is_array(sets) || json_array_size(sets) > META_SETS_MAX)
		return false;
	json_array_foreach(sets, s, set) {
		if (!json_array_size(set) ||
		    json_array_size(set) > META_SET_MAX)
			return false;
		json_array_foreach(set, i, resource)
			if (!parse_resource(resource,
					    &meta->set[s].resource[i]))
				return false;
		meta->set[s].nr = (unsigned int)json_array_size(set);
		meta->nr_sets++;
	}

	return true;
}

static bool parse_root(json_t *root, struct meta *meta)
{
	json_int_t serial, created, first;
	const char *name;
	json_t *sets;

	if (json_unpack(root, "{s:s, s:I, s:I, s:I, s:i, s:i, s:o}",
			"name", &name, "serial", &serial, "created", &created,
			"first", &first, "step", &meta->step,
			"cap_step", &meta->cap_step, "sets", &sets))
		return false;
	if (!*name || strlen(name) >= sizeof(meta->id.name) || serial < 0 ||
	    !layout_step_ok(meta->step) ||
	    meta->cap_step != layout_cap_step(meta->step))
		return false;

	strncpy(meta->id.name, name, sizeof(meta->id.name) - 1);
	meta->id.serial = (uint64_t)serial;
	meta->id.created = created;
	meta->first = first;

	return parse_sets(sets, meta);
}

int meta_parse(const struct blob *json, struct meta *ret_meta)
{
	struct meta meta;
	json_t *root;
	int version = 0;
	int err;

	err = meta_init(&meta);
	if (err)
		return err;
	root = json_loadb(json->data, json->len, JSON_REJECT_DUPLICATES, NULL);
	if (json_unpack(root, "{s:i}", "version", &version))
		err = fail(EPROTO, "damaged, or not written by rstat");
	else if (version != META_VERSION)
		err = fail(EPROTO, "version %d; this rstat reads version %d",
			   version, META_VERSION);
	else if (!parse_root(root, &meta))
		err = fail(EPROTO, "damaged");
	json_decref(root);
	if (err)
		meta_free(&meta);
	else
		*ret_meta = meta;

	return err;
}

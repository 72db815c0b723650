// SPDX-License-Identifier: GPL-2.0
/* Metrics of the whole machine: few, however many containers there are. */
#include <stdio.h>

#include "metrics.h"
#include "source.h"
#include "unit.h"

/* What is counted of one resource, over all containers. */
struct sums {
	uint64_t containers;	/* that have a bound */
	uint64_t near;
	uint64_t full;
	uint64_t unlimited;
};

static struct sums sum_up(const struct live *live, unsigned int resource)
{
	struct sums sums = {};

	for (size_t i = 0; i < live->nr; i++) {
		const struct live_row *row = &live->container[i].row[resource];

		if (!row->known)
			continue;
		if (live_bound(row) == RESCORE_UNLIMITED)
			sums.unlimited++;
		else
			sums.containers++;
		sums.near += live_level(row) == LIVE_NEAR_BOUND;
		sums.full += live_level(row) == LIVE_FULL;
	}

	return sums;
}

static void label_resource(const struct live_resource *r,
			   struct om_labels *labels, const char *level)
{
	om_labels_begin(labels);
	om_label(labels, "resource", r->name);
	if (level)
		om_label(labels, "level", level);
	om_labels_end(labels);
}

static void put_levels(const struct live *live, struct om *om)
{
	om_family(om, "rescore_containers_by_level", OM_GAUGE, NULL,
		  "Containers by how full they are: below 80 %, near the "
		  "bound, full, or unlimited.");
	for (unsigned int i = 0; i < live->nr_resources; i++) {
		const struct live_resource *r = &live->resource[i];
		struct sums sums = sum_up(live, i);
		const struct {
			const char *level;
			uint64_t value;
		} values[] = {
			{ "fine", sums.containers - sums.near - sums.full },
			{ "near", sums.near },
			{ "full", sums.full },
			{ "unlimited", sums.unlimited },
		};
		struct om_labels labels;

		for (size_t v = 0; r->on && v < 4; v++) {
			label_resource(r, &labels, values[v].level);
			om_integer(om, labels.text, values[v].value);
		}
	}
}

static void put_registry(const struct live *live, struct om *om)
{
	struct om_labels labels;

	om_family(om, "rescore_resource_enabled", OM_GAUGE, NULL,
		  "1: counted and limited on this kernel; 0: off.");
	for (unsigned int i = 0; i < live->nr_resources; i++) {
		label_resource(&live->resource[i], &labels, NULL);
		om_integer(om, labels.text, live->resource[i].on);
	}
}

static void put_one(struct om *om, const char *name, enum om_type type,
		    const char *help, uint64_t value)
{
	om_family(om, name, type, NULL, help);
	om_integer(om, "", value);
}

void metrics_host(const struct live *live, struct om *om)
{
	const struct live_health *health = &live->health;
	struct om_labels labels;

	put_one(om, "rescore_containers", OM_GAUGE, "Containers there are.",
		live->nr);
	if (live->nr_resources)
		put_levels(live, om);
	if (live->nr_resources)
		put_registry(live, om);
	put_one(om, "rescore_events", OM_COUNTER,
		"Refusals that were reported; more may have been counted.",
		health->events);
	put_one(om, "rescore_members_lost", OM_COUNTER,
		"Cgroups that could not be recorded: they are not limited.",
		health->members_lost);
	put_one(om, "rescore_payers_lost", OM_COUNTER,
		"Objects refused for want of room to record who pays.",
		health->payers_lost);
	put_one(om, "rescore_missed_frees", OM_COUNTER,
		"Objects whose end was noticed late.", health->missed_frees);
	put_one(om, "rescore_underflow", OM_GAUGE,
		"Charges given back twice; not 0: a bug.", health->underflow);
	om_family(om, "rescore_loaded_timestamp_seconds", OM_GAUGE, "seconds",
		  "When rescore was loaded, in seconds since 1970.");
	om_decimal(om, "", live->loaded_ns, 9);
	om_family(om, "rstat_build_info", OM_GAUGE, NULL,
		  "The version of rstat; always 1.");
	om_labels_begin(&labels);
	om_label(&labels, "version", rescore_source_version());
	om_labels_end(&labels);
	om_integer(om, labels.text, 1);
}

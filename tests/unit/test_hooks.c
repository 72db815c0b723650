// SPDX-License-Identifier: GPL-2.0
/* Which resources a program that is missing takes with it. */
#include <string.h>

#include "load.h"
#include "tap.h"

static struct load load;

static void add_hook(const char *name, const char *why)
{
	struct rescore_hook *hook = &load.hooks[load.meta.nr_hooks++];

	snprintf(hook->name, sizeof(hook->name), "%s", name);
	snprintf(hook->controller, sizeof(hook->controller), "vm");
	hook->state = why ? RESCORE_OFF : RESCORE_ON;
	snprintf(hook->why, sizeof(hook->why), "%s", why ?: "");
}

/* A controller vm with two resources, one of whose programs is @missing. */
static void begin(const char *missing)
{
	static const char *const names[] = { "apples__ask", "pears__ask",
					     "pears__more__opt", "vm__end" };
	static const char *const resources[] = { "apples", "pears" };
	unsigned int i;

	memset(&load, 0, sizeof(load));
	for (i = 0; i < 4; i++)
		add_hook(names[i],
			 !strcmp(names[i], missing) ? "no such" : NULL);
	for (i = 0; i < 2; i++) {
		struct rescore_resource *r =
			&load.registry[load.meta.nr_resources++];

		snprintf(r->name, sizeof(r->name), "%s", resources[i]);
		snprintf(r->controller, sizeof(r->controller), "vm");
		load_settle_resource(&load, r);
	}
	load_drop_shared(&load, "vm");
}

static bool is_on(const char *hook)
{
	return load_find_hook(&load, hook)->state == RESCORE_ON;
}

int main(void)
{
	begin("nothing");
	tap_ok(load.registry[0].state == RESCORE_ON &&
		       load.registry[1].state == RESCORE_ON,
	       "both are on");
	begin("apples__ask");
	tap_ok(load.registry[0].state == RESCORE_OFF, "it takes its own");
	tap_is_text(load.registry[0].why, "no such", "which says why");
	tap_ok(load.registry[1].state == RESCORE_ON && is_on("pears__ask") &&
		       is_on("vm__end"),
	       "and leaves the other, with what serves both");
	begin("vm__end");
	tap_ok(load.registry[0].state == RESCORE_OFF &&
		       load.registry[1].state == RESCORE_OFF,
	       "what serves both takes both");
	tap_ok(!is_on("apples__ask") && !is_on("pears__more__opt"),
	       "with all their programs");
	begin("nothing");
	load.registry[0].state = load.registry[1].state = RESCORE_OFF;
	load_drop_shared(&load, "vm");
	tap_ok(!is_on("vm__end"), "with none left it goes too");
	tap_ok(load_missing_hook(&load, LOAD_CORE, "") == NULL,
	       "the core is whole");
	return tap_done();
}

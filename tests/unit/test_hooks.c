// SPDX-License-Identifier: GPL-2.0
/* Which resources are off when a kernel lacks a hook: those that need it. */
#include <stdlib.h>
#include <string.h>

#include "../../lib/load.h"
#include "tap.h"

static struct load *load;

static void add_resource(const char *name, const char *controller)
{
	struct rescore_resource *resource;

	resource = &load->registry[load->meta.nr_resources++];
	snprintf(resource->name, sizeof(resource->name), "%s", name);
	snprintf(resource->controller, sizeof(resource->controller), "%s",
		 controller);
	resource->state = RESCORE_ON;
}

static void add_hook(const char *name, const char *controller, bool on)
{
	struct rescore_hook *hook = &load->hooks[load->meta.nr_hooks++];

	snprintf(hook->name, sizeof(hook->name), "%s", name);
	snprintf(hook->controller, sizeof(hook->controller), "%s", controller);
	hook->state = on ? RESCORE_ON : RESCORE_OFF;
	snprintf(hook->why, sizeof(hook->why), "no %s", name);
}

/* The controller "net" has three rows, "disk" one; @missing is not there. */
static void begin(const char *missing)
{
	static const char *const hooks[] = {
		"net__make",	 "tcp__syn",	    "udp__pair",
		"tcp_udp__both", "tcp__extra__opt", "numraw__born__bound",
		"net__free",
	};
	size_t i;

	memset(load, 0, sizeof(*load));
	add_resource("tcp", "net");
	add_resource("udp", "net");
	add_resource("numraw", "net");
	add_resource("numdisk", "disk");
	for (i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
		add_hook(hooks[i], "net", strcmp(hooks[i], missing));
	add_hook("numdisk__open", "disk", strcmp("numdisk__open", missing));
	load_settle_resources(load);
}

/* "1101": which resources are on; then hooks, as they were added. */
static const char *state(void)
{
	static char text[32];
	unsigned int i, n = 0;

	for (i = 0; i < load->meta.nr_resources; i++)
		text[n++] = '0' + load->registry[i].state;
	text[n++] = ' ';
	for (i = 0; i < load->meta.nr_hooks; i++)
		text[n++] = '0' + load->hooks[i].state;
	text[n] = '\0';
	return text;
}

int main(void)
{
	load = calloc(1, sizeof(*load));
	if (!load)
		return 1;
	begin("");
	tap_is_text(state(), "1111 11111111", "nothing is missing");
	begin("tcp__syn");
	tap_is_text(state(), "0111 10110111", "one row's: the others work on");
	tap_is_text(load->registry[0].why, "no tcp__syn", "and it says why");
	tap_is_text(load->hooks[4].why, "tcp is off", "its others are off");
	begin("tcp_udp__both");
	tap_is_text(state(), "0011 10000111", "two rows' hook: both");
	tap_is_text(load->registry[1].why, "no tcp_udp__both",
		    "the second says why");
	begin("net__make");
	tap_is_text(state(), "0001 00000001",
		    "the controller's: all of its rows");
	begin("tcp__extra__opt");
	tap_is_text(state(), "1111 11110111", "one that is not needed: none");
	begin("numraw__born__bound");
	tap_is_text(state(), "1111 11111011",
		    "nor one that only keeps a bound");
	begin("numdisk__open");
	tap_is_text(state(), "1110 11111110", "another controller's");
	free(load);
	return tap_done();
}

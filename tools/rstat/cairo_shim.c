// SPDX-License-Identifier: GPL-2.0
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "cairo_shim.h"
#include "say.h"

#define LIBCAIRO	"libcairo.so.2"

const struct cairo_calls *cairo_shim_load(void)
{
	static struct cairo_calls calls;
	static bool loaded;
#define CAIRO_SYMBOL(name) { "cairo_" #name, &calls.name },
	const struct {
		const char *name;
		void *slot;
	} symbols[] = { CAIRO_CALLS(CAIRO_SYMBOL) };
	void *handle;

	if (loaded)
		return &calls;
	handle = dlopen(LIBCAIRO, RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		(void)fail(ENOENT, "%s; install cairo", dlerror());
		return NULL;
	}
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		void *symbol = dlsym(handle, symbols[i].name);

		if (!symbol) {
			(void)fail(ENOENT, LIBCAIRO " lacks %s",
				   symbols[i].name);
			return NULL;
		}
		memcpy(symbols[i].slot, &symbol, sizeof(symbol));
	}
	loaded = true;

	return &calls;
}

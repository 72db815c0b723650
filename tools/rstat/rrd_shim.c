// SPDX-License-Identifier: GPL-2.0
#include <dlfcn.h>
#include <errno.h>
#include <math.h>
#include <rrd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rrd_shim.h"
#include "say.h"

/* 1.7, 1.8 and 1.9 all have this one. */
#define LIBRRD	"librrd.so.8"

/*
 * From 1.9 on librrd says "const char **" where it said "char **": taking the
 * types from the header and casting at the call suits both.
 */
#define ANY_CONST(argv)	((void *)(argv))

static struct {
	__typeof__(&rrd_create_r2) create;
	__typeof__(&rrd_updatex_r) update;
	__typeof__(&rrd_last_r) last;
	__typeof__(&rrd_fetch_r) fetch;
	__typeof__(&rrd_graph_v) graph;
	__typeof__(&rrd_info_r) info;
	__typeof__(&rrd_info_free) info_free;
	__typeof__(&rrd_parsetime) parsetime;
	__typeof__(&rrd_proc_start_end) proc_start_end;
	__typeof__(&rrd_freemem) freemem;
	__typeof__(&rrd_get_error) get_error;
	__typeof__(&rrd_clear_error) clear_error;
	__typeof__(&rrd_get_context) get_context;
} lib;

static rrd_context_t *context;

/*
 * librrd keeps its error text per thread, and asks for it after every value that
 * it stores: two calls into libpthread, a tenth of all that an update takes.
 * Here, one thread does all. Exported by the program (see the Makefile), this
 * is what librrd calls instead of its own.
 */
rrd_context_t *rrd_get_context(void)
{
	return context ? context : lib.get_context();
}

int rrd_shim_load(void)
{
	const struct {
		const char *name;
		void *slot;
	} symbols[] = {
		{ "rrd_create_r2", &lib.create },
		{ "rrd_updatex_r", &lib.update },
		{ "rrd_last_r", &lib.last },
		{ "rrd_fetch_r", &lib.fetch },
		{ "rrd_graph_v", &lib.graph },
		{ "rrd_info_r", &lib.info },
		{ "rrd_info_free", &lib.info_free },
		{ "rrd_parsetime", &lib.parsetime },
		{ "rrd_proc_start_end", &lib.proc_start_end },
		{ "rrd_freemem", &lib.freemem },
		{ "rrd_get_error", &lib.get_error },
		{ "rrd_clear_error", &lib.clear_error },
		{ "rrd_get_context", &lib.get_context },
	};
	static bool loaded;
	void *handle;

	if (loaded)
		return 0;
	handle = dlopen(LIBRRD, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		return fail(ENOENT, "%s; install librrd", dlerror());
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		void *symbol = dlsym(handle, symbols[i].name);

		if (!symbol)
			return fail(ENOENT,
				    LIBRRD " lacks %s; install 1.7 or newer",
				    symbols[i].name);
		memcpy(symbols[i].slot, &symbol, sizeof(symbol));
	}
	context = lib.get_context();
	loaded = true;

	return 0;
}

/* Note librrd's message; a negative errno of our own. */
static int rrd_failed(void)
{
	const char *text = lib.get_error();

	if (!text || !*text)
		text = "librrd failed and gave no reason; is the disk full?";
	return fail(EIO, "%s", text);
}

/*
 * librrd does not wait for a lock, and readers lock too. True: wait a little
 * and try again; @tries counts.
 */
static bool locked(int *tries)
{
	const char *text = lib.get_error();
	struct timespec pause = { .tv_nsec = 1000000 };

	if (!text || !strstr(text, "could not lock") || *tries >= 100)
		return false;
	/* 1..20 ms, not in step with the other process */
	pause.tv_nsec += (long)(clock() + *tries * 7919L) % 19000 * 1000;
	nanosleep(&pause, NULL);
	++*tries;
	lib.clear_error();

	return true;
}

static int begin(void)
{
	int err = rrd_shim_load();

	if (!err)
		lib.clear_error();
	return err;
}

int rrd_shim_create(const char *file, int step, int64_t start, int argc,
		    const char **arg)
{
	int err = begin();

	if (err)
		return err;
	/* The return value: on a full disk there is no error text. */
	if (lib.create(file, (unsigned long)step, (time_t)start, 1, NULL, NULL,
		       argc, ANY_CONST(arg)))
		return rrd_failed();

	return 0;
}

int rrd_shim_update(const char *file, const char *columns, int argc,
		    const char **arg)
{
	int tries = 0;
	int err = begin();

	if (err)
		return err;
	while (lib.update(file, columns, RRD_SKIP_PAST_UPDATES, argc,
			  ANY_CONST(arg)))
		if (!locked(&tries))
			return rrd_failed();

	return 0;
}

int rrd_shim_last(const char *file, int64_t *ret_stamp)
{
	int tries = 0;
	time_t last;
	int err = begin();

	if (err)
		return err;
	while ((last = lib.last(file)) == (time_t)-1)
		if (!locked(&tries))
			return rrd_failed();
	*ret_stamp = last;

	return 0;
}

int rrd_shim_columns(const char *file, char **ret_columns)
{
	char *columns = NULL;
	size_t len = 0;
	rrd_info_t *info;
	FILE *out;
	int tries = 0;
	int err = begin();

	if (err)
		return err;
	while (!(info = lib.info(file)))
		if (!locked(&tries))
			return rrd_failed();
	out = open_memstream(&columns, &len);
	/* "ds[numproc_held].index", in the order of the file */
	for (rrd_info_t *i = info; out && i; i = i->next) {
		char *end = strstr(i->key, "].index");

		if (end && !strncmp(i->key, "ds[", 3))
			fprintf(out, "%s%.*s", ftell(out) ? ":" : "",
				(int)(end - i->key - 3), i->key + 3);
	}
	lib.info_free(info);
	if (!out || fclose(out))
		return fail(ENOMEM, "no memory");
	*ret_columns = columns;

	return 0;
}

int rrd_shim_fetch(const char *file, const char *cf, int64_t from, int64_t to,
		   int64_t step, struct rrd_table *ret_table)
{
	struct rrd_table table = {};
	time_t start = (time_t)from, end = (time_t)to;
	unsigned long row = (unsigned long)step, columns = 0;
	int tries = 0;
	int err = begin();

	if (err)
		return err;
	while (lib.fetch(file, cf, &start, &end, &row, &columns, &table.name,
			 &table.data)) {
		if (!locked(&tries))
			return rrd_failed();
		start = (time_t)from;
		end = (time_t)to;
		row = (unsigned long)step;
	}

	table.from = start;
	table.to = end;
	table.step = (int64_t)row;
	table.columns = columns;
	table.rows = row ? (size_t)(end - start) / row : 0;
	*ret_table = table;

	return 0;
}

void rrd_table_free(struct rrd_table *table)
{
	for (size_t i = 0; i < table->columns; i++)
		lib.freemem(table->name[i]);
	if (table->name) {
		lib.freemem(table->name);
		lib.freemem(table->data);
	}
	*table = (struct rrd_table){};
}

int rrd_table_column(const struct rrd_table *table, const char *name)
{
	for (size_t i = 0; i < table->columns; i++)
		if (!strcmp(table->name[i], name))
			return (int)i;
	return -1;
}

double rrd_table_value(const struct rrd_table *table, int column, int64_t stamp)
{
	int64_t row;

	if (column < 0 || stamp <= table->from)
		return NAN;
	row = (stamp - table->from - 1) / table->step;
	if (row < 0 || row >= (int64_t)table->rows)
		return NAN;
	return table->data[(size_t)row * table->columns + (size_t)column];
}

int rrd_shim_graph(int argc, const char **arg, struct blob *ret_image)
{
	struct blob image = {};
	rrd_info_t *info;
	int tries = 0;
	int err = begin();

	if (err)
		return err;
	while (!(info = lib.graph(argc, ANY_CONST(arg))))
		if (!locked(&tries))
			return rrd_failed();

	for (rrd_info_t *i = info; i; i = i->next) {
		if (strcmp(i->key, "image") || i->type != RD_I_BLO)
			continue;
		image.len = i->value.u_blo.size;
		image.data = malloc(image.len + 1);
		if (image.data) {
			memcpy(image.data, i->value.u_blo.ptr, image.len);
			image.data[image.len] = '\0';
		}
		break;
	}
	lib.info_free(info);
	if (!image.data)
		return fail(EIO, "librrd drew no picture");
	*ret_image = image;

	return 0;
}

/* A day alone is its beginning; rrd_parsetime() wants to be told a time of it. */
static const char *parse_time(const char *text, rrd_time_value_t *ret)
{
	const char *wrong = lib.parsetime(text, ret);
	char whole[64];

	if (!wrong || snprintf(whole, sizeof(whole), "midnight %s", text) >=
			      (int)sizeof(whole))
		return wrong;
	/* its text is of the last one that was wrong */
	return lib.parsetime(whole, ret) ? lib.parsetime(text, ret) : NULL;
}

int rrd_shim_times(const char *from, const char *to, int64_t *ret_from,
		   int64_t *ret_to)
{
	rrd_time_value_t start, end;
	time_t first, last;
	const char *text;
	int err = begin();

	if (err)
		return err;
	text = parse_time(from, &start);
	if (text)
		return fail(EINVAL, "--from '%s': %s", from, text);
	text = parse_time(to, &end);
	if (text)
		return fail(EINVAL, "--to '%s': %s", to, text);
	if (lib.proc_start_end(&start, &end, &first, &last))
		return fail(EINVAL, "--from '%s' --to '%s': %s", from, to,
			    lib.get_error());
	*ret_from = first;
	*ret_to = last;

	return 0;
}

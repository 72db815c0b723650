// SPDX-License-Identifier: GPL-2.0
/* The life of a contained container: start to stop. */
#include <errno.h>
#include <limits.h>
#include <signal.h>

#include "json.h"
#include "rescore_ct.h"
#include "rlimitctl.h"
#include "table.h"
#include "text.h"

static int with_container(const struct invocation *inv,
			  int (*act)(struct rescore *rs, unsigned int slot,
				     const struct invocation *inv))
{
	struct rescore *rs;
	unsigned int slot;
	int status;

	status = open_session(inv, false, &rs);
	if (status)
		return status;
	status = find_container(rs, inv->argv[0], &slot);
	if (!status && act(rs, slot, inv) < 0)
		status = fail("%s", rescore_strerror());
	rescore_close(rs);
	return status;
}

static int start(struct rescore *rs, unsigned int slot,
		 const struct invocation *inv)
{
	return rescore_ct_start(rs, slot, inv->argc > 1 ? inv->argv + 1 : NULL);
}

int cmd_start(const struct invocation *inv)
{
	return with_container(inv, start);
}

/* --signal and --timeout, which were checked. */
static int stop_signal(const struct invocation *inv)
{
	const char *name = inv->option[OPT_SIGNAL];

	return parse_signal(name ? name : "TERM");
}

static int timeout_ms(const struct invocation *inv)
{
	uint64_t seconds = 10;

	if (number_option(inv, OPT_TIMEOUT, 0, 86400, &seconds))
		return -1;
	return (int)seconds * 1000;
}

static int check_stop(const struct invocation *inv)
{
	if (stop_signal(inv) < 0)
		return fail("unknown signal \"%s\": say TERM, SIGTERM, 15 ...",
			    inv->option[OPT_SIGNAL]);
	return timeout_ms(inv) < 0 ? STATUS_FAILURE : 0;
}

static int stop(struct rescore *rs, unsigned int slot,
		const struct invocation *inv)
{
	return rescore_ct_stop(rs, slot, stop_signal(inv), timeout_ms(inv));
}

int cmd_stop(const struct invocation *inv)
{
	int status = check_stop(inv);

	return status ? status : with_container(inv, stop);
}

static int restart(struct rescore *rs, unsigned int slot,
		   const struct invocation *inv)
{
	int err = stop(rs, slot, inv);

	if (err < 0 && err != -ESRCH)
		return err;
	return rescore_ct_start(rs, slot, NULL);
}

int cmd_restart(const struct invocation *inv)
{
	int status = check_stop(inv);

	return status ? status : with_container(inv, restart);
}

static int freeze(struct rescore *rs, unsigned int slot,
		  const struct invocation *inv)
{
	return rescore_freeze(rs, slot, timeout_ms(inv));
}

int cmd_freeze(const struct invocation *inv)
{
	return timeout_ms(inv) < 0 ? STATUS_FAILURE :
				     with_container(inv, freeze);
}

static int thaw(struct rescore *rs, unsigned int slot,
		const struct invocation *inv)
{
	return rescore_thaw(rs, slot, timeout_ms(inv));
}

int cmd_thaw(const struct invocation *inv)
{
	return timeout_ms(inv) < 0 ? STATUS_FAILURE : with_container(inv, thaw);
}

int cmd_log(const struct invocation *inv)
{
	char path[PATH_MAX], buffer[1 << 14];
	FILE *file;
	size_t n;

	if (rescore_check_name(inv->argv[0]))
		return fail("%s", rescore_strerror());
	snprintf(path, sizeof(path), RESCORE_CT_STORE "/%s/log", inv->argv[0]);
	file = fopen(path, "re");
	if (!file)
		return fail("\"%s\" has no log: it was never started",
			    inv->argv[0]);
	while ((n = fread(buffer, 1, sizeof(buffer), file)) > 0)
		fwrite(buffer, 1, n, stdout);
	fclose(file);
	return STATUS_OK;
}

/* --- state -------------------------------------------------------------------------- */

static json_t *state_json(const char *name,
			  const struct rescore_ct_status *status)
{
	return json_pack("{s:s, s:s, s:o}", "name", name, "state",
			 rescore_ct_state_name(status->state), "init",
			 status->init ? json_integer(status->init) :
					json_null());
}

/* Of the containers that are named, or of all. */
static int for_states(const struct rescore *rs, const struct invocation *inv,
		      struct table *table, json_t *list)
{
	struct rescore_ct_status state;
	const char *name;
	unsigned int slot = 0;
	int i = 0, status;

	for (;;) {
		if (inv->argc) {
			if (i == inv->argc)
				return 0;
			status = find_container(rs, inv->argv[i++], &slot);
			if (status)
				return status;
		} else {
			slot = rescore_next(rs, slot);
			if (!slot)
				return 0;
		}
		if (rescore_ct_status(rs, slot, &state))
			return fail("%s", rescore_strerror());
		name = rescore_container(rs, slot)->name;
		json_array_append_new(list, state_json(name, &state));
		table_row(table);
		table_cell(table, COLOUR_NONE, "%s", name);
		table_cell(table, COLOUR_NONE, "%s",
			   rescore_ct_state_name(state.state));
		if (state.init)
			table_cell(table, COLOUR_NONE, "%d", state.init);
		else
			table_cell(table, COLOUR_NONE, "-");
	}
}

int cmd_state(const struct invocation *inv)
{
	static const struct table_column columns[] = { { "NAME", false },
						       { "STATE", false },
						       { "INIT", true } };
	struct table *table = table_new(columns, 3);
	json_t *list = json_array();
	struct rescore *rs;
	int status;

	if (!table || !list)
		return out_of_memory();
	status = open_session(inv, true, &rs);
	if (!status) {
		status = for_states(rs, inv, table, list);
		rescore_close(rs);
	}
	if (!status && inv->option[OPT_JSON])
		status = print_json(json_pack("{s:i, s:O}", "version",
					      JSON_VERSION, "containers",
					      list));
	else if (!status && table_print(table, stdout, want_colours(stdout)))
		status = out_of_memory();
	json_decref(list);
	table_free(table);
	return status;
}

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

static int with_found(const struct invocation *inv, bool revive,
		      int (*act)(struct rescore *rs, unsigned int slot,
				 const struct invocation *inv))
{
	struct rescore *rs;
	unsigned int slot;
	int status;

	status = open_session(inv, false, &rs);
	if (status)
		return status;
	status = revive ? find_or_revive(rs, inv->argv[0], &slot) :
			  find_container(rs, inv->argv[0], &slot);
	if (!status && act(rs, slot, inv) < 0)
		status = fail("%s", rescore_strerror());
	rescore_close(rs);
	return status;
}

static int with_container(const struct invocation *inv,
			  int (*act)(struct rescore *rs, unsigned int slot,
				     const struct invocation *inv))
{
	return with_found(inv, false, act);
}

static int start(struct rescore *rs, unsigned int slot,
		 const struct invocation *inv)
{
	return rescore_ct_start(rs, slot, inv->argc > 1 ? inv->argv + 1 : NULL);
}

/* One with limits only is started when it is there again. */
int cmd_start(const struct invocation *inv)
{
	const char *name = inv->argv[0];
	struct rescore *rs;
	unsigned int slot;
	int status;
	bool there;

	status = open_session(inv, false, &rs);
	if (status)
		return status;
	there = rescore_find(rs, name) >= 0;
	status = find_or_revive(rs, name, &slot);
	if (!status && (there || rescore_ct_stored(name)) &&
	    start(rs, slot, inv) < 0)
		status = fail("%s", rescore_strerror());
	rescore_close(rs);
	return status;
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

	return status ? status : with_found(inv, true, restart);
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

static int checkpoint(struct rescore *rs, unsigned int slot,
		      const struct invocation *inv)
{
	return rescore_ct_checkpoint(rs, slot, inv->argv[1],
				     inv->option[OPT_LEAVE_RUNNING]);
}

int cmd_checkpoint(const struct invocation *inv)
{
	return with_container(inv, checkpoint);
}

int cmd_restore(const struct invocation *inv)
{
	struct rescore *rs;
	int status = open_session(inv, false, &rs);

	if (status)
		return status;
	if (rescore_ct_restore(rs, inv->argv[0], inv->argv[1]) < 0)
		status = fail("%s", rescore_strerror());
	rescore_close(rs);
	return status;
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
	do {
		n = fread(buffer, 1, sizeof(buffer), file);
		fwrite(buffer, 1, n, stdout);
	} while (n == sizeof(buffer));
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

struct states {
	struct table *table;
	json_t *list;
};

static void add_state(const struct states *states, const char *name,
		      const struct rescore_ct_status *status)
{
	json_array_append_new(states->list, state_json(name, status));
	table_row(states->table);
	table_cell(states->table, COLOUR_NONE, "%s", name);
	table_cell(states->table, COLOUR_NONE, "%s",
		   rescore_ct_state_name(status->state));
	if (status->init)
		table_cell(states->table, COLOUR_NONE, "%d", status->init);
	else
		table_cell(states->table, COLOUR_NONE, "-");
}

static int stored_state(struct rescore *rs, const char *name, void *arg)
{
	struct rescore_ct_status status = { .state = RESCORE_CT_STORED };

	(void)rs;
	add_state(arg, name, &status);
	return 0;
}

static int live_state(const struct rescore *rs, unsigned int slot,
		      const struct states *states)
{
	struct rescore_ct_status status;

	if (rescore_ct_status(rs, slot, &status))
		return fail("%s", rescore_strerror());
	add_state(states, rescore_container(rs, slot)->name, &status);
	return 0;
}

/* Of the containers that are named, or of all. */
static int for_states(struct rescore *rs, const struct invocation *inv,
		      struct states *states)
{
	unsigned int slot = 0;
	int i, status = 0;

	for (i = 0; !status && i < inv->argc; i++) {
		if (!rescore_check_name(inv->argv[i]) &&
		    rescore_find(rs, inv->argv[i]) < 0 &&
		    rescore_ct_remembered(inv->argv[i])) {
			stored_state(rs, inv->argv[i], states);
			continue;
		}
		status = find_container(rs, inv->argv[i], &slot);
		if (!status)
			status = live_state(rs, slot, states);
	}
	if (inv->argc)
		return status;
	while (!status && (slot = rescore_next(rs, slot)))
		status = live_state(rs, slot, states);
	return status ? status : each_stored(rs, stored_state, states);
}

int cmd_state(const struct invocation *inv)
{
	static const struct table_column columns[] = { { "NAME", false },
						       { "STATE", false },
						       { "INIT", true } };
	struct table *table = table_new(columns, 3);
	json_t *list = json_array();
	struct states states = { table, list };
	struct rescore *rs;
	int status;

	if (!table || !list)
		return out_of_memory();
	status = open_session(inv, true, &rs);
	if (!status) {
		status = for_states(rs, inv, &states);
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
